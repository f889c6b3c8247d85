from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

import pytest
import trio

from support.tls_server import ignore, tcp_server
from trio_secure import CertificateRefused, Truncated
from trio_secure.testing import Authority, Fault, NoCloseNotify, ServerStream, echo
from trio_secure_adapters import SSLStream, open_ssl_over_tcp_stream

AUTHORITY = Authority()
SECURE = {"certificate": AUTHORITY.certificate, "serverName": "example.com"}
Handler = Callable[[ServerStream], Awaitable[None]]


async def hello(stream: ServerStream) -> None:
    await stream.send_all(b"hello")


async def connected(
    use: Callable[[int], Awaitable[None]], handler: Handler = echo, fault: Fault | None = None
) -> None:
    async with (
        AUTHORITY.serve("example.com", handler=handler, fault=fault) as server,
        tcp_server(server.handle) as port,
    ):
        await use(port)


async def test_it_does_what_a_stream_of_trios_does() -> None:
    async def use(port: int) -> None:
        stream = await open_ssl_over_tcp_stream(b"127.0.0.1", port, secure=SECURE)
        async with stream:
            await stream.do_handshake()
            assert isinstance(stream, SSLStream)
            assert isinstance(stream.transport_stream, trio.SocketStream)
            assert stream.version() == "TLSv1.3"
            await stream.wait_send_all_might_not_block()
            await stream.send_all(b"hello")
            assert await stream.receive_some(100) == b"hello"
            await stream.send_eof()
            assert await stream.receive_some() == b""
            with pytest.raises(RuntimeError, match="cannot be unwrapped"):
                await stream.unwrap()

    await connected(use)


async def test_a_bare_end_is_an_error_unless_asked_for() -> None:
    async def use(port: int) -> None:
        async with await open_ssl_over_tcp_stream("127.0.0.1", port, secure=SECURE) as stream:
            assert await stream.receive_some() == b"hello"
            with pytest.raises(Truncated):
                await stream.receive_some()
        async with await open_ssl_over_tcp_stream(
            "127.0.0.1", port, secure=SECURE, https_compatible=True
        ) as stream:
            assert await stream.receive_some() == b"hello"
            assert await stream.receive_some() == b""

    await connected(use, hello, NoCloseNotify())


async def test_the_host_is_verified() -> None:
    async def use(port: int) -> None:
        with pytest.raises(CertificateRefused):
            await open_ssl_over_tcp_stream("127.0.0.1", port, secure={"certificate": AUTHORITY.certificate})

    await connected(use)


async def test_a_context_is_not_passed_over() -> None:
    with pytest.raises(TypeError, match="secure="):
        await open_ssl_over_tcp_stream("127.0.0.1", 1, ssl_context=cast("None", object()))


async def test_bad_settings_leave_nothing_open() -> None:
    async with tcp_server(ignore) as port:
        with pytest.raises(ValueError, match="unknown key 'verfy'"):
            await open_ssl_over_tcp_stream("127.0.0.1", port, secure={"verfy": False})
