"""Who is measured in the WebSocket benchmark: each client opens one connection and has messages echoed.

Theory of operation: a client is a coroutine function that is given a URL, the CA to trust, a message and how
often to send it; it sends, waits for the echo, and sends again. It returns the CPU seconds of that, without
opening and closing. Each is set up as its documentation advises for speed: no compression, on either side,
and no proxy to look for. A new client is a function and a row in `CLIENTS`.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine

import trio
import trio_websocket
import websockets.asyncio.client
import websockets.trio.client

from trio_wss import open_websocket

MAX_MESSAGE = 4 << 20
_WARM_UP = 20

Send = Callable[[str | bytes], Awaitable[None]]
Receive = Callable[[], Awaitable[object]]
Measure = Callable[[str, bytes, str | bytes, int], float]
"""Takes the URL, the CA certificate as DER, the message, and how many round trips to measure."""
Echo = Callable[[str, bytes, str | bytes, int], Coroutine[None, None, float]]
"""The same, in an event loop."""


async def _round_trips(send: Send, receive: Receive, message: str | bytes, count: int) -> float:
    for _ in range(_WARM_UP):
        await send(message)
        if await receive() != message:
            raise RuntimeError("the echo is not what was sent")
    begin = time.process_time()
    for _ in range(count):
        await send(message)
        await receive()
    return time.process_time() - begin


async def _trio_wss(url: str, authority: bytes, message: str | bytes, count: int) -> float:
    secure = {"certificate": authority} if url.startswith("wss:") else None
    async with open_websocket(url, secure=secure, compression=None, max_message_size=MAX_MESSAGE) as ws:
        return await _round_trips(ws.send, ws.receive, message, count)


async def _trio_websocket(url: str, authority: bytes, message: str | bytes, count: int) -> float:
    async with trio_websocket.open_websocket_url(
        url, _context(url, authority), max_message_size=MAX_MESSAGE
    ) as ws:
        return await _round_trips(ws.send_message, ws.get_message, message, count)


async def _websockets_trio(url: str, authority: bytes, message: str | bytes, count: int) -> float:
    async with websockets.trio.client.connect(
        url, ssl=_context(url, authority), compression=None, proxy=None, max_size=MAX_MESSAGE
    ) as ws:
        return await _round_trips(ws.send, ws.recv, message, count)


async def _websockets_asyncio(url: str, authority: bytes, message: str | bytes, count: int) -> float:
    async with websockets.asyncio.client.connect(
        url, ssl=_context(url, authority), compression=None, proxy=None, max_size=MAX_MESSAGE
    ) as ws:
        return await _round_trips(ws.send, ws.recv, message, count)


def _context(url: str, authority: bytes) -> ssl.SSLContext | None:
    return ssl.create_default_context(cadata=authority) if url.startswith("wss:") else None


def _on_trio(echo: Echo) -> Measure:
    def measure(url: str, authority: bytes, message: str | bytes, count: int) -> float:
        return trio.run(echo, url, authority, message, count)

    return measure


def _on_asyncio(echo: Echo) -> Measure:
    def measure(url: str, authority: bytes, message: str | bytes, count: int) -> float:
        return asyncio.run(echo(url, authority, message, count))

    return measure


OURS = "trio_wss"
CLIENTS: dict[str, Measure] = {
    OURS: _on_trio(_trio_wss),
    "websockets.trio": _on_trio(_websockets_trio),
    "trio-websocket": _on_trio(_trio_websocket),
    "websockets.asyncio": _on_asyncio(_websockets_asyncio),
}
