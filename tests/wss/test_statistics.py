from __future__ import annotations

from support.websocket_peer import CONTINUATION, PING, PONG, TEXT, Frame, connected, frame
from trio_wss import Statistics


async def test_everything_is_counted_up_to_now() -> None:
    async with connected() as (ws, peer):
        before = ws.statistics
        assert before == Statistics()
        await ws.send("hello")
        assert await peer.frame() == Frame(TEXT, b"hello")
        wire = frame(TEXT, b"a", final=False) + frame(CONTINUATION, b"b") + frame(PING) * 3 + frame(PONG)
        await peer.send(wire + frame(TEXT, b"waits"))
        assert await ws.receive() == "ab"
        after = ws.statistics
        assert before == Statistics()
        assert (after.messages_sent, after.messages_received) == (1, 2)
        assert (after.pings_received, after.pongs_received) == (3, 1)
        assert after.bytes_received == len(wire) + 7
        assert after.bytes_sent >= 11
        assert after.bytes_unsent in (0, 18)  # the pongs that answer the pings
        assert after.bytes_unreceived > 5
