"""The connections of one client: which are busy, which may serve again.

Theory of operation: a slot is a right to have a connection open, and belongs to a scope: the `async with` of
`lease`, entered by waiting in line, left however the block ends. Which connection is idle and which is busy
is changed between awaits only, by the task that does it, so there is no moment at which a cancellation finds
a connection that is in neither place or a slot that nobody holds. No task runs in the background: connections
that have been idle for too long are closed when the pool is next used.

The most recently used connection is taken first; the others grow old and are closed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from typing import NamedTuple

import trio

from ._connection import Connection

# How long saying goodbye may take, to all servers together.
_CLOSING_SECONDS = 1.0

Origin = Hashable
"""Scheme, host, port and route: connections are interchangeable if these are equal."""


class _Idle(NamedTuple):
    origin: Origin
    connection: Connection
    expires: float


class Pool:
    """At most `size` connections at once.

    Args:
        size: connections open at once, busy and idle ones together.
        keep_alive: seconds after which an idle connection is not used again; may be infinite.
    """

    def __init__(self, size: int, keep_alive: float) -> None:
        self._size = size
        self._keep_alive = keep_alive
        self._slots = trio.Semaphore(size, max_value=size)
        # Oldest first.
        self._idle: list[_Idle] = []
        self._busy: set[Connection] = set()
        self._closed = False

    @asynccontextmanager
    async def lease(
        self, origin: Origin, connect: Callable[[], Awaitable[Connection]], *, fresh: bool = False
    ) -> AsyncGenerator[Connection]:
        """A connection to `origin` for the block: an idle one that is still good, or a new one.

        Afterwards it is kept if it is reusable, and closed if not.

        Args:
            origin: which server.
            connect: makes a new connection; whatever it raises is raised here.
            fresh: take no idle one.

        Raises:
            trio.ClosedResourceError: the pool is closed.
        """
        self._check_open()
        async with self._slots:
            connection = None if fresh else await self._reuse(origin)
            if connection is None:
                await self._make_room()
                connection = await connect()
            self._busy.add(connection)
            try:
                self._check_open()
                yield connection
            finally:
                self._busy.remove(connection)
                if connection.drain() and connection.reusable and not self._closed:
                    expires = trio.current_time() + self._keep_alive
                    self._idle.append(_Idle(origin, connection, expires))
                else:
                    await connection.close_now()

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

    def _check_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("the client is closed")

    async def _reuse(self, origin: Origin) -> Connection | None:
        await self._close_expired()
        while (connection := self._take(origin)) is not None:
            quiet = False
            try:
                quiet = await connection.is_quiet()
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

    async def _make_room(self) -> None:
        """Close the oldest idle connections to other servers, for a new one to stay within the size."""
        # As many free slots as idle connections: then no more than `size` are open.
        while len(self._idle) > self._slots.value:
            await self._idle.pop(0).connection.close_now()
