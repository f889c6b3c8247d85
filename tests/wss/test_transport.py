from __future__ import annotations

import pytest
import trio
import trio.testing

from support.rough_stream import RoughStream
from trio_wss._transport import TRANSPORT_ERRORS, close_now


async def test_it_closes_also_when_cancelled() -> None:
    stream, peer = trio.testing.memory_stream_pair()
    with trio.CancelScope() as scope:
        scope.cancel()
        await close_now(stream)
    assert await peer.receive_some() == b""


@pytest.mark.parametrize("error", [trio.BrokenResourceError, trio.ClosedResourceError, ConnectionResetError])
async def test_a_stream_that_cannot_close_in_good_order_is_no_error(error: type[Exception]) -> None:
    assert issubclass(error, TRANSPORT_ERRORS)

    client_end, peer = trio.testing.memory_stream_pair()
    stream = RoughStream(client_end)
    stream.closing = error("not in good order")
    await close_now(stream)
    assert await peer.receive_some() == b""
