"""The connections of one client: which are busy, which may serve again.

Theory of operation: whoever takes a connection holds a slot (see `_slots`), for which it may have had to wait in
line, until it gives both back. Which connection is idle and which is busy is changed between awaits only, by the
task that does it, so there is no moment at which a cancellation finds a connection that is in neither place or a
slot that nobody holds. No task runs in the background: connections that have been idle for too long are closed
when the pool is next used.

The most recently used connection is taken first; the others grow old and are closed.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Hashable
from typing import NamedTuple

import trio

from ._connection import Connection
from ._errors import TooSlow
from ._slots import Slots

# How long saying goodbye may take, to all servers together.
_CLOSING_SECONDS = 1.0

_CLOSED = "the client is closed"

Origin = Hashable
"""Scheme, host, port and route: connections are interchangeable if these are equal."""


class _Idle(NamedTuple):
    origin: Origin
    connection: Connection
    expires: float


class Pool:
    """At most `size` connections at once, and at most `each` to one origin.

    Args:
        size: connections open at once, busy and idle ones together.
        keep_alive: seconds after which an idle connection is not used again; may be infinite.
        each: as `size`, for each origin; `size` if not given.
    """

    def __init__(self, size: int, keep_alive: float, each: int | None = None) -> None:
        self._keep_alive = keep_alive
        self._each = size if each is None else each
        self._slots = Slots(size, self._each)
        # Oldest first.
        self._idle: list[_Idle] = []
        self._busy: set[Connection] = set()
        self._closed = False

    async def take(
        self,
        origin: Origin,
        connect: Callable[[], Awaitable[Connection]],
        *,
        fresh: bool = False,
        patience: float = math.inf,
    ) -> Connection:
        """A slot, and a connection to `origin`: an idle one that is still good, or a new one.

        Whoever takes it gives it back. Whatever is raised, nothing has been taken.

        Args:
            origin: which server.
            connect: makes a new connection; whatever it raises is raised here.
            fresh: take no idle one.
            patience: seconds to wait in line.

        Raises:
            TooSlow: no connection became free in time.
            trio.ClosedResourceError: the pool is closed.
        """
        self._check_open()
        if not self._slots.try_acquire(origin):
            await self._stand_in_line(origin, patience)
        try:
            self._check_open()  # it may have been closed meanwhile
            connection = None if fresh else await self._reuse(origin)
            if connection is None:
                await self._make_room(origin)
                connection = await connect()
            self._busy.add(connection)
            if not self._closed:
                return connection
            await self._keep_or_close(origin, connection)
        except BaseException:
            self._slots.release(origin)
            raise
        self._slots.release(origin)
        raise trio.ClosedResourceError(_CLOSED)

    async def give_back(self, origin: Origin, connection: Connection) -> None:
        """The connection is kept if it can serve again, and closed if not; its slot is free."""
        try:
            await self._keep_or_close(origin, connection)
        finally:
            self._slots.release(origin)

    async def _keep_or_close(self, origin: Origin, connection: Connection) -> None:
        self._busy.remove(connection)
        if not self._keep(origin, connection):
            await connection.close_now()

    async def _stand_in_line(self, origin: Origin, patience: float) -> None:
        with trio.CancelScope(deadline=trio.current_time() + patience) as scope:
            await self._slots.acquire(origin)
        if scope.cancelled_caught:
            raise TooSlow(
                f"no connection became free within {patience:g} s, and {self._slots.waiting} more requests "
                "are waiting: are all responses read or left? A longer Deadlines.pool, or None, waits longer; "
                "Limits.connections and Limits.connections_per_host allow more"
            )

    def _keep(self, origin: Origin, connection: Connection) -> bool:
        """Put a connection among the idle ones if it can serve again; whether it can."""
        if self._closed or not connection.drain() or not connection.reusable:
            return False
        self._idle.append(_Idle(origin, connection, trio.current_time() + self._keep_alive))
        return True

    async def aclose(self) -> None:
        """Close every connection: idle ones in good order, busy ones at once. A second call does nothing."""
        self._closed = True
        for connection in list(self._busy):
            await connection.close_now()
        idle = [entry.connection for entry in self._idle]
        self._idle.clear()
        try:
            with trio.move_on_after(_CLOSING_SECONDS):
                for connection in idle:
                    await connection.aclose()
        finally:
            for connection in idle:
                await connection.close_now()

    def __repr__(self) -> str:
        waiting = self._slots.waiting
        return f"<Pool: {len(self._busy)} busy, {len(self._idle)} idle, {waiting} waiting>"

    def _check_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError(_CLOSED)

    async def _reuse(self, origin: Origin) -> Connection | None:
        if self._idle and self._idle[0].expires <= trio.current_time():
            await self._close_expired()
        while (connection := self._take(origin)) is not None:
            quiet = connection.is_surely_quiet()
            try:
                quiet = quiet or await connection.is_quiet()
            finally:
                if not quiet:
                    await connection.close_now()
            if quiet:
                return connection
        return None

    def _take(self, origin: Origin) -> Connection | None:
        for index in range(len(self._idle) - 1, -1, -1):
            if self._idle[index].origin == origin:
                return self._idle.pop(index).connection
        return None

    async def _close_expired(self) -> None:
        now = trio.current_time()
        expired = [entry.connection for entry in self._idle if entry.expires <= now]
        self._idle = [entry for entry in self._idle if entry.expires > now]
        for connection in expired:
            await connection.close_now()

    async def _make_room(self, origin: Origin) -> None:
        """Close the oldest idle connections, for a new one to stay within the limits."""
        if self._each < self._slots.taken(origin) + sum(entry.origin == origin for entry in self._idle):
            oldest = next(index for index, entry in enumerate(self._idle) if entry.origin == origin)
            await self._idle.pop(oldest).connection.close_now()
        # As many free slots as idle connections: then no more than allowed are open.
        while len(self._idle) > self._slots.free:
            await self._idle.pop(0).connection.close_now()
