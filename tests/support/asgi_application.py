"""The ASGI application Hypercorn serves in the tests: a folder of files, and an echo.

Theory of operation: it runs in Hypercorn's process, which loads it from this file, so it imports nothing of
the tests. The folder is named by the environment variable FILES.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any  # ASGI messages are dictionaries with values of any type

import trio

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_PIECE = 1 << 18


async def application(scope: Message, receive: Receive, send: Send) -> None:
    """Serve one HTTP request, one WebSocket, or the server's start and end."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "websocket":
        await _echo(receive, send)
    else:
        await _file(scope, send)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _echo(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        await send({"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")})


async def _file(scope: Message, send: Send) -> None:
    path = Path(os.environ["FILES"]) / Path(scope["path"]).name
    if not path.is_file():
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})
        return
    size = str(path.stat().st_size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", size)]})
    async with await trio.open_file(path, "rb") as file:
        while piece := await file.read(_PIECE):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})
