from __future__ import annotations

import trio
import trio.testing

from support.http_peers import Peer, Script, answering, ok, peers
from trio_https import Client
from trio_https._leftovers import discard


async def connections_for(script: Script) -> int:
    """How many connections two requests take, the first of whose responses is discarded."""
    async with peers(script) as factory, Client(factory) as client:
        async with client.stream("GET", "http://h.example/") as response:
            await discard(response)
        await client.get("http://h.example/")
        return len(factory.streams)


async def test_what_is_short_is_read() -> None:
    assert await connections_for(answering(ok(b"x" * 60_000), ok())) == 1


async def test_what_is_long_is_not() -> None:
    assert await connections_for(answering(ok(b"x" * 70_000))) == 2


async def test_what_is_slow_is_not_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    async def slow(peer: Peer) -> None:
        await peer.request()
        await peer.send(ok(b"xx")[: None if peer.number else -1])
        await trio.sleep_forever()

    assert await connections_for(slow) == 2
    assert trio.current_time() < 5


async def test_what_is_broken_does_not_matter() -> None:
    async def broken_first(peer: Peer) -> None:
        await peer.request()
        await peer.send(ok() if peer.number else b"HTTP/1.1 302 \r\nTransfer-Encoding: chunked\r\n\r\nx\r\n")

    assert await connections_for(broken_first) == 2
