from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from support.http_peers import Peer, Peers, Script, always, ok, peers
from trio_https import ConnectionLost, Deadlines, Event, Limits, Timings, TooSlow
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


async def test_an_expectation_that_is_not_understood_is_dropped() -> None:
    async def source() -> AsyncGenerator[bytes]:
        yield b"x"

    async def old(peer: Peer) -> None:
        while True:
            seen = await peer.request_head()
            if "expect" in seen.headers:
                await peer.send(ok(b"what?", status="417 Expectation Failed"))
                await peer.request_body()
            else:
                assert await peer.request_body() == b"x"
                assert await peer.request_body() == b""
                await peer.send(ok(b"hello"))

    async with _transport(old) as (transport, server):
        request = Outgoing.of("POST", "http://h/", {"Expect": "100-continue"}, b"x")
        async with transport(request) as response:
            assert (response.status, (await response.read(10)).content) == (200, b"hello")
        assert ["expect" in seen.headers for seen in server.requests] == [True, False]
        once = Outgoing.of("POST", "http://h/", {"Expect": "100-continue"}, source())
        async with transport(once) as response:
            assert response.status == 417


async def test_timings_and_events(autojump_clock: trio.testing.MockClock) -> None:
    async def slow(peer: Peer) -> None:
        while True:
            await peer.request()
            await trio.sleep(1)
            await peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            await trio.sleep(1)
            await peer.send(ok(b"hello"))

    told: list[Event] = []
    async with peers(slow) as server:
        transport = Transport(Connector(server, None), Limits(), Deadlines(), told.append)
        request = Outgoing.of("GET", "http://h/")
        seen: list[Timings] = []
        for _ in range(2):
            async with transport(request) as response:
                seen.append((await response.read(10)).timings)
        for timings in seen:
            assert (timings.sent, timings.first_byte, timings.response, timings.done) == (0, 1, 2, 2)
        phases = [event.phase for event in told]
        assert phases == [
            *["slot", "secured", "sent", "informational", "response", "done"],
            *["slot", "reused", "sent", "informational", "response", "done"],
        ]
        assert [(timings.secured, timings.slot) for timings in seen] == [(0, 0), (None, 0)]
        with pytest.raises(KeyError):
            async with transport(request):
                raise KeyError("mine")
        assert (told[-1].phase, repr(told[-1].detail)) == ("failed", "KeyError('mine')")
        await transport.aclose()


async def test_a_body_that_fails_behind_the_answer_is_told(autojump_clock: trio.testing.MockClock) -> None:
    async def source() -> AsyncGenerator[bytes]:
        yield b"x"
        await trio.sleep(1.01)
        raise KeyError("mine")

    async def early(peer: Peer) -> None:
        await peer.request_head()
        await trio.sleep(1)
        await peer.send(ok())

    told: list[Event] = []
    async with peers(early) as server:
        transport = Transport(Connector(server, None), Limits(), Deadlines(), told.append)
        with pytest.raises(KeyError, match="mine"):
            async with transport(Outgoing.of("PUT", "http://h/", None, source())) as response:
                assert response.status == 200
        assert (told[-1].phase, repr(told[-1].detail)) == ("failed", "KeyError('mine')")
        await transport.aclose()
        assert server.open == 0


async def test_a_request_may_have_deadlines_of_its_own(autojump_clock: trio.testing.MockClock) -> None:
    async def silent(peer: Peer) -> None:
        await trio.sleep_forever()

    async with _transport(silent) as (transport, _):
        request = Outgoing.of("GET", "http://h/", deadlines=Deadlines(idle=3))
        with pytest.raises(TooSlow, match="nothing for 3 s"):
            async with transport(request):
                pytest.fail("there is no answer")
        assert trio.current_time() == 3
