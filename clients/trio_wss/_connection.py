"""An open connection: its reader, its writer, and the one way in which it ends.

Theory of operation: two tasks run for as long as the connection does, and a third one sends Pings. The writer
(`Outbox.write`) owns the transport's sending side. The reader owns the receiving side, and never waits for
the writer: it answers Pings and Close frames by leaving word in the outbox. It waits for the application only
when the inbox is full, be it in the middle of a compressed message.

The connection *ends* once: by the server's Close frame, by a broken rule, by a message too large, by silence,
or by losing the transport. `ended` is set and `error()` says why from then on. It is *closed* when the
transport is closed too. Between the two, the reader throws away what still comes, until the server closes the
transport, which RFC 6455 §7.1.1 wants it to do first. Closing it with unread data in it would reset a TCP
connection, and the server might never read the Close frame that tells it what it did wrong.

The tasks are shielded from cancellation, because half a frame may not be left on the wire when someone gives
up; instead they have a deadline, from the moment either side begins to close. `_limit` only ever brings it
nearer, and when it comes the transport is closed by force. That is why leaving a connection takes bounded
time, whatever the server does.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses

import trio

from ._close_codes import ABNORMAL_CLOSURE, INTERNAL_ERROR, PROTOCOL_ERROR
from ._decoder import Close, FrameReader, Incoming, Piece, Ping
from ._deflate import Deflate
from ._encoder import ping_frame
from ._errors import (
    ConnectionClosed,
    ConnectionLost,
    MessageTooLarge,
    PingTimeout,
    ProtocolViolation,
    WebSocketError,
)
from ._inbox import Inbox
from ._keepalive import keep_alive
from ._limits import Limits
from ._outbox import Outbox
from ._pings import Flight, Pings
from ._statistics import Statistics
from ._transport import TRANSPORT_ERRORS, close_now

# A message of 64 KiB and its header come in one read. A read is larger only while reads come back full, since
# making room for one that brings little takes time.
READ_SIZE, MOST_READ_SIZE = 65 << 10, 260 << 10
# Others want to run while many frames, or much that was compressed, is taken from one read.
_BATCH = 256
_BATCH_BYTES = 1 << 12
# Turns for others to answer what came whole before a rule was broken.
_TURNS = 8
LINGER = 1.0
"""Seconds the server has to close the transport after both sides are done."""
HURRY = 1.0
"""Seconds for the closing handshake when the user's task is cancelled, or the server is silent."""


class Connection:
    """One WebSocket connection from the end of its handshake to the end of its transport."""

    def __init__(
        self, stream: trio.abc.Stream, limits: Limits, deflate: Deflate | None = None, received: bytes = b""
    ) -> None:
        self.stream = stream
        self.inbox = Inbox(limits.max_buffered)
        self.outbox = Outbox()
        self.pings = Pings()
        self.counts = Statistics()
        self.left = False
        """Whether this side has closed the connection."""
        self.close_code: int | None = None
        self.close_reason: str | None = None
        self.finishing = trio.Event()
        """Set when a Close frame is sent, or the connection has ended."""
        self.ended = trio.Event()
        self.closed = trio.Event()
        self.heard_at = trio.current_time()
        """When bytes last came, or could come again."""
        self.deaf = False
        """Whether reading pauses, because the application does not receive."""
        self._reader = FrameReader(limits, deflate)
        self._limits = limits
        self._received = received
        self._lifetime = trio.CancelScope(shield=True)
        self._written = False
        self._write_error: Exception | None = None
        self._error: WebSocketError = ConnectionLost("the server did not close the WebSocket in time")
        self._cause: Exception | None = None

    def statistics(self) -> Statistics:
        """The counts of this moment."""
        return dataclasses.replace(
            self.counts,
            bytes_sent=self.outbox.written,
            bytes_unsent=self.outbox.unsent,
            bytes_unreceived=self.inbox.held,
        )

    def error(self) -> WebSocketError:
        """Why the connection has ended, as an exception of its own for everyone who asks."""
        error = copy.copy(self._error)
        error.__cause__ = self._cause
        return error

    def send_ping(self, payload: bytes) -> Flight:
        """Put a Ping before the data that waits; only while the outbox is open."""
        self.outbox.put_first(ping_frame(payload))
        return self.pings.sent(payload)

    def leave(self, code: int, reason: str = "") -> None:
        """Begin to close the connection from this side. `run` finishes it within the close timeout."""
        self.left = True
        self.inbox.discard()
        self.pings.end()
        self._say_close(code, reason)

    def hurry(self) -> None:
        """Finish closing quickly: who waits for it has been cancelled."""
        self._limit(min(self._limits.close_timeout, HURRY))

    async def run(self) -> None:
        """Run the connection until its transport is closed. Does not react to being cancelled."""
        try:
            with self._lifetime:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write)
                    nursery.start_soon(self._read)
                    if self._limits.ping_interval is not None:
                        nursery.start_soon(self._keep_alive, self._limits.ping_interval)
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
            self.finishing.set()
            self._limit(self._limits.close_timeout)
        self._written = True
        self._limit_lingering()

    async def _read(self) -> None:
        try:
            await self._take(self._received)
            size = READ_SIZE
            while not self.ended.is_set():
                data = await self.stream.receive_some(size)
                if not data:
                    self._lose("the connection ended without a Close frame", self._write_error)
                    return
                size = min(2 * size, MOST_READ_SIZE) if len(data) == size else READ_SIZE
                await self._take(data)
            self._limit_lingering()
            while await self.stream.receive_some(READ_SIZE):
                pass
        except TRANSPORT_ERRORS as error:
            self._lose(f"the connection to the server broke: {error}", self._write_error or error)

    async def _keep_alive(self, interval: float) -> None:
        timeout = self._limits.ping_timeout
        if not await keep_alive(self, interval, timeout):
            self._end(PingTimeout(f"the server was silent for {timeout:g} s after a Ping"))
            self._say_close(INTERNAL_ERROR, "no answer to a ping")
            self.hurry()

    async def _take(self, data: bytes | bytearray) -> None:
        self.heard_at = trio.current_time()
        self.counts.bytes_received += len(data)
        done = 0
        try:
            for event in self._reader.read(data):
                done += self._handle(event)
                if self.inbox.full:
                    self.deaf = True
                    await self.inbox.room()
                    self.deaf = False
                    self.heard_at = trio.current_time()  # what came before had nobody to hear it
                if done >= _BATCH:
                    done = 0
                    await trio.lowlevel.checkpoint()
        except (ProtocolViolation, MessageTooLarge) as error:
            for _ in range(_TURNS):
                await trio.lowlevel.checkpoint()
            self._end(error)
            self._say_close(error.code or PROTOCOL_ERROR, str(error))

    def _handle(self, event: Incoming) -> int:
        """Do what an event asks for; how much work that was, about one for a small frame."""
        match event:
            case Piece(data, final):
                self.counts.messages_received += final
                if data or final:
                    self.inbox.put(event)
                return 1 + len(data) // _BATCH_BYTES
            case Ping(payload):
                self.counts.pings_received += 1
                self.outbox.answer(payload)
            case Close(code, reason):
                self._handle_close(code, reason)
            case _:
                self.counts.pongs_received += 1
                self.pings.answered(event.payload)
        return 1

    def _handle_close(self, code: int, reason: str) -> None:
        self.close_code, self.close_reason = code, reason
        self._end(ConnectionClosed(code, reason))
        self._say_close(code, answers=False)  # §5.5.1: the reply typically echoes the code

    def _say_close(self, code: int, reason: str = "", *, answers: bool = True) -> None:
        self.outbox.close(code, reason, answers=answers)
        self.finishing.set()
        self._limit(self._limits.close_timeout)

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
        self.finishing.set()
        self.ended.set()

    def _limit_lingering(self) -> None:
        if self._written and self.ended.is_set():
            self._limit(LINGER)

    def _limit(self, seconds: float) -> None:
        self._lifetime.deadline = min(self._lifetime.deadline, trio.current_time() + seconds)
