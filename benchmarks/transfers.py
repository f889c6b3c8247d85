"""Bytes over TLS: bulk both ways, and many small messages.

Theory of operation: CPU time counts from when the handshake is done, so that this is the price of records
alone. The bare loop is no peer but the wall: see `bare.py`. The blocking `ssl` socket, which pays for no event
loop, first finds out which size of buffer is its best; every size opens one record at a time, for that is all
that `SSL_read` gives.
"""

from __future__ import annotations

import socket
import ssl
import time

import trio

from benchmarks.bare import bare
from benchmarks.case import SERVER_NAME, Case, Measure, Site
from benchmarks.contestants import PEER, Handshake, Terms, Work, connect, on_trio
from benchmarks.server import ECHO, GIVE, TAKE, command
from benchmarks.servers import raw

_MIB = 1 << 20
_WARM_UP_BYTES = 2 * _MIB
_WARM_UP_ECHOES = 10
BLOCKING, WALL = "blocking ssl", "the bare loop"
_BUFFERS = (16 << 10, 64 << 10, 256 << 10)


async def take_in(stream: trio.abc.Stream, count: int, max_bytes: int | None = None) -> None:
    """Receive so many bytes and drop them."""
    while count > 0:
        received = await stream.receive_some(max_bytes)
        if not received:
            raise RuntimeError(f"the server stopped {count} bytes early")
        count -= len(received)


def _receive(max_bytes: int | None) -> Work:
    async def work(site: Site, handshake: Handshake, mebibytes: int) -> float:
        async with await handshake(await connect(site)) as stream:
            await stream.send_all(command(GIVE, _WARM_UP_BYTES))
            await take_in(stream, _WARM_UP_BYTES, max_bytes)
        async with await handshake(await connect(site)) as stream:
            begin = time.process_time()
            await stream.send_all(command(GIVE, mebibytes * _MIB))
            await take_in(stream, mebibytes * _MIB, max_bytes)
            return time.process_time() - begin

    return work


def _send(size: int) -> Work:
    async def work(site: Site, handshake: Handshake, mebibytes: int) -> float:
        piece = bytes(size)
        async with await handshake(await connect(site)) as stream:
            await stream.send_all(command(TAKE, mebibytes * _MIB))
            begin = time.process_time()
            for _ in range(mebibytes * _MIB // size):
                await stream.send_all(piece)
            await take_in(stream, 1)
            return time.process_time() - begin

    return work


async def _echoes(stream: trio.abc.Stream, message: bytes, count: int) -> None:
    for _ in range(count):
        await stream.send_all(message)
        await take_in(stream, len(message))


def _echo(size: int) -> Work:
    async def work(site: Site, handshake: Handshake, messages: int) -> float:
        message = bytes(size)
        async with await handshake(await connect(site)) as stream:
            await stream.send_all(command(ECHO, size))
            await _echoes(stream, message, _WARM_UP_ECHOES)
            begin = time.process_time()
            await _echoes(stream, message, messages)
            return time.process_time() - begin

    return work


def _both_ways(size: int) -> Work:
    async def work(site: Site, handshake: Handshake, messages: int) -> float:
        message = bytes(size)
        async with await handshake(await connect(site)) as stream:
            await stream.send_all(command(ECHO, size))
            await _echoes(stream, message, _WARM_UP_ECHOES)
            begin = time.process_time()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(take_in, stream, messages * size)
                for _ in range(messages):
                    await stream.send_all(message)
            return time.process_time() - begin

    return work


def _blocking_connection(site: Site) -> ssl.SSLSocket:
    context = ssl.create_default_context(cadata=site.authority)
    plain = socket.create_connection(("127.0.0.1", site.port))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(plain, server_hostname=SERVER_NAME)


def _blocking_receive(site: Site, buffer: bytearray, mebibytes: int) -> float:
    with _blocking_connection(site) as connection:
        begin = time.process_time()
        connection.sendall(command(GIVE, mebibytes * _MIB))
        rest = mebibytes * _MIB
        while rest > 0:
            received = connection.recv_into(buffer)
            if not received:
                raise RuntimeError(f"the server stopped {rest} bytes early")
            rest -= received
        return time.process_time() - begin


def _blocking_receive_at_its_best(site: Site, mebibytes: int) -> float:
    trial = max(1, mebibytes // 16)
    best = min(_BUFFERS, key=lambda size: _blocking_receive(site, bytearray(size), trial))
    return _blocking_receive(site, bytearray(best), mebibytes)


def _blocking_send(size: int) -> Measure:
    def measure(site: Site, mebibytes: int) -> float:
        piece = bytes(size)
        with _blocking_connection(site) as connection:
            connection.sendall(command(TAKE, mebibytes * _MIB))
            begin = time.process_time()
            for _ in range(mebibytes * _MIB // size):
                connection.sendall(piece)
            connection.recv(1)
            return time.process_time() - begin

    return measure


def _walled(work: Work) -> dict[str, Measure]:
    return {**on_trio(work), WALL: lambda site, amount: trio.run(work, site, bare(site.authority), amount)}


RECEIVING, SENDING = on_trio(_receive(None)), on_trio(_send(64 << 10))
"""The two directions, with the stream's own size of pieces and with 64 KiB."""


def _cases() -> dict[str, Case]:
    blocking = {BLOCKING: _blocking_receive_at_its_best}
    goals = {PEER: 2.5, BLOCKING: 1.0}
    cases: dict[str, Case] = {
        "receive": Case(raw, {**_walled(_receive(None)), **blocking}, "MiB", 1024, 32, goals)
    }
    for kib in (16, 64, 256):
        contestants = {**on_trio(_receive(kib << 10)), **blocking}
        cases[f"receive, max_bytes {kib} KiB"] = Case(
            raw, contestants, "MiB", 512, 32 if kib == 64 else 0, goals
        )
    cases["receive, TLS 1.2"] = Case(raw, on_trio(_receive(None), Terms("1.2")), "MiB", 512, 32, {PEER: 2.5})
    for name, size in (("64 KiB", 64 << 10), ("1 MiB", _MIB)):
        contestants = {**_walled(_send(size)), BLOCKING: _blocking_send(size)}
        cases[f"send, pieces of {name}"] = Case(raw, contestants, "MiB", 512, 32, {PEER: 2.0})
    cases["send, TLS 1.2, pieces of 64 KiB"] = Case(
        raw, on_trio(_send(64 << 10), Terms("1.2")), "MiB", 512, 32, {PEER: 2.0}
    )
    for size in (64, 256, 1024):
        cases[f"both ways at once, {size} B"] = Case(
            raw, _walled(_both_ways(size)), "message", 20_000, 300 if size == 1024 else 0, {PEER: 1.5}
        )
    for size in (64, 256, 1024):
        cases[f"echo, {size} B"] = Case(
            raw, _walled(_echo(size)), "echo", 10_000, 300 if size == 1024 else 0, {PEER: 1.5}
        )
    return cases


CASES = _cases()
