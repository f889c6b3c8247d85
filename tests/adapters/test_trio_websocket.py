from __future__ import annotations

from pathlib import Path

import pytest
import trio
import trio.testing
import trio_websocket

from support.authority import Authority as FileAuthority
from support.servers import hypercorn
from support.websocket_peer import Peer, Request
from trio_secure import CertificateRefused
from trio_secure.testing import Authority, ServerStream, WrongName
from trio_secure_adapters.trio_websocket import connect_websocket_url

AUTHORITY = Authority()
SECURE = {"certificate": AUTHORITY.certificate}


async def test_messages_come_and_go_with_a_real_server(tmp_path: Path) -> None:
    authority = FileAuthority.make()
    async with (
        hypercorn(tmp_path, authority.issue("localhost"), tmp_path) as server,
        trio.open_nursery() as nursery,
    ):
        url = server.url.replace("https", "wss")
        secure = {"certificate": authority.certificate_der}
        async with await connect_websocket_url(nursery, url, secure=secure) as connection:
            for message in ("hello", b"\x00\x01"):
                await connection.send_message(message)
                assert await connection.get_message() == message


@pytest.mark.parametrize(
    ("url", "line", "host"),
    [
        ("wss://example.com", "GET / HTTP/1.1", "example.com"),
        ("wss://example.com:8443/a?b=c", "GET /a?b=c HTTP/1.1", "example.com:8443"),
        ("wss://[::1]/", "GET / HTTP/1.1", "[::1]"),
    ],
)
async def test_the_url_becomes_a_request(url: str, line: str, host: str) -> None:
    asked: list[Request] = []

    async def handler(stream: ServerStream) -> None:
        peer = Peer(stream)
        asked.append(await peer.accept())
        await peer.finish()

    async with (
        AUTHORITY.serve("example.com", "::1", handler=handler) as server,
        trio.open_nursery() as nursery,
        await connect_websocket_url(nursery, url, secure=SECURE, Socket=server.Socket),
    ):
        pass
    assert asked[0].line == line
    assert asked[0].get_all("Host") == [host]


async def test_a_server_that_does_not_want_to_leaves_nothing_open() -> None:
    async def handler(stream: ServerStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        assert await stream.receive_some() == b""

    async def connect() -> None:
        async with trio.open_nursery() as nursery:
            await connect_websocket_url(nursery, "wss://example.com/", secure=SECURE, Socket=server.Socket)

    async with AUTHORITY.serve("example.com", handler=handler) as server:
        # trio-websocket raises it in its reader, from the nursery it was given.
        with pytest.RaisesGroup(trio_websocket.ConnectionRejected):
            await connect()


async def test_cancelled_while_it_connects_it_leaves_nothing_open() -> None:
    gone = trio.Event()

    async def handler(stream: ServerStream) -> None:
        try:
            while await stream.receive_some():
                pass
        finally:
            gone.set()

    async with AUTHORITY.serve("example.com", handler=handler) as server, trio.open_nursery() as nursery:

        async def connect() -> None:
            await connect_websocket_url(nursery, "wss://example.com/", secure=SECURE, Socket=server.Socket)

        async with trio.open_nursery() as inner:
            inner.start_soon(connect)
            await trio.testing.wait_all_tasks_blocked()
            assert not gone.is_set()
            inner.cancel_scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        assert gone.is_set()
        nursery.cancel_scope.cancel()


async def test_the_server_is_verified() -> None:
    async with AUTHORITY.serve("example.com", fault=WrongName()) as server, trio.open_nursery() as nursery:
        with pytest.raises(CertificateRefused):
            await connect_websocket_url(nursery, "wss://example.com/", secure=SECURE, Socket=server.Socket)


@pytest.mark.parametrize("url", ["ws://example.com/", "https://example.com/", "wss:///", "example.com"])
async def test_what_is_no_secure_websocket_is_refused(url: str) -> None:
    async with trio.open_nursery() as nursery:
        with pytest.raises(ValueError, match="a wss: URL with a host"):
            await connect_websocket_url(nursery, url)


async def test_an_option_the_library_does_not_know_leaves_nothing_open() -> None:
    async with AUTHORITY.serve("example.com") as server, trio.open_nursery() as nursery:
        with pytest.raises(TypeError, match="weather"):
            await connect_websocket_url(
                nursery, "wss://example.com/", secure=SECURE, Socket=server.Socket, weather="fair"
            )
        await trio.testing.wait_all_tasks_blocked()
        assert server.connections[0].error is not None
