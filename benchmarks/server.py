"""The other end of every benchmark: `server.py CERTIFICATE KEY`, a TLS server that is not the bottleneck.

Theory of operation: blocking `ssl` sockets, one thread for each connection, send from memory and receive
into one buffer, so that almost all of the work is OpenSSL's and happens outside the interpreter lock. What a
connection wants is the first nine bytes it sends: one letter and a count of bytes, eight of them, most
significant first.

- `G`: give me that many bytes.
- `T`: take that many bytes from me, then send one byte back.
- anything else is an HTTP request whose path is a length: of the body to answer with (`GET /1024 HTTP/1.1`), or of
  the body that comes (`POST /1024 HTTP/1.1`).

A connection that sends nothing was only interested in the handshake. The server prints its port when it
listens, and ends when its standard input does.
"""

from __future__ import annotations

import os
import socket
import ssl
import sys
import threading

COMMAND_BYTES = 9
GIVE, TAKE = b"G", b"T"
_BLOCK = memoryview(os.urandom(1 << 20))


def command(letter: bytes, count: int) -> bytes:
    """What a client sends first."""
    return letter + count.to_bytes(COMMAND_BYTES - 1, "big")


def _give(connection: ssl.SSLSocket, count: int) -> None:
    while count:
        count -= connection.send(_BLOCK[:count])


def _take(connection: ssl.SSLSocket, count: int) -> None:
    if _receive(connection, count):
        connection.sendall(b"k")


def _receive(connection: ssl.SSLSocket, count: int) -> bool:
    buffer = memoryview(bytearray(1 << 18))
    while count > 0:
        received = connection.recv_into(buffer)
        if not received:
            return False
        count -= received
    return True


def _answer_http(connection: ssl.SSLSocket, begun: bytes) -> None:
    request = begun
    while b"\r\n\r\n" not in request:
        request += connection.recv(65536)
    count = int(request.split(b" ", 2)[1].lstrip(b"/"))
    if request.startswith(b"POST"):
        _receive(connection, count - len(request.partition(b"\r\n\r\n")[2]))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % count)
    _give(connection, count)


def _serve(connection: ssl.SSLSocket) -> None:
    begun = b""
    while len(begun) < COMMAND_BYTES:
        more = connection.recv(COMMAND_BYTES - len(begun))
        if not more:
            return
        begun += more
    count = int.from_bytes(begun[1:], "big")
    if begun[:1] == GIVE and count < 1 << 48:
        _give(connection, count)
    elif begun[:1] == TAKE:
        _take(connection, count)
    else:
        _answer_http(connection, begun)


def _converse(accepted: socket.socket, context: ssl.SSLContext) -> None:
    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        with context.wrap_socket(accepted, server_side=True) as connection:
            _serve(connection)
    except OSError:
        # A client that has what it wants goes away; what it makes of the server is its own report.
        accepted.close()


def main(certificate: str, key: str) -> None:
    """Serve on a free port of 127.0.0.1 until standard input ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(listener.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            accepted, _address = listener.accept()
            threading.Thread(target=_converse, args=(accepted, context), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
