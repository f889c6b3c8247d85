from __future__ import annotations

from functools import partial

import pytest
import trio
import trio.testing

from support.websocket_peer import TEXT, Peer, frame
from trio_https import Client
from trio_secure import SecureSocket, SecureStream, TLSConfig, Truncated
from trio_secure.testing import Authority, NotTLS, ServerStream, echo
from trio_wss import open_websocket

AUTHORITY = Authority()


async def answer(stream: ServerStream) -> None:
    """One HTTP response, to whatever is asked."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += await stream.receive_some()
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")


async def test_an_https_client_takes_the_server_as_its_socket() -> None:
    async with (
        AUTHORITY.serve("example.com", handler=answer) as server,
        Client(Socket=server.SecureSocket) as client,
    ):
        response = await client.get("https://example.com/")
        assert response.content == b"hello"


async def test_a_websocket_client_takes_the_server_as_its_socket() -> None:
    async def greet(stream: ServerStream) -> None:
        peer = Peer(stream)
        await peer.accept()
        await stream.send_all(frame(TEXT, b"hello"))
        await echo(stream)

    async with (
        AUTHORITY.serve("example.com", handler=greet) as server,
        open_websocket("wss://example.com/", Socket=server.SecureSocket) as websocket,
    ):
        assert await websocket.receive() == "hello"


async def test_more_settings_are_added_to_the_servers_and_a_configuration_replaces_them() -> None:
    async with AUTHORITY.serve("example.com") as server:
        async with server.SecureSocket("example.com", 1, secure={"serverName": "example.com"}) as stream:
            assert stream.info.verified_chain
        async with server.SecureSocket("x.example", 1, secure=TLSConfig(verify=False)) as stream:
            assert not stream.info.verified_chain


async def test_a_server_can_serve_real_sockets() -> None:
    async with AUTHORITY.serve("localhost") as server, trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, server.handle, 0, host="127.0.0.1"))
        port = listener.socket.getsockname()[1]
        secure = {**server.secure, "serverName": "localhost"}
        async with SecureSocket("127.0.0.1", port, secure=secure) as stream:
            assert isinstance(stream, SecureStream)
            await stream.send_all(b"hello")
            assert await stream.receive_some() == b"hello"
        nursery.cancel_scope.cancel()


async def test_a_client_that_goes_away_fails_nothing_and_is_recorded() -> None:
    async with AUTHORITY.serve("example.com") as server:
        stream = await server.SecureSocket("example.com", 443)
        await stream.transport_stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert server.connections[0].error is not None


async def test_what_a_handler_raises_is_kept_and_ends_the_block() -> None:
    async def handler(stream: ServerStream) -> None:
        raise KeyError(stream.server_name)

    async def block() -> None:
        async with AUTHORITY.serve("example.com", handler=handler) as server:
            await server.SecureSocket("example.com", 443)
            await trio.sleep_forever()

    with pytest.raises(KeyError, match=r"example\.com"):
        await block()


async def test_what_is_not_tls_is_answered_without_it() -> None:
    async with AUTHORITY.serve("example.com", fault=NotTLS(b"220 hello\r\n")) as server:
        stream = await server.Socket("example.com", 25)
        await stream.send_all(b"EHLO\r\n")
        assert await stream.receive_some() == b"220 hello\r\n"
    assert server.connections == []


async def test_a_handler_may_say_that_the_client_is_gone() -> None:
    async def handler(stream: ServerStream) -> None:
        raise trio.BrokenResourceError("enough")

    async with AUTHORITY.serve("example.com", handler=handler) as server:
        stream = await server.SecureSocket("example.com", 443)
        with pytest.raises(Truncated):
            await stream.receive_some()
        assert str(server.connections[0].error) == "enough"
