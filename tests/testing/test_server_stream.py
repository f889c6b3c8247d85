from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trio_secure import SecureStream
from trio_secure.testing import Authority, ServerStream

AUTHORITY = Authority()


@asynccontextmanager
async def pair(
    version: int | None = None,
) -> AsyncGenerator[tuple[SecureStream[trio.abc.Stream], ServerStream]]:
    async def wait(stream: ServerStream) -> None:
        await trio.sleep_forever()

    async with AUTHORITY.serve("example.com", handler=wait, version=version) as server:
        client = await server.SecureSocket("example.com", 443)
        await wait_all_tasks_blocked()
        yield client, server.connections[0]


async def test_what_is_known_of_the_client() -> None:
    async with pair(0x303) as (_client, server):
        assert server.server_name == "example.com"
        assert server.version == "TLSv1.2"
        assert server.alpn is None
        assert server.client_certificate is None


async def test_either_side_ends_and_the_other_goes_on() -> None:
    async with pair() as (client, server):
        await client.send_eof()
        assert await server.receive_some() == b""
        await server.wait_send_all_might_not_block()
        await server.send_all(b"")
        await server.send_all(bytearray(b"late"))
        await server.send_eof()
        await server.send_eof()
        assert await client.receive_some() == b"late"
        assert await client.receive_some() == b""
        with pytest.raises(trio.ClosedResourceError, match="send_eof"):
            await server.send_all(b"x")


async def test_what_is_received_is_no_more_than_was_asked_for() -> None:
    async with pair() as (client, server):
        await client.send_all(b"abc")
        assert await server.receive_some(2) == b"ab"
        assert await server.receive_some() == b"c"


@pytest.mark.parametrize("method", ["receive_some", "send_eof", "wait_send_all_might_not_block"])
async def test_a_closed_stream_says_so(method: str) -> None:
    async with pair() as (client, server):
        await server.aclose()
        await server.aclose()
        assert await client.receive_some() == b""
        with pytest.raises(trio.ClosedResourceError):
            await getattr(server, method)()


async def test_a_client_that_goes_away_breaks_the_stream_for_good() -> None:
    async with pair() as (client, server):
        await client.transport_stream.aclose()
        for _ in range(2):
            with pytest.raises(trio.BrokenResourceError, match="went away"):
                await server.receive_some()
        await server.aclose()


async def test_closing_towards_a_client_that_is_gone_is_no_error() -> None:
    async with pair() as (client, server):
        await client.transport_stream.aclose()
        await server.aclose()


async def test_a_record_that_is_none_is_told_in_openssls_words() -> None:
    async with pair() as (client, server):
        await client.transport_stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(trio.BrokenResourceError, match=r"wrong version number|packet|record"):
            await server.receive_some()


async def test_two_may_receive_and_send_at_once() -> None:
    data = bytes(200_000)
    received = bytearray()
    async with pair() as (client, server):

        async def take() -> None:
            while len(received) < len(data):
                received.extend(await server.receive_some())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(take)
            nursery.start_soon(server.send_all, b"meanwhile")
            await client.send_all(data)
        assert await client.receive_some() == b"meanwhile"
    assert received == data


def test_openssl_without_words_is_named() -> None:
    from OpenSSL import SSL

    from trio_secure.testing._server_stream import _reason  # pyright: ignore[reportPrivateUsage]

    assert _reason(SSL.SysCallError()) == "SysCallError"
