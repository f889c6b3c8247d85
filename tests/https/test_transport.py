from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio

from support.http_peers import Peer, Peers, Script, always, ok, peers
from trio_https import ConnectionLost, Deadlines, Limits
from trio_https._connector import Connector
from trio_https._outgoing import Outgoing
from trio_https._route import Route
from trio_https._transport import Transport


async def test_requests_share_connections_by_origin_and_route() -> None:
    async with peers(always(ok(b"hello"))) as server:
        transport = Transport(Connector(server, None), Limits(), Deadlines())
        request = Outgoing.of("GET", "http://h/")
        for one in (request, request, request.replace(route=Route("r")), request.replace(route=Route("r"))):
            async with transport(one) as response:
                assert (await response.read(10)).content == b"hello"
        assert len(server.streams) == 2
        await transport.aclose()
        assert server.open == 0
        with pytest.raises(trio.ClosedResourceError):
            async with transport(request):
                pytest.fail("it is closed")


def _mortal(answers: int) -> Script:
    """Answers so many requests on each connection, reads one more, and dies of it."""

    async def script(peer: Peer) -> None:
        for _ in range(answers):
            await peer.request()
            await peer.send(ok(b"hello"))
        await peer.request()

    return script


@asynccontextmanager
async def _transport(script: Script) -> AsyncGenerator[tuple[Transport, Peers]]:
    async with peers(script) as server:
        transport = Transport(Connector(server, None), Limits(connections=1), Deadlines())
        yield transport, server
        await transport.aclose()
        assert server.open == 0


async def test_a_connection_that_dies_when_it_is_used_again_is_replaced_once() -> None:
    async with _transport(_mortal(1)) as (transport, server):
        for _ in range(3):
            async with transport(Outgoing.of("PUT", "http://h/", None, b"x" * 100_000)) as response:
                assert (await response.read(10)).content == b"hello"
        assert len(server.requests) == 5
        assert len(server.streams) == 3


async def test_what_must_not_be_sent_twice_is_not() -> None:
    async def source() -> AsyncGenerator[bytes]:
        yield b"x"

    for again in (Outgoing.of("POST", "http://h/"), Outgoing.of("PUT", "http://h/", None, source())):
        async with _transport(_mortal(1)) as (transport, server):
            async with transport(Outgoing.of("GET", "http://h/")) as response:
                await response.read(10)
            with pytest.raises(ConnectionLost, match="before it answered"):
                async with transport(again):
                    pytest.fail("there is no answer")
            assert len(server.streams) == 1


async def test_a_new_connection_that_dies_is_an_error() -> None:
    async with _transport(_mortal(0)) as (transport, server):
        with pytest.raises(ConnectionLost, match="before it answered"):
            async with transport(Outgoing.of("GET", "http://h/")):
                pytest.fail("there is no answer")
        assert len(server.streams) == 1


async def test_a_connection_that_dies_in_its_answer_is_an_error() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(ok())
        await peer.request()
        await peer.send(b"HTTP/1.1 20")

    async with _transport(script) as (transport, server):
        async with transport(Outgoing.of("GET", "http://h/")):
            pass
        with pytest.raises(ConnectionLost, match="after 11 bytes"):
            async with transport(Outgoing.of("GET", "http://h/")):
                pytest.fail("there is no answer")
        assert len(server.streams) == 1


async def test_an_error_of_the_block_is_the_blocks_own() -> None:
    async with _transport(always(ok())) as (transport, server):
        for _ in range(2):
            with pytest.raises(ConnectionLost, match="mine"):
                async with transport(Outgoing.of("GET", "http://h/")):
                    raise ConnectionLost("mine")
        assert len(server.requests) == 2
