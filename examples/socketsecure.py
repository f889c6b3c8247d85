"""Open a SecureSocket, send a request by hand, and print what comes.

    python examples/socketsecure.py www.example.com
    python examples/socketsecure.py localhost 8443 --ca my-ca.pem

A SecureSocket is a Trio stream: `send_all` and `receive_some` are all there is to it. Any protocol can be spoken
over it; here it is HTTP/1.1, in its plainest form.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import trio

from trio_secure import SecureSocket, TLSError


async def main(host: str, port: int, ca: bytes | None) -> None:
    """Connect, ask for the page "/", and print the answer as it arrives."""
    secure = {"certificate": ca} if ca is not None else {}
    async with SecureSocket(host, port, secure=secure) as socket:
        print(f"connected with {socket.info.cipher_suite}", file=sys.stderr)
        await socket.send_all(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        while data := await socket.receive_some():
            sys.stdout.buffer.write(data)
            sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("host", help="a host name or an IP address")
    parser.add_argument("port", nargs="?", type=int, default=443, help="443 if it is left out")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="also trust this certificate (PEM or DER)")
    options = parser.parse_args()
    try:
        ca = options.ca.read_bytes() if options.ca else None
        trio.run(main, options.host, options.port, ca)
    except (OSError, ValueError, TLSError) as error:
        sys.exit(f"{options.host}: {error}")
