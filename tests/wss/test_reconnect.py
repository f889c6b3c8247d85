from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest
import trio
import trio.testing

import trio_secure
from support.cancellation import every_checkpoint
from support.counting_stream import CountingStream
from support.websocket_peer import CLOSE, TEXT, Peer, close_frame, frame
from trio_https import Headers
from trio_wss import (
    Backoff,
    ConnectionClosed,
    ConnectionLost,
    ProtocolViolation,
    Reconnecting,
    UpgradeRefused,
    WebSocketError,
    is_transient,
    reconnecting,
)

HERE = "ws://server.test/"
Serve = Callable[[Peer], Awaitable[None]]


@pytest.fixture(autouse=True)
def _no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    def longest(_: float, most: float) -> float:
        return most

    monkeypatch.setattr("random.uniform", longest)


class Server:
    """A Socket factory: serves one connection after the other as its list says, the last entry for ever."""

    def __init__(self, nursery: trio.Nursery, *serve: Serve | Exception) -> None:
        self._nursery = nursery
        self._serve = list(serve)
        self._started = trio.current_time()
        self.asked_at: list[float] = []

    async def __call__(self, host: str, port: int) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        self.asked_at.append(trio.current_time() - self._started)
        serve = self._serve.pop(0) if len(self._serve) > 1 else self._serve[0]
        if isinstance(serve, Exception):
            raise serve
        client_end, server_end = trio.testing.memory_stream_pair()
        self._nursery.start_soon(serve, Peer(server_end))
        return CountingStream(client_end)


async def closes_at_once(peer: Peer) -> None:
    await peer.accept(behind=close_frame(1012))
    await peer.frames()


async def talks(peer: Peer) -> None:
    try:
        await peer.accept(behind=frame(TEXT, b"hello"))
    except (AssertionError, trio.BrokenResourceError):
        return  # the client gave up before it was connected
    while (one := await peer.frame()) is not None:
        if one.opcode == CLOSE:
            await peer.send(frame(CLOSE, one.payload))
            await peer.stream.aclose()
            return


async def talks_for_a_while(peer: Peer) -> None:
    await peer.accept(behind=frame(TEXT, b"hello"))
    await trio.sleep(30)
    await peer.send(close_frame(1001))
    await peer.frames()


def refuses(status: int, *fields: str) -> Serve:
    async def serve(peer: Peer) -> None:
        await peer.read_request()
        head = "\r\n".join([f"HTTP/1.1 {status} No", "Content-Length: 0", *fields, "", ""])
        await peer.send(head.encode())

    return serve


async def test_each_round_has_an_open_connection_and_the_one_before_is_closed(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery, talks)
        rounds = 0
        before = None
        async with reconnecting(HERE, Socket=server) as connections:
            async for ws in connections:
                if before is not None:
                    assert before.close_code == 1000
                assert CountingStream.open_streams == 1
                assert await ws.receive() == "hello"
                before = ws
                rounds += 1
                if rounds == 3:
                    break
            assert before is not None
            assert before.close_code is None  # it is the block that closes it
        assert before.close_code == 1000
        assert CountingStream.open_streams == 0


async def test_a_connection_that_ends_is_replaced(autojump_clock: trio.abc.Clock) -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery, talks_for_a_while)
        received: list[str | bytes] = []
        async with reconnecting(HERE, Socket=server) as connections:
            async for ws in connections:
                received += [message async for message in ws]
                if len(received) == 3:
                    break
        assert received == ["hello"] * 3
        # Each lasted, so the wait stays short.
        assert server.asked_at == [pytest.approx(at, abs=4) for at in (0, 30.5, 61)]


async def test_a_connection_that_ends_at_once_is_a_failure(autojump_clock: trio.abc.Clock) -> None:
    async with trio.open_nursery() as nursery:
        server = Server(
            nursery, closes_at_once, closes_at_once, closes_at_once, talks_for_a_while, closes_at_once
        )
        backoff = Backoff(initial=1, factor=2, maximum=60, settled=5)
        async with reconnecting(HERE, Socket=server, backoff=backoff, close_timeout=0) as connections:
            async for ws in connections:
                try:
                    async for _ in ws:
                        pass
                except WebSocketError:
                    pass
                if len(server.asked_at) == 6:
                    break
        waits = [after - before for before, after in zip(server.asked_at, server.asked_at[1:], strict=False)]
        assert waits == [pytest.approx(wait, abs=0.01) for wait in (1, 2, 4, 31, 1)]


async def test_attempts_that_fail_wait_longer_and_longer_up_to_a_maximum(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with trio.open_nursery() as nursery:
        failures = [OSError("down"), trio.TooSlowError("slow"), trio.BrokenResourceError("reset")]
        server = Server(nursery, *failures, refuses(503), refuses(502), talks)
        backoff = Backoff(initial=1, factor=3, maximum=20)
        async with reconnecting(HERE, Socket=server, backoff=backoff) as connections:
            async for ws in connections:
                assert await ws.receive() == "hello"
                break
        assert server.asked_at == [0, 1, 4, 13, 33, 53]


async def test_a_server_that_asks_for_patience_gets_it(autojump_clock: trio.abc.Clock) -> None:
    async with trio.open_nursery() as nursery:
        server = Server(
            nursery,
            refuses(503, "Retry-After: 17"),
            refuses(503, "Retry-After: 99999"),
            refuses(503, "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT"),
            talks,
        )
        backoff = Backoff(initial=1, factor=1, maximum=40)
        async with reconnecting(HERE, Socket=server, backoff=backoff) as connections:
            async for _ in connections:
                break
        assert server.asked_at == [0, 17, 57, 58]


async def loop(opening: AbstractAsyncContextManager[Reconnecting], error: Exception | None = None) -> None:
    """Connect for ever, or until `error` is raised in the loop."""
    async with opening as connections:
        async for _ in connections:
            if error is not None:
                raise error


async def test_what_will_not_get_better_is_raised(autojump_clock: trio.abc.Clock) -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery, refuses(404))
        with pytest.raises(UpgradeRefused) as caught:
            await loop(reconnecting(HERE, Socket=server))
        assert caught.value.status == 404
        assert CountingStream.open_streams == 0


async def test_attempts_can_be_counted(autojump_clock: trio.abc.Clock) -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery, OSError("one"), closes_at_once, OSError("two"), OSError("three"))
        with pytest.raises(OSError, match="three"):
            await loop(reconnecting(HERE, Socket=server, attempts=2))
        assert len(server.asked_at) == 4


async def test_what_to_try_again_is_for_the_caller_to_say(autojump_clock: trio.abc.Clock) -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery, refuses(404), LookupError("x"), talks)
        async with reconnecting(HERE, Socket=server, retry=lambda error: True) as connections:
            async for ws in connections:
                assert await ws.receive() == "hello"
                break


async def test_the_block_s_exception_comes_through_as_it_is(autojump_clock: trio.abc.Clock) -> None:
    async with trio.open_nursery() as nursery:
        error = LookupError("x")
        with pytest.raises(LookupError) as caught:
            await loop(reconnecting(HERE, Socket=Server(nursery, talks)), error)
        assert caught.value is error
        assert CountingStream.open_streams == 0


async def test_a_block_without_a_loop_connects_nothing() -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery, talks)
        async with reconnecting(HERE, Socket=server):
            pass
        assert server.asked_at == []


@pytest.mark.parametrize(
    "wrong", [{"attempts": 0}, {"max_message_size": 0}, {"subprotocols": ["a b"]}, {"open_timeout": 0}]
)
async def test_nonsense_is_refused_before_the_block(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"attempts|max_message_size|subprotocol|open_timeout"):
        async with reconnecting(HERE, **wrong):  # type: ignore[arg-type]
            raise AssertionError("unreachable")


async def test_cancelled_anywhere_it_leaves_nothing_open(autojump_clock: trio.abc.Clock) -> None:
    async def use(server: Server) -> None:
        rounds = 0
        async with reconnecting(HERE, Socket=server) as connections:
            async for ws in connections:
                assert await ws.receive() == "hello"
                rounds += 1
                if rounds == 2:
                    return

    for cancelling in every_checkpoint():
        async with trio.open_nursery() as nursery:
            await cancelling.run(use, Server(nursery, OSError("down"), talks))
            assert CountingStream.open_streams == 0
            nursery.cancel_scope.cancel()


# The rules


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (OSError("x"), True),
        (trio.TooSlowError("x"), True),
        (trio.BrokenResourceError("x"), True),
        (trio_secure.Truncated("x"), True),
        (ConnectionLost("x"), True),
        (UpgradeRefused(429, "", Headers([]), b""), True),
        (UpgradeRefused(503, "", Headers([]), b""), True),
        (UpgradeRefused(401, "", Headers([]), b""), False),
        (UpgradeRefused(302, "", Headers([]), b""), False),
        (ConnectionClosed(1011), False),
        (ProtocolViolation("x"), False),
        (trio_secure.CertificateRefused(trio_secure.AlertDescription.UNKNOWN_CA, "x"), False),
        (ValueError("x"), False),
    ],
)
def test_what_may_be_different_next_time(error: Exception, transient: bool) -> None:
    assert is_transient(error) is transient


@pytest.mark.parametrize(
    "wrong",
    [
        {"initial": -1},
        {"initial": 61},
        {"maximum": float("inf")},
        {"factor": 0.5},
        {"factor": float("nan")},
        {"settled": -1},
        {"settled": float("nan")},
    ],
)
def test_a_backoff_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"backoff|settled"):
        Backoff(**wrong)


def test_a_delay_is_drawn_from_the_upper_half(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[float, float]] = []

    def record(least: float, most: float) -> float:
        drawn.append((least, most))
        return most

    monkeypatch.setattr("random.uniform", record)
    backoff = Backoff(initial=1, factor=2, maximum=10)
    assert [backoff.delay(failures) for failures in (0, 1, 2, 3, 4, 5, 10_000)] == [1, 1, 2, 4, 8, 10, 10]
    assert drawn[:3] == [(0.5, 1), (0.5, 1), (1, 2)]
