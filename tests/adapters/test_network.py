from __future__ import annotations

import socket
from pathlib import Path

import httpcore
import pytest
import trio
from trio.testing import MockClock

from support.tls_server import ignore, tcp_server
from trio_secure import SecureStream
from trio_secure.testing import Authority, ServerStream, echo
from trio_secure_adapters import SSLFacts
from trio_secure_adapters.httpcore import SecureBackend, SecureContext, SecureNetworkStream

AUTHORITY = Authority()
CONTEXT = SecureContext({"certificate": AUTHORITY.certificate})
_NODELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def test_a_stream_reads_and_writes_and_has_no_socket_to_tell_of() -> None:
    async with AUTHORITY.serve("example.com") as server:
        plain = await SecureBackend(server.Socket).connect_tcp("example.com", 443)
        assert plain.get_extra_info("ssl_object") is None
        stream = await plain.start_tls(CONTEXT, "example.com")
        await stream.write(b"hello")
        assert await stream.read(100) == b"hello"
        assert isinstance(stream.get_extra_info("ssl_object"), SSLFacts)
        assert isinstance(stream.get_extra_info("secure_stream"), SecureStream)
        assert stream.get_extra_info("is_readable") is None
        await stream.aclose()
        for method, error in (
            (stream.read(1), httpcore.ReadError),
            (stream.write(b"x"), httpcore.WriteError),
        ):
            with pytest.raises(error):
                await method


async def test_what_takes_too_long_has_the_librarys_name(autojump_clock: MockClock) -> None:
    async def silent(stream: ServerStream) -> None:
        await trio.sleep_forever()

    async def nowhere(host: str, port: int) -> trio.abc.Stream:
        await trio.sleep_forever()
        raise AssertionError

    async with AUTHORITY.serve("example.com", handler=silent) as server:
        plain = await SecureBackend(server.Socket).connect_tcp("example.com", 443)
        stream = await plain.start_tls(CONTEXT, "example.com", 5)
        with pytest.raises(httpcore.ReadTimeout):
            await stream.read(1, 5)
        one, _other = trio.testing.lockstep_stream_pair()
        with pytest.raises(httpcore.WriteTimeout):
            await SecureNetworkStream(one).write(b"hello", 5)
        with pytest.raises(httpcore.ConnectTimeout):
            await SecureNetworkStream(trio.testing.memory_stream_pair()[0]).start_tls(CONTEXT, "a.example", 5)
    with pytest.raises(httpcore.ConnectTimeout):
        await SecureBackend(nowhere).connect_tcp("example.com", 443, 5)
    await SecureBackend().sleep(3600)


async def test_a_connection_by_tcp_tells_of_its_socket() -> None:
    async with tcp_server(ignore) as port:
        stream = await SecureBackend().connect_tcp("127.0.0.1", port, socket_options=[_NODELAY])
        assert stream.get_extra_info("server_addr") == ("127.0.0.1", port)
        assert stream.get_extra_info("client_addr")[0] == "127.0.0.1"
        assert stream.get_extra_info("is_readable") is False
        assert stream.get_extra_info("socket").getpeername() == ("127.0.0.1", port)
        assert stream.get_extra_info("weather") is None
        await stream.aclose()
    with pytest.raises(httpcore.ConnectError, match="all attempts"):
        await SecureBackend().connect_tcp("127.0.0.1", port)


async def test_tls_runs_in_tls_and_the_socket_is_found_below() -> None:
    async def tunnel(stream: ServerStream) -> None:
        await inner.handle(stream)

    async with (
        AUTHORITY.serve("inner.example") as inner,
        AUTHORITY.serve("outer.example", handler=tunnel) as outer,
        tcp_server(outer.handle) as port,
    ):
        plain = await SecureBackend().connect_tcp("127.0.0.1", port)
        stream = await (await plain.start_tls(CONTEXT, "outer.example")).start_tls(CONTEXT, "inner.example")
        await stream.write(b"hello")
        assert await stream.read(100) == b"hello"
        assert stream.get_extra_info("server_addr") == ("127.0.0.1", port)
        await stream.aclose()


async def test_a_unix_socket_is_one_more_transport(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    listener = trio.socket.socket(trio.socket.AF_UNIX)
    await listener.bind(path)
    listener.listen()
    async with AUTHORITY.serve("example.com", handler=echo) as server, trio.open_nursery() as nursery:

        async def serve(stream: trio.SocketStream) -> None:
            await server.handle(stream)

        nursery.start_soon(trio.serve_listeners, serve, [trio.SocketListener(listener)])
        plain = await SecureBackend().connect_unix_socket(path)
        stream = await plain.start_tls(CONTEXT, "example.com")
        await stream.write(b"hello")
        assert await stream.read(100) == b"hello"
        await stream.aclose()
        nursery.cancel_scope.cancel()


async def test_options_of_tcp_are_not_dropped_silently() -> None:
    async with AUTHORITY.serve("example.com") as server:
        with pytest.raises(TypeError, match="local_address and socket_options"):
            await SecureBackend(server.Socket).connect_tcp("example.com", 443, local_address="127.0.0.1")


async def test_what_is_no_name_leaves_nothing_open() -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    with pytest.raises(ValueError, match="not a name"):
        await SecureNetworkStream(ours).start_tls(CONTEXT, "not a name")
    assert await theirs.receive_some() == b""


async def test_a_certificate_that_is_no_good_fails_to_connect() -> None:
    async with AUTHORITY.serve("example.com") as server:
        plain = await SecureBackend(server.Socket).connect_tcp("other.example", 443)
        with pytest.raises(httpcore.ConnectError, match=r"other\.example"):
            await plain.start_tls(CONTEXT, "other.example")


async def test_another_context_closes_the_connection() -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    with pytest.raises(TypeError, match="needs a SecureContext"):
        await SecureNetworkStream(ours).start_tls(object(), "example.com")
    assert await theirs.receive_some() == b""
