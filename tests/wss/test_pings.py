from __future__ import annotations

import math

import trio

from trio_wss._pings import Pings


async def test_a_pong_settles_its_ping_and_measures_it(autojump_clock: trio.abc.Clock) -> None:
    pings = Pings()
    assert math.isnan(pings.latency)
    flight = pings.sent(b"a")
    assert b"a" in pings
    await trio.sleep(2)
    pings.answered(b"a")
    assert flight.landed.is_set()
    assert flight.latency == 2
    assert pings.latency == 2
    assert b"a" not in pings


async def test_a_pong_settles_the_pings_before_its_own_and_no_later_one() -> None:
    pings = Pings()
    first, second, third = pings.sent(b"1"), pings.sent(b"2"), pings.sent(b"3")
    pings.answered(b"2")
    assert [flight.landed.is_set() for flight in (first, second, third)] == [True, True, False]


async def test_a_pong_nobody_waits_for_is_ignored() -> None:
    pings = Pings()
    flight = pings.sent(b"1")
    pings.answered(b"other")
    pings.forget(b"1", flight)
    pings.answered(b"1")
    assert not flight.landed.is_set()


async def test_forgetting_a_ping_leaves_a_later_one_with_its_payload() -> None:
    pings = Pings()
    old = pings.sent(b"1")
    pings.answered(b"1")
    new = pings.sent(b"1")
    pings.forget(b"1", old)
    pings.answered(b"1")
    assert new.landed.is_set()


async def test_at_the_end_nobody_waits_and_nothing_was_measured() -> None:
    pings = Pings()
    flight = pings.sent(b"1")
    pings.end()
    assert flight.landed.is_set()
    assert math.isnan(flight.latency)
    assert b"1" not in pings
