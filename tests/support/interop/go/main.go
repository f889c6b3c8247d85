// A TLS server on Go's crypto/tls: `server ENDPOINT...`.
//
// Theory of operation: tests/support/interop/README.md says what an endpoint is, and what is said over a
// connection.
package main

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
)

var allVersions = []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13}

func read(path string) []byte {
	content, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	return content
}

// suites lists every suite there is: what is not listed by name Go leaves out, if it thinks little of it.
func suites() (codes []uint16) {
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		codes = append(codes, suite.ID)
	}
	return
}

func configuration(endpoint map[string]string) *tls.Config {
	certificate, err := tls.LoadX509KeyPair(endpoint["certificate"], endpoint["key"])
	if err != nil {
		log.Fatal(err)
	}
	if path := endpoint["ocsp"]; path != "" {
		certificate.OCSPStaple = read(path)
	}
	certificate.SignedCertificateTimestamps = [][]byte{[]byte(endpoint["timestamp"])}
	config := &tls.Config{
		Certificates: []tls.Certificate{certificate},
		MinVersion:   allVersions[0],
		MaxVersion:   allVersions[len(allVersions)-1],
		CipherSuites: suites(),
		NextProtos:   strings.Split(endpoint["alpn"], ","),
	}
	if path := endpoint["client"]; path != "" {
		config.ClientAuth = tls.RequireAndVerifyClientCert
		config.ClientCAs = x509.NewCertPool()
		config.ClientCAs.AppendCertsFromPEM(read(path))
	}
	return config
}

// bindings leaves out what the connection has not.
func bindings(state tls.ConnectionState, own []byte) (map[string]string, error) {
	exporter, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
	if err != nil {
		return nil, err
	}
	endPoint := sha256.Sum256(own)
	return map[string]string{
		"tls-exporter":         hex.EncodeToString(exporter),
		"tls-server-end-point": hex.EncodeToString(endPoint[:]),
		"tls-unique":           hex.EncodeToString(state.TLSUnique),
	}, nil
}

func report(connection *tls.Conn, own []byte) ([]byte, error) {
	state := connection.ConnectionState()
	exported, err := state.ExportKeyingMaterial("EXPORTER-interop", nil, 32)
	if err != nil {
		return nil, err
	}
	bound, err := bindings(state, own)
	if err != nil {
		return nil, err
	}
	seen := map[string]any{
		"version":  state.Version,
		"suite":    tls.CipherSuiteName(state.CipherSuite),
		"resumed":  state.DidResume,
		"alpn":     state.NegotiatedProtocol,
		"retried":  state.HelloRetryRequest,
		"exported": hex.EncodeToString(exported),
		"client":   "",
		"bindings": bound,
	}
	if len(state.PeerCertificates) > 0 {
		seen["client"] = state.PeerCertificates[0].Subject.CommonName
	}
	return json.Marshal(seen)
}

func answer(connection *tls.Conn, own []byte) error {
	defer connection.Close()
	lines := bufio.NewReader(connection)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		var length int64
		if line == "report\n" {
			seen, err := report(connection, own)
			if err != nil {
				return err
			}
			_, err = connection.Write(append(seen, '\n'))
			if err != nil {
				return err
			}
		} else if _, err := fmt.Sscanf(line, "echo %d\n", &length); err != nil {
			return err
		} else if _, err := io.CopyN(connection, lines, length); err != nil {
			return err
		}
	}
}

func serve(listener net.Listener, own []byte) {
	for {
		accepted, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			log.Print(answer(accepted.(*tls.Conn), own))
		}()
	}
}

func main() {
	ports := ""
	for _, argument := range os.Args[1:] {
		endpoint := map[string]string{}
		for _, option := range strings.Split(argument, ";") {
			key, value, _ := strings.Cut(option, "=")
			endpoint[key] = value
		}
		config := configuration(endpoint)
		listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
		if err != nil {
			log.Fatal(err)
		}
		ports += fmt.Sprintf(" %d", listener.Addr().(*net.TCPAddr).Port)
		go serve(listener, config.Certificates[0].Certificate[0])
	}
	fmt.Println("listening" + ports)
	select {}
}
