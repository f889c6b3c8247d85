"""The WebSocket as its user sees it: messages, pings, and closing.

Theory of operation: everything here runs in the caller's task, and leaves the transport to the connection's
own two tasks. Trio's rules hold throughout: each method is a checkpoint, and a cancelled call has had no
effect. For `send` that means that the message was handed over whole or not at all. The exceptions are named
where they are: a message sent in fragments that cannot be finished, and `aclose`, after which the connection
is closed in any case.

A lock that serves in order of arrival lets one message pass at a time, so fragments are never interleaved
with another message (RFC 6455 §5.4). Pings need no turn: control frames may come between fragments.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import AsyncIterable
from contextlib import aclosing
from types import TracebackType
from typing import NoReturn, Self, TypeAlias, TypeGuard

import trio

from trio_https import Headers

from ._close_codes import GOING_AWAY, INTERNAL_ERROR, NO_STATUS, NORMAL, check
from ._connection import Connection
from ._errors import ConnectionClosed
from ._handshake import Upgrade

Data: TypeAlias = str | bytes | bytearray | memoryview
"""What a message is sent from: `str` for a text message, the others for a binary one."""

_MAX_PING_PAYLOAD = 125
# A close that iteration takes for the end of the messages; any other is an error.
_ENDS_ITERATION = frozenset({NORMAL, GOING_AWAY, NO_STATUS})


class WebSocket(trio.abc.AsyncResource):
    """An open WebSocket connection. `open_websocket` makes one.

    Any number of tasks may use it at once: messages are sent in the order of the calls to `send`, and each
    message that comes goes to one caller of `receive`.

    Pings from the server are answered and its Close frame is seen without the help of the application, also
    while it does not call `receive`, as long as the messages that wait for it take less than `max_buffered`
    bytes. Beyond that nothing more is read, and the server is held back.

    Once the connection has ended, every method except `aclose` raises why: a `ConnectionClosed`,
    `ConnectionLost`, `ProtocolViolation` or `MessageTooLarge`; or `trio.ClosedResourceError` after `aclose`.
    """

    def __init__(self, connection: Connection, upgrade: Upgrade) -> None:
        self._connection = connection
        self._upgrade = upgrade
        self._turn = trio.StrictFIFOLock()

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol the server chose among those offered, or `None`."""
        return self._upgrade.subprotocol

    @property
    def headers(self) -> Headers:
        """The fields of the server's handshake response."""
        return self._upgrade.headers

    @property
    def transport_stream(self) -> trio.abc.Stream:
        """The stream below, for what it knows about itself. Do not send or receive with it."""
        return self._connection.stream

    @property
    def close_code(self) -> int | None:
        """The server's close code; 1005 if its Close frame had none; 1006 if none came (RFC 6455 §7.1.5).

        `None` until the connection has ended.
        """
        return self._connection.close_code

    @property
    def close_reason(self) -> str | None:
        """The reason in the server's Close frame, or ""; `None` until the connection has ended."""
        return self._connection.close_reason

    async def send(self, message: Data | AsyncIterable[Data]) -> None:
        """Send a message.

        It returns when the message has been handed over to the connection's writer, which does not read ahead
        more than 64 KiB: when the server does not keep up, `send` waits. Once handed over, a message goes out
        whole if the connection lasts. A cancelled `send` has sent nothing.

        Args:
            message: `str` is sent as text, `bytes` and the like as a binary message, in one frame. An async
                iterable of either is sent as one message in fragments, a frame for each item, as they come;
                other messages wait, and nothing is sent if it has no items. An async generator is closed in
                the end.

        A message in fragments that cannot be finished, because sending it is cancelled or the iterable
        raises, cannot be taken back either: if a fragment has been sent, the connection is closed with code
        1011.

        Raises:
            TypeError: the message is something else, or its fragments are of both kinds.
            UnicodeEncodeError: the text has a lone surrogate. Nothing was sent.
            WebSocketError: the connection has ended.
            trio.ClosedResourceError: this side has closed it.
        """
        if _is_data(message):
            async with self._turn:
                await self._hand_over(message, final=True)
        elif inspect.isasyncgen(message):
            async with aclosing(message), self._turn:
                await self._send_fragments(message)
        elif isinstance(message, AsyncIterable):
            async with self._turn:
                await self._send_fragments(message)
        else:
            kind = type(message).__name__
            raise TypeError(f"a message is str, bytes-like, or an async iterable of one of them, not {kind}")

    async def receive(self) -> str | bytes:
        """The next message: `str` if the server sent text, `bytes` if it sent binary data.

        What came before the connection ended is returned before the end is raised. A cancelled `receive` has
        taken nothing.

        Raises:
            WebSocketError: the connection has ended.
            trio.ClosedResourceError: this side has closed it.
        """
        message = await self._connection.inbox.get()
        if message is None:
            self._raise_end()
        return message

    def __aiter__(self) -> Self:
        """Iterate over the messages that come, until either side closes the connection.

        A close by the server with any other code than 1000, 1001 and 1005 is raised, as is every other end.
        """
        return self

    async def __anext__(self) -> str | bytes:
        message = await self._connection.inbox.get()
        if message is not None:
            return message
        if self._connection.left:
            raise StopAsyncIteration
        error = self._connection.error()
        if isinstance(error, ConnectionClosed) and error.code in _ENDS_ITERATION:
            raise StopAsyncIteration
        raise error

    async def ping(self, payload: bytes | bytearray | memoryview | None = None) -> float:
        """Send a Ping and wait for its Pong. Wrap it in `trio.fail_after` to notice a server that is gone.

        The Pong comes behind the messages sent before it. While `max_buffered` bytes of them wait for the
        application, nothing more is read, and no Pong is seen.

        Args:
            payload: at most 125 bytes that no other Ping under way has; by default eight random bytes.

        Returns:
            The time from handing over the Ping to reading its Pong, in seconds.

        Raises:
            ValueError: the payload is too long, or another Ping with it is under way.
            WebSocketError: the connection has ended.
            trio.ClosedResourceError: this side has closed it.
        """
        data = os.urandom(8) if payload is None else memoryview(payload).tobytes()
        if len(data) > _MAX_PING_PAYLOAD:
            raise ValueError(f"a ping payload of {len(data)} bytes: at most {_MAX_PING_PAYLOAD} are allowed")
        connection = self._connection
        await trio.lowlevel.checkpoint()
        await self._room()
        if data in connection.pings:
            raise ValueError(f"a ping with the payload {data!r} is under way already")
        connection.outbox.put(connection.frames.ping(data))
        flight = connection.pings.sent(data)
        try:
            await flight.landed.wait()
        finally:
            connection.pings.forget(data, flight)
        if math.isnan(flight.latency):
            self._raise_end()
        return flight.latency

    async def aclose(self, code: int = NORMAL, reason: str = "") -> None:
        """Close the connection: send a Close frame, wait for the server's, and close the transport.

        Messages that have been handed over go out first; messages not yet received are dropped. If all this
        takes longer than `close_timeout`, the transport is closed as it is, and `close_code` is 1006.
        Cancelled, it takes a second at most, and then raises `trio.Cancelled`. In every case the connection
        is closed afterwards.

        Args:
            code: 1000 to 1003, 1007 to 1014, or 3000 to 4999 (RFC 6455 §7.4).
            reason: for developers; at most 123 bytes in UTF-8.

        Raises:
            ValueError: the code or the reason may not be sent; the connection stays open.
        """
        check(code, reason)
        self._connection.leave(code, reason)
        try:
            await self._connection.closed.wait()
        except trio.Cancelled:
            self._connection.hurry()
            with trio.CancelScope(shield=True):
                await self._connection.closed.wait()
            raise

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection; with code 1001, "going away", if the block was left by an exception."""
        await self.aclose(NORMAL if exc_value is None else GOING_AWAY)

    async def _send_fragments(self, fragments: AsyncIterable[object]) -> None:
        connection = self._connection
        end: str | bytes | None = None
        try:
            async for fragment in fragments:
                if not _is_data(fragment):
                    raise TypeError(f"a fragment is str or bytes-like, not {type(fragment).__name__}")
                if end is not None and isinstance(fragment, str) != isinstance(end, str):
                    raise TypeError("the fragments of a message are all str or all bytes-like")
                await self._hand_over(fragment, final=False)
                end = "" if isinstance(fragment, str) else b""
            if end is not None:
                await self._hand_over(end, final=True)
        except BaseException:
            if end is not None and connection.outbox.open:
                connection.leave(INTERNAL_ERROR, "a message could not be finished")
            raise

    async def _hand_over(self, data: Data, *, final: bool) -> None:
        await self._room()
        self._connection.outbox.put(self._connection.frames.message(data, final=final))

    async def _room(self) -> None:
        """Wait until the outbox takes a frame. No checkpoint may come between this and putting it."""
        connection = self._connection
        await connection.outbox.room()
        if not connection.outbox.open:
            if not connection.left:
                await connection.ended.wait()
            self._raise_end()

    def _raise_end(self) -> NoReturn:
        if self._connection.left:
            raise trio.ClosedResourceError("this side has closed the WebSocket")
        raise self._connection.error()


def _is_data(value: object) -> TypeGuard[Data]:
    return isinstance(value, str | bytes | bytearray | memoryview)
