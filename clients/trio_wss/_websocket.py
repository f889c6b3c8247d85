"""The WebSocket as its user sees it: messages, pings, and closing.

Theory of operation: everything here runs in the caller's task, and leaves the transport to the connection's
own tasks. Trio's rules hold throughout: each method is a checkpoint, and a cancelled call has had no effect.
For `send` that means that the message was handed over whole or not at all. The exceptions are named where
they are: a message sent in fragments that cannot be finished, and `aclose`, after which the connection is
closed in any case.

Messages wait for each other (see `_sender`). Pings need no turn: control frames may come between fragments.
"""

from __future__ import annotations

import math
import os
from collections.abc import AsyncIterable
from types import TracebackType
from typing import Self

import trio

from trio_https import Headers

from ._close_codes import GOING_AWAY, NO_STATUS, NORMAL, check
from ._connection import Connection
from ._deflate import Deflate
from ._encoder import MAX_CONTROL_PAYLOAD, Binary, Data, pong_frame
from ._errors import ConnectionClosed
from ._fragments import Fragments
from ._handshake import Upgrade
from ._sender import Sender
from ._statistics import Statistics

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
        self._sender = Sender(connection, upgrade.deflate)

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol the server chose among those offered, or `None`."""
        return self._upgrade.subprotocol

    @property
    def headers(self) -> Headers:
        """The fields of the server's handshake response."""
        return self._upgrade.headers

    @property
    def compression(self) -> Deflate | None:
        """The parameters of permessage-deflate that were agreed on, or `None`: messages are not compressed."""
        return self._upgrade.deflate

    @property
    def latency(self) -> float:
        """Seconds that the last Ping took to be answered, be it a keepalive's; not a number until one was."""
        return self._connection.pings.latency

    @property
    def statistics(self) -> Statistics:
        """Counts of messages, bytes, Pings and Pongs up to now."""
        return self._connection.statistics()

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
        await self._sender.send(message)

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
            self._sender.raise_end()
        return message

    def receive_streaming(self) -> Fragments:
        """The next message, piece by piece as it arrives.

        ::

            async with websocket.receive_streaming() as fragments:
                async for fragment in fragments:
                    ...

        See `Fragments`. A message longer than `max_message_size` is refused here too.
        """
        return Fragments(self._connection.inbox, self._sender.raise_end)

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
        data = os.urandom(8) if payload is None else _control_payload(payload)
        connection = self._connection
        await trio.lowlevel.checkpoint()
        await self._sender.room()
        if data in connection.pings:
            raise ValueError(f"a ping with the payload {data!r} is under way already")
        flight = connection.send_ping(data)
        try:
            await flight.landed.wait()
        finally:
            connection.pings.forget(data, flight)
        if math.isnan(flight.latency):
            self._sender.raise_end()
        return flight.latency

    async def pong(self, payload: Binary = b"") -> None:
        """Send a Pong that answers no Ping: a sign of life (RFC 6455 §5.5.3). Pings are answered without it.

        Args:
            payload: at most 125 bytes.

        Raises:
            ValueError: the payload is too long.
            WebSocketError: the connection has ended.
            trio.ClosedResourceError: this side has closed it.
        """
        data = _control_payload(payload)
        await trio.lowlevel.checkpoint()
        await self._sender.room()
        self._connection.outbox.put_first(pong_frame(data))

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


def _control_payload(payload: Binary) -> bytes:
    data = memoryview(payload).tobytes()
    if len(data) > MAX_CONTROL_PAYLOAD:
        raise ValueError(f"a control frame with {len(data)} bytes: at most {MAX_CONTROL_PAYLOAD} are allowed")
    return data
