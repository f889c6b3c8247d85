from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from trio_certs import SourceError, StoreError
from trio_certs._shared import Shared


class Slow:
    """A load of five seconds, counted."""

    def __init__(self, error: Exception | None = None) -> None:
        self.loads: list[str] = []
        self.error = error

    async def __call__(self, key: str) -> str:
        self.loads.append(key)
        await trio.sleep(5)
        if self.error is not None:
            raise self.error
        return key.upper()


async def test_what_is_kept_is_loaded_once(autojump_clock: MockClock) -> None:
    slow = Slow()
    shared = Shared(slow, keep=True)
    assert shared.kept("a") is None
    assert [await shared.get("a"), await shared.get("a"), await shared.get("b")] == ["A", "A", "B"]
    assert slow.loads == ["a", "b"]
    assert shared.kept("a") == "A"


async def test_what_is_not_kept_is_loaded_anew(autojump_clock: MockClock) -> None:
    slow = Slow()
    shared = Shared(slow, keep=False)
    assert [await shared.get("a"), await shared.get("a")] == ["A", "A"]
    assert slow.loads == ["a", "a"]


@pytest.mark.parametrize("keep", [True, False])
async def test_those_who_ask_at_the_same_time_share_one_load(keep: bool, autojump_clock: MockClock) -> None:
    slow = Slow()
    shared = Shared(slow, keep=keep)
    answers: list[str] = []

    async def ask(delay: float) -> None:
        await trio.sleep(delay)
        answers.append(await shared.get("a"))

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        for delay in range(4):
            nursery.start_soon(ask, delay)
    assert answers == ["A"] * 4
    assert slow.loads == ["a"]
    assert trio.current_time() - began == pytest.approx(5)


async def test_when_the_first_is_cancelled_the_second_is_not(autojump_clock: MockClock) -> None:
    slow = Slow()
    shared = Shared(slow, keep=True)
    first = trio.CancelScope(deadline=trio.current_time() + 2)
    answers: list[str] = []

    async def lead() -> None:
        with first:
            await shared.get("a")

    async def follow() -> None:
        await trio.sleep(1)
        answers.append(await shared.get("a"))

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lead)
        nursery.start_soon(follow)
        nursery.start_soon(follow)
    assert first.cancelled_caught
    assert answers == ["A", "A"]
    assert slow.loads == ["a", "a"]
    assert trio.current_time() - began == pytest.approx(7)


async def test_a_waiter_can_be_cancelled_and_the_first_is_not(autojump_clock: MockClock) -> None:
    slow = Slow()
    shared = Shared(slow, keep=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(shared.get, "a")
        await trio.sleep(1)
        with trio.move_on_after(1) as scope:
            await shared.get("a")
        assert scope.cancelled_caught
    assert shared.kept("a") == "A"


@pytest.mark.parametrize("kind", [SourceError, StoreError])
async def test_a_failure_is_everybodys_who_waited_each_with_an_exception_of_its_own(
    kind: type[SourceError], autojump_clock: MockClock
) -> None:
    slow = Slow(kind("no good"))
    shared = Shared(slow, keep=True)
    seen: list[Exception] = []

    async def ask() -> None:
        with pytest.raises(kind, match="no good") as info:
            await shared.get("a")
        seen.append(info.value)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)
    assert len({id(error) for error in seen}) == 3
    assert slow.loads == ["a"]
    slow.error = None
    assert await shared.get("a") == "A"


async def test_what_is_no_failure_of_a_source_is_nobody_elses(autojump_clock: MockClock) -> None:
    slow = Slow(ZeroDivisionError())
    shared = Shared(slow, keep=True)

    async def ask() -> None:
        with pytest.raises(ZeroDivisionError):
            await shared.get("a")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        nursery.start_soon(ask)
    assert slow.loads == ["a", "a"]


async def test_what_is_there_is_no_checkpoint(autojump_clock: MockClock) -> None:
    shared = Shared(Slow(), keep=True)
    await shared.get("a")
    with trio.testing.assert_no_checkpoints():
        await shared.get("a")
