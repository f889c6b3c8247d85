"""One HTTP/1.1 connection: the framing of one exchange after another, over any Trio stream.

Theory of operation: this class moves bytes between `Framing` and the stream, under deadlines, and turns what goes
wrong into the package's errors. It has no task of its own: nothing is received unless somebody asks for it, which
is all there is to backpressure. `receive_some` of a Trio stream loses nothing when it is cancelled, and every
change of state here happens between awaits, so a cancelled read can be repeated. A cancelled or failed send
cannot: it leaves `_whole` false, and the connection is not used again.

A wait for the server is under one scope whose deadline is the earliest of three: `Deadlines.idle` without a byte,
`Deadlines.head` from the first byte of a header section to its end, and what is left of the window in which
`Deadlines.rate` demands some number of bytes. Only time spent waiting for the server counts, so a slow reader is
not taken for a slow server.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress

import h11
import trio

from ._errors import ConnectionLost, ProtocolError, ResponseTooLarge, TooSlow, TruncatedBody
from ._framing import Framing
from ._headers import Field
from ._limits import Deadlines, Limits, seconds
from ._trace import Trace

# Where Trio itself would receive 64 KiB: fewer, larger pieces, since each costs a trip through the event loop.
_TCP_AT_ONCE = 256 * 1024


class Connection:
    """A stream to one server, used by one exchange at a time.

    Args:
        stream: where the bytes go; the connection owns it from now on.
        origin: what error messages call the server, for example `https://example.com`.
        limits: caps on the responses.
        deadlines: `idle`, `head`, `rate` and `rate_window` are looked at.
    """

    def __init__(self, stream: trio.abc.Stream, origin: str, limits: Limits, deadlines: Deadlines) -> None:
        self.origin = origin
        self.stream = stream
        """What the connection is made of."""
        self.limits = limits
        """Caps on the responses."""
        # Of a large body. What is on top of TCP knows best how much it gives at once.
        self._at_once = _TCP_AT_ONCE if isinstance(stream, trio.SocketStream) else None
        self._taken = False
        self._exchanges = 0
        self._wait_as(deadlines)
        self._reset()

    def _wait_as(self, deadlines: Deadlines) -> None:
        self.deadlines = deadlines
        """How long to wait for the server."""
        self._idle = seconds(deadlines.idle)
        # How many bytes the window needs.
        self._rate_bytes = deadlines.rate * deadlines.rate_window if deadlines.rate else 0

    def _reset(self) -> None:
        self._framing = Framing(self.origin, self.limits)
        # Whether everything that was to be sent has been sent.
        self._whole = True
        self._send_failure: trio.BrokenResourceError | None = None
        self._uploading = False
        self._waiting: trio.CancelScope | None = None
        # When the header section has to be complete, once it has begun.
        self._head_deadline = math.inf
        # Whether `ask` has just waited for the server, which is a checkpoint for what comes next.
        self._asked = False
        # Whether anything has been received in this exchange.
        self._heard = False
        # How many bytes the window has got, and how much of it has been spent on waiting.
        self._got = 0
        self._waited = 0.0

    # Sending

    def begin(self, request: h11.Request, deadlines: Deadlines | None = None) -> bytes:
        """Start an exchange; the request's header section, to be sent.

        Args:
            request: what to send.
            deadlines: for this exchange and those that follow.

        Raises:
            InvalidRequest: h11 refuses it.
        """
        if deadlines is not None and deadlines is not self.deadlines:
            self._wait_as(deadlines)
        self._reset()
        self._whole = False
        self._exchanges += 1
        return self._framing.begin(request)

    def block(self, data: memoryview) -> bytes | memoryview:
        """One block of the request's body as it goes on the wire; raises as `Framing.block` does."""
        return self._framing.block(data)

    def end(self, trailers: Sequence[Field] = ()) -> bytes:
        """The end of the request as it goes on the wire; raises as `Framing.end` does."""
        return self._framing.end(trailers)

    async def send(self, data: bytes | memoryview) -> bool:
        """Send, and say whether the server still takes anything.

        A server may answer before it has read the whole request, and close. A send that fails for this is
        therefore no error yet: the answer that may be waiting to be read says more.

        Raises:
            TooSlow: the server took too little of it for `Deadlines.idle` seconds.
        """
        if not data:
            await trio.lowlevel.checkpoint()
            return True
        self._whole = False
        with trio.CancelScope(deadline=trio.current_time() + self._idle):
            try:
                await self.stream.send_all(data)
            except trio.BrokenResourceError as error:
                self._send_failure = error
                return False
            self._whole = True
            return True
        raise self._takes_nothing()

    async def ask(self, data: bytes, trace: Trace) -> None:
        """Send a short request, and wait for the first of the answer, all under one scope; raises as both do."""
        self._whole = False
        began = trace.now()
        with trio.CancelScope(deadline=began + self._idle) as scope:
            try:
                await self.stream.send_all(data)
                self._whole = True
            except trio.BrokenResourceError as error:
                self._send_failure = error
            sent = trace.mark("sent")
            # To move a deadline costs more than it is worth when sending took no time, as it mostly does.
            if sent - began > 1:
                scope.deadline = sent + self._idle
            self._take_in(await self._received())
            self._asked = True
            return
        if self._whole:
            raise self._too_slow(self._idle)
        raise self._takes_nothing()

    def upload_began(self) -> None:
        """From now on the request's body is being sent, and no response is expected in any time."""
        self._uploading = True

    def upload_ended(self) -> None:
        """The request is sent, or given up: the deadline for the response runs from now on."""
        self._uploading = False
        if self._waiting is not None:
            self._waiting.deadline = trio.current_time() + self._idle

    # Receiving

    async def read_head(self) -> h11.Response | h11.InformationalResponse:
        """The next header section: of an interim response, or of the final one.

        Raises:
            ConnectionLost: the connection ended first.
            ProtocolError: what came is not HTTP/1.1.
            ResponseTooLarge: it has too many fields, or too many bytes.
            TooSlow: nothing came for `Deadlines.idle` seconds, or it took longer than `Deadlines.head`.
        """
        event = self._framing.head()
        if event is not None and not self._asked:
            await trio.lowlevel.checkpoint()
        self._asked = False
        while event is None:
            if self._head_deadline == math.inf and self._framing.pending:
                self._head_deadline = trio.current_time() + seconds(self.deadlines.head)
            await self._fill()
            event = self._framing.head()
        self._head_deadline = math.inf
        return event

    async def read_body(self) -> bytes:
        """The next piece of the response's body, of any size; `b""` at its end.

        Raises:
            TruncatedBody: the connection ended first.
            ProtocolError: the framing of the body is broken.
            ResponseTooLarge: a chunk header or the trailer section is over `Limits.head`.
            TooSlow: nothing came for `Deadlines.idle` seconds, or too little for `Deadlines.rate_window`.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        piece = self._framing.piece()
        if piece is not None:
            await trio.lowlevel.cancel_shielded_checkpoint()
            return piece
        while piece is None:
            await self._fill()
            piece = self._framing.piece()
        return piece

    def body_now(self) -> bytes | None:
        """What `read_body` would give without waiting, or `None`; raises as it does."""
        return self._framing.piece()

    def drain(self) -> bool:
        """Take what is left of the response if all of it has been received already; whether it has."""
        if self._framing.ended:
            return True
        with suppress(ProtocolError, ResponseTooLarge):
            while self._framing.head_read and (piece := self._framing.piece()) is not None:
                if not piece:
                    return True
        return False

    @property
    def trailers(self) -> Sequence[Field]:
        """The fields after the body, once it has been read to its end."""
        return self._framing.trailers

    @property
    def fields(self) -> Sequence[Field]:
        """The fields of the last header section."""
        return self._framing.fields

    @property
    def coded(self) -> bool:
        """Whether the body has a Content-Encoding."""
        return self._framing.coded

    @property
    def body_length(self) -> int | None:
        """How many bytes of body the server has announced."""
        return self._framing.body_length

    @property
    def body_received(self) -> int:
        """How many bytes of the body have been read, as they were sent."""
        return self._framing.received

    @property
    def ended(self) -> bool:
        """Whether the response has been read to its end."""
        return self._framing.ended

    @property
    def reusable(self) -> bool:
        """Whether both sides are done, agree to go on, and have left nothing over."""
        return self._whole and not self._taken and self._framing.reusable

    @property
    def was_dying(self) -> bool:
        """Whether it served an exchange before this one, and nothing at all has come in this one."""
        return self._exchanges > 1 and not self._heard

    async def _fill(self) -> None:
        """Receive something, or the end of what lasts until then."""
        self._take_in(await self._receive())

    async def _received(self) -> bytes | bytearray:
        try:
            return await self.stream.receive_some(self._at_once if self._framing.much_is_left else None)
        except trio.BrokenResourceError as error:
            raise self._lost(f"broke: {error}" if str(error) else "broke") from error

    def _take_in(self, data: bytes | bytearray) -> None:
        if data:
            self._heard = True
            self._framing.feed(data)
        elif not self._framing.finish():
            raise self._lost("was closed by the server") from self._send_failure

    async def _receive(self) -> bytes | bytearray:
        began = trio.current_time()
        deadline = math.inf
        if not self._uploading:
            deadline = began + self._idle
            if self._rate_bytes and self._framing.head_read:
                deadline = min(deadline, began + self.deadlines.rate_window - self._waited)
        with trio.CancelScope(deadline=min(deadline, self._head_deadline)) as self._waiting:
            data = await self._received()
            self._waiting = None
            self._count(len(data), began)
            return data
        self._waiting = None
        raise self._too_slow(trio.current_time() - began)

    def _count(self, received: int, began: float) -> None:
        """Keep the books of the window: it begins anew as soon as it has what it needs."""
        self._got += received
        if self._got >= self._rate_bytes:
            self._got, self._waited = 0, 0.0
        else:
            self._waited += trio.current_time() - began

    def _takes_nothing(self) -> TooSlow:
        return TooSlow(
            f"{self.origin} took none of the request for {self._idle:g} s: it may not be reading. "
            "A longer Deadlines.idle, or None, waits longer"
        )

    def _too_slow(self, waited: float) -> TooSlow:
        longer = "waits longer"
        if trio.current_time() >= self._head_deadline:
            what = f"a header section that took longer than {seconds(self.deadlines.head):g} s"
            longer = f"A longer Deadlines.head, or None, {longer}"
        elif waited >= self._idle:
            what = f"nothing for {self._idle:g} s"
            longer = f"A longer Deadlines.idle, or None, {longer}"
        else:
            what = f"{self._got} bytes in {self.deadlines.rate_window:g} s of waiting"
            longer = (
                f"A lower Deadlines.rate than {self.deadlines.rate:g} bytes per second, or None, {longer}"
            )
        return TooSlow(f"{self.origin} sent {what}. {longer}")

    def _lost(self, how: str) -> ConnectionLost:
        if self._framing.head_read:
            return TruncatedBody(
                f"the connection to {self.origin} {how} after {self._framing.received} bytes of the response's "
                "body, and before its end"
            )
        pending = len(self._framing.pending)
        when = f"after {pending} bytes of a header" if pending else "before it answered"
        return ConnectionLost(f"the connection to {self.origin} {how} {when}")

    # Between exchanges, and at the end

    def __repr__(self) -> str:
        return (
            f"<Connection to {self.origin}, {self._exchanges} exchanges, over {type(self.stream).__name__}>"
        )

    def is_surely_quiet(self) -> bool:
        """Whether it can be seen, without asking the event loop, that nothing is here to be received.

        A TCP stream's socket tells; a stream on top of one tells by a method `nothing_to_receive`, as
        `SecureStream` has it. Of other streams nothing is sure.
        """
        if isinstance(self.stream, trio.SocketStream):
            try:
                return not self.stream.socket.is_readable()
            except (OSError, ValueError):  # it has been closed
                return False
        ask = getattr(self.stream, "nothing_to_receive", None)
        return callable(ask) and bool(ask())

    async def is_quiet(self) -> bool:
        """Whether an idle connection is as it was left: open, with nothing received that nobody asked for.

        The one way to ask this of any stream is to receive, and to give up when that would wait. A stream
        that lets other tasks run before it looks for data passes for quiet; the request then finds out.
        """
        with trio.CancelScope() as scope:
            # Set inside, the deadline passes when the task first waits; a scope entered late is cancelled at
            # once.
            scope.deadline = -math.inf
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await self.stream.receive_some()
            return False
        return True

    def take_over(self) -> tuple[trio.abc.Stream, bytes]:
        """Give the stream away, with what has been received of what follows; it is not closed any more."""
        self._taken = True
        return self.stream, self._framing.pending

    async def aclose(self) -> None:
        """Close in good order; how long that may take is the caller's to say."""
        await self._close()

    async def close_now(self) -> None:
        """Close without waiting for anything, also when cancelled."""
        with trio.CancelScope(shield=True) as scope:
            scope.cancel()
            await self._close()

    async def _close(self) -> None:
        if not self._taken:
            # The stream is closed all the same, and what broke it has been reported where it mattered.
            with suppress(trio.BrokenResourceError):
                await self.stream.aclose()
