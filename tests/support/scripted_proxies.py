"""Proxies for the tests: CONNECT and SOCKS 5, as handlers over any stream, and a TLS server behind them.

Theory of operation: a handler reads what it is asked for, connects, and carries bytes both ways until one side
ends. It asks for no password and forgives nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import hypercorn.trio
import trio
from hypercorn.config import Config

from support.asgi_application import Message, Receive, Send
from trio_secure.testing import Authority


async def connect_proxy(stream: trio.abc.Stream) -> None:
    """CONNECT (RFC 9110 §9.3.6)."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += await stream.receive_some()
    method, target, _version = head.split(b"\r\n")[0].split()
    assert method == b"CONNECT"
    host, _, port = target.decode().rpartition(":")
    async with await trio.open_tcp_stream(host, int(port)) as onward:
        await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
        await _carry_both(stream, onward)


async def socks_proxy(stream: trio.abc.Stream) -> None:
    """SOCKS 5 without authentication, to a host by name (RFC 1928)."""
    greeting = await stream.receive_some()
    assert greeting[0] == 5
    await stream.send_all(b"\x05\x00")
    request = await stream.receive_some()
    assert request[:4] == b"\x05\x01\x00\x03"
    length = request[4]
    host, port = request[5 : 5 + length].decode(), int.from_bytes(request[5 + length : 7 + length])
    async with await trio.open_tcp_stream(host, port) as onward:
        await stream.send_all(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        await _carry_both(stream, onward)


async def _carry_both(stream: trio.abc.Stream, onward: trio.abc.Stream) -> None:
    async with trio.open_nursery() as nursery:

        async def carry(source: trio.abc.Stream, target: trio.abc.Stream) -> None:
            try:
                async for data in source:
                    await target.send_all(data)
            except trio.BrokenResourceError:
                pass
            nursery.cancel_scope.cancel()

        nursery.start_soon(carry, stream, onward)
        nursery.start_soon(carry, onward, stream)


async def application(scope: Message, receive: Receive, send: Send) -> None:
    """Says which HTTP it was asked by, and how much it was sent."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"HTTP/{scope['http_version']}, {size} bytes".encode()})


@asynccontextmanager
async def https_server(authority: Authority, folder: Path) -> AsyncGenerator[int]:
    """Hypercorn with TLS on 127.0.0.1, for "localhost", by HTTP/2 and HTTP/1.1; gives the port."""
    leaf = authority.ca.issue_cert("localhost")
    certificate, key = folder / "server.pem", folder / "server.key"
    certificate.write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
    key.write_bytes(leaf.private_key_pem.bytes())
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.certfile, config.keyfile = str(certificate), str(key)
    config.errorlog = None
    server: Any = hypercorn.trio  # its signature is too wide for a type checker
    async with trio.open_nursery() as nursery:
        serve = partial(server.serve, application, config, shutdown_trigger=trio.sleep_forever)
        binds = await nursery.start(serve)
        yield int(binds[0].rpartition(":")[2])
        nursery.cancel_scope.cancel()
