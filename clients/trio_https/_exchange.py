"""One request and its response on one connection.

Theory of operation: a request whose body is short goes out in one piece, and the response is read after it. A
longer body is sent by a task of its own while the response is being read, since a server may answer before it
has read everything, and a client that does not read meanwhile waits for ever. That task lives in a nursery
which spans the caller's block; what the nursery makes of exceptions is undone, so that one error is one
exception.

The end of the response ends the exchange. An upload still running then gets a moment to finish, and is given
up: the server has said what it had to say (RFC 9112 §9.5 asks the client to stop).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, nullcontext
from typing import NoReturn

import trio

from ._connection import Connection
from ._headers import Headers
from ._outgoing import Outgoing
from ._response import StreamingResponse

# A body up to this size fits into any socket's buffer, so that sending it cannot wait for the server to read.
_SHORT = 16 * 1024
# Go's HTTP client gives an upload the same time after the response has ended.
_GRACE_SECONDS = 0.05


@asynccontextmanager
async def exchange(connection: Connection, request: Outgoing) -> AsyncGenerator[StreamingResponse]:
    """Send the request, and give the response to the block.

    Raises:
        InvalidRequest: h11 refuses the request or its body.
        ConnectionLost, ProtocolError, ResponseTooLarge, TooSlow: see `Connection`.
    """
    head = connection.begin(request.event)
    body = request.body.data
    sending: AbstractAsyncContextManager[None]
    if body is not None and len(body) <= _SHORT:
        await connection.send(b"".join([head, connection.block(body), connection.end()]))
        sending = nullcontext()
    else:
        sending = _Upload(connection, request, head).running()
    async with sending:
        response = await _response(connection, request)
        try:
            yield response
        finally:
            response.detach()


async def _response(connection: Connection, request: Outgoing) -> StreamingResponse:
    head = await connection.read_head()
    return StreamingResponse(
        url=request.url,
        method=request.method,
        status=head.status_code,
        reason=head.reason.decode("latin-1"),
        http_version=head.http_version.decode("ascii"),
        headers=Headers(head.headers.raw_items()),
        _connection=connection,
    )


class _Upload:
    """A request that is sent while its response is read."""

    def __init__(self, connection: Connection, request: Outgoing, head: bytes) -> None:
        self._connection = connection
        self._request = request
        self._head = head
        self._failure: Exception | None = None
        self._over = trio.Event()

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
        async with aclosing(self._request.body.blocks()) as blocks:
            async for block in blocks:
                if not await self._connection.send(self._connection.block(block)):
                    return
        await self._connection.send(self._connection.end())


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
