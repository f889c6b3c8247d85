from __future__ import annotations

from typing import Any  # arguments of wrong types, on purpose

import pytest
import trio
import trio.testing

from support.cancellation import every_checkpoint
from support.rough_stream import RoughStream
from support.websocket_peer import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    Peer,
    close_frame,
    connected,
    frame,
    pieces,
    read_frames_into,
)
from trio_https import Headers
from trio_wss import ConnectionClosed, ConnectionLost, Deflate, ProtocolViolation, WebSocket
from trio_wss._connection import HURRY, Connection
from trio_wss._handshake import Upgrade
from trio_wss._limits import Limits
from trio_wss._outbox import CAPACITY

BIG = bytes(range(256)) * (2 * CAPACITY // 256)


async def test_a_message_in_every_shape_is_sent() -> None:
    async with connected() as (ws, peer), trio.open_nursery() as nursery:
        nursery.start_soon(ws.send, "text")
        assert await peer.frame() == Frame(TEXT, b"text")
        nursery.start_soon(ws.send, pieces("a"))
        assert await peer.frame() == Frame(TEXT, b"a", final=False)
        assert await peer.frame() == Frame(CONTINUATION, b"")


# Receiving


async def test_messages_come_as_what_they_were_sent_as() -> None:
    async with connected() as (ws, peer):
        await peer.send(frame(TEXT, "Grüße".encode()) + frame(BINARY, b"\x00\xff") + frame(TEXT))
        await peer.send(frame(TEXT, b"a", final=False) + frame(CONTINUATION, b"b"))
        with trio.testing.assert_checkpoints():
            assert await ws.receive() == "Grüße"
        assert [await ws.receive() for _ in range(3)] == [b"\x00\xff", "", "ab"]


async def test_a_cancelled_receive_has_taken_nothing() -> None:
    for cancelling in every_checkpoint():
        async with connected() as (ws, peer):
            await peer.send(frame(TEXT, b"first") + frame(TEXT, b"second"))
            result = await cancelling.run(ws.receive)
            assert result == (None if cancelling.cancelled else "first")
            assert await ws.receive() == ("first" if cancelling.cancelled else "second")


async def test_what_came_before_the_end_is_received_first() -> None:
    async with connected() as (ws, peer):
        await peer.send(frame(TEXT, b"one") + frame(TEXT, b"two") + close_frame(4000, "enough"))
        assert [await ws.receive(), await ws.receive()] == ["one", "two"]
        for _ in range(2):
            with pytest.raises(ConnectionClosed, match="4000: enough"):
                await ws.receive()
        assert (ws.close_code, ws.close_reason) == (4000, "enough")


async def test_a_violation_is_raised_to_everyone() -> None:
    async with connected() as (ws, peer):
        await peer.send(frame(3))
        for _ in range(2):
            with pytest.raises(ProtocolViolation, match="Invalid opcode"):
                await ws.receive()
            with pytest.raises(ProtocolViolation, match="Invalid opcode"):
                await ws.send("x")
            with pytest.raises(ProtocolViolation, match="Invalid opcode"):
                await ws.ping()


@pytest.mark.parametrize("ending", [close_frame(1000), close_frame(1001), frame(CLOSE)])
async def test_iteration_ends_when_the_server_closes(ending: bytes) -> None:
    async with connected() as (ws, peer):
        await peer.send(frame(TEXT, b"one") + frame(BINARY, b"two") + ending)
        assert [message async for message in ws] == ["one", b"two"]


@pytest.mark.parametrize(
    ("ending", "error"), [(close_frame(1011), ConnectionClosed), (frame(3), ProtocolViolation)]
)
async def test_iteration_raises_any_other_end(ending: bytes, error: type[Exception]) -> None:
    async with connected() as (ws, peer):
        await peer.send(frame(TEXT, b"one") + ending)
        messages = aiter(ws)
        assert await anext(messages) == "one"
        with pytest.raises(error):
            await anext(messages)


async def test_iteration_raises_the_loss_of_the_connection() -> None:
    async with connected() as (ws, peer):
        await peer.stream.aclose()
        with pytest.raises(ConnectionLost):
            [message async for message in ws]


async def test_iteration_ends_when_this_side_closes() -> None:
    async with connected() as (ws, peer), trio.open_nursery() as nursery:
        ended = trio.Event()

        async def reader() -> None:
            async for _ in ws:
                pass
            ended.set()

        nursery.start_soon(reader)
        nursery.start_soon(peer.finish)
        await trio.testing.wait_all_tasks_blocked()
        await ws.aclose()
        await ended.wait()


# Pings


async def test_a_ping_returns_when_its_pong_comes_and_says_how_long_that_was(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with connected() as (ws, peer), trio.open_nursery() as nursery:

        async def server() -> None:
            ping = await peer.frame()
            assert ping is not None
            assert ping.opcode == PING
            assert len(ping.payload) == 8
            await trio.sleep(0.25)
            await peer.send(frame(PONG, ping.payload))

        nursery.start_soon(server)
        assert await ws.ping() == 0.25
        assert ws.latency == 0.25


@pytest.mark.parametrize("payload", [b"", b"x" * 125, bytearray(b"x"), memoryview(b"x")])
async def test_a_ping_may_carry_up_to_125_bytes(payload: bytes | bytearray | memoryview) -> None:
    async with connected() as (ws, peer), trio.open_nursery() as nursery:
        nursery.start_soon(ws.ping, payload)
        assert await peer.frame() == Frame(PING, bytes(payload))
        await peer.send(frame(PONG, bytes(payload)))


async def test_a_ping_that_may_not_be_sent() -> None:
    async with connected() as (ws, peer), trio.open_nursery() as nursery:
        with pytest.raises(ValueError, match="at most 125"):
            await ws.ping(b"x" * 126)
        wrong: Any = "text"
        with pytest.raises(TypeError):
            await ws.ping(wrong)
        nursery.start_soon(ws.ping, b"x")
        await peer.frame()
        with pytest.raises(ValueError, match="under way already"):
            await ws.ping(b"x")
        await peer.send(frame(PONG, b"x"))


async def test_a_pong_that_answers_nothing_may_be_sent() -> None:
    async with connected() as (ws, peer):
        with trio.testing.assert_checkpoints():
            await ws.pong()
        await ws.pong(bytearray(b"here"))
        assert [await peer.frame() for _ in range(2)] == [Frame(PONG, b""), Frame(PONG, b"here")]
        with pytest.raises(ValueError, match="at most 125"):
            await ws.pong(b"x" * 126)


async def test_a_ping_can_be_given_up_and_sent_again(autojump_clock: trio.abc.Clock) -> None:
    async with connected() as (ws, peer), trio.open_nursery() as nursery:
        with pytest.raises(trio.TooSlowError), trio.fail_after(1):
            await ws.ping(b"x")
        nursery.start_soon(ws.ping, b"x")
        await trio.testing.wait_all_tasks_blocked()
        await peer.send(frame(PONG, b"x"))


async def test_a_ping_cancelled_anywhere_leaves_whole_frames() -> None:
    for cancelling in every_checkpoint():
        async with connected() as (ws, peer), trio.open_nursery() as nursery:
            frames: list[Frame | None] = []

            async def server(peer: Peer = peer, frames: list[Frame | None] = frames) -> None:
                while (one := await peer.frame()) is not None:
                    frames.append(one)
                    if one.opcode == PING:
                        await peer.send(frame(PONG, one.payload))
                    elif one.opcode == CLOSE:
                        await peer.send(frame(CLOSE, one.payload))
                        await peer.stream.aclose()
                        return

            nursery.start_soon(server)
            await cancelling.run(ws.ping)
            await ws.ping(b"after")
            await ws.aclose()
            assert frames[-2] == Frame(PING, b"after")
            assert len(frames) <= 3


async def test_a_ping_under_way_is_told_of_the_end() -> None:
    async with connected() as (ws, peer), trio.open_nursery() as nursery:

        async def pinger(error: type[Exception]) -> None:
            with pytest.raises(error):
                await ws.ping()

        nursery.start_soon(pinger, ConnectionClosed)
        await trio.testing.wait_all_tasks_blocked()
        await peer.send(close_frame(1000))
    async with connected() as (ws, peer), trio.open_nursery() as nursery:
        nursery.start_soon(pinger, trio.ClosedResourceError)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(peer.finish)
        await ws.aclose()


# Closing


async def test_a_message_can_be_received_piece_by_piece() -> None:
    async with connected() as (ws, peer):
        await peer.send(frame(TEXT, b"a", final=False) + frame(CONTINUATION, b"b"))
        async with ws.receive_streaming() as fragments:
            assert [fragment async for fragment in fragments] == ["a", "b"]
        assert ws.statistics.messages_received == 1


async def test_closing_says_why_and_waits_for_the_server() -> None:
    async with connected() as (ws, peer), trio.open_nursery() as nursery:
        assert (ws.close_code, ws.close_reason) == (None, None)
        frames: list[Frame | None] = []
        nursery.start_soon(read_frames_into, frames, peer)
        with trio.testing.assert_checkpoints():
            await ws.aclose(4000, "enough")
        assert frames == [Frame(CLOSE, b"\x0f\xa0enough")]
        assert (ws.close_code, ws.close_reason) == (4000, "")
        with trio.testing.assert_checkpoints():
            await ws.aclose()


async def test_after_closing_nothing_works_any_more() -> None:
    async with connected() as (ws, peer), trio.open_nursery() as nursery:
        await peer.send(frame(TEXT, b"not received"))
        nursery.start_soon(peer.finish)
        await ws.aclose()
        with pytest.raises(trio.ClosedResourceError):
            await ws.send("x")
        with pytest.raises(trio.ClosedResourceError):
            await ws.send(pieces("x"))
        with pytest.raises(trio.ClosedResourceError):
            await ws.receive()
        with pytest.raises(trio.ClosedResourceError):
            await ws.ping()
        assert [message async for message in ws] == []


async def test_closing_wakes_those_who_wait() -> None:
    async with connected(lockstep=True) as (ws, peer), trio.open_nursery() as nursery:
        woken: list[str] = []

        async def waits(name: str, wait: Any, *args: Any) -> None:
            with pytest.raises(trio.ClosedResourceError):
                await wait(*args)
            woken.append(name)

        await ws.send(BIG)
        nursery.start_soon(waits, "receive", ws.receive)
        nursery.start_soon(waits, "send", ws.send, BIG)
        nursery.start_soon(waits, "send in turn", ws.send, BIG)
        nursery.start_soon(waits, "ping", ws.ping)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(peer.finish)
        await ws.aclose()
        assert sorted(woken) == ["ping", "receive", "send", "send in turn"]


@pytest.mark.parametrize(("code", "reason"), [(1005, ""), (1006, ""), (999, ""), (1000, "x" * 124)])
async def test_a_code_or_reason_that_may_not_be_sent_leaves_the_connection_open(
    code: int, reason: str
) -> None:
    async with connected() as (ws, peer):
        with pytest.raises(ValueError, match=r"may not be sent|123 bytes"):
            await ws.aclose(code, reason)
        await ws.send("still open")
        assert await peer.frame() == Frame(TEXT, b"still open")


async def test_closing_when_cancelled_still_closes_within_a_second(autojump_clock: trio.abc.Clock) -> None:
    async with connected() as (ws, peer):
        await ws.send("last words")
        started = trio.current_time()
        with trio.CancelScope() as scope:
            scope.cancel()
            await ws.aclose(1000)
        assert scope.cancelled_caught
        assert trio.current_time() - started == HURRY
        assert await peer.frames() == [Frame(TEXT, b"last words"), Frame(CLOSE, b"\x03\xe8")]


async def test_closing_cancelled_anywhere_ends_closed_and_with_whole_frames() -> None:
    for cancelling in every_checkpoint():
        async with connected() as (ws, peer), trio.open_nursery() as nursery:
            frames: list[Frame | None] = []
            await ws.send(BIG)
            nursery.start_soon(read_frames_into, frames, peer)
            await cancelling.run(ws.aclose)
            assert ws._connection.closed.is_set()
        assert frames == [Frame(BINARY, BIG), Frame(CLOSE, b"\x03\xe8")]


async def test_a_block_left_by_an_exception_goes_away() -> None:
    async with connected() as (ws, peer), trio.open_nursery() as nursery:
        frames: list[Frame | None] = []
        nursery.start_soon(read_frames_into, frames, peer)
        with pytest.raises(LookupError):
            async with ws:
                raise LookupError
        assert frames == [Frame(CLOSE, b"\x03\xe9")]


# What it knows


async def test_senders_wait_for_the_reason_when_the_transport_fails() -> None:
    client_end, server_end = trio.testing.memory_stream_pair()
    stream = RoughStream(client_end)
    stream.sending = trio.BrokenResourceError("reset")
    connection = Connection(stream, Limits())
    ws = WebSocket(connection, Upgrade(None, None, Headers([]), b""))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.run)
        await ws.send("lost")
        await trio.testing.wait_all_tasks_blocked()
        await server_end.send_all(close_frame(1001, "restarting"))
        with pytest.raises(ConnectionClosed, match="restarting"):
            await ws.send("after")
        await server_end.aclose()


async def test_it_tells_what_the_handshake_agreed_on() -> None:
    async with connected() as (ws, _):
        assert isinstance(ws.transport_stream, trio.StapledStream)
        assert ws.subprotocol is None
        assert ws.headers["upgrade"] == "websocket"


async def test_it_tells_which_compression_was_agreed_on() -> None:
    async with connected("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9") as (ws, _):
        assert ws.compression == Deflate(client_max_window_bits=9, server_max_window_bits=15)
    async with connected() as (ws, _):
        assert ws.compression is None
