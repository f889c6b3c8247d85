"""Get a page over HTTPS piece by piece, and print the size of each.

    python examples/httpsgetstreaming.py www.example.com
    python examples/httpsgetstreaming.py localhost --port 8443 --path /large --ca my-ca.pem

The Moddable SDK's example of the same name, in Python: entered as a block, a request streams. However long the
page is, no more than one fragment of it is in memory; the next one is received when the loop asks for it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import trio

from trio_https import HTTPError, Request
from trio_secure import SecureSocket, TLSError


async def main(host: str, port: int, path: str, ca: bytes | None) -> None:
    """Print the status, the headers, and the size of each fragment as it arrives."""
    secure = {"certificate": ca} if ca is not None else {}
    total = 0
    async with Request(host=host, path=path, Socket=SecureSocket, port=port, secure=secure) as response:
        print(f"status {response.status}")
        for name, value in response.headers.items():
            print(f"{name}: {value}")
        async for fragment in response:
            total += len(fragment)
            print(f"fragment of {len(fragment)} bytes")
    print(f"{total} bytes in all")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "host", nargs="?", default="www.example.com", help="www.example.com if it is left out"
    )
    parser.add_argument("--port", type=int, default=443, help="443 if it is left out")
    parser.add_argument("--path", default="/", help="path and query")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="also trust this certificate (PEM or DER)")
    options = parser.parse_args()
    try:
        ca = options.ca.read_bytes() if options.ca else None
        trio.run(main, options.host, options.port, options.path, ca)
    except (OSError, ValueError, TLSError, HTTPError) as error:
        sys.exit(f"{options.host}: {error}")
