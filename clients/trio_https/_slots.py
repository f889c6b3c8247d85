"""Rights to have a connection open: so many in all, so many to each server, first come, first served.

Theory of operation: a slot is taken and given back between awaits, by the task that does it. Whoever has to wait
stands in one line. A slot that becomes free goes to the first in line whose server is below its limit, at once and
on that task's behalf, so nobody overtakes and no freed slot is ever in the air. A task that is cancelled in line
leaves it; one whose turn came at the same moment has its slot and meets the cancellation at its next checkpoint.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import trio
import trio.lowlevel


@dataclass(eq=False, slots=True)
class _Waiting:
    key: Hashable
    task: trio.lowlevel.Task


class Slots:
    """At most `total` slots at once, and at most `each` for one key."""

    def __init__(self, total: int, each: int) -> None:
        self._total = total
        self._each = each
        self._taken: dict[Hashable, int] = {}
        self._count = 0
        # In order of arrival: a dictionary, from which any can step out.
        self._line: dict[_Waiting, None] = {}

    @property
    def free(self) -> int:
        """How many could be taken, were it not for the limit of each key."""
        return self._total - self._count

    @property
    def waiting(self) -> int:
        """How many tasks stand in line."""
        return len(self._line)

    def taken(self, key: Hashable) -> int:
        """How many slots of this key are taken."""
        return self._taken.get(key, 0)

    def try_acquire(self, key: Hashable) -> bool:
        """Take a slot if there is one. Whoever waits, waits for another key, and is not overtaken."""
        taken = self.taken(key)
        if self._count >= self._total or taken >= self._each:
            return False
        self._count += 1
        self._taken[key] = taken + 1
        return True

    async def acquire(self, key: Hashable) -> None:
        """Take a slot, waiting for one; cancelled, none has been taken."""
        await trio.lowlevel.checkpoint_if_cancelled()
        if self.try_acquire(key):
            await trio.lowlevel.cancel_shielded_checkpoint()
            return
        waiting = _Waiting(key, trio.lowlevel.current_task())
        self._line[waiting] = None

        def abort(_raise_cancel: object) -> trio.lowlevel.Abort:
            del self._line[waiting]
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def release(self, key: Hashable) -> None:
        """Give a slot back; the next in line who may have it has it."""
        self._count -= 1
        left = self._taken.pop(key) - 1
        if left:
            self._taken[key] = left
        for waiting in list(self._line) if self._line else ():
            if self._count >= self._total:
                break
            if self.try_acquire(waiting.key):
                del self._line[waiting]
                trio.lowlevel.reschedule(waiting.task)
