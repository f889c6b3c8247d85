"""The asyncio server of `websockets`: `websockets_server.py PORT [CERTIFICATE KEY]`. See `websocket_servers`."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Sequence

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol


async def _talk(connection: ServerConnection) -> None:
    try:
        async for message in connection:
            if message == "ping me":
                await (await connection.ping(b"are you there?"))
                await connection.send("you answered")
            elif message == "in fragments":
                await connection.send(["Gr", "ü", "ße"])
            elif message == "go away":
                await connection.close(4000, "enough")
            else:
                await connection.send(message)
    except ConnectionClosed:
        pass
    print("closed with", connection.close_code, connection.close_reason, flush=True)  # noqa: T201


def _choose(_connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return Subprotocol("chat") if "chat" in offered else None


async def main(port: str, *files: str) -> None:
    """Serve on 127.0.0.1 for ever."""
    context = None
    if files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
    async with serve(
        _talk, "127.0.0.1", int(port), ssl=context, max_size=None, select_subprotocol=_choose
    ) as server:
        print("listening", flush=True)  # noqa: T201
        await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
