"""One exchange as bytes: h11 on one side, what a stream sends and receives on the other, and no I/O.

Theory of operation: h11 does the grammar, the state machine and the rules of who may say what when; it reads every
header section, every chunk header and every trailer. One h11 connection lives for one exchange: what it costs to
make is a microsecond, and a connection is only used again when nothing at all is left over.

The hot path is `piece`. A body with a Content-Length, or one that lasts until the connection closes, needs no
parsing: it is handed on as it comes, and only its length is kept. A chunked body goes through h11, which copies
every byte three times. That is cheap as long as the blocks stay below the size at which the C library asks the
kernel for fresh pages each time: fed in blocks of 64 KiB h11 parses several gigabytes in a second, fed in
blocks of 256 KiB less than one. Hence `_FEED`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import h11

from ._errors import InvalidRequest, ProtocolError, ResponseTooLarge
from ._headers import Field
from ._limits import Limits

_FEED = 64 * 1024
_END = h11.EndOfMessage()


class Framing:
    """The framing of one request and its response.

    Args:
        origin: what error messages call the server.
        limits: caps on the response.
    """

    # What an exchange begins with, here for all of them: most responses change few of these.
    body_length: int | None = None
    """How many bytes of body were announced, as they are sent; `None` if that was not said."""
    fields: Sequence[Field] = ()
    """The fields of the last header section, as they were sent."""
    coded = False
    """Whether the body has a Content-Encoding."""
    head_read = False
    """Whether the header section of the final response has been read."""
    ended = False
    """Whether the response has been read to its end."""
    received = 0
    """How many bytes of the response's body have been given out."""
    trailers: Sequence[Field] = ()
    """The fields after a chunked body, once it has ended."""
    # What has been received, and neither h11 nor the caller has got yet.
    _unfed: bytes | bytearray | memoryview = b""
    # Whether h11 needs more bytes than it has, and how many it has got.
    _hungry = True
    _fed = 0
    # Whether the body needs no parsing, and how many bytes are left of it; infinite if it lasts to the end.
    _plain = False
    _left: float = 0
    _trusted = True
    _method = b""

    def __init__(self, origin: str, limits: Limits) -> None:
        self._origin = origin
        self._limits = limits
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=limits.head)

    # The request

    def begin(self, request: h11.Request) -> bytes:
        """The request's header section, to be sent.

        Raises:
            InvalidRequest: h11 refuses it.
        """
        self._method = request.method
        return b"".join(self._framed(request))

    def block(self, data: memoryview) -> bytes | memoryview:
        """One block of the request's body as it goes on the wire, which may be the block itself.

        Raises:
            InvalidRequest: the body is longer than its announced length.
        """
        # h11 passes a block on as it is, whatever it is.
        parts = self._framed(h11.Data(data=data))  # type: ignore[arg-type]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def end(self, trailers: Sequence[Field] = ()) -> bytes:
        """The end of the request as it goes on the wire.

        Raises:
            InvalidRequest: the body is shorter than its announced length, or the trailers cannot be sent.
        """
        try:
            event = h11.EndOfMessage(headers=list(trailers)) if trailers else _END
        except h11.LocalProtocolError as error:
            raise InvalidRequest(f"request to {self._origin}: a trailer is no field: {error}") from error
        return b"".join(self._framed(event))

    def _framed(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> list[bytes]:
        try:
            return self._h11.send_with_data_passthrough(event) or []
        except h11.LocalProtocolError as error:
            raise InvalidRequest(f"request to {self._origin}: {error}") from error

    # The response

    def feed(self, data: bytes | bytearray) -> None:
        """Take what the stream received. Everything that came before must have been taken out."""
        self._unfed = data

    def head(self) -> h11.Response | h11.InformationalResponse | None:
        """The next header section, or nothing if it is not complete yet.

        Raises:
            ProtocolError: what came is not HTTP/1.1.
            ResponseTooLarge: it has too many fields, or too many bytes.
        """
        while True:
            if self._hungry and not self._feed():
                return None
            event = self._next_event()
            if event is h11.NEED_DATA:
                self._hungry = True
            elif isinstance(event, h11.Response):
                self._begin_body(event, self._check_size(event))
                return event
            elif isinstance(event, h11.InformationalResponse):
                self._check_size(event)
                if event.status_code == 101:
                    # Asked for, or h11 would have refused it. What follows is the other protocol's.
                    self.head_read = self.ended = self._plain = True
                    self.body_length = 0
                    self._trusted = False
                return event
            else:
                raise ProtocolError(f"{self._origin} sent {event!r} in place of a header section")

    def _begin_body(self, response: h11.Response, fields: Sequence[Field]) -> None:
        """Find out how the body is framed, RFC 9112 §6.3."""
        self.head_read = True
        self._hungry = False
        headers = {name.lower(): value for name, value in fields}
        self.coded = b"content-encoding" in headers
        chunked = b"transfer-encoding" in headers
        # RFC 9112 §6.3: a message with both "might indicate an attempt to perform request smuggling [...] or
        # response splitting [...] and ought to be handled as an error". §6.1: whoever receives an HTTP/1.0
        # message with Transfer-Encoding treats its framing as faulty, and closes the connection after it.
        if chunked and (b"content-length" in headers or response.http_version < b"1.1"):
            self._trusted = False
        if self._method == b"HEAD" or response.status_code in (204, 304):
            self.body_length = 0
        elif chunked:
            return
        elif (length := headers.get(b"content-length")) is not None:
            self.body_length = int(length)
        self._left = math.inf if self.body_length is None else self.body_length
        self._plain = True
        # What came with the header section is taken back from h11, which is not asked again.
        rest = self._h11.trailing_data[0]
        self._unfed = b"".join([rest, self._unfed]) if rest and self._unfed else rest or self._unfed
        self.ended = self._left == 0

    def piece(self) -> bytes | None:
        """The next piece of the body, `b""` at its end, `None` if nothing is here.

        Raises:
            ProtocolError: the framing of the body is broken.
            ResponseTooLarge: a chunk header or the trailer section is too long.
        """
        if self.ended:
            return b""
        piece = self._pass_on() if self._plain else self._parsed()
        if piece:
            self.received += len(piece)
        return piece

    def _pass_on(self) -> bytes | None:
        """What has been received, of a body that needs no parsing: as it is, without a copy of it."""
        data = self._unfed
        if not data:
            return None
        if len(data) > self._left:
            end = int(self._left)
            data, self._unfed = data[:end], data[end:]
        else:
            self._unfed = b""
        self._left -= len(data)
        self.ended = self._left == 0
        return data if isinstance(data, bytes) else bytes(data)

    def _parsed(self) -> bytes | None:
        """What h11 makes of a chunked body; small chunks are put together."""
        pieces: list[bytes] = []
        while not self.ended:
            if self._hungry and not self._feed():
                return None
            event = self._next_event()
            if isinstance(event, h11.Data):
                pieces.append(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self.ended = True
                self.trailers = tuple(event.headers.raw_items())
            else:
                self._hungry = True
                if pieces:
                    break
        return b"".join(pieces)

    @property
    def much_is_left(self) -> bool:
        """Whether there is a large body to receive that needs no parsing."""
        return self._plain and self._left > _FEED

    def finish(self) -> bool:
        """The stream has ended: whether that ends the body too, as it does if nothing announced another end."""
        if self._left == math.inf:
            self.ended = True
        return self.ended

    @property
    def reusable(self) -> bool:
        """Whether both sides are done, agree to go on, and have left nothing over."""
        return (
            self.ended
            and self._trusted
            and not self._unfed
            and self._h11.our_state is h11.DONE
            and (self._plain or not self._h11.trailing_data[0])
        )

    @property
    def pending(self) -> bytes:
        """What has been received and not been understood yet; after a switch of protocols, the other's bytes."""
        return b"".join([self._h11.trailing_data[0], self._unfed])

    def _next_event(self) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
        try:
            return self._h11.next_event()
        except h11.RemoteProtocolError as error:
            # h11 gives this status, 431, for whatever it buffers without end.
            if error.error_status_hint == 431:
                what = "a chunk header or trailer section" if self.head_read else "a header section"
                raise ResponseTooLarge(
                    f"{self._origin} sent {what} of more than {self._limits.head} bytes (Limits.head)"
                ) from error
            if self.head_read:
                raise ProtocolError(f"{self._origin} sent a broken body: {_brief(str(error))}") from error
            raise ProtocolError(self._not_http(error)) from error

    def _not_http(self, error: h11.RemoteProtocolError) -> str:
        start = self._h11.trailing_data[0][:24]
        if start[:1] in (b"\x15", b"\x16") and start[1:2] == b"\x03":
            return (
                f"{self._origin} speaks TLS: write https: instead of http:, or give a Socket that speaks TLS"
            )
        beginning = f"; it goes on with {start!r}" if start else ""
        return f"{self._origin} did not answer in HTTP/1.1: {_brief(str(error))}{beginning}"

    def _check_size(self, response: h11.Response | h11.InformationalResponse) -> Sequence[Field]:
        """The fields of a header section, if they are not too many."""
        fields = self.fields = response.headers.raw_items()
        count = len(fields)
        if count > self._limits.headers:
            raise ResponseTooLarge(
                f"{self._origin} sent {count} header fields, and Limits.headers is {self._limits.headers}"
            )
        # h11 looks at the size only while the section is incomplete.
        if self._fed > self._limits.head:
            self._check_bytes(sum(len(name) + len(value) + 4 for name, value in fields))
        return fields

    def _check_bytes(self, size: int) -> None:
        if size > self._limits.head:
            raise ResponseTooLarge(
                f"{self._origin} sent a header section of {size} bytes, and Limits.head is {self._limits.head}"
            )

    def _feed(self) -> bool:
        """Give h11 the next block of what has been received; whether there was one."""
        if not self._unfed:
            return False
        self._fed += min(len(self._unfed), _FEED)
        if len(self._unfed) <= _FEED:
            self._h11.receive_data(self._unfed)  # type: ignore[arg-type]  # it appends to a bytearray
            self._unfed = b""
        else:
            unfed = memoryview(self._unfed)
            self._h11.receive_data(unfed[:_FEED])  # type: ignore[arg-type]  # as above
            self._unfed = unfed[_FEED:]
        self._hungry = False
        return True


def _brief(text: str) -> str:
    return text if len(text) <= 200 else text[:200] + "…"
