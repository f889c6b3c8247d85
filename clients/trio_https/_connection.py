"""One HTTP/1.1 connection: h11 on one side, any Trio stream on the other.

Theory of operation: h11 does the grammar, the framing and the rules of who may say what when; this class
moves bytes between it and the stream, under deadlines, and turns what goes wrong into the package's errors.
It has no task of its own: nothing is received unless somebody asks for it, which is all there is to
backpressure. `receive_some` of a Trio stream loses nothing when it is cancelled, and every change of state
here happens between awaits, so a cancelled read can be repeated. A cancelled or failed send cannot: it leaves
`_whole` false, and the connection is not used again.

One h11 state machine lives for one exchange. What it costs to make is a microsecond, and a connection is only
used again when nothing at all is left over from the exchange before.

The hot path is `read_body`. A body with a Content-Length, or one that lasts until the connection closes, needs
no parsing: once h11 has given out what came with the header section, the rest goes from the stream to the caller
as it is, and only its length is kept. A chunked body goes through h11, which copies every byte three times. That
is cheap as long as the blocks stay below the size at which the C library asks the kernel for fresh pages each
time: fed in blocks of 64 KiB h11 parses several gigabytes in a second, fed in blocks of 256 KiB less than one.
Hence `_FEED`.
"""

from __future__ import annotations

import math
from contextlib import suppress

import h11
import trio

from ._errors import ConnectionLost, InvalidRequest, ProtocolError, ResponseTooLarge, TooSlow, TruncatedBody
from ._limits import Deadlines, Limits, seconds

_FEED = 64 * 1024


class Connection:
    """A stream to one server, used by one exchange at a time.

    Args:
        stream: where the bytes go; the connection owns it from now on.
        origin: what error messages call the server, for example `https://example.com`.
        limits: caps on the responses.
        deadlines: only `idle` is looked at.
    """

    def __init__(self, stream: trio.abc.Stream, origin: str, limits: Limits, deadlines: Deadlines) -> None:
        self.origin = origin
        self._stream = stream
        self._limits = limits
        self._idle = seconds(deadlines.idle)
        self._h11 = h11.Connection(h11.CLIENT)
        # What has been received, and neither h11 nor the caller has got yet.
        self._unfed: bytes | bytearray | memoryview = b""
        # Whether h11 has said that it needs more bytes than it has, which is then none of the body.
        self._hungry = False
        # How many bytes are left of a body that needs no parsing; infinite if it lasts until the end.
        self._left: float = 0
        # Whether everything h11 was told to be sent has been sent.
        self._whole = True
        self._send_failure: trio.BrokenResourceError | None = None
        self._uploading = False
        self._waiting = trio.CancelScope()
        self._method = b""
        self._head_read = False
        self._ended = False
        self._received = 0
        self._exchanges = 0
        # Whether anything has been received in this exchange.
        self._heard = False

    # Sending

    def begin(self, request: h11.Request) -> bytes:
        """Start an exchange; the request's header section, to be sent.

        Raises:
            InvalidRequest: h11 refuses it.
        """
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=self._limits.head)
        self._send_failure = None
        self._exchanges += 1
        self._heard = False
        self._head_read = self._ended = self._whole = self._hungry = False
        self._received = 0
        self._left = 0
        self._method = request.method
        return self._framed(request)

    def block(self, data: memoryview) -> bytes:
        """One block of the request's body as it goes on the wire.

        Raises:
            InvalidRequest: the body is longer than its announced length.
        """
        # h11 passes the block on as it is, and `join` takes a memoryview as well as bytes.
        return self._framed(h11.Data(data=data))  # type: ignore[arg-type]

    def end(self) -> bytes:
        """The end of the request as it goes on the wire.

        Raises:
            InvalidRequest: the body is shorter than its announced length.
        """
        return self._framed(h11.EndOfMessage())

    def _framed(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> bytes:
        try:
            return self._h11.send(event)
        except h11.LocalProtocolError as error:
            raise InvalidRequest(f"request to {self.origin}: {error}") from error

    async def send(self, data: bytes) -> bool:
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
                await self._stream.send_all(data)
            except trio.BrokenResourceError as error:
                self._send_failure = error
                return False
            self._whole = True
            return True
        raise TooSlow(
            f"{self.origin} took none of the request for {self._idle:g} s: it may not be reading. "
            "A longer Deadlines.idle, or None, waits longer"
        )

    def upload_began(self) -> None:
        """From now on the request's body is being sent, and no response is expected in any time."""
        self._uploading = True

    def upload_ended(self) -> None:
        """The request is sent, or given up: the deadline for the response runs from now on."""
        self._uploading = False
        self._waiting.deadline = trio.current_time() + self._idle

    # Receiving

    async def read_head(self) -> h11.Response:
        """The header section of the final response; interim responses are skipped.

        Raises:
            ConnectionLost: the connection ended first.
            ProtocolError: what came is not HTTP/1.1.
            ResponseTooLarge: there are too many interim responses or fields, or too many bytes of them.
            TooSlow: nothing came for `Deadlines.idle` seconds.
        """
        interim = 0
        while True:
            event = self._next_event()
            if event is h11.NEED_DATA:
                if not self._feed():
                    await self._fill()
                    self._feed()
            elif isinstance(event, h11.InformationalResponse):
                interim += 1
                if interim > self._limits.informational:
                    raise ResponseTooLarge(
                        f"{self.origin} sent {interim} interim responses and no final one "
                        f"(Limits.informational is {self._limits.informational})"
                    )
            elif isinstance(event, h11.Response):
                self._check_size(event)
                self._left = self._length(event)
                self._head_read = True
                return event
            else:
                raise ProtocolError(f"{self.origin} switched to another protocol, which was not asked for")

    async def read_body(self) -> bytes:
        """The next piece of the response's body, of any size; `b""` at its end.

        Raises:
            TruncatedBody: the connection ended first.
            ProtocolError: the framing of the body is broken.
            ResponseTooLarge: a chunk header or the trailer section is over `Limits.head`.
            TooSlow: nothing came for `Deadlines.idle` seconds.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        piece = self._advance()
        if piece is not None:
            await trio.lowlevel.cancel_shielded_checkpoint()
            return piece
        while piece is None:
            await self._fill()
            piece = self._advance()
        return piece

    def drain(self) -> bool:
        """Take what is left of the response if all of it has been received already; whether it has."""
        with suppress(ProtocolError, ResponseTooLarge):
            while self._head_read and (piece := self._advance()) is not None:
                if not piece:
                    return True
        return False

    @property
    def reusable(self) -> bool:
        """Whether both sides are done, agree to go on, and have left nothing over."""
        return (
            self._ended
            and self._whole
            and self._left == 0
            and self._h11.our_state is h11.DONE
            and not self._unfed
            and self._h11.trailing_data == (b"", False)
        )

    @property
    def was_dying(self) -> bool:
        """Whether it served an exchange before this one, and nothing at all has come in this one."""
        return self._exchanges > 1 and not self._heard

    def _advance(self) -> bytes | None:
        """What the bytes that are here have to give: a piece of the body, `b""` at its end, `None` for nothing."""
        pieces: list[bytes] = []
        while not self._ended:
            if self._hungry and self._left:
                return self._pass_on() if self._unfed else None
            if self._hungry and not self._feed():
                return None
            event = self._next_event()
            if isinstance(event, h11.Data):
                pieces.append(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self._ended = True
            else:
                self._hungry = True
                if pieces:
                    break
        piece = b"".join(pieces)
        self._received += len(piece)
        if self._left:
            self._left -= len(piece)
        return piece

    def _pass_on(self) -> bytes:
        """What has been received, of a body that needs no parsing: as it is, without a copy of it."""
        data, self._unfed = self._unfed, b""
        if len(data) > self._left:
            end = int(self._left)
            data, self._unfed = data[:end], data[end:]
        self._received += len(data)
        self._left -= len(data)
        self._ended = self._left == 0
        return data if isinstance(data, bytes) else bytes(data)

    def _length(self, response: h11.Response) -> float:
        """The length of the body if it comes as it is, RFC 9112 §6.3: infinite if only its end will tell.

        Zero for a body that is chunked or that does not come, which is for h11 to say.
        """
        headers = dict(response.headers)
        if self._method == b"HEAD" or response.status_code in (204, 304) or b"transfer-encoding" in headers:
            return 0
        length = headers.get(b"content-length")
        return math.inf if length is None else int(length)

    def _next_event(self) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
        try:
            return self._h11.next_event()
        except h11.RemoteProtocolError as error:
            # h11 gives this status, 431, for whatever it buffers without end.
            if error.error_status_hint == 431:
                what = "a chunk header or trailer section" if self._head_read else "a header section"
                raise ResponseTooLarge(
                    f"{self.origin} sent {what} of more than {self._limits.head} bytes (Limits.head)"
                ) from error
            if self._head_read:
                raise ProtocolError(f"{self.origin} sent a broken body: {_brief(str(error))}") from error
            raise ProtocolError(self._not_http(error)) from error

    def _not_http(self, error: h11.RemoteProtocolError) -> str:
        start = self._h11.trailing_data[0][:24]
        if start[:1] in (b"\x15", b"\x16") and start[1:2] == b"\x03":
            return (
                f"{self.origin} speaks TLS: write https: instead of http:, or give a Socket that speaks TLS"
            )
        beginning = f"; it goes on with {start!r}" if start else ""
        return f"{self.origin} did not answer in HTTP/1.1: {_brief(str(error))}{beginning}"

    def _check_size(self, response: h11.Response) -> None:
        count = len(response.headers)
        if count > self._limits.headers:
            raise ResponseTooLarge(
                f"{self.origin} sent {count} header fields, and Limits.headers is {self._limits.headers}"
            )
        # h11 looks at the size only while the section is incomplete.
        size = sum(len(name) + len(value) + 4 for name, value in response.headers)
        if size > self._limits.head:
            raise ResponseTooLarge(
                f"{self.origin} sent a header section of {size} bytes, and Limits.head is {self._limits.head}"
            )

    def _feed(self) -> bool:
        """Give h11 the next block of what has been received; whether there was one."""
        if not self._unfed:
            return False
        unfed = memoryview(self._unfed)
        self._h11.receive_data(unfed[:_FEED])  # type: ignore[arg-type]  # it appends to a bytearray
        self._unfed = unfed[_FEED:]
        self._hungry = False
        return True

    async def _fill(self) -> None:
        """Receive something, or the end of what lasts until then."""
        try:
            self._unfed = await self._receive()
        except trio.BrokenResourceError as error:
            raise self._lost(f"broke: {error}" if str(error) else "broke") from error
        if self._unfed:
            self._heard = True
            return
        if self._left < math.inf:
            raise self._lost("was closed by the server") from self._send_failure
        self._ended = True

    async def _receive(self) -> bytes | bytearray:
        deadline = math.inf if self._uploading else trio.current_time() + self._idle
        with trio.CancelScope(deadline=deadline) as self._waiting:
            return await self._stream.receive_some()
        raise TooSlow(
            f"{self.origin} sent nothing for {self._idle:g} s. A longer Deadlines.idle, or None, waits longer"
        )

    def _lost(self, how: str) -> ConnectionLost:
        if self._head_read:
            return TruncatedBody(
                f"the connection to {self.origin} {how} after {self._received} bytes of the response's body, "
                "and before its end"
            )
        pending = self._h11.trailing_data[0]
        when = f"after {len(pending)} bytes of a header" if pending else "before it answered"
        return ConnectionLost(f"the connection to {self.origin} {how} {when}")

    # Between exchanges, and at the end

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
                await self._stream.receive_some()
            return False
        return True

    async def aclose(self) -> None:
        """Close in good order; how long that may take is the caller's to say."""
        await _close(self._stream)

    async def close_now(self) -> None:
        """Close without waiting for anything, also when cancelled."""
        with trio.CancelScope(shield=True) as scope:
            scope.cancel()
            await _close(self._stream)


async def _close(stream: trio.abc.Stream) -> None:
    # The stream is closed all the same, and what broke it has been reported where it mattered.
    with suppress(trio.BrokenResourceError):
        await stream.aclose()


def _brief(text: str) -> str:
    return text if len(text) <= 200 else text[:200] + "…"
