"""Operations counted, so that a test can say that work grows no faster than its input, on any machine.

Theory of operation: while `counted` runs, the interpreter reports each call, of Python and of C, and the bytes
that go through `tobytes`, which is how the record layer makes copies; a reader's moves of what it keeps are
counted by a wrapper. Loops without calls in them would not be seen; the library has none over bytes.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any, Self, cast  # an index gives a number, a slice bytes
from unittest.mock import patch

from trio_secure._records import RecordReader


@dataclass
class Operations:
    """What was done."""

    calls: int = 0
    copied: int = 0


class counted:  # noqa: N801  # reads as a verb: `with counted() as operations`
    """Counts what happens in this thread until the block ends."""

    def __init__(self) -> None:
        self._operations = Operations()
        move = RecordReader._move

        def counting_move(reader: RecordReader, room: memoryview) -> None:
            self._operations.copied += reader.buffered
            move(reader, room)

        self._patch = patch.object(RecordReader, "_move", counting_move)

    def __enter__(self) -> Operations:
        self._patch.start()
        self._before = sys.getprofile()
        sys.setprofile(self._note)
        return self._operations

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._before)
        self._patch.stop()

    def _note(self, _frame: FrameType, event: str, function: object) -> None:
        if event in ("call", "c_call"):
            self._operations.calls += 1
        view = getattr(function, "__self__", None)
        if (
            event == "c_call"
            and isinstance(view, memoryview)
            and getattr(function, "__name__", "") == "tobytes"
        ):
            self._operations.copied += view.nbytes


class CountingBuffer(bytearray):
    """Counts the bytes that are put into it, taken out of it, or copied with it; dropping its front is free."""

    copied = 0

    def __iadd__(self, other: bytes) -> Self:  # type: ignore[override]  # bytes are all it gets
        self.copied += len(other)
        self.extend(other)
        return self

    def __add__(self, other: bytes) -> CountingBuffer:  # type: ignore[override]
        joined = CountingBuffer(bytes(self) + other)
        joined.copied = self.copied + len(joined)
        return joined

    def __getitem__(self, index: Any) -> Any:
        found = cast("int | bytearray", super().__getitem__(index))
        self.copied += 1 if isinstance(found, int) else len(found)
        return found


def check_linear(found: Sequence[Operations]) -> None:
    """What each doubling of the size adds doubles as well; were anything quadratic, it would come to fourfold."""
    for name in ("calls", "copied"):
        counts = [getattr(one, name) for one in found]
        added = [many - few for few, many in itertools.pairwise(counts)]
        for few, many in itertools.pairwise(added):
            assert many <= 2.3 * few + 2**16 * (name == "copied") + 100, (name, counts)


def doubled(work: Callable[[int], Operations], size: int) -> list[Operations]:
    """The operations of `work` at a size, and at three doublings of it."""
    return [work(size << number) for number in range(4)]
