from __future__ import annotations

import pytest
import trio
import trio.testing
from wsproto.frame_protocol import Opcode

from support.websocket_peer import BINARY, CLOSE, PONG, Frame, Peer
from trio_wss._encoder import data_frame, ping_frame
from trio_wss._outbox import MAX_PONGS, Outbox


class World:
    """An outbox whose writer runs, and the peer it writes to."""

    def __init__(self, nursery: trio.Nursery, *, capacity: int = 100, lockstep: bool = False) -> None:
        pair = trio.testing.lockstep_stream_pair if lockstep else trio.testing.memory_stream_pair
        client_end, server_end = pair()
        self.stream: trio.abc.HalfCloseableStream = client_end
        self.peer = Peer(server_end)
        self.outbox = Outbox(capacity)
        self.written = trio.Event()
        nursery.start_soon(self._write)

    async def _write(self) -> None:
        await self.outbox.write(self.stream)
        self.written.set()
        await self.stream.send_eof()

    def put(self, data: bytes) -> None:
        self.outbox.put(data_frame(Opcode.BINARY, data))


async def test_frames_go_out_whole_and_in_order_up_to_the_close_frame() -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery)
        await trio.testing.wait_all_tasks_blocked()
        world.put(b"one")
        await trio.testing.wait_all_tasks_blocked()
        world.put(b"two")
        world.put(b"three")
        world.outbox.close(1000, "bye")
        assert not world.outbox.open
        assert await world.peer.frames() == [
            Frame(BINARY, b"one"),
            Frame(BINARY, b"two"),
            Frame(BINARY, b"three"),
            Frame(CLOSE, b"\x03\xe8bye"),
        ]
        assert world.written.is_set()


async def test_small_frames_are_joined_into_one_write() -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery)
        for _ in range(5):
            world.put(b"x")
        await trio.testing.wait_all_tasks_blocked()
        assert len(await world.peer.stream.receive_some()) == 5 * 7
        world.outbox.stop()


async def test_there_is_room_while_less_than_the_capacity_is_unsent() -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery, lockstep=True)
        with trio.testing.assert_no_checkpoints():
            await world.outbox.room()
        world.put(bytes(94))  # a frame of 100 bytes: the capacity
        await trio.testing.wait_all_tasks_blocked()
        got_room = trio.Event()

        async def sender() -> None:
            await world.outbox.room()
            got_room.set()

        nursery.start_soon(sender)
        await trio.testing.wait_all_tasks_blocked()
        assert not got_room.is_set()
        assert await world.peer.frame() == Frame(BINARY, bytes(94))
        await got_room.wait()
        world.outbox.stop()


@pytest.mark.parametrize("end", ["close", "stop"])
async def test_who_waits_for_room_is_woken_by_the_end(end: str) -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery, lockstep=True)
        world.put(bytes(200))
        nursery.start_soon(world.outbox.room)
        await trio.testing.wait_all_tasks_blocked()
        if end == "close":
            world.outbox.close(1000)
            assert [frame.opcode for frame in await world.peer.frames()] == [BINARY, CLOSE]
        else:
            world.outbox.stop()


async def test_stopping_ends_a_write_that_waits_for_the_peer() -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery, lockstep=True)
        world.put(b"never read")
        await trio.testing.wait_all_tasks_blocked()
        world.outbox.stop()
        await world.written.wait()
        assert not world.outbox.open


async def test_closing_answers_the_ping_that_waits_for_its_answer() -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery, lockstep=True)
        world.put(b"on its way")
        await trio.testing.wait_all_tasks_blocked()
        world.put(b"waits")
        world.outbox.answer(b"ping")
        world.outbox.close(1000)
        assert [frame.payload for frame in await world.peer.frames()] == [
            b"on its way",
            b"ping",
            b"waits",
            b"\x03\xe8",
        ]


async def test_pings_are_all_answered_before_data_that_waits() -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery, lockstep=True)
        world.put(b"on its way")
        await trio.testing.wait_all_tasks_blocked()
        world.put(b"waits")
        for number in range(10):
            world.outbox.answer(b"%d" % number)
        assert await world.peer.frame() == Frame(BINARY, b"on its way")
        assert [await world.peer.frame() for _ in range(10)] == [
            Frame(PONG, b"%d" % number) for number in range(10)
        ]
        assert await world.peer.frame() == Frame(BINARY, b"waits")
        world.outbox.stop()


async def test_of_very_many_pings_the_latest_are_answered() -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery, lockstep=True)
        world.put(b"on its way")
        await trio.testing.wait_all_tasks_blocked()
        for number in range(1000):
            world.outbox.answer(b"%d" % number)
        assert await world.peer.frame() == Frame(BINARY, b"on its way")
        answers = [await world.peer.frame() for _ in range(MAX_PONGS)]
        assert answers == [Frame(PONG, b"%d" % number) for number in range(1000 - MAX_PONGS, 1000)]
        world.outbox.stop()


async def test_an_idle_writer_answers_a_ping_at_once() -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery)
        await trio.testing.wait_all_tasks_blocked()
        world.outbox.answer(b"ping")
        assert await world.peer.frame() == Frame(PONG, b"ping")
        world.outbox.stop()


async def test_a_ping_before_the_server_s_close_frame_needs_no_answer() -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery)
        world.outbox.answer(b"ping")
        world.outbox.close(1000, answers=False)
        assert await world.peer.frames() == [Frame(CLOSE, b"\x03\xe8")]


async def test_after_the_close_frame_nothing_is_added() -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery)
        world.outbox.close(1000)
        world.outbox.close(1001)
        world.outbox.answer(b"ping")
        assert await world.peer.frames() == [Frame(CLOSE, b"\x03\xe8")]


async def test_a_broken_transport_is_raised_by_the_writer() -> None:
    stream, server_end = trio.testing.memory_stream_pair()
    await server_end.aclose()
    outbox = Outbox()
    outbox.put(ping_frame(b""))
    with pytest.raises(trio.BrokenResourceError):
        await outbox.write(stream)


class Recorder(trio.abc.SendStream):
    """Keeps what is sent, as it is."""

    def __init__(self) -> None:
        self.sent: list[object] = []

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(data)

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


async def test_large_frames_are_written_alone_and_as_they_are() -> None:
    large = data_frame(Opcode.BINARY, bytes(20_000))
    outbox, stream = Outbox(), Recorder()
    for one in (b"a", b"b", large, b"c", large):
        outbox.put(one)
    assert outbox.unsent == 3 + 2 * len(large)
    outbox.close(1005)
    await outbox.write(stream)
    assert stream.sent[::2][:2] == [b"ab", b"c"]
    assert stream.sent[1] is large
    assert stream.sent[3] is large
    assert (outbox.unsent, outbox.written) == (0, 3 + 2 * len(large) + 6)


async def test_control_frames_overtake_data() -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery, lockstep=True)
        world.put(b"on its way")
        await trio.testing.wait_all_tasks_blocked()
        world.put(bytes(20_000))
        world.outbox.put_first(ping_frame(b"ping"))
        payloads = [found.payload for found in [await world.peer.frame() for _ in range(3)] if found]
        assert payloads == [b"on its way", b"ping", bytes(20_000)]
        world.outbox.stop()
