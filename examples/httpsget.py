"""Get a page over HTTPS and print it.

    python examples/httpsget.py www.howsmyssl.com
    python examples/httpsget.py localhost --port 8443 --path /page --ca my-ca.pem

The Moddable SDK's example of the same name, in Python: the request is described, and awaiting it gives the text.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import trio

from trio_https import HTTPError, Request
from trio_secure import SecureSocket, TLSError


async def main(host: str, port: int, path: str, ca: bytes | None) -> None:
    """Get the page as text, and print it."""
    secure = {"certificate": ca} if ca is not None else {}
    text = await Request(host=host, path=path, response=str, Socket=SecureSocket, port=port, secure=secure)
    print(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "host", nargs="?", default="www.howsmyssl.com", help="www.howsmyssl.com if it is left out"
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
