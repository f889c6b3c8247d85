// The server of the package `ws` for Node: `ws_server.js PORT CERTIFICATE KEY`. See `websocket_servers`.

"use strict";

const fs = require("fs");
const https = require("https");
const { WebSocketServer } = require("ws");

const [port, certificate, key] = process.argv.slice(2);
const server = https.createServer({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) });
const sockets = new WebSocketServer({
  server,
  maxPayload: 0,
  perMessageDeflate: { threshold: 0 },
  handleProtocols: (offered) => (offered.has("chat") ? "chat" : false),
});

sockets.on("connection", (socket) => {
  socket.on("pong", () => socket.send("you answered"));
  socket.on("close", (code, reason) => console.log(`closed with ${code} ${reason}`));
  socket.on("message", (data, isBinary) => {
    const text = isBinary ? null : data.toString();
    if (text === "ping me") {
      socket.ping("are you there?");
    } else if (text === "in fragments") {
      socket.send("Gr", { fin: false });
      socket.send("ü", { fin: false });
      socket.send("ße", { fin: true });
    } else if (text === "go away") {
      socket.close(4000, "enough");
    } else {
      socket.send(data, { binary: isBinary });
    }
  });
});

server.listen(Number(port), "127.0.0.1", () => console.log("listening"));
