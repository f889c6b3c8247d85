"""Handshakes, with chain and name verified.

Theory of operation: CPU time of the handshakes alone, one connection after the other. The server presents
another leaf on each connection, below the same intermediate, as a client meets that goes to many servers: ours,
which remembers the paths that it has verified, has not met the chain before. Where a row says "chain met
before" the server is one and the same, as for a client that comes back. A resumed connection is counted up to
the first byte of data behind the new ticket, since keeping that is a part of resuming.
"""

from __future__ import annotations

import time

from benchmarks.case import Case, Site
from benchmarks.contestants import PEER, Handshake, Terms, connect, on_trio, resumed
from benchmarks.server import GIVE, command
from benchmarks.servers import MOST_LEAVES, raw, raw_many_p256, raw_many_rsa, raw_rsa
from benchmarks.transfers import take_in

_WARM_UP = 5
_AMOUNT = MOST_LEAVES - _WARM_UP


async def _full(site: Site, handshake: Handshake, count: int) -> float:
    seconds = 0.0
    for number in range(_WARM_UP + count):
        transport = await connect(site)
        begin = time.process_time()
        stream = await handshake(transport)
        if number >= _WARM_UP:
            seconds += time.process_time() - begin
        if resumed(stream):
            raise RuntimeError("a full handshake was asked for")
        await stream.aclose()
    return seconds


async def _resumed(site: Site, handshake: Handshake, count: int) -> float:
    seconds = 0.0
    for number in range(_WARM_UP + count):
        transport = await connect(site)
        begin = time.process_time()
        stream = await handshake(transport)
        await stream.send_all(command(GIVE, 1))
        await take_in(stream, 1)
        if number >= _WARM_UP:
            seconds += time.process_time() - begin
        if number and not resumed(stream):
            raise RuntimeError("nothing was resumed")
        await stream.aclose()
    return seconds


_GOAL = {PEER: 1.25}
_FULL, _FULL12, _HYBRID = on_trio(_full), on_trio(_full, Terms("1.2")), on_trio(_full, Terms(classical=False))
_RESUMED = on_trio(_resumed, Terms(resume=True))
_RESUMED12 = on_trio(_resumed, Terms("1.2", resume=True))

CASES: dict[str, Case] = {
    "full, RSA-2048": Case(raw_many_rsa, _FULL, "handshake", _AMOUNT, 20, _GOAL),
    "full, P-256": Case(raw_many_p256, _FULL, "handshake", _AMOUNT, 0, _GOAL),
    "full, RSA-2048, chain met before": Case(raw_rsa, _FULL, "handshake", _AMOUNT, 0, _GOAL),
    "full, P-256, chain met before": Case(raw, _FULL, "handshake", _AMOUNT, 0, _GOAL),
    "full, P-256, ours post-quantum": Case(raw_many_p256, _HYBRID, "handshake", _AMOUNT, 20),
    "full, P-256, TLS 1.2": Case(raw_many_p256, _FULL12, "handshake", _AMOUNT, 20, _GOAL),
    "full, RSA-2048, TLS 1.2": Case(raw_many_rsa, _FULL12, "handshake", _AMOUNT, 0, _GOAL),
    "resumed": Case(raw, _RESUMED, "handshake", _AMOUNT, 20, _GOAL),
    "resumed, TLS 1.2": Case(raw, _RESUMED12, "handshake", _AMOUNT, 20, _GOAL),
}
