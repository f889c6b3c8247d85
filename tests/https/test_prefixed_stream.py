from __future__ import annotations

import trio
from trio.testing import check_two_way_stream, memory_stream_pair

from trio_https._prefixed_stream import PrefixedStream, with_prefix


async def test_the_prefix_comes_first() -> None:
    near, far = memory_stream_pair()
    stream = with_prefix(near, b"before")
    await far.send_all(b"after")
    assert await stream.receive_some(2) == b"be"
    assert await stream.receive_some() == b"fore"
    assert await stream.receive_some() == b"after"
    await stream.send_all(b"back")
    assert await far.receive_some() == b"back"


async def test_without_a_prefix_it_is_the_stream_itself() -> None:
    near, _ = memory_stream_pair()
    assert with_prefix(near, b"") is near


async def test_closed_it_gives_nothing_more() -> None:
    near, _ = memory_stream_pair()
    stream = PrefixedStream(near, b"before")
    await stream.aclose()
    try:
        await stream.receive_some()
    except trio.ClosedResourceError:
        return
    raise AssertionError("it was closed")


async def test_it_is_a_stream() -> None:
    async def maker() -> tuple[trio.abc.Stream, trio.abc.Stream]:
        await trio.lowlevel.checkpoint()
        near, far = memory_stream_pair()
        return PrefixedStream(near, b""), PrefixedStream(far, b"")

    await check_two_way_stream(maker, None)
