"""The bottom of the client: one request over one connection of the pool.

Theory of operation: a connection is leased, and one exchange runs on it. Each of the two is a block inside the
other, and each cleans up after itself. Two kinds of failure are dealt with here and not told:

- A connection that has served before may turn out to be dying just when it is used again, since the server may
  have closed it while the request was on its way. An idempotent request that met nothing else is then sent once
  more, on a new connection (RFC 9112 §9.3.1).
- A server that does not know `Expect: 100-continue` says so by 417, and gets the request without it (RFC 9110
  §10.1.1), if the body has not been used up.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ._connection import Connection
from ._connector import Connector
from ._errors import ConnectionLost
from ._exchange import exchange
from ._limits import Deadlines, Limits, seconds
from ._outgoing import Outgoing
from ._pool import Pool
from ._response import StreamingResponse
from ._trace import EventHook, Trace


class Transport:
    """A `Sender` over a pool of connections.

    Args:
        connector: makes the connections' streams.
        limits: caps on connections and responses.
        deadlines: how long to wait for a server.
        on_event: told of everything that happens to a request.
    """

    def __init__(
        self, connector: Connector, limits: Limits, deadlines: Deadlines, on_event: EventHook | None = None
    ) -> None:
        self._connector = connector
        self._limits = limits
        self._deadlines = deadlines
        self._on_event = on_event
        keep_alive = seconds(deadlines.keep_alive)
        self._pool = Pool(limits.connections, keep_alive, limits.connections_per_host)

    @asynccontextmanager
    async def __call__(self, request: Outgoing) -> AsyncGenerator[StreamingResponse]:
        """Send the request; the block gets the response as soon as its header has arrived.

        Raises:
            OSError: or whatever the Socket factory raises; there is no connection.
            HTTPError: see there.
        """
        url, deadlines = request.url, request.deadlines or self._deadlines
        trace = Trace(request.method, url, self._on_event)
        origin = (url.scheme, url.host, url.port, request.route)

        async def connect() -> Connection:
            trace.mark("slot")
            stream = await self._connector.connect(url, request.route, deadlines, trace)
            return Connection(stream, url.origin, self._limits, self._deadlines)

        fresh = False
        try:
            while True:
                begun = dying = False
                lease = self._pool.lease(origin, connect, fresh=fresh, patience=seconds(deadlines.pool))
                try:
                    async with lease as connection:
                        if trace.timings.slot is None:
                            trace.mark("slot")
                            trace.tell("reused", connection.stream)
                        try:
                            async with exchange(connection, request, trace, deadlines) as response:
                                if not _expects_too_much(request, response):
                                    begun = True
                                    yield response
                                    return
                                await response.discard()
                        finally:
                            dying = connection.was_dying
                    request = request.without(b"expect")
                except ConnectionLost:
                    if begun or not (dying and request.idempotent and request.replayable):
                        raise
                    fresh = True
        except BaseException as error:
            trace.tell("failed", error)
            raise

    async def aclose(self) -> None:
        """Close all connections; what is still running on them raises `trio.ClosedResourceError`."""
        await self._pool.aclose()


def _expects_too_much(request: Outgoing, response: StreamingResponse) -> bool:
    """Whether the server refuses the expectation alone, and the request can be made without it."""
    return response.status == 417 and request.expects and request.replayable
