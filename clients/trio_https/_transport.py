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

from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType

from ._connection import Connection
from ._connector import Connector
from ._errors import ConnectionLost
from ._exchange import Exchange
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
        self.deadlines = deadlines
        """How long to wait for a server, unless a request says else."""
        self.has_identity = connector.has_identity
        """Whether connections differ by who the client says it is."""
        self.on_event = on_event
        """Told of everything that happens."""
        self.pool = Pool(limits.connections, seconds(deadlines.keep_alive), limits.connections_per_host)
        """The connections."""

    def __call__(self, request: Outgoing) -> AbstractAsyncContextManager[StreamingResponse]:
        """Send the request; the block gets the response as soon as its header has arrived.

        Raises:
            OSError: or whatever the Socket factory raises; there is no connection.
            HTTPError: see there.
        """
        return _Sent(self, request)

    async def connect(self, request: Outgoing, trace: Trace) -> Connection:
        """A new connection for a request; raises as a request does."""
        deadlines = request.deadlines or self.deadlines
        stream = await self._connector.connect(
            request.url, request.route, deadlines, trace, anonymous=request.anonymous
        )
        return Connection(stream, request.url.origin, self._limits, self.deadlines)

    async def aclose(self) -> None:
        """Close all connections; what is still running on them raises `trio.ClosedResourceError`."""
        await self.pool.aclose()


class _Sent(AbstractAsyncContextManager[StreamingResponse]):
    """The block of one request. A class, not a generator: every request passes through."""

    __slots__ = ("_connection", "_exchange", "_fresh", "_origin", "_request", "_trace", "_transport")

    _connection: Connection
    _exchange: Exchange

    def __init__(self, transport: Transport, request: Outgoing) -> None:
        url = request.url
        self._transport = transport
        self._request = request
        self._trace = Trace(request.method, url, transport.on_event)
        anonymous = request.anonymous and transport.has_identity
        self._origin = (url.scheme, url.host, url.port, request.route, anonymous)
        # Whether an idle connection has turned out to be dying.
        self._fresh = False

    async def __aenter__(self) -> StreamingResponse:
        try:
            while (response := await self._attempt()) is None:
                pass
            return response
        except BaseException as error:
            self._trace.tell("failed", error)
            raise

    async def _attempt(self) -> StreamingResponse | None:
        """The response, while its connection is held; or `None` and nothing held, to try once more."""
        request, trace, transport = self._request, self._trace, self._transport
        deadlines = request.deadlines or transport.deadlines
        connection = self._connection = await transport.pool.take(
            self._origin, self._connect, fresh=self._fresh, patience=seconds(deadlines.pool)
        )
        try:
            if trace.timings.slot is None:
                trace.mark("slot")
                trace.tell("reused", connection.stream)
            self._exchange = Exchange(connection, request, trace, deadlines)
            response = await self._exchange.__aenter__()
        except BaseException as error:
            dying = connection.was_dying
            await transport.pool.give_back(self._origin, connection)
            if isinstance(error, ConnectionLost) and dying and request.idempotent and request.replayable:
                self._fresh = True
                return None
            raise
        if not _expects_too_much(request, response):
            return response
        async with AsyncExitStack() as stack:
            stack.push_async_exit(self._leave)
            await response.discard()
        self._request = request.without(b"expect")
        return None

    async def _connect(self) -> Connection:
        self._trace.mark("slot")
        return await self._transport.connect(self._request, self._trace)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        try:
            swallowed = await self._leave(exc_type, exc_value, traceback)
        except BaseException as error:
            self._trace.tell("failed", error)
            raise
        if exc_value is not None:
            self._trace.tell("failed", exc_value)
        return swallowed

    async def _leave(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        try:
            return await self._exchange.__aexit__(exc_type, exc_value, traceback)
        finally:
            await self._transport.pool.give_back(self._origin, self._connection)


def _expects_too_much(request: Outgoing, response: StreamingResponse) -> bool:
    """Whether the server refuses the expectation alone, and the request can be made without it."""
    return response.status == 417 and request.expects and request.replayable
