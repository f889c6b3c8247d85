from __future__ import annotations

import anyio
import anyio.abc
import pytest
import trio
import trio.testing
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSAttribute

from support.tls_server import tcp_server
from trio_secure.testing import Authority, Fault, NoCloseNotify, Server, ServerStream, echo
from trio_secure_adapters.anyio import SecureByteStream, connect_tcp

AUTHORITY = Authority()


async def wrapped(server: Server) -> SecureByteStream:
    return SecureByteStream(await server.SecureSocket("example.com", 443))


async def hello(stream: ServerStream) -> None:
    await stream.send_all(b"hello")


async def test_it_is_a_byte_stream_of_anyios() -> None:
    async with AUTHORITY.serve("example.com") as server, await wrapped(server) as stream:
        assert isinstance(stream, anyio.abc.ByteStream)
        await stream.send(b"one\r\ntwo\r\n")
        buffered = BufferedByteReceiveStream(stream)
        assert await buffered.receive_until(b"\r\n", 100) == b"one"
        assert await buffered.receive_exactly(3) == b"two"
        await stream.send_eof()
        await stream.send_eof()
        assert [data async for data in stream] == []
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()


async def test_it_knows_the_attributes_of_tls() -> None:
    async with AUTHORITY.serve("example.com") as server, await wrapped(server) as stream:
        known = stream.extra_attributes
        assert known[TLSAttribute.tls_version]() == "TLSv1.3"
        assert known[TLSAttribute.alpn_protocol]() is None
        assert known[TLSAttribute.cipher]()[1] == "TLSv1.3"
        assert known[TLSAttribute.peer_certificate_binary]()
        assert known[TLSAttribute.server_side]() is False
        assert known[TLSAttribute.standard_compatible]() is True
        assert TLSAttribute.ssl_object not in known


async def test_a_bare_end_is_a_broken_resource() -> None:
    fault: Fault = NoCloseNotify()
    async with (
        AUTHORITY.serve("example.com", handler=hello, fault=fault) as server,
        await wrapped(server) as stream,
    ):
        assert await stream.receive() == b"hello"
        with pytest.raises(anyio.BrokenResourceError):
            await stream.receive()


async def test_what_is_closed_or_busy_says_so_in_anyios_words() -> None:
    async with AUTHORITY.serve("example.com", handler=echo) as server:
        stream = await wrapped(server)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.receive)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(anyio.BusyResourceError):
                await stream.receive()
            nursery.cancel_scope.cancel()
        await stream.aclose()
        with pytest.raises(anyio.ClosedResourceError):
            await stream.send(b"x")


async def test_it_connects_by_tcp() -> None:
    secure = {"certificate": AUTHORITY.certificate, "serverName": "example.com"}
    async with (
        AUTHORITY.serve("example.com") as server,
        tcp_server(server.handle) as port,
        await connect_tcp("127.0.0.1", port, secure=secure) as stream,
    ):
        await stream.send(b"hello")
        assert await stream.receive() == b"hello"
