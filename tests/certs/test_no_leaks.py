"""What ten thousand verifications leave behind: nothing.

Theory of operation: the interpreter counts the blocks of memory it has handed out. What is remembered for a while
is bounded, and is there after the first thousand verifications; from then on the count may not grow, whether
servers are trusted or refused, and whoever fails, is cancelled or shares.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import sys
from pathlib import Path

import trio

from support.authority import DAY, Authority
from support.crl import NOW, revocation_list
from support.store import make_store
from trio_certs import CertificateError, Issuer, Lookup, Pin, SourceError, Trust
from trio_certs._certificate import REMEMBERED

ROOT, OTHER = Authority.make(name="Root"), Authority.make(name="Other")
MIDDLE = ROOT.intermediate(name="Middle")
# More of each than is remembered, so that remembering and forgetting both happen.
GOOD = [MIDDLE.issue("h.test").chain_ders for _ in range(REMEMBERED + 8)]
REFUSED = [
    *[MIDDLE.issue("i.test").chain_ders for _ in range(4)],
    *[MIDDLE.issue("h.test", not_after=NOW - DAY).chain_ders for _ in range(4)],
    *[Authority.make(name="Root").issue("h.test").chain_ders for _ in range(REMEMBERED + 8)],
    [GOOD[0][0], b"\x30\x00"],
]
_BLOCKS_FOR_CHANCE = 1000
"""Blocks by which the count may differ: 10,000 verifications that kept one each would show up as 9,000."""


async def _fails(_: Issuer) -> list[bytes]:
    raise OSError("down")


async def _never(_: Issuer) -> list[bytes]:
    await trio.sleep_forever()
    raise AssertionError


async def test_ten_thousand_verifications_leave_nothing_behind(tmp_path: Path) -> None:
    store = make_store(tmp_path, ROOT, OTHER)
    good = Trust([OTHER.certificate_der], sources=[store], crls=[revocation_list(MIDDLE)])
    pinned, failing = Trust(sources=[store], pins=[Pin.key(bytes(32))]), Trust(sources=[Lookup(_fails)])
    waiting = Trust(sources=[Lookup(_never)])
    chains, bad = itertools.cycle(GOOD), itertools.cycle(REFUSED)

    async def some() -> None:
        """Fifty verifications."""
        for _ in range(40):
            await good.verify(next(chains), "h.test")
        for trust in (good, good, good, good, pinned, failing):
            with contextlib.suppress(CertificateError, SourceError):
                await trust.verify(next(bad), "h.test")
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                for _ in range(4):
                    nursery.start_soon(waiting.verify, GOOD[0], "h.test")
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()

    counts: list[int] = []
    for rounds in (20, 180):
        for _ in range(rounds):
            await some()
        gc.collect()
        counts.append(sys.getallocatedblocks())
    before, after = counts
    assert after - before < _BLOCKS_FOR_CHANCE
