// A TLS server on Java's JSSE: `java JavaServer.java ENDPOINT...`.
//
// Theory of operation: README.md beside this file says what an endpoint is, and what is said over a
// connection. What Java leaves off is switched on at the top of `main`.

import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

public class JavaServer {
  static final char[] PASSWORD = "password".toCharArray();
  static final Map<String, Integer> VERSIONS =
      Map.of("TLSv1", 0x0301, "TLSv1.1", 0x0302, "TLSv1.2", 0x0303, "TLSv1.3", 0x0304);

  public static void main(String[] endpoints) throws Exception {
    Security.setProperty("jdk.tls.disabledAlgorithms", "NULL");
    Security.setProperty("jdk.tls.legacyAlgorithms", "");
    // A KeyUpdate, which asks for one in return, after this many bytes.
    Security.setProperty("jdk.tls.keyLimits", "AES/GCM/NoPadding KeyUpdate 2^17");
    System.setProperty("jsse.enableMFLNExtension", "true");
    StringBuilder ports = new StringBuilder();
    for (String argument : endpoints) {
      Map<String, String> endpoint = new HashMap<>();
      for (String option : argument.split(";")) {
        endpoint.put(option.substring(0, option.indexOf('=')), option.substring(option.indexOf('=') + 1));
      }
      SSLServerSocket listener = listen(endpoint);
      ports.append(" ").append(listener.getLocalPort());
      new Thread(() -> serve(listener)).start();
    }
    System.out.println("listening" + ports);
  }

  static KeyStore store(Map<String, String> endpoint) throws Exception {
    Certificate[] chain = certificates(endpoint.get("certificate"));
    String text = Files.readString(Path.of(endpoint.get("key"))).replaceAll("-----[A-Z ]+-----|\\s", "");
    PKCS8EncodedKeySpec encoded = new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text));
    PrivateKey key = KeyFactory.getInstance(chain[0].getPublicKey().getAlgorithm()).generatePrivate(encoded);
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry("server", key, PASSWORD, chain);
    if (endpoint.containsKey("client")) {
      store.setCertificateEntry("client", certificates(endpoint.get("client"))[0]);
    }
    return store;
  }

  static Certificate[] certificates(String path) throws Exception {
    try (InputStream file = new FileInputStream(path)) {
      return CertificateFactory.getInstance("X.509").generateCertificates(file).toArray(new Certificate[0]);
    }
  }

  static SSLServerSocket listen(Map<String, String> endpoint) throws Exception {
    KeyStore store = store(endpoint);
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(store, PASSWORD);
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(store);
    // Read when a context is made.
    boolean tickets = !"0".equals(endpoint.get("tickets"));
    System.setProperty("jdk.tls.server.enableSessionTicketExtension", Boolean.toString(tickets));
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    InetAddress address = InetAddress.getByName("127.0.0.1");
    SSLServerSocket listener =
        (SSLServerSocket) context.getServerSocketFactory().createServerSocket(0, 50, address);
    SSLParameters parameters = listener.getSSLParameters();
    parameters.setProtocols(new String[] {"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"});
    parameters.setCipherSuites(listener.getSupportedCipherSuites());
    parameters.setApplicationProtocols(endpoint.get("alpn").split(","));
    parameters.setNeedClientAuth(endpoint.containsKey("client"));
    listener.setSSLParameters(parameters);
    return listener;
  }

  static void serve(ServerSocket listener) {
    while (true) {
      try {
        SSLSocket accepted = (SSLSocket) listener.accept();
        new Thread(() -> answer(accepted)).start();
      } catch (IOException error) {
        throw new RuntimeException(error);
      }
    }
  }

  static void answer(SSLSocket connection) {
    long accepted = System.currentTimeMillis();
    try (connection) {
      connection.setTcpNoDelay(true);
      InputStream input = connection.getInputStream();
      for (String line = readLine(input); !line.isEmpty(); line = readLine(input)) {
        byte[] reply;
        if (line.equals("report")) {
          reply = report(connection, accepted).getBytes(StandardCharsets.UTF_8);
        } else if (line.startsWith("update")) {
          // It cannot be told to, but does so by itself: see `main`.
          reply = new byte[0];
        } else {
          reply = input.readNBytes(Integer.parseInt(line.substring("echo ".length())));
        }
        connection.getOutputStream().write(reply);
      }
    } catch (IOException error) {
      System.out.println(error);
    }
  }

  static String readLine(InputStream input) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int octet = input.read(); octet >= 0 && octet != '\n'; octet = input.read()) {
      line.write(octet);
    }
    return line.toString(StandardCharsets.UTF_8);
  }

  static String report(SSLSocket connection, long accepted) {
    SSLSession session = connection.getSession();
    return String.format(
        "{\"version\": %d, \"suite\": \"%s\", \"resumed\": %b, \"alpn\": \"%s\", \"client\": \"%s\"}\n",
        VERSIONS.get(session.getProtocol()),
        session.getCipherSuite(),
        session.getCreationTime() < accepted,
        connection.getApplicationProtocol(),
        client(session));
  }

  static String client(SSLSession session) {
    try {
      X509Certificate certificate = (X509Certificate) session.getPeerCertificates()[0];
      return certificate.getSubjectX500Principal().getName().replaceFirst("^CN=", "");
    } catch (SSLPeerUnverifiedException error) {
      return "";
    }
  }
}
