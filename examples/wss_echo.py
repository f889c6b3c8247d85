"""Send messages to a WebSocket server that echoes, and print what comes back.

    python examples/wss_echo.py wss://echo.example/
    python examples/wss_echo.py wss://localhost:8443/ --ca my-ca.pem hello world

The messages go out while the echoes come in: sending and receiving are two tasks, and need no care about each
other. Leaving the block closes the connection in good order.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import trio

from trio_secure import TLSError
from trio_wss import WebSocket, WebSocketError, open_websocket


async def main(url: str, messages: Sequence[str], ca: bytes | None) -> None:
    """Send the messages, print as many that come back, and say how far away the server is."""
    secure = {"certificate": ca} if ca is not None else None
    async with open_websocket(url, secure=secure) as ws, trio.open_nursery() as nursery:
        nursery.start_soon(send, ws, messages)
        for _ in messages:
            print(await ws.receive())
        print(f"a ping takes {await ws.ping() * 1000:.2f} ms", file=sys.stderr)
    print(f"closed with code {ws.close_code}", file=sys.stderr)


async def send(ws: WebSocket, messages: Sequence[str]) -> None:
    """Send the messages, one by one."""
    for message in messages:
        await ws.send(message)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url", help="a wss: or ws: URL")
    parser.add_argument("messages", nargs="*", default=["hello"], help="what to send")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="also trust this certificate (PEM or DER)")
    options = parser.parse_args()
    try:
        ca = options.ca.read_bytes() if options.ca else None
        trio.run(main, options.url, options.messages, ca)
    except* (OSError, ValueError, TLSError, WebSocketError, trio.TooSlowError) as errors:
        sys.exit("\n".join(str(error) for error in errors.exceptions))
