from __future__ import annotations

import random

import pytest
import trio
import trio.testing

from support.cancellation import every_checkpoint
from trio_https._slots import Slots


async def test_as_many_as_there_are_in_all_and_of_each_key() -> None:
    slots = Slots(3, 2)
    assert [slots.try_acquire(key) for key in "aaab"] == [True, True, False, True]
    assert not slots.try_acquire("c")
    assert (slots.free, slots.taken("a"), slots.taken("b")) == (0, 2, 1)
    slots.release("a")
    assert slots.try_acquire("c")


async def test_first_come_first_served_but_for_those_who_wait_for_another_key() -> None:
    slots = Slots(2, 1)
    order: list[str] = []

    async def want(name: str, key: str) -> None:
        await slots.acquire(key)
        order.append(name)

    async with trio.open_nursery() as nursery:
        for name, key in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("c1", "c"), ("a3", "a")):
            nursery.start_soon(want, name, key)
            await trio.testing.wait_all_tasks_blocked()
        assert order == ["a1", "b1"]
        assert slots.waiting == 3
        slots.release("b")
        await trio.testing.wait_all_tasks_blocked()
        assert order[2:] == ["c1"]
        slots.release("a")
        await trio.testing.wait_all_tasks_blocked()
        assert order[3:] == ["a2"]
        slots.release("a")
    assert order[4:] == ["a3"]
    assert (slots.waiting, slots.free) == (0, 0)


async def test_taking_one_is_a_checkpoint() -> None:
    slots = Slots(1, 1)
    with trio.testing.assert_checkpoints():
        await slots.acquire("a")


async def test_cancelled_in_line_it_holds_nothing() -> None:
    for cancelling in every_checkpoint():
        slots = Slots(1, 1)
        slots.try_acquire("a")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cancelling.run, slots.acquire, "a")
            await trio.testing.wait_all_tasks_blocked()
            slots.release("a")
        if cancelling.cancelled:
            assert (slots.free, slots.waiting) == (1, 0)
        else:
            assert (slots.free, slots.waiting) == (0, 0)


@pytest.mark.parametrize("seed", range(20))
async def test_no_slot_is_lost_or_made_whatever_is_cancelled(
    seed: int, autojump_clock: trio.testing.MockClock
) -> None:
    chance = random.Random(seed)  # noqa: S311  # a test that can be repeated, not a secret
    slots = Slots(3, 2)
    most = 0

    async def use(key: str) -> None:
        nonlocal most
        with trio.move_on_after(chance.choice([0, 0.5, 1, 3])):
            await slots.acquire(key)
            try:
                most = max(most, 3 - slots.free)
                assert slots.taken(key) <= 2
                await trio.sleep(chance.choice([0, 0.5, 1]))
            finally:
                slots.release(key)

    async with trio.open_nursery() as nursery:
        for _ in range(200):
            nursery.start_soon(use, chance.choice("aab"))
            await trio.sleep(chance.choice([0, 0, 0.1]))
    assert most == 3
    assert (slots.free, slots.waiting, slots.taken("a"), slots.taken("b")) == (3, 0, 0, 0)
