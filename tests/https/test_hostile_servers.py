"""Servers that give without end, or hardly anything: each is refused, in bounded memory and bounded time.

Theory of operation: the whole client meets each of them, over streams in memory and a virtual clock. How much was
allocated at most is `tracemalloc`'s to say, how long it took the clock's. Streaming a gibibyte is the benchmark's
(`python -m benchmarks.memory`); here it is 64 MiB, both ways, over TCP and over TLS.
"""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from support.authority import Authority
from support.http_peers import Peer, Script, peers
from support.tls_server import tcp_server, tls_server
from trio_https import Client, DecodingError, HTTPError, ProtocolError, ResponseTooLarge, TooSlow

MIB = 1 << 20
_HEAD = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@contextmanager
def _at_most(mebibytes: float) -> Generator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < mebibytes * MIB
    finally:
        tracemalloc.stop()


def _endless(begin: bytes, again: bytes) -> Script:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(begin)
        while True:
            await peer.send(again)
            await trio.sleep(0.001)

    return script


def _dripping(begin: bytes, every: float, drop: bytes = b"x") -> Script:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(begin)
        while True:
            await trio.sleep(every)
            await peer.send(drop)

    return script


ENDLESS: list[tuple[Script, type[HTTPError], str]] = [
    (_endless(_HEAD + b"X: ", b"y" * 1000), ResponseTooLarge, r"Limits\.head"),
    (_endless(_HEAD, b"X: y\r\n" * 100), ResponseTooLarge, r"Limits\.head"),
    (_endless(b"", b"HTTP/1.1 103 Hints\r\n\r\n"), ResponseTooLarge, r"Limits\.informational"),
    (_endless(b"HTTP/1.1 200 ", b"OK" * 500), ResponseTooLarge, r"Limits\.head"),
    (_endless(_CHUNKED + b"5;", b"extension" * 100), ResponseTooLarge, r"Limits\.head"),
    (_endless(_CHUNKED, b"0" * 1000), ResponseTooLarge, r"Limits\.head"),
    (_endless(_CHUNKED + b"0\r\n", b"X: y\r\n" * 100), ResponseTooLarge, r"Limits\.head"),
    (_endless(_CHUNKED, b"fffffffffffffffffffff\r\n" + b"x" * 1000), ProtocolError, "broken body"),
    (_endless(_CHUNKED, b"3e8\r\n" + b"x" * 1000 + b"\r\n"), ResponseTooLarge, "at most 1000000 bytes"),
    (_endless(_HEAD + b"\r\n", b"x" * 1000), ResponseTooLarge, "at most 1000000 bytes"),
]


@pytest.mark.parametrize(("script", "error", "message"), ENDLESS)
async def test_what_has_no_end_is_cut_off(
    script: Script, error: type[HTTPError], message: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with peers(script) as server, Client(server) as client:
        with _at_most(3), trio.fail_after(60), pytest.raises(error, match=message):
            await client.get("http://h/", max_body=1_000_000)
        assert server.open == 0


@pytest.mark.parametrize(
    ("script", "message", "seconds"),
    [
        (_dripping(b"", 50), r"did not answer|header section that took longer than 30 s", 80),
        (_dripping(_HEAD + b"X: ", 20), r"header section that took longer than 30 s.*Deadlines\.head", 30),
        (_dripping(_HEAD + b"\r\n", 59), r"sent 1 bytes in 60 s.*Deadlines\.rate", 60),
        (_dripping(_HEAD + b"Content-Length: 1000\r\n\r\n", 59), r"sent 1 bytes in 60 s", 60),
        (_dripping(_CHUNKED, 59, b"1"), r"sent 1 bytes in 60 s", 60),
        (_dripping(b"", 1000), r"sent nothing for 60 s.*Deadlines\.idle", 60),
        (_dripping(_HEAD + b"\r\n", 61), r"sent (nothing|0 bytes)", 60),
    ],
)
async def test_a_byte_a_minute_is_given_up(
    script: Script, message: str, seconds: float, autojump_clock: trio.testing.MockClock
) -> None:
    async with peers(script) as server, Client(server) as client:
        with pytest.raises((TooSlow, ProtocolError), match=message):
            await client.get("http://h/")
        assert trio.current_time() == pytest.approx(seconds, abs=1)
        assert server.open == 0


def _bomb(coding: str, data: bytes) -> Script:
    async def script(peer: Peer) -> None:
        await peer.request()
        head = f"Content-Encoding: {coding}\r\nContent-Length: {len(data)}\r\n\r\n".encode()
        await peer.send(_HEAD + head + data)

    return script


async def test_a_bomb_is_refused_by_what_comes_out_of_it() -> None:
    once = gzip.compress(bytes(64 * MIB), 9)
    for coding, data, message in (
        ("gzip", once, "at most 1000000 bytes"),
        ("gzip, gzip", gzip.compress(once, 9), "at most 1000000 bytes|expansion"),
    ):
        async with peers(_bomb(coding, data)) as server, Client(server) as client:
            with _at_most(4), pytest.raises(ResponseTooLarge, match=message):
                await client.get("http://h/", max_body=1_000_000)
    many = ", ".join(["gzip"] * 100)
    async with peers(_bomb(many, once)) as server, Client(server) as client:
        with pytest.raises(DecodingError, match="coded 100 times"):
            await client.get("http://h/")


async def test_a_bomb_that_is_streamed_goes_off_slowly_and_not_for_long() -> None:
    bomb = gzip.compress(gzip.compress(bytes(256 * MIB), 9), 9)
    size = 0

    async def stream(client: Client) -> None:
        nonlocal size
        async with client.stream("GET", "http://h/") as response:
            async for chunk in response:
                assert len(chunk) <= 128 * 1024
                size += len(chunk)

    async with peers(_bomb("gzip, gzip", bomb)) as server, Client(server) as client:
        with _at_most(3), pytest.raises(ResponseTooLarge, match=r"Limits\.expansion"):
            await stream(client)
    assert size <= 2000 * len(bomb)


# Large bodies, in little memory

_TOTAL = 64 * MIB


async def _upload(stream: trio.abc.Stream) -> None:
    received = 0
    while received < _TOTAL:
        received += len(await stream.receive_some())
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    await stream.receive_some()


async def _download(stream: trio.abc.Stream) -> None:
    await stream.receive_some()
    await stream.send_all(_HEAD + b"Content-Length: %d\r\n\r\n" % _TOTAL)
    block = bytes(MIB)
    for _ in range(_TOTAL // MIB):
        await stream.send_all(block)
    await stream.receive_some()


async def _source() -> AsyncGenerator[bytes]:
    block = bytes(256 * 1024)
    for _ in range(_TOTAL // len(block)):
        yield block


async def _exchange(url: str, secure: dict[str, object], *, up: bool) -> None:
    async with Client(secure=secure) as client:
        body = _source() if up else None
        async with client.stream("POST" if up else "GET", url, body=body) as response:
            size = 0
            async for chunk in response:
                size += len(chunk)
            assert size == (0 if up else _TOTAL)


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
async def test_large_bodies_over_tcp(up: bool) -> None:
    async with tcp_server(_upload if up else _download) as port:
        with _at_most(8):
            await _exchange(f"http://127.0.0.1:{port}/", {}, up=up)


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
async def test_large_bodies_over_tls(up: bool) -> None:
    authority = Authority.make()
    async with tls_server(authority.issue("localhost"), _upload if up else _download) as port:
        with _at_most(8):
            await _exchange(f"https://localhost:{port}/", {"certificate": authority.certificate_der}, up=up)


async def test_a_file_is_sent_without_being_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(_TOTAL)

    async def form(client: Client, url: str) -> object:
        return await client.post(url, files={"f": path})

    async def body(client: Client, url: str) -> object:
        return await client.put(url, path)

    sends: list[Callable[[Client, str], Awaitable[object]]] = [form, body]
    for send in sends:
        async with tcp_server(_upload) as port, Client() as client:
            with _at_most(4):
                await send(client, f"http://127.0.0.1:{port}/")
