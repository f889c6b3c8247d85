"""An open connection: its reader, its writer, and the one way in which it ends.

Theory of operation: two tasks run for as long as the connection does. The writer (`Outbox.write`) owns the
transport's sending side. The reader owns the receiving side, and never waits for the writer: it answers Pings
and Close frames by leaving word in the outbox. It waits for the application only when the inbox is full.

The connection *ends* once: by the server's Close frame, by a broken rule, by a message too large, or by
losing the transport. `ended` is set and `error()` says why from then on. It is *closed* when the transport is
closed too. Between the two, the reader throws away what still comes, until the server closes the transport,
which RFC 6455 §7.1.1 wants it to do first. Closing it with unread data in it would reset a TCP connection,
and the server might never read the Close frame that tells it what it did wrong.

The tasks are shielded from cancellation, because half a frame may not be left on the wire when someone gives
up; instead they have a deadline, from the moment either side begins to close. `_limit` only ever brings it
nearer, and when it comes the transport is closed by force. That is why leaving a connection takes bounded
time, whatever the server does.
"""

from __future__ import annotations

import contextlib
import copy

import trio
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from ._assembler import Assembler
from ._close_codes import ABNORMAL_CLOSURE, PROTOCOL_ERROR
from ._errors import (
    ConnectionClosed,
    ConnectionLost,
    MessageTooLarge,
    ProtocolViolation,
    WebSocketError,
)
from ._frames import Frames, Incoming
from ._inbox import Inbox
from ._limits import Limits
from ._outbox import Outbox
from ._pings import Pings
from ._transport import TRANSPORT_ERRORS, close_now

READ_SIZE = 1 << 16
# One read may hold 32768 frames, and others want to run meanwhile.
_BATCH = 256
LINGER = 1.0
"""Seconds the server has to close the transport after both sides are done."""
HURRY = 1.0
"""Seconds for the closing handshake when the user's task is cancelled."""


class Connection:
    """One WebSocket connection from the end of its handshake to the end of its transport."""

    def __init__(self, stream: trio.abc.Stream, limits: Limits, received: bytes = b"") -> None:
        self.stream = stream
        self.frames = Frames(limits.max_message_size)
        self.inbox = Inbox(limits.max_buffered)
        self.outbox = Outbox(self.frames)
        self.pings = Pings()
        self.left = False
        """Whether this side has closed the connection."""
        self.close_code: int | None = None
        self.close_reason: str | None = None
        self.ended = trio.Event()
        self.closed = trio.Event()
        self._assembler = Assembler()
        self._close_timeout = limits.close_timeout
        self._received = received
        self._lifetime = trio.CancelScope(shield=True)
        self._written = False
        self._write_error: Exception | None = None
        self._error: WebSocketError = ConnectionLost("the server did not close the WebSocket in time")
        self._cause: Exception | None = None

    def error(self) -> WebSocketError:
        """Why the connection has ended, as an exception of its own for everyone who asks."""
        error = copy.copy(self._error)
        error.__cause__ = self._cause
        return error

    def leave(self, code: int, reason: str = "") -> None:
        """Begin to close the connection from this side. `run` finishes it within the close timeout."""
        self.left = True
        self.inbox.discard()
        self.pings.end()
        self._say_close(code, reason)

    def hurry(self) -> None:
        """Finish closing quickly: who waits for it has been cancelled."""
        self._limit(min(self._close_timeout, HURRY))

    async def run(self) -> None:
        """Run the connection until its transport is closed. Does not react to being cancelled."""
        try:
            with self._lifetime:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write)
                    nursery.start_soon(self._read)
                with contextlib.suppress(*TRANSPORT_ERRORS):
                    await self.stream.aclose()
        finally:
            self._end(self._error, self._write_error)
            try:
                await close_now(self.stream)
            finally:
                self.closed.set()

    async def _write(self) -> None:
        try:
            await self.outbox.write(self.stream)
        except TRANSPORT_ERRORS as error:
            # The server may have said why before it went, so what it sent is still read.
            self._write_error = error
            self.outbox.stop()
            self._limit(self._close_timeout)
        self._written = True
        self._limit_lingering()

    async def _read(self) -> None:
        try:
            await self._take(self._received)
            while not self.ended.is_set():
                await self.inbox.room()
                data = await self.stream.receive_some(READ_SIZE)
                if not data:
                    self._lose("the connection ended without a Close frame", self._write_error)
                    return
                await self._take(data)
            self._limit_lingering()
            while await self.stream.receive_some(READ_SIZE):
                pass
        except TRANSPORT_ERRORS as error:
            self._lose(f"the connection to the server broke: {error}", self._write_error or error)

    async def _take(self, data: bytes | bytearray) -> None:
        try:
            for number, event in enumerate(self.frames.read(data), start=1):
                self._handle(event)
                if number % _BATCH == 0:
                    await trio.lowlevel.checkpoint()
        except (ProtocolViolation, MessageTooLarge) as error:
            self._end(error)
            self._say_close(error.code or PROTOCOL_ERROR, str(error))

    def _handle(self, event: Incoming) -> None:
        match event:
            case TextMessage() | BytesMessage():
                message = self._assembler.add(event)
                if message is not None:
                    self.inbox.put(message)
            case Ping():
                self.outbox.answer(bytes(event.payload))
            case Pong():
                self.pings.answered(bytes(event.payload))
            case _:
                self._handle_close(event)

    def _handle_close(self, event: CloseConnection) -> None:
        self.close_code, self.close_reason = event.code, event.reason or ""
        self._end(ConnectionClosed(self.close_code, self.close_reason))
        self._say_close(self.close_code)  # §5.5.1: the reply typically echoes the code

    def _say_close(self, code: int, reason: str = "") -> None:
        self.outbox.close(code, reason)
        self._limit(self._close_timeout)

    def _lose(self, message: str, cause: Exception | None) -> None:
        self._end(ConnectionLost(message), cause)
        self.outbox.stop()

    def _end(self, error: WebSocketError, cause: Exception | None = None) -> None:
        if self.ended.is_set():
            return
        self._error, self._cause = error, cause
        if self.close_code is None:
            self.close_code, self.close_reason = ABNORMAL_CLOSURE, ""
        self.inbox.end()
        self.pings.end()
        self.ended.set()

    def _limit_lingering(self) -> None:
        if self._written and self.ended.is_set():
            self._limit(LINGER)

    def _limit(self, seconds: float) -> None:
        self._lifetime.deadline = min(self._lifetime.deadline, trio.current_time() + seconds)
