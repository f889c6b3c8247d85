"""The web server of the little internet: HTTP/1.1 by h11, WebSockets by wsproto, over Python's `ssl`.

Theory of operation: it is the smallest server that ends connections as TLS wants them ended, with close_notify.

| path | is |
| --- | --- |
| `/big…` | half a mebibyte |
| `/api…` | what it was sent, or some JSON |
| `/talk` | as a WebSocket: says hello, and closes when it is answered |
| any other | a page, or a WebSocket that echoes |
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import h11
import trio
import wsproto
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError

from support.authority import Leaf
from support.tls_server import tcp_server

PAGE = b"<h1>Hello over TLS</h1>\n"
BIG = bytes(range(256)) * 2048


@asynccontextmanager
async def web_server(leaf: Leaf, folder: Path, client_ca: Path | None = None) -> AsyncGenerator[int]:
    """The server for the block; gives its port. With `client_ca` it wants to see a certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client_ca)
    context.load_cert_chain(*leaf.write(folder))
    context.set_alpn_protocols(["http/1.1"])
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED

    async def serve(transport: trio.abc.Stream) -> None:
        async with trio.SSLStream(transport, context, server_side=True) as stream:
            await _serve(stream)

    async with tcp_server(serve) as port:
        yield port


async def _serve(stream: trio.abc.Stream) -> None:
    connection = h11.Connection(h11.SERVER)
    while connection.our_state is h11.IDLE:
        sent = b""
        request: h11.Request | None = None
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(bytes(await stream.receive_some()))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                sent += event.data
            else:
                break
        if request is None:
            return
        if any(name == b"upgrade" for name, _ in request.headers):
            await _websocket(stream, request)
            return
        await stream.send_all(_answer(connection, request, sent))
        with suppress(h11.LocalProtocolError):  # whoever asked to close is not served again
            connection.start_next_cycle()


def _answer(connection: h11.Connection, request: h11.Request, sent: bytes) -> bytes:
    kind, body = b"text/html; charset=utf-8", PAGE
    if request.target.startswith(b"/big"):
        kind, body = b"application/octet-stream", BIG
    elif request.target.startswith(b"/api"):
        kind, body = b"application/json", sent or b'{"hello": "world"}'
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    answer = connection.send(h11.Response(status_code=200, headers=headers)) or b""
    if request.method != b"HEAD":
        answer += connection.send(h11.Data(data=body)) or b""
    return answer + (connection.send(h11.EndOfMessage()) or b"")


async def _websocket(stream: trio.abc.Stream, request: h11.Request) -> None:
    websocket = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
    head = b"GET " + request.target + b" HTTP/1.1\r\n"
    head += b"".join(name + b": " + value + b"\r\n" for name, value in request.headers)
    websocket.receive_data(head + b"\r\n")
    talks = request.target == b"/talk"
    while True:
        for event in websocket.events():
            answer = b""
            if isinstance(event, Request):
                offered = event.subprotocols
                answer = websocket.send(AcceptConnection(subprotocol=offered[0] if offered else None))
                answer += websocket.send(TextMessage("hello")) if talks else b""
            elif isinstance(event, TextMessage | BytesMessage):
                answer = websocket.send(CloseConnection(1000) if talks else event)
            elif isinstance(event, Ping | CloseConnection):
                # A Close frame of ours may have been sent already.
                with suppress(LocalProtocolError):
                    answer = websocket.send(event.response())
            await stream.send_all(answer)
        if websocket.state is ConnectionState.CLOSED:
            return
        websocket.receive_data(bytes(await stream.receive_some()) or None)
