"""A TLS server on the OpenSSL inside `cryptography`: `pyopenssl_server.py PORT CERTIFICATE KEY`.

Theory of operation: that OpenSSL is newer than a distribution's and prefers X25519MLKEM768. The server
answers each line reversed, as `openssl s_server -rev` does, one connection at a time, until it is killed.
"""

from __future__ import annotations

import socket
import sys

from OpenSSL import SSL


def _answer(connection: SSL.Connection) -> None:
    try:
        while line := connection.recv(16384):
            connection.sendall(line.rstrip(b"\n")[::-1] + b"\n")
    except SSL.Error as error:
        # A close_notify ends here too, as ZeroReturnError.
        print(repr(error), flush=True)  # noqa: T201 -- the log a failing test shows


def main(port: str, certificate: str, key: str) -> None:
    """Serve on 127.0.0.1 for ever."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_chain_file(certificate)
    context.use_privatekey_file(key)
    with socket.create_server(("127.0.0.1", int(port))) as listener:
        print("listening", flush=True)  # noqa: T201 -- what the test waits for
        while True:
            accepted, _address = listener.accept()
            with accepted:
                connection = SSL.Connection(context, accepted)
                connection.set_accept_state()
                _answer(connection)


if __name__ == "__main__":
    main(*sys.argv[1:])
