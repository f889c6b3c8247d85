from __future__ import annotations

import trio
import trio.testing

from trio_https import URL, Event
from trio_https._trace import Trace

_URL = URL.parse("http://h/")


async def test_marks_have_times(autojump_clock: trio.testing.MockClock) -> None:
    trace = Trace("GET", _URL)
    await trio.sleep(2)
    trace.mark("slot")
    await trio.sleep(1)
    trace.first_byte()
    await trio.sleep(1)
    trace.first_byte()
    trace.tell("reused")
    trace.mark("done", 5)
    assert (trace.timings.slot, trace.timings.first_byte, trace.timings.done) == (2, 3, 4)
    assert trace.timings.connected is None


async def test_the_answer_begins_with_its_first_header_section(
    autojump_clock: trio.testing.MockClock,
) -> None:
    for interim in (True, False):
        told: list[Event] = []
        trace = Trace("GET", _URL, told.append)
        await trio.sleep(1)
        if interim:
            trace.first_byte()
        await trio.sleep(1)
        trace.response(200)
        assert (trace.timings.first_byte, trace.timings.response) == (1 if interim else 2, 2)
        assert told == [Event("response", "GET", _URL, 2, 200)]


async def test_a_hook_is_told(autojump_clock: trio.testing.MockClock) -> None:
    told: list[Event] = []
    trace = Trace("GET", _URL, told.append)
    trace.mark("slot")
    await trio.sleep(1)
    trace.tell("reused", "stream")
    assert told == [Event("slot", "GET", _URL, 0), Event("reused", "GET", _URL, 1, "stream")]
