"""Python's own HTTP server in a thread, over TCP or TLS.

Theory of operation: it is a server this project did not write, speaks HTTP/1.0 or 1.1 as told, and runs in the
test's process, so it starts in no time. What it serves is a dictionary from paths to bodies. It answers POST with
what it was sent.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from support.authority import Leaf


@dataclass(frozen=True)
class LocalServer:
    """A server on 127.0.0.1."""

    port: int
    connections: list[object]
    """One entry for each connection it has accepted."""


@contextmanager
def http_server(
    pages: Mapping[str, bytes], *, version: str = "HTTP/1.1", tls: tuple[Leaf, Path] | None = None
) -> Generator[LocalServer]:
    """Serve `pages` while the block runs.

    Args:
        pages: bodies by path. A path that is not there is answered with 404.
        version: `HTTP/1.1`, or `HTTP/1.0`, which ends each body by closing the connection.
        tls: a certificate, and the folder to write it to; without it the server speaks plain HTTP.
    """
    connections: list[object] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = version

        def setup(self) -> None:
            connections.append(self.client_address)
            super().setup()

        def do_GET(self) -> None:
            page = pages.get(self.path)
            self._answer(404 if page is None else 200, b"not found" if page is None else page)

        def do_POST(self) -> None:
            self._answer(200, self.rfile.read(int(self.headers["Content-Length"])))

        def do_HEAD(self) -> None:
            self.do_GET()

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            if version == "HTTP/1.1":
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name in the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if tls is not None:
            leaf, folder = tls
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*leaf.write(folder))
            server.socket = context.wrap_socket(server.socket, server_side=True)
        # The default interval at which it looks whether it shall stop is half a second.
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield LocalServer(server.server_address[1], connections)
        finally:
            server.shutdown()
            thread.join()
