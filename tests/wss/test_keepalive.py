from __future__ import annotations

import math

import pytest
import trio

from support.websocket_peer import CLOSE, PING, PONG, TEXT, Frame, Peer, connected, frame
from trio_wss import ConnectionClosed, PingTimeout
from trio_wss._connection import HURRY
from trio_wss._keepalive import keep_alive
from trio_wss._pings import Flight, Pings


class Line:
    """A connection, as far as keepalive sees one."""

    def __init__(self) -> None:
        self.finishing = trio.Event()
        self.heard_at = trio.current_time()
        self.deaf = False
        self.pings = Pings()
        self.sent: list[float] = []

    def send_ping(self, payload: bytes) -> Flight:
        self.sent.append(trio.current_time())
        self.last = payload
        return self.pings.sent(payload)

    def answer(self) -> None:
        self.heard_at = trio.current_time()
        self.pings.answered(self.last)


async def run(line: Line, results: list[tuple[bool, float]]) -> None:
    """A Ping every 10 s, of which each is waited for 5 s: whether the server was there, and until when."""
    results.append((await keep_alive(line, 10, 5), trio.current_time()))


async def test_pings_go_out_at_intervals_as_long_as_they_are_answered(autojump_clock: trio.abc.Clock) -> None:
    line = Line()
    results: list[tuple[bool, float]] = []
    started = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, line, results)
        for _ in range(3):
            await trio.sleep(11)
            line.answer()
        line.finishing.set()
    assert [at - started for at in line.sent] == [10, 21, 32]
    assert results[0][0]


async def test_silence_after_a_ping_is_the_end(autojump_clock: trio.abc.Clock) -> None:
    line = Line()
    results: list[tuple[bool, float]] = []
    started = trio.current_time()
    await run(line, results)
    assert results == [(False, started + 15)]


async def test_anything_that_comes_is_a_sign_of_life(autojump_clock: trio.abc.Clock) -> None:
    line = Line()
    results: list[tuple[bool, float]] = []
    started = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, line, results)
        for _ in range(8):
            await trio.sleep(4)
            line.heard_at = trio.current_time()
    assert results == [(False, started + 32 + 5)]


async def test_time_in_which_nothing_is_read_does_not_count(autojump_clock: trio.abc.Clock) -> None:
    line = Line()
    results: list[tuple[bool, float]] = []
    started = trio.current_time()
    line.deaf = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, line, results)
        await trio.sleep(101)
        line.deaf = False
        line.heard_at = trio.current_time()
    assert results == [(False, started + 106)]


async def test_without_patience_it_waits_for_ever(autojump_clock: trio.abc.Clock) -> None:
    line = Line()

    async def wait() -> None:
        assert await keep_alive(line, 10, None)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.sleep(80_000)
        assert len(line.sent) == 1
        line.finishing.set()
        line.pings.end()


# On a connection


async def test_a_server_that_answers_is_kept_and_its_latency_known(autojump_clock: trio.abc.Clock) -> None:
    async with connected(ping_interval=20, ping_timeout=20) as (ws, peer), trio.open_nursery() as nursery:
        assert math.isnan(ws.latency)

        async def answer() -> None:
            for _ in range(5):
                ping = await peer.frame()
                assert ping is not None
                assert (ping.opcode, len(ping.payload)) == (PING, 8)
                await trio.sleep(0.25)
                await peer.send(frame(PONG, ping.payload))
            await peer.send(frame(TEXT, b"still here"))

        nursery.start_soon(answer)
        assert await ws.receive() == "still here"
        assert ws.latency == pytest.approx(0.25)
        assert trio.current_time() > 100


async def test_a_server_that_is_gone_is_noticed_and_told(autojump_clock: trio.abc.Clock) -> None:
    async with connected(ping_interval=20, ping_timeout=10) as (ws, peer):
        started = trio.current_time()
        with pytest.raises(PingTimeout, match="silent for 10 s after a Ping"):
            await ws.receive()
        assert trio.current_time() - started == pytest.approx(30)
        with pytest.raises(trio.TooSlowError):
            await ws.send("x")
        await ws.aclose()
        assert trio.current_time() - started <= 30 + HURRY + 0.01
        frames = await peer.frames()
        assert [one.opcode for one in frames] == [PING, CLOSE]
        assert frames[1] == Frame(CLOSE, b"\x03\xf3no answer to a ping")
        assert ws.close_code == 1006


async def test_a_slow_application_is_no_reason_to_give_up(autojump_clock: trio.abc.Clock) -> None:
    async with (
        connected(ping_interval=20, ping_timeout=10, max_buffered=1000, max_message_size=5000) as (ws, peer),
        trio.open_nursery() as nursery,
    ):

        async def answer(peer: Peer) -> None:
            ping = await peer.frame()
            assert ping is not None
            await peer.send(frame(TEXT, b"x" * 2000) + frame(PONG, ping.payload))

        nursery.start_soon(answer, peer)
        await trio.sleep(500)
        assert await ws.receive() == "x" * 2000
        assert ws.close_code is None


async def test_closing_ends_it(autojump_clock: trio.abc.Clock) -> None:
    async with connected(ping_interval=20, ping_timeout=10) as (ws, peer), trio.open_nursery() as nursery:
        nursery.start_soon(peer.finish)
        started = trio.current_time()
        await ws.aclose()
        assert trio.current_time() - started < 1


async def test_a_server_that_closes_instead_of_answering_has_closed(autojump_clock: trio.abc.Clock) -> None:
    async with connected(ping_interval=20, ping_timeout=10) as (ws, peer):
        assert (await peer.frame()) is not None
        await peer.send(frame(CLOSE, b"\x03\xe9"))
        with pytest.raises(ConnectionClosed, match="1001"):
            await ws.receive()
