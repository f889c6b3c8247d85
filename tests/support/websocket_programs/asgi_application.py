"""The ASGI application that Hypercorn serves. See `websocket_servers`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any  # ASGI messages are dictionaries with values of any type

Message = MutableMapping[str, Any]


async def application(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Talk on one WebSocket, or see the server start and end."""
    if scope["type"] == "lifespan":
        while True:
            event = await receive()
            await send({"type": f"{event['type']}.complete"})
            if event["type"] == "lifespan.shutdown":
                return
    await receive()
    chosen = "chat" if "chat" in scope["subprotocols"] else None
    await send({"type": "websocket.accept", "subprotocol": chosen})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "go away":
            await send({"type": "websocket.close", "code": 4000, "reason": "enough"})
        else:
            text, data = message.get("text"), message.get("bytes")
            await send({"type": "websocket.send", "text": text, "bytes": data})
    print("closed with", message["code"], flush=True)  # noqa: T201
