"""Loading a thing once, however many ask for it at the same time.

Theory of operation: who asks first loads, in its own task; who asks meanwhile waits for that. There is no task
in the background, so when the first is cancelled its load is given up, and one of those who wait starts again: a
cancellation is nobody else's. A failure is everybody's who waited for it, each with an exception of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import trio

from trio_certs._errors import SourceError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Load(Generic[V]):
    """A load under way, and what became of it: a value, an error, or (if it was given up) neither."""

    def __init__(self) -> None:
        self.over = trio.Event()
        self.values: list[V] = []
        self.error: SourceError | None = None


class Shared(Generic[K, V]):
    """What `load` gives for a key.

    Args:
        load: obtains the value for a key; what it raises as a SourceError reaches all who wait.
        keep: whether a value is kept for later, or only shared among those who ask at the same time.
    """

    def __init__(self, load: Callable[[K], Awaitable[V]], *, keep: bool) -> None:
        self._load = load
        self._keep = keep
        self._kept: dict[K, V] = {}
        # By Trio's run as well: an event of one run means nothing in another thread's.
        self._under_way: dict[tuple[trio.lowlevel.TrioToken, K], _Load[V]] = {}

    def kept(self, key: K) -> V | None:
        """The value for `key` if it is there already."""
        return self._kept.get(key)

    async def get(self, key: K) -> V:
        """The value for `key`; a checkpoint only if it has to be waited for.

        Raises:
            SourceError: it cannot be loaded.
        """
        while key not in self._kept:
            place = (trio.lowlevel.current_trio_token(), key)
            load = self._under_way.get(place)
            if load is None:
                return await self._lead(place)
            await load.over.wait()
            if load.values:
                return load.values[0]
            if load.error is not None:
                # One exception in several tasks would collect all their tracebacks.
                raise type(load.error)(*load.error.args) from load.error.__cause__
        return self._kept[key]

    async def _lead(self, place: tuple[trio.lowlevel.TrioToken, K]) -> V:
        _, key = place
        load = self._under_way[place] = _Load[V]()
        try:
            value = await self._load(key)
            load.values.append(value)
            if self._keep:
                self._kept[key] = value
        except SourceError as error:
            load.error = error
            raise
        else:
            return value
        finally:
            del self._under_way[place]
            load.over.set()
