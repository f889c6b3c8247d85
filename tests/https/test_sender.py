from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from support.http_peers import Peer, ok, peers
from trio_https import URL, Deadlines, Limits, StreamingResponse
from trio_https._connector import Connector
from trio_https._outgoing import Outgoing
from trio_https._sender import Sender
from trio_https._transport import Transport


def _following(send: Sender) -> Sender:
    @asynccontextmanager
    async def following(request: Outgoing) -> AsyncGenerator[StreamingResponse]:
        while True:
            async with send(request) as response:
                if "location" not in response.headers:
                    yield response
                    return
                assert await response.discard()
            request = request.replace(url=URL.parse(response.headers["location"]))

    return following


async def test_a_layer_takes_a_sender_and_is_one() -> None:
    async def script(peer: Peer) -> None:
        for _ in range(3):
            await peer.request()
            await peer.send(ok(b"moved", "Location: http://h/there", status="302 Found"))
            await peer.request()
            await peer.send(ok(b"here"))

    async with peers(script) as server:
        transport = Transport(Connector(server, None), Limits(connections=1), Deadlines())
        send = _following(transport)
        for _ in range(3):
            async with send(Outgoing.of("GET", "http://h/")) as response:
                assert (await response.read(10)).content == b"here"
        assert [seen.target for seen in server.requests] == ["/", "/there"] * 3
        assert len(server.streams) == 1
        await transport.aclose()
        assert server.open == 0
