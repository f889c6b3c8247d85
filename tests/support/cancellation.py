"""Cancel a piece of async code at its first checkpoint, then at its second, and so on until it completes.

Theory of operation: Trio tells an instrument each time a task has run up to its next checkpoint.
`CancelAt.run` counts those moments, for the task it runs in and for every task started below it, and cancels
the code at the n-th one. `every_checkpoint` yields one `CancelAt` per round, n = 1, 2, 3 and so on, and ends
after the round which the code survived. Each round sets up its own world and looks at what the cancellation
left of it:

    for cancelling in every_checkpoint():
        async with a_fresh_server() as server:
            await cancelling.run(fetch, server)
            assert server.open_streams == 0

Tasks of nurseries that were open before `run` (a server, a peer) are not counted and not cancelled.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar, TypeVarTuple

import trio

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class CancelAt(trio.abc.Instrument):
    """One round: runs an async function and cancels it at its n-th checkpoint."""

    def __init__(self, checkpoint: int) -> None:
        self.checkpoint = checkpoint
        self.passed = 0
        """How many checkpoints the code came to."""
        self.cancelled = False
        """Whether the cancellation ended the code: one that falls on its very last step does not."""
        self._scope: trio.CancelScope | None = None
        self._task: trio.lowlevel.Task | None = None
        self._others: list[trio.Nursery] = []

    @property
    def reached(self) -> bool:
        """Whether the code lasted until the checkpoint at which it was to be cancelled."""
        return self.passed >= self.checkpoint

    async def run(self, async_fn: Callable[[*Ts], Awaitable[T]], *args: *Ts) -> T | None:
        """Run `async_fn(*args)`; its result, or `None` if the cancellation ended it.

        Whatever else it raises is raised here: code that turns its cancellation into another error fails.
        """
        self._task = trio.lowlevel.current_task()
        self._others = list(self._task.child_nurseries)
        with trio.CancelScope() as self._scope:
            trio.lowlevel.add_instrument(self)
            try:
                return await async_fn(*args)
            finally:
                trio.lowlevel.remove_instrument(self)
        self.cancelled = True
        return None

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """Count the checkpoint that `task` came to, and cancel at the one this round is about."""
        if self._scope is None or not self._is_ours(task):
            return
        if inspect.getcoroutinestate(task.coro) == inspect.CORO_CLOSED:
            return  # the task ended: no checkpoint
        self.passed += 1
        if self.passed == self.checkpoint:
            self._scope.cancel()

    def _is_ours(self, task: trio.lowlevel.Task) -> bool:
        while task is not self._task:
            nursery = task.parent_nursery
            if nursery is None or nursery in self._others:
                return False
            task = nursery.parent_task
        return True


def every_checkpoint(limit: int = 2000) -> Iterator[CancelAt]:
    """The rounds of a walk, each to be `run` once; the last one is the round that completes uncancelled."""
    for checkpoint in range(1, limit + 1):
        cancelling = CancelAt(checkpoint)
        yield cancelling
        assert cancelling.passed, f"round {checkpoint} came to no checkpoint: was it run?"
        if not cancelling.reached:
            return
    raise AssertionError(f"the code still runs after {limit} checkpoints")
