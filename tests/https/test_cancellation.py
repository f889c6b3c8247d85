"""The pool against cancellation: whatever is cancelled when, every slot is free afterwards and nothing is open.

Theory of operation: many requests of all kinds at once over a client with two connections, to servers in memory
that take their time, over bare streams and over TLS; once cancelled at random moments of a virtual clock, and once
at every checkpoint in turn. Then the books are looked at, and the next requests have to succeed.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from support.cancellation import every_checkpoint
from support.http_peers import Peer, Peers, Script, SecurePeers, ok
from trio_https import Client, Limits

_SIZE = 2
_CODED = gzip.compress(b"hello" * 20_000)
_secure_or_not = pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])


@asynccontextmanager
async def _world(script: Script, secure: bool, chance: random.Random) -> AsyncGenerator[tuple[Client, Peers]]:
    async with trio.open_nursery() as nursery:
        server: Peers
        if secure:
            server = SecurePeers(nursery, script, patience=lambda: chance.choice([0, 0.01, 0.3]))
        else:
            server = Peers(nursery, script)
        async with Client(server, limits=Limits(connections=_SIZE)) as client:
            yield client, server
        assert server.open == 0
        nursery.cancel_scope.cancel()


def _server(chance: random.Random) -> Script:
    async def script(peer: Peer) -> None:
        while True:
            seen = await peer.request_head()
            await trio.sleep(chance.choice([0, 0.01, 0.2]))
            if seen.target == "/early":
                await peer.send(ok(b"early"))
            while await peer.request_body():  # noqa: ASYNC110  # it takes its time
                await trio.sleep(chance.choice([0, 0.01]))
            if seen.target == "/coded":
                answer = ok(_CODED, "Content-Encoding: gzip")
                await peer.send(answer[:-5])
                await trio.sleep(chance.choice([0, 0.1]))
                await peer.send(answer[-5:])
            elif seen.target == "/gone":
                return
            elif seen.target != "/early":
                await peer.send(ok(b"hello"))

    return script


async def _source() -> AsyncGenerator[bytes]:
    for _ in range(3):
        await trio.sleep(0.01)
        yield b"x" * 30_000


async def _one(client: Client, what: str, host: str) -> None:
    url = f"http://{host}/{what}"
    if what == "coded":
        assert (await client.get(url)).content == b"hello" * 20_000
    elif what == "left":
        async with client.stream("GET", url):
            await trio.sleep(0.01)
    elif what in ("upload", "early"):
        async with client.stream("PUT", url, body=_source()) as response:
            async for _ in response:
                await trio.sleep(0.001)
    elif what == "expect":
        await client.post(url, b"hello", expect=True)
    elif what == "gone":
        with pytest.raises(trio.BrokenResourceError):
            await client.post(url)
    else:
        await client.get(url)


_KINDS = ["get", "coded", "left", "upload", "early", "expect", "gone"]


async def _still_good(client: Client, server: Peers) -> None:
    """Every slot is free, no more is open than allowed, and as many requests as there are slots succeed."""
    pool = client._transport.pool
    assert pool._slots.free == _SIZE
    assert pool._slots.waiting == 0
    assert not pool._busy
    assert server.open == len(pool._idle) <= _SIZE
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            for host in "abcd":
                nursery.start_soon(_one, client, "get", host)
    assert server.open <= _SIZE


@_secure_or_not
@pytest.mark.parametrize("seed", range(10))
async def test_cancelled_at_random_moments(
    seed: int, secure: bool, autojump_clock: trio.testing.MockClock
) -> None:
    chance = random.Random(seed)  # noqa: S311  # a test that can be repeated, not a secret
    async with _world(_server(chance), secure, chance) as (client, server):

        async def one() -> None:
            with trio.move_on_after(chance.choice([0, 0.005, 0.05, 0.5, 2]) * chance.random()):
                await _one(client, chance.choice(_KINDS), chance.choice("abc"))

        for _ in range(12):
            async with trio.open_nursery() as nursery:
                for _ in range(8):
                    nursery.start_soon(one)
                if chance.random() < 0.3:
                    await trio.sleep(chance.random())
                    nursery.cancel_scope.cancel()
            assert server.open <= _SIZE
            await _still_good(client, server)


@_secure_or_not
@pytest.mark.parametrize("kind", [*_KINDS, "several"])
async def test_cancelled_at_every_checkpoint(
    kind: str, secure: bool, autojump_clock: trio.testing.MockClock
) -> None:
    several = kind == "several"

    async def program(client: Client) -> None:
        async with trio.open_nursery() as nursery:
            for host, what in [("a", "get"), ("a", "upload"), ("b", "coded")] if several else [("a", kind)]:
                nursery.start_soon(_one, client, what, host)

    rounds = 0
    for cancelling in every_checkpoint():
        rounds += 1
        chance = random.Random(7)  # noqa: S311  # as above
        async with _world(_server(chance), secure, chance) as (client, server):
            await cancelling.run(program, client)
            assert server.open <= _SIZE
            await _still_good(client, server)
    assert rounds > 3
