from __future__ import annotations

import errno
import hashlib
import json
import os
import ssl
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from hypercorn.typing import ASGIReceiveEvent, ASGISendEvent, ASGIVersions, LifespanScope

from support.demo_server import demo_server
from support.websocket_peer import frame
from trio_secure_cli import _demo_server
from trio_secure_cli._demo_content import PIECE, sha256
from trio_secure_cli._demo_process import DemoServer

SIZE = 3 * PIECE + 7


@asynccontextmanager
async def connected(server: DemoServer) -> AsyncGenerator[trio.SSLStream[trio.SocketStream]]:
    context = ssl.create_default_context(cadata=server.authority.decode())
    stream = await trio.open_ssl_over_tcp_stream(
        _demo_server.ADDRESS, server.port, ssl_context=context, https_compatible=True
    )
    async with stream:
        yield stream


async def receive_until(stream: trio.abc.Stream, end: bytes) -> bytes:
    received = b""
    while end not in received:
        data = await stream.receive_some()
        assert data
        received += data
    return received


async def test_it_serves_the_large_file_and_an_echo_under_its_own_ca(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_demo_server, "SIZE", SIZE)
    async with demo_server() as server:
        async with connected(server) as stream:
            await stream.send_all(b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            received = await receive_until(stream, b"\r\n\r\n")
            head, _, body = received.partition(b"\r\n\r\n")
            while data := await stream.receive_some():
                body += data
            assert b"content-length: %d" % SIZE in head
            assert hashlib.sha256(body).hexdigest() == sha256(SIZE)
        async with connected(server) as stream:
            await stream.send_all(
                b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            await receive_until(stream, b"\r\n\r\n")
            await stream.send_all(frame(1, b"hello", mask=b"abcd"))
            assert (await receive_until(stream, b"hello")).endswith(frame(1, b"hello"))
            await stream.send_all(frame(8, b"", mask=b"abcd"))


async def test_its_life_begins_and_ends_as_asgi_has_it() -> None:
    events: list[ASGIReceiveEvent] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> ASGIReceiveEvent:
        return events.pop(0)

    async def send(event: ASGISendEvent) -> None:
        sent.append(event["type"])

    scope = LifespanScope(type="lifespan", asgi=ASGIVersions(version="3.0"), state={})
    await _demo_server.application(scope, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_the_program_ends_with_its_input(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        _demo_server.main()
    assert json.loads(capfd.readouterr().out).keys() == {"port", "authority"}


def test_the_program_says_in_one_line_that_its_port_is_taken(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def taken(*_: object) -> None:
        async with trio.open_nursery():
            raise OSError(errno.EADDRINUSE, "Address already in use")

    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        monkeypatch.setattr(_demo_server, "serve", taken)
        with pytest.raises(SystemExit, match="1"):
            _demo_server.main(8443)
    assert json.loads(capfd.readouterr().out) == {"refused": "port 8443: Address already in use"}
