from __future__ import annotations

import os
import socket
import struct
from typing import cast

import pytest
import trio
from trio.testing import assert_checkpoints, assert_no_checkpoints, memory_stream_pair, wait_all_tasks_blocked

from support.rough_stream import RoughStream
from support.tls_server import ignore, tcp_server
from trio_secure import Truncated
from trio_secure._channel import Channel
from trio_secure._protection import MAX_CONTENT
from trio_secure._records import MAX_READ, RecordReader

RECORD = b"\x16\x03\x03\x00\x02hi"
_RESET_WHEN_CLOSED = struct.pack("ii", 1, 0)


async def test_bytes_of_any_stream_become_records() -> None:
    ours, theirs = memory_stream_pair()
    channel = Channel(ours)
    await theirs.send_all(RECORD[:3])
    await channel.fill()
    assert channel.reader.next() is None
    await theirs.send_all(RECORD[3:])
    await channel.fill()
    assert channel.reader.next() == (22, b"hi")


async def test_no_more_is_asked_for_than_there_is_space() -> None:
    ours, theirs = memory_stream_pair()
    channel = Channel(ours)
    await theirs.send_all(RECORD * 10_000)
    records = 0
    while records < 10_000:
        await channel.fill()
        assert channel.reader.buffered <= MAX_READ + len(RECORD)
        while channel.reader.next() is not None:
            records += 1


async def test_records_are_sent() -> None:
    ours, theirs = memory_stream_pair()
    await Channel(ours).send(RECORD)
    assert await theirs.receive_some() == RECORD


async def test_a_socket_writes_into_the_reader() -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        await stream.send_all(RECORD)

    async with tcp_server(serve) as port, await trio.open_tcp_stream("127.0.0.1", port) as stream:
        channel = Channel(stream)
        await channel.fill()
        assert channel.reader.next() == (22, b"hi")
        with pytest.raises(Truncated, match="without close_notify"):
            await channel.fill()


async def test_the_end_of_any_stream_is_truncation() -> None:
    ours, theirs = memory_stream_pair()
    await theirs.aclose()
    with pytest.raises(Truncated, match="without close_notify"):
        await Channel(ours).fill()
    with pytest.raises(Truncated, match="broke while sending"):
        await Channel(ours).send(RECORD)


async def test_a_reset_is_truncation_and_says_so() -> None:
    async def serve(stream: trio.SocketStream) -> None:
        stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, _RESET_WHEN_CLOSED)

    async with tcp_server(serve) as port, await trio.open_tcp_stream("127.0.0.1", port) as stream:  # type: ignore[arg-type]
        with pytest.raises(Truncated, match="the connection broke") as caught:
            await Channel(stream).fill()
    assert isinstance(caught.value.__cause__, trio.BrokenResourceError)
    assert isinstance(caught.value.__cause__.__cause__, ConnectionResetError)


async def test_sending_to_a_socket_that_was_reset_or_closed_says_so() -> None:
    async def serve(stream: trio.SocketStream) -> None:
        stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, _RESET_WHEN_CLOSED)

    async with tcp_server(serve) as port, await trio.open_tcp_stream("127.0.0.1", port) as stream:  # type: ignore[arg-type]
        channel = Channel(stream)
        with pytest.raises(Truncated, match="before the server closed"):
            await channel.fill()
        with pytest.raises(Truncated, match="broke while sending") as caught:
            await channel.send(RECORD)
        assert isinstance(caught.value.__cause__, trio.BrokenResourceError)
        assert isinstance(caught.value.__cause__.__cause__, OSError)
        await stream.aclose()
        with pytest.raises(trio.ClosedResourceError):
            await channel.send(RECORD)


async def test_more_than_a_socket_takes_waits_for_its_reader() -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        await reads.wait()
        received.extend([len(piece) async for piece in stream])

    async def send(stream: trio.SocketStream) -> None:
        await Channel(stream).send(more)
        await stream.send_eof()

    more, reads = bytes(2**24), trio.Event()
    received: list[int] = []
    async with tcp_server(serve) as port, await trio.open_tcp_stream("127.0.0.1", port) as stream:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send, stream)
            await wait_all_tasks_blocked()
            assert not received
            reads.set()
        assert await stream.receive_some() == b""
    assert sum(received) == len(more)


async def test_what_is_sent_at_once_lets_others_have_their_turn_unless_it_is_not_to() -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        received.extend([bytes(piece) async for piece in stream])

    async def others() -> None:
        while True:
            turns.append(None)
            await trio.lowlevel.checkpoint()

    received: list[bytes] = []
    turns: list[None] = []
    async with (
        tcp_server(serve) as port,
        await trio.open_tcp_stream("127.0.0.1", port) as stream,
        trio.open_nursery() as nursery,
    ):
        channel = Channel(stream)
        nursery.start_soon(others)
        with assert_no_checkpoints():
            await channel.send(RECORD, checkpoint=False)
        assert not turns
        # The order in which tasks have their turns is left to chance.
        for _ in range(3):
            await channel.send(RECORD)
        assert turns
        await stream.send_eof()
        assert await stream.receive_some() == b""
        nursery.cancel_scope.cancel()
    assert b"".join(received) == 4 * RECORD


async def test_to_wait_for_an_answer_is_a_checkpoint() -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        await stream.send_all(bytes(await stream.receive_some()))

    async with tcp_server(serve) as port, await trio.open_tcp_stream("127.0.0.1", port) as stream:
        channel = Channel(stream)
        await channel.send(RECORD)
        with assert_checkpoints():
            await channel.fill()
        assert channel.reader.next() == (22, b"hi")
        with trio.CancelScope() as scope:
            scope.cancel()
            await channel.fill()
        assert scope.cancelled_caught


async def test_behind_much_more_is_looked_for_at_once_and_then_waited_for() -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        while await stream.receive_some():
            await stream.send_all(much)

    much = RECORD * 5000
    async with tcp_server(serve) as port, await trio.open_tcp_stream("127.0.0.1", port) as stream:
        channel = Channel(stream)
        await channel.send(RECORD)
        await wait_all_tasks_blocked()
        await channel.fill()
        await channel.send(RECORD)
        await wait_all_tasks_blocked()
        with assert_checkpoints():
            await channel.fill()
        assert channel.reader.buffered == 2 * len(much)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.fill)
            await wait_all_tasks_blocked()
            await channel.send(RECORD)
        assert channel.reader.buffered > 2 * len(much)


async def test_a_broken_stream_is_truncation() -> None:
    rough = RoughStream(memory_stream_pair()[0])
    rough.receiving = trio.BrokenResourceError("reset")
    with pytest.raises(Truncated, match="the connection broke"):
        await Channel(rough).fill()


async def test_a_socket_closed_before_or_meanwhile_is_closed_and_not_truncated() -> None:
    async def fill(channel: Channel) -> None:
        with pytest.raises(trio.ClosedResourceError):
            await channel.fill()

    async with tcp_server(ignore) as port:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        channel = Channel(stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fill, channel)
            await wait_all_tasks_blocked()
            await stream.aclose()
        await fill(channel)


@pytest.mark.parametrize("size", [1, MAX_CONTENT, MAX_CONTENT + 1, 5 * MAX_CONTENT])
async def test_data_leaves_as_records_over_any_transport(size: int) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    expected = bytes(Channel(memory_stream_pair()[0]).writer.seal(23, content))
    ours, theirs = memory_stream_pair()
    channel = Channel(ours)
    await channel.send_data(memoryview(content))
    await ours.aclose()
    assert b"".join([piece async for piece in theirs]) == expected


@pytest.mark.parametrize("size", [1, 5 * MAX_CONTENT])
async def test_many_senders_over_sockets_do_not_disturb_each_other(size: int) -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        reader = RecordReader()
        async for piece in stream:
            reader.feed(piece)
            while data := reader.read(MAX_READ):
                seen[data[0]] += len(data)
                assert data == bytes([data[0]]) * len(data)

    async def send(port: int, octet: int) -> None:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            channel = Channel(stream)
            for _ in range(4):
                await channel.send_data(memoryview(bytes([octet]) * size))
            await stream.send_eof()
            assert await stream.receive_some() == b""

    seen = dict.fromkeys(range(1, 9), 0)
    async with tcp_server(serve) as port, trio.open_nursery() as nursery:
        for octet in seen:
            nursery.start_soon(send, port, octet)
    assert set(seen.values()) == {4 * size}


async def test_a_reader_waits_without_a_room() -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        await stream.send_all(await stream.receive_some())

    async with tcp_server(serve) as port, await trio.open_tcp_stream("127.0.0.1", port) as stream:
        channel = Channel(stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.fill)
            await wait_all_tasks_blocked()
            assert channel.reader._view.readonly
            await channel.send(RECORD)
        assert channel.reader.next() == (22, b"hi")


class MadeUpSocket(trio.socket.SocketType):
    """A socket of a network that is not the operating system's: it gives a record, and takes everything."""

    def __init__(self) -> None:  # the base refuses to be made
        self.sent = b""

    @property
    def type(self) -> socket.SocketKind:
        return socket.SOCK_STREAM

    @property
    def did_shutdown_SHUT_WR(self) -> bool:  # noqa: N802  # Trio's name
        return False

    def setsockopt(self, *_: object, **__: object) -> None: ...

    def fileno(self) -> int:
        return -1

    async def recv(self, _size: int, _flags: int = 0, /) -> bytes:
        await trio.lowlevel.checkpoint()
        return RECORD

    async def send(self, data: object, _flags: int = 0, /) -> int:
        await trio.lowlevel.checkpoint()
        sent = bytes(cast("bytes", data))
        self.sent += sent
        return len(sent)


async def test_a_made_up_socket_is_asked_by_its_methods() -> None:
    made_up = MadeUpSocket()
    channel = Channel(trio.SocketStream(made_up))
    await channel.fill()
    assert channel.reader.next() == (22, b"hi")
    await channel.send_data(memoryview(bytes(2 * MAX_CONTENT)))
    assert len(made_up.sent) == 2 * (5 + MAX_CONTENT)


async def test_where_files_cannot_be_read_so_a_socket_is_any_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        await stream.send_all(RECORD)

    monkeypatch.delattr(os, "readv")
    async with tcp_server(serve) as port, await trio.open_tcp_stream("127.0.0.1", port) as stream:
        channel = Channel(stream)
        await channel.fill()
        assert channel.reader.next() == (22, b"hi")


async def test_what_is_there_already_is_a_checkpoint_and_is_not_lost() -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        await stream.send_all(RECORD)
        await ignore(stream)

    async with tcp_server(serve) as port, await trio.open_tcp_stream("127.0.0.1", port) as stream:
        channel = Channel(stream)
        await trio.lowlevel.wait_readable(stream.socket)
        with trio.CancelScope() as scope:
            scope.cancel()
            await channel.fill()
        assert scope.cancelled_caught
        with assert_checkpoints():
            await channel.fill()
        assert channel.reader.next() == (22, b"hi")
