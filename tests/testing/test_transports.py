from __future__ import annotations

import pytest
import trio
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from trio_secure.testing._transports import ChangedStream, CutStream, StalledStream


async def test_what_comes_before_the_place_arrives() -> None:
    ours, theirs = memory_stream_pair()
    stream = CutStream(theirs, 5)
    await stream.wait_send_all_might_not_block()
    await stream.send_all(b"abc")
    with pytest.raises(trio.BrokenResourceError, match="2 bytes before"):
        await stream.send_all(b"defg")
    assert await ours.receive_some() == b"abcde"
    assert await ours.receive_some() == b""


async def test_one_bit_is_changed_once() -> None:
    ours, theirs = memory_stream_pair()
    stream = ChangedStream(theirs, 1)
    await stream.send_all(b"abc")
    await stream.send_all(b"def")
    assert await ours.receive_some() == b"acc" + b"def"


async def test_a_stalled_stream_sends_nothing_more_and_still_receives() -> None:
    ours, theirs = memory_stream_pair()
    async with StalledStream(theirs, 1) as stream, trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"abc")
        await wait_all_tasks_blocked()
        assert await ours.receive_some() == b"a"
        await ours.send_all(b"still here")
        assert await stream.receive_some(5) == b"still"
        nursery.cancel_scope.cancel()
    assert await ours.receive_some() == b""
