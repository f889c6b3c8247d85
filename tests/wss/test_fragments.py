from __future__ import annotations

import zlib

import pytest
import trio
import trio.testing

from support.cancellation import every_checkpoint
from support.websocket_peer import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    close_frame,
    connected,
    frame,
)
from trio_wss import ConnectionClosed, Fragments, ProtocolViolation


async def test_a_message_comes_frame_by_frame_as_it_arrives() -> None:
    async with connected() as (ws, peer):
        await peer.send(frame(TEXT, "Grü".encode(), final=False))
        async with ws.receive_streaming() as fragments:
            assert fragments.is_text
            with trio.testing.assert_checkpoints():
                assert await anext(fragments) == "Grü"
            await peer.send(frame(PING, b"?") + frame(CONTINUATION, b"", final=False))
            await peer.send(frame(CONTINUATION, "ße".encode()) + frame(BINARY, b"next"))
            assert [fragment async for fragment in fragments] == ["ße"]
            assert [fragment async for fragment in fragments] == []
        assert await peer.frame() == Frame(PONG, b"?")
        assert await ws.receive() == b"next"


async def test_no_character_is_cut_in_two() -> None:
    text = "κόσμε 世界 😀"
    wire = text.encode()
    async with connected() as (ws, peer):
        await peer.send(frame(TEXT, wire[:1], final=False))
        for byte in wire[1:]:
            await peer.send(frame(CONTINUATION, bytes([byte]), final=False))
        await peer.send(frame(CONTINUATION))
        async with ws.receive_streaming() as fragments:
            assert [fragment async for fragment in fragments] == list(text)


async def test_a_binary_message_and_an_empty_one() -> None:
    async with connected() as (ws, peer):
        await peer.send(frame(BINARY, b"\x00\xff") + frame(BINARY) + frame(TEXT))
        for expected, is_text in (([b"\x00\xff"], False), ([], False), ([], True)):
            async with ws.receive_streaming() as fragments:
                assert [fragment async for fragment in fragments] == expected
                assert fragments.is_text is is_text


async def test_a_message_of_any_length_takes_little_memory(autojump_clock: trio.abc.Clock) -> None:
    size, total = 10_000, 0
    async with (
        connected(lockstep=True, max_message_size=None, max_buffered=50_000) as (ws, peer),
        trio.open_nursery() as nursery,
    ):

        async def server() -> None:
            await peer.send(frame(BINARY, bytes(size), final=False))
            for _ in range(500):
                await peer.send(frame(CONTINUATION, bytes(size), final=False))
            await peer.send(frame(CONTINUATION))
            await peer.finish()

        nursery.start_soon(server)
        async with ws.receive_streaming() as fragments:
            async for fragment in fragments:
                total += len(fragment)
                assert ws.statistics.bytes_unreceived < 50_000 + 2 * size
        assert total == 501 * size
        await ws.aclose()


async def test_a_bomb_swells_no_faster_than_it_is_received() -> None:
    stream = zlib.compressobj(wbits=-15)
    bomb = stream.compress(bytes(64 << 20)) + stream.flush(zlib.Z_SYNC_FLUSH)
    async with connected(
        "Sec-WebSocket-Extensions: permessage-deflate", max_message_size=None, max_buffered=1 << 17
    ) as (ws, peer):
        await peer.send(frame(BINARY, bomb.removesuffix(b"\x00\x00\xff\xff"), reserved=4))
        total = 0
        async with ws.receive_streaming() as fragments:
            async for fragment in fragments:
                total += len(fragment)
                assert ws.statistics.bytes_unreceived < 3 << 17
        assert total == 64 << 20


async def test_a_block_left_early_leaves_the_rest_of_its_message() -> None:
    async with connected() as (ws, peer):
        await peer.send(frame(TEXT, b"a", final=False))
        async with ws.receive_streaming() as fragments:
            await anext(fragments)
        await peer.send(
            frame(CONTINUATION, b"b", final=False) + frame(CONTINUATION, b"c") + frame(TEXT, b"next")
        )
        assert await ws.receive() == "next"
        await peer.send(frame(TEXT, b"x", final=False) + frame(CONTINUATION, b"y") + frame(TEXT, b"last"))
        with pytest.raises(LookupError):
            async with ws.receive_streaming():
                raise LookupError
        assert await ws.receive() == "last"


async def test_others_that_receive_wait_for_the_end_of_the_block() -> None:
    async with connected() as (ws, peer), trio.open_nursery() as nursery:
        await peer.send(frame(TEXT, b"a", final=False))
        received: list[str | bytes] = []

        async def receiver() -> None:
            received.append(await ws.receive())

        async with ws.receive_streaming() as fragments:
            nursery.start_soon(receiver)
            await peer.send(frame(CONTINUATION, b"b") + frame(TEXT, b"next"))
            await trio.testing.wait_all_tasks_blocked()
            assert received == []
            assert [fragment async for fragment in fragments] == ["a", "b"]
        await trio.testing.wait_all_tasks_blocked()
        assert received == ["next"]


async def test_the_end_before_a_message_and_within_one_is_raised() -> None:
    async with connected() as (ws, peer):
        await peer.send(frame(TEXT, b"a", final=False) + close_frame(4000, "enough"))
        async with ws.receive_streaming() as fragments:
            assert await anext(fragments) == "a"
            for _ in range(2):
                with pytest.raises(ConnectionClosed, match="4000: enough"):
                    await anext(fragments)
        with pytest.raises(ConnectionClosed, match="4000: enough"):
            async with ws.receive_streaming():
                pass


async def test_a_violation_within_a_message_is_raised_behind_what_came_before() -> None:
    async with connected() as (ws, peer):
        await peer.send(frame(TEXT, b"good", final=False) + frame(CONTINUATION, b"\xff"))
        async with ws.receive_streaming() as fragments:
            assert await anext(fragments) == "good"
            with pytest.raises(ProtocolViolation, match="not UTF-8"):
                await anext(fragments)


async def test_closing_ends_it() -> None:
    async with connected() as (ws, peer), trio.open_nursery() as nursery:
        await peer.send(frame(TEXT, b"a", final=False))
        async with ws.receive_streaming() as fragments:
            await anext(fragments)
            nursery.start_soon(peer.finish)
            await ws.aclose()
            with pytest.raises(trio.ClosedResourceError):
                await anext(fragments)
        with pytest.raises(trio.ClosedResourceError):
            async with ws.receive_streaming():
                pass


async def test_it_is_for_one_message() -> None:
    async with connected() as (ws, peer):
        await peer.send(frame(TEXT, b"a") + frame(TEXT, b"b"))
        fragments = ws.receive_streaming()
        async with fragments:
            pass
        with pytest.raises(RuntimeError, match="for each"):
            async with fragments:
                pass
        assert await ws.receive() == "b"


async def take(fragments: Fragments, found: list[str | bytes]) -> None:
    found.append(await anext(fragments))


async def test_cancelled_anywhere_nothing_is_lost() -> None:
    for cancelling in every_checkpoint():
        async with connected() as (ws, peer):
            await peer.send(frame(TEXT, b"a", final=False) + frame(CONTINUATION, b"b", final=False))
            await peer.send(frame(CONTINUATION, b"c") + frame(TEXT, b"next"))
            found: list[str | bytes] = []

            fragments = ws.receive_streaming()
            await cancelling.run(fragments.__aenter__)
            if cancelling.cancelled:
                await fragments.__aenter__()
            else:
                await cancelling.run(take, fragments, found)
            while len(found) < 3:
                await take(fragments, found)
            await fragments.__aexit__(None, None, None)
            assert found == ["a", "b", "c"]
            assert await ws.receive() == "next"
