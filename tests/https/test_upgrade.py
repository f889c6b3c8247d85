from __future__ import annotations

import pytest
import trio
import trio.testing
from trio.testing import memory_stream_pair

from trio_https._upgrade import UpgradedStream, upgraded


async def test_without_bytes_it_is_the_stream_itself() -> None:
    near, _ = memory_stream_pair()
    assert upgraded(near, b"") is near


async def test_what_was_received_comes_first() -> None:
    near, far = memory_stream_pair()
    stream = upgraded(near, b"hello")
    assert isinstance(stream, UpgradedStream)
    assert stream.transport_stream is near
    with trio.testing.assert_checkpoints():
        assert await stream.receive_some(2) == b"he"
    with pytest.raises(ValueError, match="at least 1"):
        await stream.receive_some(0)
    assert await stream.receive_some() == b"llo"
    await far.send_all(b"more")
    assert await stream.receive_some() == b"more"
    await stream.wait_send_all_might_not_block()
    await stream.send_all(b"back")
    assert await far.receive_some() == b"back"


async def test_closed_it_gives_nothing() -> None:
    near, _ = memory_stream_pair()
    stream = upgraded(near, b"hello")
    await stream.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await stream.receive_some()
