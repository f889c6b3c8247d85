"""What is measured: each workload does a known amount of work over one contestant's connections.

Theory of operation: a workload runs in a process of its own and counts that process's CPU time, all threads
included, over the part that matters: bulk rows leave the handshake out, the handshake row leaves the TCP
connection out. A new row is an entry in `CASES`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio

from benchmarks.contestants import Handshake, Version
from benchmarks.server import GIVE, TAKE, command

_MIB = 1 << 20
_SEND_BYTES = 1 << 16
_WARM_UP_BYTES = 1 << 20
_WARM_UP_HANDSHAKES = 5


@dataclass(frozen=True)
class Case:
    """One row of the report.

    Attributes:
        run: does `amount` of work against the server on `port` and returns the CPU seconds it took.
        amount: how much work makes a round, in units of `unit`; `quick` for a rough answer.
        goal: the ratio to the peer that is aimed at.
        classical: whether both sides exchange keys by X25519 alone, which leaves out the share of the
            post-quantum group that this library sends by default and OpenSSL before 3.5 does not know.
    """

    run: Callable[[int, Handshake, int], Awaitable[float]]
    unit: str
    amount: int
    quick: int
    version: Version
    goal: float
    classical: bool = False


async def _connect(port: int) -> trio.SocketStream:
    return await trio.open_tcp_stream("127.0.0.1", port)


async def _take_in(stream: trio.abc.Stream, count: int) -> None:
    while count > 0:
        received = await stream.receive_some()
        if not received:
            raise RuntimeError(f"the server stopped {count} bytes early")
        count -= len(received)


async def _receive(port: int, handshake: Handshake, mebibytes: int) -> float:
    """Receive with the stream's own default size, as `async for chunk in stream` does."""
    async with await handshake(await _connect(port)) as stream:
        await stream.send_all(command(GIVE, _WARM_UP_BYTES))
        await _take_in(stream, _WARM_UP_BYTES)
    async with await handshake(await _connect(port)) as stream:
        begin = time.process_time()
        await stream.send_all(command(GIVE, mebibytes * _MIB))
        await _take_in(stream, mebibytes * _MIB)
        return time.process_time() - begin


async def _send(port: int, handshake: Handshake, mebibytes: int) -> float:
    """Send pieces of 64 KiB, the size a file copy would use."""
    piece = bytes(_SEND_BYTES)
    async with await handshake(await _connect(port)) as stream:
        await stream.send_all(command(TAKE, mebibytes * _MIB))
        begin = time.process_time()
        for _ in range(mebibytes * _MIB // _SEND_BYTES):
            await stream.send_all(piece)
        await _take_in(stream, 1)
        return time.process_time() - begin


async def _handshakes(port: int, handshake: Handshake, count: int) -> float:
    """Make connections one after the other; nothing is resumed."""
    seconds = 0.0
    for number in range(_WARM_UP_HANDSHAKES + count):
        transport = await _connect(port)
        begin = time.process_time()
        stream = await handshake(transport)
        if number >= _WARM_UP_HANDSHAKES:
            seconds += time.process_time() - begin
        await stream.aclose()
    return seconds


CASES: dict[str, Case] = {
    "bulk receive, TLS 1.3": Case(_receive, "MiB", 1024, 256, "1.3", 1.5),
    "bulk receive, TLS 1.2": Case(_receive, "MiB", 1024, 256, "1.2", 1.5),
    "bulk send, TLS 1.3": Case(_send, "MiB", 1024, 256, "1.3", 1.5),
    "bulk send, TLS 1.2": Case(_send, "MiB", 1024, 256, "1.2", 1.5),
    "full handshake, TLS 1.3": Case(_handshakes, "handshakes", 400, 100, "1.3", 1.0),
    "full handshake, X25519": Case(_handshakes, "handshakes", 400, 100, "1.3", 1.0, classical=True),
    "full handshake, TLS 1.2": Case(_handshakes, "handshakes", 400, 100, "1.2", 1.0),
}
