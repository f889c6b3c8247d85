"""Connections that wait: what each holds, and what it costs to have thousands.

Theory of operation: nginx keeps the other ends. Memory is what the process has to itself (Private_Dirty),
counted from before the connections to after, once a few have been made and everything is imported; the TCP
stream is in both contestants' figures. "One message on each" is a small request and its answer, on one
connection after the other, so that no two of them find the connection's state in the processor's cache.
"""

from __future__ import annotations

import resource
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import trio

from benchmarks.case import Case, Site
from benchmarks.contestants import PEER, Handshake, connect, on_trio
from benchmarks.servers import nginx
from benchmarks.usage import private_kib

MANY = 5000
_WARM_UP = 5
_REQUEST = b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n"


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise SystemExit(f"{count} files at once are more than this system allows ({hard}): ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


@asynccontextmanager
async def _opened(site: Site, handshake: Handshake, count: int) -> AsyncGenerator[list[trio.abc.Stream]]:
    streams = [await handshake(await connect(site)) for _ in range(count)]
    try:
        yield streams
    finally:
        with trio.CancelScope() as scope:
            scope.cancel()  # closes without a farewell
            for stream in streams:
                await trio.aclose_forcefully(stream)


async def _ask(stream: trio.abc.Stream) -> None:
    await stream.send_all(_REQUEST)
    received = b""
    while b"\r\n\r\n" not in received:
        received += await stream.receive_some()
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split()[0])
    rest = length - len(body)
    while rest:
        rest -= len(await stream.receive_some())


async def _memory(site: Site, handshake: Handshake, count: int) -> float:
    _allow_files(count + 100)
    async with _opened(site, handshake, _WARM_UP):
        before = private_kib()
        async with _opened(site, handshake, count):
            return private_kib() - before


async def _memory_after_a_message(site: Site, handshake: Handshake, count: int) -> float:
    _allow_files(count + 100)
    async with _opened(site, handshake, _WARM_UP) as warm:
        for stream in warm:
            await _ask(stream)
        before = private_kib()
        async with _opened(site, handshake, count) as streams:
            for stream in streams:
                await _ask(stream)
            return private_kib() - before


async def _message(site: Site, handshake: Handshake, count: int) -> float:
    _allow_files(count + 100)
    async with _opened(site, handshake, count) as streams:
        begin = time.process_time()
        for stream in streams:
            await _ask(stream)
        return time.process_time() - begin


async def _connecting(site: Site, handshake: Handshake, count: int) -> float:
    _allow_files(count + 100)
    async with _opened(site, handshake, _WARM_UP):
        begin = time.process_time()
        async with _opened(site, handshake, count):
            return time.process_time() - begin


CASES: dict[str, Case] = {
    "memory of an idle connection": Case(
        nginx, on_trio(_memory), "connection", 1000, 100, {PEER: 3.0}, cost="KiB"
    ),
    "memory, each has had a message": Case(
        nginx, on_trio(_memory_after_a_message), "connection", 1000, 100, cost="KiB"
    ),
    f"{MANY:,} idle, memory": Case(
        nginx, on_trio(_memory), "connection", MANY, 0, {PEER: 1.0}, cost="KiB", rounds=3
    ),
    f"{MANY:,} idle, one message on each": Case(
        nginx, on_trio(_message), "message", MANY, 100, {PEER: 1.0}, rounds=3
    ),
}

CONNECTING = on_trio(_connecting)
"""Makes so many connections, all open together."""
