"""The WebSocket client against servers it shares nothing with, over TLS."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from support.authority import Authority
from support.servers import RunningServer
from support.websocket_servers import SERVERS, websocket_server
from trio_wss import ConnectionClosed, Deflate, WebSocket, open_websocket

# An ASGI application cannot ping, and neither it nor one on aiohttp can send a message in fragments.
PINGING = [name for name in SERVERS if name != "hypercorn"]
_DEFAULT = Deflate()
FRAGMENTING = [name for name in PINGING if name != "aiohttp"]


class Site:
    """A server, and how to talk to it."""

    def __init__(self, name: str, server: RunningServer, authority: Authority) -> None:
        self.name = name
        self.server = server
        self._secure = {"certificate": authority.certificate_der}

    @asynccontextmanager
    async def websocket(
        self, *subprotocols: str, compression: Deflate | None = _DEFAULT
    ) -> AsyncGenerator[WebSocket]:
        url = f"wss://localhost:{self.server.port}/"
        limit = 64 << 20
        with trio.fail_after(30):
            async with open_websocket(
                url,
                secure=self._secure,
                subprotocols=subprotocols,
                compression=compression,
                max_message_size=limit,
            ) as websocket:
                yield websocket


@pytest.fixture(params=SERVERS)
async def site(request: pytest.FixtureRequest, authority: Authority, tmp_path: Path) -> AsyncIterator[Site]:
    async with websocket_server(request.param, authority.issue("localhost"), tmp_path) as server:
        yield Site(request.param, server, authority)


async def test_messages_of_every_kind_and_size_come_back(site: Site) -> None:
    # The lengths around 125 and 65535 bytes are where a frame's header changes its size (RFC 6455 §5.2).
    messages: list[str | bytes] = [
        *("hello", "", b"", "Grüße, 世界 \0", b"\x00\xff", "x" * 125, "x" * 126),
        *(os.urandom(65_535), os.urandom(65_536), os.urandom(10 << 20), "ä" * (1 << 20)),
    ]
    async with site.websocket() as websocket:
        for message in messages:
            await websocket.send(message)
            assert await websocket.receive() == message


async def test_many_messages_on_their_way_at_once_keep_their_order(site: Site) -> None:
    messages = [f"{number} " * (number % 50) for number in range(1000)]
    async with site.websocket() as websocket, trio.open_nursery() as nursery:

        async def send_all() -> None:
            for message in messages:
                await websocket.send(message)

        nursery.start_soon(send_all)
        assert [await websocket.receive() for _ in messages] == messages


async def test_a_message_in_fragments_arrives_as_one(site: Site) -> None:
    async def fragments() -> AsyncIterator[str]:
        for number in range(100):
            yield f"{number}, "

    async with site.websocket() as websocket:
        await websocket.send(fragments())
        assert await websocket.receive() == "".join(f"{number}, " for number in range(100))


OFFERS = {
    "the default": Deflate(),
    "nothing is kept": Deflate(server_no_context_takeover=True, client_no_context_takeover=True),
    "small windows": Deflate(server_max_window_bits=10, client_max_window_bits=9, min_size=0),
}


@pytest.mark.parametrize("offer", OFFERS)
async def test_messages_are_compressed_both_ways(offer: str, site: Site) -> None:
    messages: list[str | bytes] = [
        *("Grüße, 世界 " * 1000, b"x" * (1 << 20), "", b"", "short", os.urandom(100_000)),
        *("Grüße, 世界 " * 1000, "again " * 50_000),
    ]
    async with site.websocket(compression=OFFERS[offer]) as websocket:
        assert websocket.compression is not None
        for message in messages:
            await websocket.send(message)
            assert await websocket.receive() == message
        total = sum(len(message) for message in messages)
        assert websocket.statistics.bytes_sent < total / 5
        assert websocket.statistics.bytes_received < total / 5


async def test_messages_are_not_compressed_on_request(site: Site) -> None:
    async with site.websocket(compression=None) as websocket:
        assert websocket.compression is None
        await websocket.send("x" * 100_000)
        assert await websocket.receive() == "x" * 100_000
        assert websocket.statistics.bytes_sent > 100_000


@pytest.mark.parametrize("site", FRAGMENTING, indirect=True)
async def test_a_message_comes_in_fragments(site: Site) -> None:
    async with site.websocket() as websocket:
        await websocket.send("in fragments")
        assert await websocket.receive() == "Grüße"


async def test_the_server_answers_pings(site: Site) -> None:
    async with site.websocket() as websocket:
        assert 0 < await websocket.ping() < 10
        assert 0 < await websocket.ping(b"x" * 125) < 10


@pytest.mark.parametrize("site", PINGING, indirect=True)
async def test_the_server_s_pings_are_answered(site: Site) -> None:
    async with site.websocket() as websocket:
        await websocket.send("ping me")
        assert await websocket.receive() == "you answered"


async def test_a_subprotocol_is_agreed_on(site: Site) -> None:
    async with site.websocket("soap", "chat") as websocket:
        assert websocket.subprotocol == "chat"
    async with site.websocket() as websocket:
        assert websocket.subprotocol is None


async def test_the_server_s_code_and_reason_arrive(site: Site) -> None:
    async with site.websocket() as websocket:
        await websocket.send("go away")
        with pytest.raises(ConnectionClosed) as caught:
            await websocket.receive()
    assert (caught.value.code, caught.value.reason) == (4000, "enough")


@pytest.mark.parametrize("code", [1000, 1001, 4999])
async def test_the_server_learns_our_code(code: int, site: Site) -> None:
    async with site.websocket() as websocket:
        await websocket.send("hello")
        await websocket.receive()
        await websocket.aclose(code, "for a reason")
        # RFC 6455 §5.5.1: an endpoint "typically echos the status code it received"; aiohttp sends its own.
        assert websocket.close_code == (1000 if site.name == "aiohttp" else code)
    if site.name != "hypercorn":  # which tells its application 1006, whatever came
        await site.server.says(f"closed with {code}")
