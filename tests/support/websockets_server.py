"""The server of the `websockets` package as a program: `websockets_server.py PORT CERTIFICATE KEY VERSION`.

Theory of operation: it echoes each message, text as text and binary as binary, until it is killed.
"""

from __future__ import annotations

import ssl
import sys

from websockets.sync.server import ServerConnection, serve

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def _echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


def main(port: str, certificate: str, key: str, version: str) -> None:
    """Serve on 127.0.0.1 for ever."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = _VERSIONS[version]
    context.load_cert_chain(certificate, key)
    with serve(_echo, "127.0.0.1", int(port), ssl=context, max_size=None) as server:
        print("listening", flush=True)  # noqa: T201 -- what the test waits for
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
