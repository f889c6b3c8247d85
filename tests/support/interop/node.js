// A TLS server on Node's tls: `node node.js ENDPOINT...`.
//
// Theory of operation: tests/support/interop/README.md says what an endpoint is, and what is said over a
// connection.
"use strict";

const { constants, createHash } = require("node:crypto");
const fs = require("node:fs");
const tls = require("node:tls");

const VERSIONS = { "TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304 };
const TLS13_SUITES = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_AES_128_GCM_SHA256",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_CCM_SHA256",
];

function options(endpoint) {
  const chosen = {
    cert: fs.readFileSync(endpoint.certificate),
    key: fs.readFileSync(endpoint.key),
    // Level 0 is everything; but one of TLS 1.3's suites has to be named.
    ciphers: `${TLS13_SUITES.join(":")}:ALL:@SECLEVEL=0`,
    minVersion: "TLSv1",
    maxVersion: "TLSv1.3",
    dhparam: "auto",
    ALPNProtocols: endpoint.alpn.split(","),
  };
  if (endpoint.tickets === "0") chosen.secureOptions = constants.SSL_OP_NO_TICKET;
  if (endpoint.client) Object.assign(chosen, { ca: fs.readFileSync(endpoint.client), requestCert: true });
  return chosen;
}

function report(socket) {
  return {
    version: VERSIONS[socket.getProtocol()],
    suite: socket.getCipher().standardName,
    resumed: socket.isSessionReused(),
    alpn: socket.alpnProtocol || "",
    client: socket.getPeerCertificate().subject?.CN ?? "",
    exported: socket.exportKeyingMaterial(32, "EXPORTER-interop").toString("hex"),
    bindings: bindings(socket),
  };
}

function bindings(socket) {
  const found = {
    "tls-exporter": socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0)),
    "tls-server-end-point": createHash("sha256").update(socket.getCertificate().raw).digest(),
  };
  // Of a full handshake, the first Finished is the client's.
  if (socket.getProtocol() !== "TLSv1.3") found["tls-unique"] = socket.getPeerFinished();
  return Object.fromEntries(Object.entries(found).map(([name, value]) => [name, value.toString("hex")]));
}

// Answers what is in `received` as far as it goes, and returns the rest.
function answer(socket, received) {
  for (;;) {
    const end = received.indexOf("\n");
    if (end < 0) return received;
    const [command, length] = received.toString("latin1", 0, end).split(" ");
    const rest = received.subarray(end + 1);
    if (command === "report") {
      socket.write(JSON.stringify(report(socket)) + "\n");
      received = rest;
    } else {
      if (rest.length < Number(length)) return received;
      socket.write(rest.subarray(0, Number(length)));
      received = rest.subarray(Number(length));
    }
  }
}

function serve(endpoint) {
  const server = tls.createServer(options(endpoint), (socket) => {
    let received = Buffer.alloc(0);
    socket.on("data", (data) => (received = answer(socket, Buffer.concat([received, data]))));
    socket.on("error", (error) => console.log(String(error)));
  });
  server.on("tlsClientError", (error) => console.log(String(error)));
  const sessions = new Map();
  server.on("newSession", (id, session, done) => {
    sessions.set(id.toString("hex"), session);
    done();
  });
  server.on("resumeSession", (id, done) => done(null, sessions.get(id.toString("hex")) ?? null));
  if (endpoint.ocsp) {
    const staple = fs.readFileSync(endpoint.ocsp);
    server.on("OCSPRequest", (_certificate, _issuer, done) => done(null, staple));
  }
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done(server.address().port)));
}

const endpoints = process.argv
  .slice(2)
  .map((argument) => Object.fromEntries(argument.split(";").map((option) => option.split("="))));
Promise.all(endpoints.map(serve)).then((ports) => console.log(`listening ${ports.join(" ")}`));
