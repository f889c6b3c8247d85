from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from typing import Any  # arguments of wrong types, on purpose

import pytest
import trio
import trio.testing

from support.cancellation import every_checkpoint
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
from trio_wss import ConnectionClosed, Data, Deflate
from trio_wss._outbox import CAPACITY

AGREED = "Sec-WebSocket-Extensions: permessage-deflate"


class Inflating:
    """What the client's compressed messages say, to a server."""

    def __init__(self, bits: int = 15) -> None:
        self._stream = zlib.decompressobj(-bits)

    def __call__(self, found: Frame | None) -> bytes:
        assert found is not None
        assert found.compressed
        assert found.final
        return self._stream.decompress(found.payload + b"\x00\x00\xff\xff")


BIG = bytes(range(256)) * (2 * CAPACITY // 256)


async def read_into(frames: list[Frame], peer: Peer) -> None:
    frames += await peer.finish()


# Sending


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Grüße", Frame(TEXT, "Grüße".encode())),
        ("", Frame(TEXT, b"")),
        (b"\x00\xff", Frame(BINARY, b"\x00\xff")),
        (bytearray(b"\x00\xff"), Frame(BINARY, b"\x00\xff")),
        (memoryview(b"\x00\xff\x01")[::2], Frame(BINARY, b"\x00\x01")),
        (BIG, Frame(BINARY, BIG)),
    ],
)
async def test_a_message_is_one_frame(message: Data, expected: Frame) -> None:
    async with connected() as (ws, peer):
        with trio.testing.assert_checkpoints():
            await ws.send(message)
        assert await peer.frame() == expected


@pytest.mark.parametrize("wrong", [None, 5, ["a", "b"], {"a": 1}, object()])
async def test_anything_else_is_no_message(wrong: Any) -> None:
    async with connected() as (ws, _):
        with pytest.raises(TypeError, match="a message is str, bytes-like"):
            await ws.send(wrong)


async def test_text_that_cannot_be_encoded_sends_nothing() -> None:
    async with connected() as (ws, peer):
        with pytest.raises(UnicodeEncodeError):
            await ws.send("\ud800")
        await ws.send("fine")
        assert await peer.frame() == Frame(TEXT, b"fine")


async def test_senders_wait_for_the_server_and_are_served_in_order() -> None:
    async with connected(lockstep=True) as (ws, peer), trio.open_nursery() as nursery:
        sent: list[int] = []

        async def sender(number: int) -> None:
            await ws.send(b"%d" % number + BIG)
            sent.append(number)

        for number in range(5):
            nursery.start_soon(sender, number)
            await trio.testing.wait_all_tasks_blocked()
        assert sent == [0]  # its frame is on the way, and fills the outbox
        for number in range(5):
            assert await peer.frame() == Frame(BINARY, b"%d" % number + BIG)
        await trio.testing.wait_all_tasks_blocked()
        assert sent == [0, 1, 2, 3, 4]
        nursery.start_soon(peer.finish)
        await ws.aclose()


async def test_a_cancelled_send_has_sent_nothing() -> None:
    for cancelling in every_checkpoint():
        async with connected(lockstep=True) as (ws, peer), trio.open_nursery() as nursery:
            await ws.send(b"first" + BIG)
            frames: list[Frame | None] = []
            nursery.start_soon(read_frames_into, frames, peer)
            await cancelling.run(ws.send, b"cancelled" + BIG)
            await ws.send(b"last")
            await ws.aclose()
            sent = [one.payload[:9] for one in frames if one and one.opcode == BINARY]
            between = [] if cancelling.cancelled else [b"cancelled"]
            assert sent == [(b"first" + BIG)[:9], *between, b"last"]


# Fragments


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (["a"], [Frame(TEXT, b"a", False), Frame(CONTINUATION, b"")]),
        (
            ["a", "", "ü"],
            [
                Frame(TEXT, b"a", False),
                Frame(CONTINUATION, b"", False),
                Frame(CONTINUATION, b"\xc3\xbc", False),
                Frame(CONTINUATION, b""),
            ],
        ),
        (
            [b"a", bytearray(b"b"), memoryview(b"c")],
            [
                Frame(BINARY, b"a", False),
                Frame(CONTINUATION, b"b", False),
                Frame(CONTINUATION, b"c", False),
                Frame(CONTINUATION, b""),
            ],
        ),
    ],
)
async def test_an_async_iterable_is_one_message_in_fragments(
    items: list[Data], expected: list[Frame]
) -> None:
    async with connected() as (ws, peer):
        await ws.send(pieces(*items))
        assert [await peer.frame() for _ in expected] == expected
        await ws.send("next")
        assert await peer.frame() == Frame(TEXT, b"next")


async def test_an_iterable_without_items_sends_nothing() -> None:
    async with connected() as (ws, peer):
        await ws.send(pieces())
        await ws.send("next")
        assert await peer.frame() == Frame(TEXT, b"next")


async def test_a_fragment_goes_out_before_the_next_one_is_there() -> None:
    async with connected() as (ws, peer), trio.open_nursery() as nursery:
        send, receive = trio.open_memory_channel[str](0)
        nursery.start_soon(ws.send, receive)
        await send.send("first")
        assert await peer.frame() == Frame(TEXT, b"first", final=False)
        await send.aclose()
        assert await peer.frame() == Frame(CONTINUATION, b"")


async def test_other_messages_wait_for_the_last_fragment_and_pings_do_not() -> None:
    async with connected() as (ws, peer), trio.open_nursery() as nursery:
        send, receive = trio.open_memory_channel[str](0)
        nursery.start_soon(ws.send, receive)
        await send.send("a")
        nursery.start_soon(ws.send, "other")
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(ws.ping, b"ping")
        await trio.testing.wait_all_tasks_blocked()
        await peer.send(frame(PING, b"theirs"))
        await trio.testing.wait_all_tasks_blocked()
        await send.send("b")
        await send.aclose()
        opcodes = [found.opcode for found in [await peer.frame() for _ in range(6)] if found]
        assert opcodes == [TEXT, PING, PONG, CONTINUATION, CONTINUATION, TEXT]
        await peer.send(frame(PONG, b"ping"))


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([5], TypeError),
        (["a", 5], TypeError),
        (["a", b"b"], TypeError),
        ([b"a", "b"], TypeError),
        (["a", ["b"]], TypeError),
        (["a", "\ud800"], UnicodeEncodeError),
        ([LookupError("no more")], LookupError),
        (["a", LookupError("no more")], LookupError),
    ],
)
async def test_a_message_that_cannot_be_finished_closes_the_connection_if_it_was_begun(
    items: list[Any], expected: type[Exception]
) -> None:
    begun = len(items) > 1
    async with connected() as (ws, peer), trio.open_nursery() as nursery:
        with pytest.raises(expected):
            await ws.send(pieces(*items))
        if begun:
            with pytest.raises(trio.ClosedResourceError):
                await ws.send("next")
        else:
            await ws.send("next")
        frames: list[Frame | None] = []
        nursery.start_soon(read_frames_into, frames, peer)
        await ws.aclose()
    if begun:
        assert [found and found.opcode for found in frames] == [frames[0] and frames[0].opcode, CLOSE]
        assert frames[1] == Frame(CLOSE, b"\x03\xf3a message could not be finished")
    else:
        assert frames == [Frame(TEXT, b"next"), Frame(CLOSE, b"\x03\xe8")]


async def test_fragments_cancelled_anywhere_leave_whole_frames() -> None:
    for cancelling in every_checkpoint():
        async with connected() as (ws, peer), trio.open_nursery() as nursery:
            await cancelling.run(ws.send, pieces("a", "b", "c"))
            frames: list[Frame | None] = []
            nursery.start_soon(read_frames_into, frames, peer)
            if cancelling.cancelled and ws._connection.left:
                await ws.aclose()
                assert frames[0] == Frame(TEXT, b"a", final=False)
                assert frames[-1] == Frame(CLOSE, b"\x03\xf3a message could not be finished")
            else:
                await ws.send("next")
                await ws.aclose()
                assert frames[-2] == Frame(TEXT, b"next")
                assert len(frames) == (2 if cancelling.cancelled else 6)


async def test_a_server_that_closes_in_the_middle_of_a_message_in_fragments() -> None:
    async with connected() as (ws, peer):

        async def closing() -> AsyncIterator[str]:
            yield "a"
            await peer.send(close_frame(4000, "enough"))
            await trio.testing.wait_all_tasks_blocked()
            yield "b"

        with pytest.raises(ConnectionClosed) as caught:
            await ws.send(closing())
        assert caught.value.code == 4000
        with pytest.raises(ConnectionClosed):  # and not ClosedResourceError: it was the server's doing
            await ws.receive()


# Compression


async def test_messages_are_compressed_in_the_order_in_which_they_go_out() -> None:
    async with connected(AGREED) as (ws, peer), trio.open_nursery() as nursery:
        inflate = Inflating()
        for number in range(5):
            nursery.start_soon(ws.send, b"%d" % number * 1000)
        got = [inflate(await peer.frame()) for _ in range(5)]
        assert sorted(got) == [b"%d" % number * 1000 for number in range(5)]


async def test_short_messages_are_not_compressed_unless_that_is_wanted() -> None:
    async with connected(AGREED, compression=Deflate(min_size=10)) as (ws, peer):
        await ws.send("x" * 9)
        assert await peer.frame() == Frame(TEXT, b"x" * 9)
        await ws.send("x" * 10)
        assert Inflating()(await peer.frame()) == b"x" * 10
    async with connected(AGREED, compression=Deflate(min_size=0)) as (ws, peer):
        await ws.send("")
        assert await peer.frame() == Frame(TEXT, b"\x00", compressed=True)


async def test_without_agreement_nothing_is_compressed() -> None:
    async with connected() as (ws, peer):
        assert ws.compression is None
        await ws.send("x" * 1000)
        assert await peer.frame() == Frame(TEXT, b"x" * 1000)


async def test_the_fragments_of_a_message_are_compressed_and_the_first_says_so() -> None:
    async with connected(AGREED) as (ws, peer), trio.open_nursery() as nursery:
        nursery.start_soon(ws.send, pieces("Grü", "ße"))
        frames = [await peer.frame() for _ in range(3)]
        found = [one for one in frames if one is not None]
        assert [(one.opcode, one.final, one.compressed) for one in found] == [
            (TEXT, False, True),
            (CONTINUATION, False, False),
            (CONTINUATION, True, False),
        ]
        # Each can be inflated when it comes.
        stream = zlib.decompressobj(-15)
        texts = [stream.decompress(one.payload).decode() for one in found]
        assert texts == ["Grü", "ße", ""]


async def test_control_frames_are_never_compressed() -> None:
    async with (
        connected(AGREED, compression=Deflate(min_size=0)) as (ws, peer),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(ws.ping, b"p" * 100)
        ping = await peer.frame()
        assert ping is not None
        assert not ping.compressed
        assert ping.payload == b"p" * 100
        await peer.send(frame(10, ping.payload))


async def test_other_tasks_run_while_a_large_message_is_compressed() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    async with connected(AGREED) as (ws, _), trio.open_nursery() as nursery:
        nursery.start_soon(other)
        await trio.lowlevel.checkpoint()
        turns = 0
        await ws.send(bytes(4 << 20))
        assert turns > 30
        nursery.cancel_scope.cancel()


async def test_a_send_cancelled_anywhere_leaves_the_compression_in_step() -> None:
    noise = [b"one %d " % number for number in range(40_000)]
    message = b"".join(noise)
    for cancelling in every_checkpoint():
        async with connected(AGREED, lockstep=True) as (ws, peer), trio.open_nursery() as nursery:
            frames: list[Frame] = []
            await ws.send(message)
            nursery.start_soon(read_into, frames, peer)
            await cancelling.run(ws.send, message)
            await ws.send(b"last" + message)
            await ws.aclose()
        inflate = Inflating()
        got = [inflate(one) for one in frames if one.opcode == BINARY]
        assert got[0] == message
        assert got[-1] == b"last" + message
        # A message that was compressed goes out, cancelled or not.
        assert len(got) in ((2, 3) if cancelling.cancelled else (3,))


async def test_a_close_while_a_message_is_compressed_is_reported() -> None:
    outcome: list[type[BaseException]] = []
    async with connected(AGREED) as (ws, peer), trio.open_nursery() as nursery:

        async def sender() -> None:
            try:
                await ws.send(bytes(4 << 20))
            except trio.ClosedResourceError as error:
                outcome.append(type(error))

        nursery.start_soon(sender)
        for _ in range(2):
            await trio.lowlevel.checkpoint()
        nursery.start_soon(peer.finish)
        await ws.aclose()
    assert outcome == [trio.ClosedResourceError]


@pytest.mark.parametrize("bits", [8, 9, 12])
async def test_the_window_the_server_asks_for_is_kept(bits: int) -> None:
    async with connected(f"{AGREED}; client_max_window_bits={bits}") as (ws, peer):
        assert ws.compression is not None
        assert ws.compression.client_max_window_bits == bits
        inflate = Inflating(bits)
        for _ in range(2):
            await ws.send(BIG)
            assert inflate(await peer.frame()) == BIG


async def test_every_send_is_a_checkpoint_and_the_fast_way_stays_in_order() -> None:
    async with connected(lockstep=True) as (ws, peer), trio.open_nursery() as nursery:
        with trio.testing.assert_checkpoints():
            await ws.send(BIG)
        order: list[int] = []

        async def sender(number: int) -> None:
            await ws.send(b"%d" % number + BIG)
            order.append(number)

        for number in range(4):
            nursery.start_soon(sender, number)
            await trio.testing.wait_all_tasks_blocked()
        frames: list[Frame] = []
        nursery.start_soon(read_into, frames, peer)
        await trio.testing.wait_all_tasks_blocked()
        assert order == [0, 1, 2, 3]
        await ws.aclose()
    assert [one.payload[:1] for one in frames[1:-1]] == [b"0", b"1", b"2", b"3"]
    assert frames[-1].opcode == CLOSE
