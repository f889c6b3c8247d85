from __future__ import annotations

import pytest
import trio
from trio.lowlevel import cancel_shielded_checkpoint, checkpoint, checkpoint_if_cancelled

from support.cancellation import CancelAt, every_checkpoint


async def test_each_round_cancels_one_checkpoint_later() -> None:
    reached: list[int] = []

    async def three_steps() -> str:
        for step in range(3):
            reached.append(step)
            await checkpoint()
        return "done"

    results = [await cancelling.run(three_steps) for cancelling in every_checkpoint()]
    # `checkpoint` yields once, so three of them are three rounds, and the fourth completes.
    assert results == [None, None, None, "done"]
    assert reached == [0, 0, 1, 0, 1, 2, 0, 1, 2]


async def test_child_tasks_count_and_their_cancellation_is_complete() -> None:
    ended = 0

    async def child() -> None:
        nonlocal ended
        try:
            await trio.sleep_forever()
        finally:
            ended += 1

    async def parent() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child)
            nursery.start_soon(child)
            await checkpoint()
            nursery.cancel_scope.cancel()

    rounds = 0
    for cancelling in every_checkpoint():
        await cancelling.run(parent)
        rounds += 1
    assert rounds >= 3
    assert ended > 2


async def test_tasks_of_outer_nurseries_are_neither_counted_nor_cancelled() -> None:
    async def bystander() -> None:
        while True:
            await cancel_shielded_checkpoint()
            await checkpoint_if_cancelled()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(bystander)
        cancelling = CancelAt(2)
        await cancelling.run(checkpoint)
        assert cancelling.passed == 1
        assert not cancelling.cancelled
        nursery.cancel_scope.cancel()


async def test_a_cancellation_on_the_last_step_is_not_taken_for_an_end() -> None:
    async def shielded() -> str:
        await cancel_shielded_checkpoint()
        return "done"

    cancelling = CancelAt(1)
    assert await cancelling.run(shielded) == "done"
    assert cancelling.reached
    assert not cancelling.cancelled


async def test_code_that_turns_its_cancellation_into_an_error_fails_the_walk() -> None:
    async def hides_it() -> None:
        try:
            await checkpoint()
        except trio.Cancelled:
            raise ValueError("hidden") from None

    with pytest.raises(ValueError, match="hidden"):
        await CancelAt(1).run(hides_it)


async def test_a_round_that_is_not_run_and_code_without_end_are_reported() -> None:
    with pytest.raises(AssertionError, match="was it run"):
        list(every_checkpoint())

    async def endless() -> None:
        while True:
            await checkpoint()

    async def walk() -> None:
        for cancelling in every_checkpoint(limit=5):
            await cancelling.run(endless)

    with pytest.raises(AssertionError, match="after 5 checkpoints"):
        await walk()
