"""One request and its response on one connection.

Theory of operation: a request whose body is short goes out in one piece, and the response is read after it. A
longer body is sent by a task of its own while the response is being read, since a server may answer before it
has read everything, and a client that does not read meanwhile waits for ever. That task lives in a nursery
which spans the caller's block; what the nursery makes of exceptions is undone, so that one error is one
exception.

A request that says `Expect: 100-continue` sends its body when the server says so, or has said nothing for
`Deadlines.expect` seconds, and not at all once the final response is there (RFC 9110 §10.1.1).

The end of the response ends the exchange. An upload still running then gets a moment to finish, and is given
up: the server has said what it had to say (RFC 9112 §9.5 asks the client to stop).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from types import TracebackType
from typing import NoReturn

import h11
import trio

from ._connection import Connection
from ._errors import ResponseTooLarge
from ._headers import Headers
from ._informational import Informational
from ._limits import Deadlines, seconds
from ._outgoing import Outgoing
from ._response import StreamingResponse
from ._trace import Trace

# A body up to this size fits into any socket's buffer, so that sending it cannot wait for the server to read.
_SHORT = 16 * 1024
# Go's HTTP client gives an upload the same time after the response has ended.
_GRACE_SECONDS = 0.05


class Exchange:
    """A block in which a request is sent and its response is there.

    A class and no generator, since every request goes through it.

    Args:
        connection: over which.
        request: what to send.
        trace: told how far it has come.
        deadlines: for this request, in place of the connection's.

    Raises:
        InvalidRequest: from entering the block, as what follows: h11 refuses the request or its body.
        ConnectionLost, ProtocolError, ResponseTooLarge, TooSlow: see `Connection`.
    """

    __slots__ = ("_connection", "_deadlines", "_request", "_response", "_sending", "_trace")

    def __init__(
        self,
        connection: Connection,
        request: Outgoing,
        trace: Trace | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        self._connection = connection
        self._request = request
        self._trace = trace or Trace(request.method, request.url)
        self._deadlines = deadlines
        self._response: StreamingResponse | None = None
        # The upload, while there is one.
        self._sending: AsyncExitStack | None = None

    async def __aenter__(self) -> StreamingResponse:
        connection, request, trace = self._connection, self._request, self._trace
        head = connection.begin(request.event, self._deadlines)
        body = request.body.data
        if body is not None and len(body) <= _SHORT and not request.expects and request.trailers is None:
            parts = [head, connection.block(body), connection.end()] if body else [head, connection.end()]
            await connection.ask(b"".join(parts), trace)
            self._response = await _response(connection, request, None, trace)
            return self._response
        upload = _Upload(connection, request, head, trace, (self._deadlines or connection.deadlines).expect)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(upload.running())
            self._response = await _response(connection, request, upload, trace)
            self._sending = stack.pop_all()
        return self._response

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        if self._response is not None:
            self._response.detach()
        if self._sending is not None:
            return await self._sending.__aexit__(exc_type, exc_value, traceback)
        return None


async def _response(
    connection: Connection, request: Outgoing, upload: _Upload | None, trace: Trace
) -> StreamingResponse:
    interim: list[Informational] = []
    while True:
        event = await connection.read_head()
        if isinstance(event, h11.Response) or event.status_code == 101:
            break
        trace.first_byte()
        told = Informational(event.status_code, event.reason.decode("latin-1"), Headers(connection.fields))
        interim.append(told)
        if len(interim) > connection.limits.informational:
            raise ResponseTooLarge(
                f"{connection.origin} sent {len(interim)} interim responses and no final one "
                f"(Limits.informational is {connection.limits.informational})"
            )
        trace.tell("informational", told)
        if request.on_informational is not None:
            request.on_informational(told)
        if upload is not None and event.status_code == 100:
            upload.go_on()
    if upload is not None:
        upload.answered()
    trace.response(event.status_code)
    return StreamingResponse(
        url=request.url,
        method=request.method,
        status=event.status_code,
        reason=event.reason.decode("latin-1"),
        http_version=event.http_version.decode("ascii"),
        headers=Headers(connection.fields),
        informational=tuple(interim),
        timings=trace.timings,
        body_length=connection.body_length,
        tls=getattr(connection.stream, "info", None),
        _connection=connection,
        _trace=trace,
        _to_decode=connection.limits if connection.coded and request.decode else None,
    )


class _Upload:
    """A request that is sent while its response is read."""

    def __init__(
        self, connection: Connection, request: Outgoing, head: bytes, trace: Trace, expect: float | None
    ) -> None:
        self._connection = connection
        self._request = request
        self._head = head
        self._trace = trace
        self._failure: Exception | None = None
        self._over = trio.Event()
        # Whether and when the body may be sent, and whether the server has answered before that.
        self._patience = seconds(expect)
        self._wanted = trio.Event()
        self._refused = False
        if not request.expects:
            self._wanted.set()

    def go_on(self) -> None:
        """The server asks for the body."""
        self._wanted.set()

    def answered(self) -> None:
        """The final response has come: a body that has not been asked for is not sent."""
        self._refused = not self._wanted.is_set()
        self._wanted.set()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Send while the block runs; raise what the block raises, else what went wrong with the body."""
        try:
            async with trio.open_nursery() as nursery:
                self._connection.upload_began()
                nursery.start_soon(self._run, nursery.cancel_scope)
                yield
                if self._connection.drain():
                    with trio.move_on_after(_GRACE_SECONDS):
                        await self._over.wait()
                nursery.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            _raise_the_one(group)
        if self._failure is not None:
            raise self._failure

    async def _run(self, scope: trio.CancelScope) -> None:
        try:
            await self._send()
        except Exception as error:  # noqa: BLE001  # from the caller's own iterator: raised in the caller's task
            self._failure = error
            scope.cancel()
        finally:
            self._connection.upload_ended()
            self._over.set()

    async def _send(self) -> None:
        if not await self._connection.send(self._head):
            return
        if not self._wanted.is_set():
            with trio.move_on_after(self._patience):
                await self._wanted.wait()
        if self._refused:
            return
        # From here on it counts as begun: a final response that comes now no longer keeps it back.
        self._wanted.set()
        async with aclosing(self._request.body.blocks()) as blocks:
            async for block in blocks:
                if not await self._connection.send(self._connection.block(block)):
                    return
        await self._connection.send(self._connection.end(self._request.trailing_fields()))
        self._trace.mark("sent")


def _raise_the_one(group: BaseExceptionGroup[BaseException]) -> NoReturn:
    """Raise what the block raised, out of the nursery's group. The upload raises nothing but `Cancelled`."""
    # All of them may be `Cancelled`, and then any one stands for all.
    error = next((e for e in group.exceptions if not isinstance(e, trio.Cancelled)), group.exceptions[0])
    context = error.__context__
    try:
        raise error
    finally:
        # The group is an accident of how this is written, and no part of the story.
        error.__context__ = context
        del error, context
