"""The bottom of the client: one request over one connection of the pool.

Theory of operation: a connection is leased, and one exchange runs on it. Each of the two is a block inside the
other, and each cleans up after itself. A connection that has served before may turn out to be dying just when it
is used again, since the server may have closed it while the request was on its way; an idempotent request that
met nothing else is then sent once more, on a new connection (RFC 9112 §9.3.1).
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


class Transport:
    """A `Sender` over a pool of connections.

    Args:
        connector: makes the connections' streams.
        limits: caps on connections and responses.
        deadlines: how long to wait for a server.
    """

    def __init__(self, connector: Connector, limits: Limits, deadlines: Deadlines) -> None:
        self._connector = connector
        self._limits = limits
        self._deadlines = deadlines
        self._pool = Pool(limits.connections, seconds(deadlines.keep_alive))

    @asynccontextmanager
    async def __call__(self, request: Outgoing) -> AsyncGenerator[StreamingResponse]:
        """Send the request; the block gets the response as soon as its header has arrived.

        Raises:
            OSError, or what else the Socket factory raises: there is no connection.
            HTTPError: see there.
        """
        url = request.url
        origin = (url.scheme, url.host, url.port, request.route)

        async def connect() -> Connection:
            stream = await self._connector.connect(url, request.route)
            return Connection(stream, url.origin, self._limits, self._deadlines)

        once_more = False
        while True:
            begun = dying = False
            try:
                async with self._pool.lease(origin, connect, fresh=once_more) as connection:
                    try:
                        async with exchange(connection, request) as response:
                            begun = True
                            yield response
                            return
                    finally:
                        dying = connection.was_dying
            except ConnectionLost:
                if begun or not (dying and request.idempotent and request.replayable):
                    raise
            once_more = True

    async def aclose(self) -> None:
        """Close all connections; what is still running on them raises `trio.ClosedResourceError`."""
        await self._pool.aclose()
