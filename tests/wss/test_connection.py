from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trio.testing
from wsproto.frame_protocol import Opcode

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
    frame,
)
from trio_wss import ConnectionClosed, ConnectionLost, MessageTooLarge, PingTimeout, ProtocolViolation
from trio_wss._connection import HURRY, LINGER, Connection
from trio_wss._encoder import data_frame
from trio_wss._limits import Limits
from trio_wss._outbox import MAX_PONGS

LIMITS = Limits(max_message_size=1000, max_buffered=4500, close_timeout=10, ping_interval=None)


@asynccontextmanager
async def running(
    *, lockstep: bool = False, received: bytes = b""
) -> AsyncGenerator[tuple[Connection, Peer]]:
    """A connection that runs, and the server at its other end. The connection has to be closed in the block."""
    make_pair = trio.testing.lockstep_stream_pair if lockstep else trio.testing.memory_stream_pair
    client_end, server_end = make_pair()
    connection = Connection(client_end, LIMITS, None, received)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.run)
        yield connection, Peer(server_end)
        assert connection.closed.is_set()


async def seconds_until(event: trio.Event) -> float:
    started = trio.current_time()
    await event.wait()
    return trio.current_time() - started


async def messages(connection: Connection) -> list[str | bytes]:
    """Everything that was received, until the end."""
    found: list[str | bytes] = []
    while (message := await connection.inbox.get()) is not None:
        found.append(message)
    return found


# The server closes


async def test_a_close_frame_ends_the_connection_and_is_answered_with_its_code() -> None:
    async with running() as (connection, peer):
        await peer.send(frame(TEXT, b"last words") + close_frame(4000, "enough"))
        await connection.ended.wait()
        assert (connection.close_code, connection.close_reason) == (4000, "enough")
        assert await peer.frame() == Frame(CLOSE, b"\x0f\xa0")
        assert not connection.closed.is_set()
        await peer.stream.aclose()
        await connection.closed.wait()
        assert await messages(connection) == ["last words"]
        error = connection.error()
        assert isinstance(error, ConnectionClosed)
        assert (error.code, error.reason) == (4000, "enough")
        assert connection.error() is not error


async def test_a_close_frame_without_code_is_answered_without_code() -> None:
    async with running() as (connection, peer):
        await peer.send(frame(CLOSE))
        assert await peer.frame() == Frame(CLOSE, b"")
        assert (connection.close_code, connection.close_reason) == (1005, "")
        await peer.stream.aclose()
        await connection.closed.wait()


async def test_the_server_has_a_second_to_close_the_transport(autojump_clock: trio.abc.Clock) -> None:
    async with running() as (connection, peer):
        await peer.send(close_frame(1000))
        assert await seconds_until(connection.closed) == LINGER
        assert await peer.frames() == [Frame(CLOSE, b"\x03\xe8")]


async def test_what_comes_after_the_close_frame_is_thrown_away(autojump_clock: trio.abc.Clock) -> None:
    async with running() as (connection, peer):
        await peer.send(close_frame(1000) + frame(TEXT, b"late") + b"\xff" * 100)
        await peer.send(frame(TEXT, b"later"))
        await connection.closed.wait()
        assert await messages(connection) == []
        assert connection.close_code == 1000


async def test_frames_that_came_with_the_handshake_are_read() -> None:
    async with running(received=frame(TEXT, b"early") + close_frame(1000)) as (connection, peer):
        await peer.stream.send_eof()  # type: ignore[attr-defined]  # memory streams have it
        await connection.closed.wait()
        assert await messages(connection) == ["early"]


async def test_a_transport_that_breaks_after_the_close_frames_is_no_error() -> None:
    async with running() as (connection, peer):
        await peer.send(close_frame(1000))
        assert await peer.frame() == Frame(CLOSE, b"\x03\xe8")
        connection.stream.receive_stream.close()  # type: ignore[attr-defined]  # memory streams have it
        await connection.closed.wait()
        assert type(connection.error()) is ConnectionClosed
        assert connection.error().__cause__ is None


# The server misbehaves

HOSTILE = {
    "reserved bits": (frame(TEXT, b"x", reserved=1), 1002),
    "unknown opcode": (frame(3, b"x"), 1002),
    "unknown control opcode": (frame(11, b"x"), 1002),
    "masked": (frame(TEXT, b"x", mask=b"mask"), 1002),
    "fragmented ping": (frame(PING, b"x", final=False), 1002),
    "continuation of nothing": (frame(CONTINUATION, b"x"), 1002),
    "invalid close code": (close_frame(1006), 1002),
    "half a close code": (frame(CLOSE, b"\x03"), 1002),
    "bad text": (frame(TEXT, b"\xff"), 1007),
    "bad text in two": (frame(TEXT, b"\xce", final=False) + frame(CONTINUATION, b"\xff"), 1007),
    "bad close reason": (frame(CLOSE, b"\x03\xe8\xff"), 1007),
    "oversize": (b"\x82\x7f\x00\x00\x00\xff\x00\x00\x00\x00", 1009),
    "oversize in fragments": (
        frame(BINARY, bytes(600), final=False) + frame(CONTINUATION, bytes(600))[:4],
        1009,
    ),
}


@pytest.mark.parametrize(("wire", "code"), HOSTILE.values(), ids=HOSTILE)
async def test_a_broken_rule_fails_the_connection_with_the_right_code(
    wire: bytes, code: int, autojump_clock: trio.abc.Clock
) -> None:
    async with running() as (connection, peer):
        await peer.send(frame(TEXT, b"before") + wire + frame(TEXT, b"after"))
        sent = await peer.frame()
        assert sent is not None
        assert (sent.opcode, int.from_bytes(sent.payload[:2])) == (CLOSE, code)
        assert sent.payload[2:].decode()  # it says what was wrong
        await peer.send(frame(TEXT, b"later"))
        assert await peer.frames() == []
        await connection.closed.wait()
        assert await messages(connection) == ["before"]
        error = connection.error()
        assert isinstance(error, MessageTooLarge if code == 1009 else ProtocolViolation)
        assert error.code == code
        # RFC 6455 §7.1.5: the code is the one in a Close frame that came, and none did.
        assert connection.close_code == 1006


async def test_a_flood_after_a_failure_ends_with_the_deadline(autojump_clock: trio.abc.Clock) -> None:
    async with running(lockstep=True) as (connection, peer), trio.open_nursery() as nursery:

        async def flood() -> None:
            with suppress(trio.BrokenResourceError):
                while True:
                    await peer.send(frame(TEXT, b"x" * 500))
                    await trio.sleep(0.01)

        await peer.send(frame(3))
        nursery.start_soon(flood)
        assert (await peer.frames())[0].payload[:2] == b"\x03\xea"
        await connection.closed.wait()


async def test_a_violation_while_closing_is_not_answered_again(autojump_clock: trio.abc.Clock) -> None:
    async with running() as (connection, peer):
        connection.leave(1000)
        await peer.send(frame(3))
        assert await peer.frames() == [Frame(CLOSE, b"\x03\xe8")]
        await connection.closed.wait()
        assert connection.close_code == 1006


async def test_endless_pings_cost_a_few_pongs(autojump_clock: trio.abc.Clock) -> None:
    async with running(lockstep=True) as (connection, peer):
        for number in range(20):
            await peer.send(b"".join(frame(PING, b"%d.%d" % (number, one)) for one in range(100)))
        assert connection.statistics().bytes_unsent <= MAX_PONGS * 131
        answers: list[Frame] = []
        while not answers or answers[-1].payload != b"19.99":
            answer = await peer.frame()
            assert answer is not None
            answers.append(answer)
        assert {answer.opcode for answer in answers} == {PONG}
        assert len(answers) <= 2 * MAX_PONGS
        await peer.send(close_frame(1000))
        assert await peer.frame() == Frame(CLOSE, b"\x03\xe8")
        await peer.stream.aclose()
        await connection.closed.wait()


async def test_other_tasks_run_while_a_read_full_of_frames_is_handled() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    async with running() as (connection, peer), trio.open_nursery() as nursery:
        nursery.start_soon(other)
        await trio.lowlevel.checkpoint()
        turns = 0
        await peer.send(frame(PONG) * 3000 + close_frame(1000))
        await connection.ended.wait()
        assert turns > 10
        await peer.stream.aclose()
        await connection.closed.wait()
        nursery.cancel_scope.cancel()


# The application is slow


async def test_pings_are_answered_while_messages_wait(autojump_clock: trio.abc.Clock) -> None:
    async with running() as (connection, peer):
        for number in range(10):
            await peer.send(frame(TEXT, b"x" * 100) + frame(PING, b"%d" % number))
            assert await peer.frame() == Frame(PONG, b"%d" % number)
        await peer.send(close_frame(1000))
        assert await peer.frame() == Frame(CLOSE, b"\x03\xe8")
        assert await messages(connection) == ["x" * 100] * 10
        await connection.closed.wait()


async def test_reading_stops_when_the_inbox_is_full_and_goes_on_when_it_is_not(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with running(lockstep=True) as (connection, peer), trio.open_nursery() as nursery:
        sent = 0

        async def flood() -> None:
            nonlocal sent
            for _ in range(40):
                await peer.send(frame(BINARY, bytes(500)))
                sent += 1
            await peer.send(close_frame(1000))
            await peer.frames()

        nursery.start_soon(flood)
        await trio.testing.wait_all_tasks_blocked()
        # Those held take 4000 bytes, and one frame waits in the lockstep stream, which is the transport here.
        assert sent == 8
        assert len(await messages(connection)) == 40
        await connection.closed.wait()


async def test_leaving_goes_on_reading(autojump_clock: trio.abc.Clock) -> None:
    async with running(lockstep=True) as (connection, peer), trio.open_nursery() as nursery:

        async def server() -> None:
            for _ in range(20):
                await peer.send(frame(BINARY, bytes(500)))
            await peer.finish()

        nursery.start_soon(server)
        await trio.testing.wait_all_tasks_blocked()
        connection.leave(1000)
        await connection.closed.wait()
        assert connection.close_code == 1000
        assert await messages(connection) == []


# This side closes


async def test_leaving_sends_what_was_put_and_a_close_frame_and_waits_for_the_server_s() -> None:
    async with running() as (connection, peer):
        connection.outbox.put(data_frame(Opcode.TEXT, b"last words"))
        connection.leave(4000, "enough")
        connection.leave(1000)
        assert await peer.frame() == Frame(TEXT, b"last words")
        assert await peer.frame() == Frame(CLOSE, b"\x0f\xa0enough")
        await peer.send(frame(TEXT, b"too late") + close_frame(4001, "fine"))
        await peer.stream.aclose()
        await connection.closed.wait()
        assert (connection.close_code, connection.close_reason) == (4001, "fine")
        assert await messages(connection) == []


@pytest.mark.parametrize("lockstep", [True, False])
async def test_a_server_that_says_nothing_is_left_at_the_deadline(
    autojump_clock: trio.abc.Clock, lockstep: bool
) -> None:
    async with running(lockstep=lockstep) as (connection, _):
        connection.leave(1000)
        assert await seconds_until(connection.closed) == LIMITS.close_timeout
        assert connection.close_code == 1006
        assert isinstance(connection.error(), ConnectionLost)
        assert "in time" in str(connection.error())


async def test_in_a_hurry_a_second_is_enough(autojump_clock: trio.abc.Clock) -> None:
    async with running() as (connection, _):
        connection.leave(1000)
        connection.hurry()
        assert await seconds_until(connection.closed) == HURRY


async def test_a_hurry_never_extends_the_deadline(autojump_clock: trio.abc.Clock) -> None:
    async with running() as (connection, _):
        connection.leave(1000)
        await trio.sleep(LIMITS.close_timeout - HURRY / 2)
        connection.hurry()
        assert await seconds_until(connection.closed) == pytest.approx(HURRY / 2)


async def test_a_peer_that_does_not_read_does_not_keep_the_transport_open(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with running(lockstep=True) as (connection, peer):
        connection.outbox.put(data_frame(Opcode.TEXT, b"never read"))
        await trio.testing.wait_all_tasks_blocked()
        await peer.send(close_frame(1000))
        assert await seconds_until(connection.closed) == LIMITS.close_timeout
        assert connection.close_code == 1000


async def test_running_does_not_react_to_being_cancelled(autojump_clock: trio.abc.Clock) -> None:
    client_end, server_end = trio.testing.memory_stream_pair()
    connection = Connection(client_end, LIMITS)
    peer = Peer(server_end)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.run)
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await peer.send(frame(PING, b"still there?"))
            assert await peer.frame() == Frame(PONG, b"still there?")
            connection.leave(1001)
            assert await peer.finish() == [Frame(CLOSE, b"\x03\xe9")]
    assert connection.closed.is_set()


# The transport fails


async def test_an_end_without_a_close_frame_is_a_loss() -> None:
    async with running() as (connection, peer):
        await peer.send(frame(TEXT, b"last words"))
        await peer.stream.aclose()
        await connection.closed.wait()
        assert await messages(connection) == ["last words"]
        error = connection.error()
        assert isinstance(error, ConnectionLost)
        assert "without a Close frame" in str(error)
        assert (connection.close_code, connection.close_reason) == (1006, "")


@asynccontextmanager
async def rough() -> AsyncGenerator[tuple[Connection, Peer, RoughStream]]:
    client_end, server_end = trio.testing.memory_stream_pair()
    stream = RoughStream(client_end)
    connection = Connection(stream, LIMITS)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.run)
        await trio.testing.wait_all_tasks_blocked()
        yield connection, Peer(server_end), stream


async def test_a_transport_that_cannot_receive_is_a_loss_with_a_cause() -> None:
    async with rough() as (connection, peer, stream):
        stream.receiving = OSError("the cable is cut")
        await peer.send(frame(TEXT, b"x"))
        await connection.closed.wait()
        error = connection.error()
        assert isinstance(error, ConnectionLost)
        assert "the cable is cut" in str(error)
        assert error.__cause__ is stream.receiving


async def test_what_the_server_said_counts_when_sending_fails() -> None:
    async with rough() as (connection, peer, stream):
        stream.sending = trio.BrokenResourceError("reset")
        connection.outbox.put(data_frame(Opcode.TEXT, b"lost"))
        await trio.testing.wait_all_tasks_blocked()
        assert not connection.outbox.open
        assert not connection.ended.is_set()
        await peer.send(frame(TEXT, b"last words") + close_frame(1001))
        await peer.stream.aclose()
        await connection.closed.wait()
        assert await messages(connection) == ["last words"]
        assert connection.close_code == 1001
        assert connection.error().__cause__ is None


async def test_when_sending_fails_the_server_has_until_the_deadline(autojump_clock: trio.abc.Clock) -> None:
    async with rough() as (connection, _, stream):
        stream.sending = trio.BrokenResourceError("reset")
        connection.outbox.put(data_frame(Opcode.TEXT, b"lost"))
        assert await seconds_until(connection.closed) == LIMITS.close_timeout
        assert connection.error().__cause__ is stream.sending


async def test_when_sending_fails_and_the_server_ends_it_the_send_is_the_cause() -> None:
    async with rough() as (connection, peer, stream):
        stream.sending = trio.BrokenResourceError("reset")
        connection.outbox.put(data_frame(Opcode.TEXT, b"lost"))
        await trio.testing.wait_all_tasks_blocked()
        await peer.stream.aclose()
        await connection.closed.wait()
        assert isinstance(connection.error(), ConnectionLost)
        assert connection.error().__cause__ is stream.sending


async def test_a_transport_that_does_not_close_in_good_order_is_no_error() -> None:
    async with rough() as (connection, peer, stream):
        stream.closing = trio.BrokenResourceError("no close_notify")
        connection.leave(1000)
        await peer.finish()
        await connection.closed.wait()
        assert connection.close_code == 1000


async def test_a_stream_with_a_fault_of_its_own_is_closed_and_reported() -> None:
    with pytest.RaisesGroup(pytest.RaisesGroup(pytest.RaisesExc(LookupError, match="a bug"))):
        async with rough() as (connection, peer, stream):
            stream.receiving = LookupError("a bug")
            await peer.send(frame(TEXT, b"x"))
            with trio.CancelScope(shield=True):
                await connection.closed.wait()
                assert await peer.frames() == []


# What it counts, and whether the server is there


async def test_it_counts_what_was_written_and_what_waits() -> None:
    async with running() as (connection, peer):
        connection.outbox.put(data_frame(Opcode.TEXT, b"hello"))
        assert connection.statistics().bytes_unsent == 11
        assert await peer.frame() == Frame(TEXT, b"hello")
        await peer.send(frame(TEXT, b"waits") + frame(PING) + close_frame(1000))
        await connection.ended.wait()
        counts = connection.statistics()
        assert (counts.messages_received, counts.pings_received) == (1, 1)
        assert counts.bytes_sent == 11
        assert counts.bytes_unreceived > 5
        await peer.stream.aclose()
        await connection.closed.wait()


async def test_a_silent_server_is_told_and_left(autojump_clock: trio.abc.Clock) -> None:
    client_end, server_end = trio.testing.memory_stream_pair()
    connection = Connection(client_end, Limits(ping_interval=5, ping_timeout=5))
    peer = Peer(server_end)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.run)
        ping = await peer.frame()
        assert ping is not None
        await peer.send(frame(PONG, ping.payload))
        await connection.ended.wait()
        assert trio.current_time() == pytest.approx(15)
        assert isinstance(connection.error(), PingTimeout)
        assert [one.opcode for one in await peer.frames()] == [PING, CLOSE]
    assert trio.current_time() == pytest.approx(15 + HURRY)


async def test_a_loss_is_not_silence(autojump_clock: trio.abc.Clock) -> None:
    client_end, server_end = trio.testing.memory_stream_pair()
    connection = Connection(client_end, Limits(ping_interval=5, ping_timeout=5))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.run)
        await Peer(server_end).frame()
        await server_end.aclose()
    assert type(connection.error()) is ConnectionLost


async def test_pieces_that_hold_nothing_take_no_room() -> None:
    async with running() as (connection, peer):
        await peer.send(frame(BINARY, b"", final=False) + frame(CONTINUATION, b"", final=False) * 100)
        await peer.send(frame(CONTINUATION, b"x") + close_frame(1000))
        await connection.ended.wait()
        assert await messages(connection) == [b"x"]
        await peer.stream.aclose()
        await connection.closed.wait()
