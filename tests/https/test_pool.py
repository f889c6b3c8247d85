from __future__ import annotations

import math
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from support.cancellation import every_checkpoint
from support.http_peers import NearEnd, Peer, Peers, Script, always, ok, peers
from trio_https import Deadlines, Limits, TooSlow
from trio_https._connection import Connection
from trio_https._exchange import Exchange
from trio_https._outgoing import Outgoing
from trio_https._pool import Pool


@asynccontextmanager
async def leased(
    pool: Pool,
    origin: tuple[str, str, int],
    connect: Callable[[], Awaitable[Connection]],
    *,
    fresh: bool = False,
    patience: float = math.inf,
) -> AsyncGenerator[Connection]:
    connection = await pool.take(origin, connect, fresh=fresh, patience=patience)
    try:
        yield connection
    finally:
        await pool.give_back(origin, connection)


class World:
    """A pool of connections to servers in memory."""

    def __init__(self, server: Peers, pool: Pool) -> None:
        self.server = server
        self.pool = pool

    @asynccontextmanager
    async def lease(self, host: str = "h") -> AsyncGenerator[Connection]:
        async def connect() -> Connection:
            return Connection(await self.server(host, 80), f"http://{host}", Limits(), Deadlines())

        async with leased(self.pool, ("http", host, 80), connect) as connection:
            yield connection

    async def fetch(self, host: str = "h", body: bytes | None = None) -> bytes:
        request = Outgoing.of("POST", f"http://{host}/", None, body)
        async with self.lease(host) as connection, Exchange(connection, request) as response:
            return (await response.read(1_000_000)).content


@asynccontextmanager
async def world(script: Script | None = None, size: int = 2, keep_alive: float = 15) -> AsyncGenerator[World]:
    async with peers(script or always(ok(b"hello"))) as server:
        yield World(server, Pool(size, keep_alive))


class Forgetful:
    """A pool of TCP connections to a server that does not say that it closes after each response."""

    def __init__(self, nursery: trio.Nursery, listeners: list[trio.SocketListener]) -> None:
        self.pool = Pool(1, 15)
        self.accepted = 0
        self._listener = listeners[0]
        self._streams: list[NearEnd] = []
        nursery.start_soon(trio.serve_listeners, self._serve, listeners)

    @property
    def open(self) -> int:
        return sum(not stream.closed for stream in self._streams)

    async def fetch(self) -> bytes:
        request = Outgoing.of("GET", "http://h/", None, None)
        async with (
            leased(self.pool, ("http", "h", 80), self._connect) as connection,
            Exchange(connection, request) as response,
        ):
            return (await response.read(10)).content

    async def _connect(self) -> Connection:
        stream = NearEnd(await trio.testing.open_stream_to_socket_listener(self._listener))
        self._streams.append(stream)
        return Connection(stream, "http://h", Limits(), Deadlines())

    async def _serve(self, stream: trio.SocketStream) -> None:
        self.accepted += 1
        async with stream:
            if await stream.receive_some():
                await stream.send_all(ok(b"hello"))


@asynccontextmanager
async def forgetful() -> AsyncGenerator[Forgetful]:
    async with trio.open_nursery() as nursery:
        yield Forgetful(nursery, await trio.open_tcp_listeners(0, host="127.0.0.1"))
        nursery.cancel_scope.cancel()


async def test_a_connection_is_used_again() -> None:
    async with world() as here:
        for _ in range(3):
            assert await here.fetch() == b"hello"
        assert len(here.server.streams) == here.server.open == 1
        assert len(here.server.requests) == 3


async def test_but_not_for_another_server() -> None:
    async with world() as here:
        await here.fetch("a")
        await here.fetch("b")
        await here.fetch("a")
        assert [host for host, _, _ in here.server.calls] == ["a", "b"]


async def test_the_one_used_last_is_taken_first() -> None:
    async with world() as here:

        async def both() -> tuple[Connection, Connection]:
            request = Outgoing.of("GET", "http://h/", None, None)
            async with here.lease() as outer, Exchange(outer, request) as one:
                async with here.lease() as inner, Exchange(inner, request) as other:
                    await other.read(10)
                await one.read(10)
            return outer, inner

        outer, _ = await both()
        async with here.lease() as again:
            assert again is outer


async def test_a_connection_whose_response_was_not_read_is_closed() -> None:
    async def long(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
        await trio.sleep_forever()

    async with world(long) as here:
        request = Outgoing.of("GET", "http://h/", None, None)
        async with here.lease() as connection, Exchange(connection, request):
            pass
        assert here.server.open == 0


async def test_a_short_response_that_is_here_need_not_be_read() -> None:
    async with world() as here:
        request = Outgoing.of("GET", "http://h/", None, None)
        for _ in range(2):
            async with here.lease() as connection, Exchange(connection, request):
                pass
        assert len(here.server.streams) == here.server.open == 1


async def test_an_error_in_the_block_closes_a_connection_in_use() -> None:
    async with world() as here:
        with pytest.raises(KeyError):
            async with here.lease():
                raise KeyError
        assert here.server.open == 0
        assert await here.fetch() == b"hello"


async def test_no_more_than_its_size_are_open_and_waiting_is_fair(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def slow(peer: Peer) -> None:
        while True:
            await peer.request()
            await trio.sleep(1)
            await peer.send(ok(b"hello"))

    async with world(slow) as here:
        order: list[int] = []

        async def fetch(number: int) -> None:
            await here.fetch(f"host{number % 3}")
            order.append(number)

        most = 0
        async with trio.open_nursery() as nursery:
            for number in range(6):
                nursery.start_soon(fetch, number)
                await trio.testing.wait_all_tasks_blocked()
            while len(order) < 6:
                most = max(most, here.server.open)
                await trio.sleep(0.5)
        assert most == 2
        assert [number // 2 for number in order] == [0, 0, 1, 1, 2, 2]
        assert trio.current_time() < 4


async def test_idle_connections_to_other_servers_make_room_oldest_first() -> None:
    async with world() as here:
        for host in ("a", "b", "c"):
            await here.fetch(host)
        assert [stream.closed for stream in here.server.streams] == [True, False, False]
        await here.fetch("b")
        await here.fetch("a")
        assert [stream.closed for stream in here.server.streams] == [True, False, True, False]
        assert here.server.open == 2


async def test_what_was_idle_for_too_long_is_closed(autojump_clock: trio.testing.MockClock) -> None:
    async with world(size=5) as here:
        await here.fetch("a")
        await trio.sleep(10)
        await here.fetch("b")
        await trio.sleep(10)
        await here.fetch("b")
        assert [stream.closed for stream in here.server.streams] == [True, False]
        await trio.sleep(14)
        await here.fetch("b")
        assert len(here.server.streams) == 2


async def test_a_connection_the_server_closed_is_not_used_again() -> None:
    async with forgetful() as here:
        for number in range(1, 4):
            assert await here.fetch() == b"hello"
            await trio.testing.wait_all_tasks_blocked()
            assert here.accepted == number
        await here.pool.aclose()


async def test_finding_that_out_can_be_cancelled_at_any_checkpoint() -> None:
    for cancelling in every_checkpoint():
        async with forgetful() as here:
            await here.fetch()
            await trio.testing.wait_all_tasks_blocked()
            await cancelling.run(here.fetch)
            with trio.fail_after(5):
                assert await here.fetch() == b"hello"
            await here.pool.aclose()
            assert here.open == 0


async def test_closing_closes_idle_and_busy_connections() -> None:
    async with world() as here:
        await here.fetch()
        async with here.lease("other") as connection:
            assert here.server.open == 2
            await here.pool.aclose()
            assert here.server.open == 0
            connection.begin(Outgoing.of("GET", "http://h/", None, None).event)
            with pytest.raises(trio.ClosedResourceError):
                await connection.read_head()
        await here.pool.aclose()
        with pytest.raises(trio.ClosedResourceError, match="the client is closed"):
            await here.fetch()


async def test_closing_is_polite_for_a_second_and_then_firm(autojump_clock: trio.testing.MockClock) -> None:
    class Stubborn(Connection):
        async def aclose(self) -> None:
            await trio.sleep_forever()

    async with world() as here:

        async def connect() -> Connection:
            return Stubborn(await here.server("h", 80), "http://h", Limits(), Deadlines())

        request = Outgoing.of("GET", "http://h/", None, None)
        async with leased(here.pool, ("http", "h", 80), connect) as connection, Exchange(connection, request):
            pass
        assert here.server.open == 1
        await here.pool.aclose()
        assert here.server.open == 0
        assert trio.current_time() == 1


async def test_closing_while_cancelled_closes_all_the_same() -> None:
    async with world(size=5) as here:
        for host in ("a", "b", "c"):
            await here.fetch(host)
        with trio.CancelScope() as scope:
            scope.cancel()
            await here.pool.aclose()
        assert scope.cancelled_caught
        assert here.server.open == 0


async def test_whoever_waits_in_line_does_not_connect_any_more_when_it_is_closed() -> None:
    async with world(size=1) as here:

        async def late() -> None:
            with pytest.raises(trio.ClosedResourceError, match="the client is closed"):
                await here.fetch()

        async with trio.open_nursery() as nursery, here.lease():
            nursery.start_soon(late)
            await trio.testing.wait_all_tasks_blocked()
            await here.pool.aclose()
        assert len(here.server.streams) == 1
        assert here.server.open == 0


async def test_whoever_waits_in_line_or_connects_learns_that_it_was_closed() -> None:
    connected = trio.Event()

    async with world(size=1) as here:

        async def connect() -> Connection:
            await connected.wait()
            return Connection(await here.server("h", 80), "http://h", Limits(), Deadlines())

        async def lease() -> None:
            with pytest.raises(trio.ClosedResourceError, match="the client is closed"):
                async with leased(here.pool, ("http", "h", 80), connect):
                    pytest.fail("it is closed")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(lease)
            nursery.start_soon(lease)
            await trio.testing.wait_all_tasks_blocked()
            await here.pool.aclose()
            connected.set()
        assert here.server.open == 0


async def test_a_failed_connect_frees_its_slot() -> None:
    async with world(size=1) as here:

        async def connect() -> Connection:
            raise OSError("no route")

        for _ in range(3):
            with pytest.raises(OSError, match="no route"):
                async with leased(here.pool, ("http", "h", 80), connect):
                    pytest.fail("there is no connection")
        assert await here.fetch() == b"hello"


@pytest.mark.parametrize("body", [b"short", b"long" * 10_000])
@pytest.mark.parametrize("warm", ["", "same", "other", "expired"])
async def test_cancelled_at_any_checkpoint_it_holds_nothing(
    body: bytes, warm: str, autojump_clock: trio.testing.MockClock
) -> None:
    rounds = 0
    for cancelling in every_checkpoint():
        rounds += 1
        async with world(size=1) as here:
            if warm:
                await here.fetch("a" if warm == "other" else "h")
            if warm == "expired":
                await trio.sleep(20)
            content = await cancelling.run(here.fetch, "h", body)
            assert content == b"hello" or cancelling.reached
            assert here.server.open <= 1
            # The one slot is free, and a connection left idle is good.
            with trio.fail_after(5):
                assert await here.fetch("h", body) == b"hello"
            assert here.server.open == 1
            await here.pool.aclose()
            assert here.server.open == 0
    assert rounds > 5


@pytest.mark.parametrize("seed", range(10))
async def test_many_requests_cancelled_at_random_leave_the_pool_whole(
    seed: int, autojump_clock: trio.testing.MockClock
) -> None:
    chance = random.Random(seed)  # noqa: S311  # a test that can be repeated, not a secret

    async def slow(peer: Peer) -> None:
        while True:
            await peer.request()
            await trio.sleep(chance.random())
            await peer.send(ok(b"hello")[:-1])
            await trio.sleep(chance.random() / 10)
            await peer.send(b"o")

    async with world(slow) as here:

        async def fetch() -> None:
            with trio.move_on_after(chance.random() * 3):
                await here.fetch(chance.choice("abc"), bytes(chance.choice([0, 10, 30_000])))

        for _ in range(10):
            async with trio.open_nursery() as nursery:
                for _ in range(8):
                    nursery.start_soon(fetch)
            assert here.server.open <= 2
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(here.fetch)
                nursery.start_soon(here.fetch)
        await here.pool.aclose()
        assert here.server.open == 0


async def test_no_more_than_so_many_to_each_server(autojump_clock: trio.testing.MockClock) -> None:
    async def slow(peer: Peer) -> None:
        while True:
            await peer.request()
            await trio.sleep(1)
            await peer.send(ok(b"hello"))

    async with peers(slow) as server:
        here = World(server, Pool(4, 15, each=2))
        ended: list[tuple[float, str]] = []

        async def fetch(host: str) -> None:
            await here.fetch(host)
            ended.append((trio.current_time(), host))

        async with trio.open_nursery() as nursery:
            for host in ("a", "a", "a", "b"):
                nursery.start_soon(fetch, host)
                await trio.testing.wait_all_tasks_blocked()
        assert sorted(ended) == [(1, "a"), (1, "a"), (1, "b"), (2, "a")]
        assert [host for host, _, _ in server.calls] == ["a", "a", "b"]
        await here.pool.aclose()


async def test_a_fresh_connection_makes_room_among_those_of_its_server() -> None:
    async with peers(always(ok(b"hello"))) as server:
        pool = Pool(4, 15, each=1)
        here = World(server, pool)
        await here.fetch("b")
        await here.fetch("a")

        async def connect() -> Connection:
            return Connection(await server("a", 80), "http://a", Limits(), Deadlines())

        async with leased(pool, ("http", "a", 80), connect, fresh=True):
            assert [stream.closed for stream in server.streams] == [False, True, False]
        await pool.aclose()


async def test_waiting_in_line_has_a_deadline(autojump_clock: trio.testing.MockClock) -> None:
    async with world(size=1) as here:

        async def connect() -> Connection:
            pytest.fail("there is no slot for it")

        async with here.lease():
            with pytest.raises(
                TooSlow, match=r"no connection became free within 3 s.*0 more.*Deadlines\.pool"
            ):
                async with leased(here.pool, ("http", "h", 80), connect, patience=3):
                    pytest.fail("there is no slot for it")
            assert trio.current_time() == 3
        assert await here.fetch() == b"hello"


async def test_its_text_says_what_it_holds() -> None:
    async with world() as here:
        await here.fetch("a")
        async with here.lease("b"):
            assert repr(here.pool) == "<Pool: 1 busy, 1 idle, 0 waiting>"
