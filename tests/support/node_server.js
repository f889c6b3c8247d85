// An HTTPS server on Node, for what static files cannot show: node node_server.js PORT CERTIFICATE KEY

const fs = require("node:fs");
const https = require("node:https");
const zlib = require("node:zlib");

const [port, certificate, key] = process.argv.slice(2);
const server = https.createServer({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) });

function echo(request, response) {
  response.writeHead(200, { Trailer: "X-Length" });
  let length = 0;
  request.on("data", (piece) => {
    length += piece.length;
    if (!response.write(piece)) {
      request.pause();
      response.once("drain", () => request.resume());
    }
  });
  request.on("end", () => {
    response.addTrailers({ "X-Length": String(length), "X-Got": request.trailers["x-sent"] ?? "" });
    response.end();
  });
}

function respond(request, response) {
  const url = new URL(request.url, "https://localhost");
  if (url.pathname === "/echo") return echo(request, response);
  if (url.pathname === "/early") {
    response.writeHead(413, { "Content-Length": 5, Connection: "close" });
    return response.end("early");
  }
  if (url.pathname === "/hints") response.writeEarlyHints({ link: "</style.css>; rel=preload" });
  const coding = url.searchParams.get("coding");
  const coders = { gzip: zlib.gzipSync, deflate: zlib.deflateSync, raw: zlib.deflateRawSync, br: zlib.brotliCompressSync };
  let body = Buffer.from("hello ".repeat(100000));
  if (coding) {
    body = coders[coding](body);
    response.setHeader("Content-Encoding", coding === "raw" ? "deflate" : coding);
  }
  response.end(body);
}

server.on("request", respond);
server.on("checkContinue", (request, response) => {
  if (request.url === "/refuse") {
    response.writeHead(417, { "Content-Length": 0 });
    return response.end();
  }
  response.writeContinue();
  respond(request, response);
});
server.on("upgrade", (request, socket, head) => {
  socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: own\r\nConnection: Upgrade\r\n\r\nhello");
  if (head.length) socket.write(head);
  socket.pipe(socket);
});
server.listen(Number(port), "127.0.0.1", () => console.log("listening"));
