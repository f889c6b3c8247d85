"""Responses: what the header section says, a body that is being received, and one that is here.

Theory of operation: both kinds say the same about the header section, `ResponseHead`. `StreamingResponse` is an
asynchronous iterator that pulls the body from its connection, through the decoders of its content codings;
`Response` holds the whole body and interprets it when asked.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Self

import trio

from ._charset import Lines, charset_of, decoder_of
from ._connection import Connection
from ._decoders import Decoder, codings_of
from ._errors import ResponseTooLarge
from ._headers import Headers
from ._informational import Informational
from ._limits import Limits
from ._trace import Timings, Trace
from ._upgrade import upgraded
from ._url import URL

_NO_HEADERS = Headers(())
_MOST_IN_A_LINE = 1 << 20


@dataclass(eq=False, kw_only=True)
class ResponseHead:
    """What the header section of a response says."""

    url: URL
    """The URL that was asked for."""
    method: str
    """The method it was asked with."""
    status: int
    """The status code, 200 to 999; 101 after a switch of protocols."""
    reason: str
    """The reason phrase; may be empty, and means nothing."""
    http_version: str
    """`1.1` or `1.0`."""
    headers: Headers
    """The header fields."""
    history: tuple[ResponseHead, ...] = ()
    """The responses that led to this one, the first one first: redirects that were followed, challenges."""
    informational: tuple[Informational, ...] = ()
    """The interim responses that came before it, in order."""
    timings: Timings = field(default_factory=Timings)
    """When what happened, in seconds since the request began."""
    tls: Any = None  # whatever the Socket factory's streams have
    """`info` of the stream it came over: a `trio_secure.ConnectionInfo` by default, `None` without TLS."""
    trailers: Headers = field(default_factory=lambda: _NO_HEADERS)
    """The fields behind the body; empty before it has been read to its end."""

    body_length: int | None = None
    """How many bytes of body the server announced, as they are sent; `None` if it did not say."""


@dataclass(eq=False, kw_only=True, repr=False)
class Response(ResponseHead):
    """A response with its whole body."""

    content: bytes
    """The body, decoded if Content-Encoding says so and `decode` is on."""

    @property
    def text(self) -> str:
        """The body as text, in the charset that Content-Type names, or UTF-8; U+FFFD for what is no text."""
        return self.content.decode(charset_of(self.headers.get("content-type", "")), errors="replace")

    def json(self) -> Any:  # JSON is whatever it is
        """The body as JSON, in UTF-8, UTF-16 or UTF-32.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.content)

    def __repr__(self) -> str:
        return f"<Response {self.status} of {self.method} {self.url}, {len(self.content)} bytes>"


@dataclass(eq=False, kw_only=True, repr=False)
class StreamingResponse(ResponseHead):
    """A response whose body is still to be received: `async for chunk in response`.

    Each chunk is `bytes`, never empty, and as large as what the stream had to give, up to about 288 KiB.
    Nothing is received until a chunk is asked for, so a slow reader stops the server. Cancelling the wait for
    a chunk loses nothing: iterating may go on.

    It belongs to the block of `Client.stream`. Iterating raises what can happen to a connection:
    `TruncatedBody`, `ProtocolError`, `DecodingError`, `ResponseTooLarge`, `TooSlow`; and
    `trio.ClosedResourceError` after the block.
    """

    _connection: Connection | None = field()
    _trace: Trace | None = None
    # Set if there are content codings to be undone, which begins when the body is first asked for.
    _to_decode: Limits | None = None
    _decoder: Decoder | None = None
    _over: bool = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        connection = self._open()
        decoder = self._decoding()
        chunk = await (connection.read_body() if decoder is None else _decoded(decoder, connection))
        if chunk:
            return chunk
        self._end(connection)
        raise StopAsyncIteration

    async def aiter_text(self) -> AsyncGenerator[str]:
        """The body as text, piece by piece, in the charset that Content-Type names; see `Response.text`.

        A cancelled wait for a piece ends the generator: put `aclosing` around it, and read on from `self`.
        """
        decoder = decoder_of(self.headers.get("content-type", ""))
        async for chunk in self:
            if text := decoder.decode(chunk):
                yield text
        if text := decoder.decode(b"", final=True):
            yield text

    async def aiter_lines(self, max_line: int = _MOST_IN_A_LINE) -> AsyncGenerator[str]:
        """The lines of the body, as text without their ends; a last one without an end, too.

        Args:
            max_line: the most characters in a line.

        Raises:
            ResponseTooLarge: a line is longer.
        """
        lines = Lines(self.headers.get("content-type", ""), max_line, str(self.url))
        async for chunk in self:
            for line in lines.feed(chunk):
                yield line
        for line in lines.finish():
            yield line

    async def read(self, max_body: int) -> Response:
        """Read the rest of the body. Cancelled, what it has read is lost.

        Args:
            max_body: the most bytes to accept.

        Raises:
            ResponseTooLarge: the body is longer; if the server announced that, nothing of it is read.
        """
        await trio.lowlevel.checkpoint()
        return await self.read_on(max_body)

    async def read_on(self, max_body: int) -> Response:
        """As `read`, right after another checkpoint: what is here already takes no trip through the event loop."""
        connection = self._open()
        if (self.body_length or 0) > max_body:
            raise self._too_large(f"is {self.body_length} bytes long", max_body)
        decoder = self._decoding()
        chunks: list[bytes] = []
        size = 0
        while True:
            chunk = connection.body_now() if decoder is None else None
            if chunk is None:
                chunk = await (connection.read_body() if decoder is None else _decoded(decoder, connection))
            if not chunk:
                break
            size += len(chunk)
            if size > max_body:
                raise self._too_large("goes on", max_body)
            chunks.append(chunk)
        self._end(connection)
        return self.with_content(b"".join(chunks))

    def with_content(self, content: bytes) -> Response:
        """The response with this for its body."""
        return Response(
            url=self.url,
            method=self.method,
            status=self.status,
            reason=self.reason,
            http_version=self.http_version,
            headers=self.headers,
            history=self.history,
            informational=self.informational,
            timings=self.timings,
            tls=self.tls,
            trailers=self.trailers,
            body_length=self.body_length,
            content=content,
        )

    async def discard(self, most: int = 64 * 1024) -> bool:
        """Read what is left and throw it away, so that the connection can serve again.

        Args:
            most: the most bytes to read for that; a longer body is cheaper to cut off.

        Returns:
            Whether the end was reached.
        """
        connection = self._open()
        size = 0
        if (self.body_length or 0) > most:
            await trio.lowlevel.checkpoint()
            return False
        while chunk := await connection.read_body():
            size += len(chunk)
            if size > most:
                return False
        self._end(connection)
        return True

    def take_stream(self) -> trio.abc.Stream:
        """The stream, when the server has switched to another protocol: status 101.

        It is the caller's from now on, to use beyond the block and to close. What the server has sent of the other
        protocol already comes out of it first.

        Raises:
            ValueError: the server has not switched.
        """
        if self.status != 101:
            raise ValueError(f"{self!r} is no switch of protocols: it would have status 101")
        return upgraded(*self._open().take_over())

    def detach(self) -> None:
        """End the response's use of its connection."""
        self._connection = None

    def __repr__(self) -> str:
        return f"<StreamingResponse {self.status} of {self.method} {self.url}>"

    def _open(self) -> Connection:
        if self._connection is None:
            raise trio.ClosedResourceError(f"the response of {self.url} is read inside its block only")
        return self._connection

    def _decoding(self) -> Decoder | None:
        """What undoes the body's content codings, if it has any."""
        if self._to_decode is not None:
            if self.body_length != 0 and (names := codings_of(self.headers.get("content-encoding", ""))):
                self._decoder = Decoder(names, self._to_decode, str(self.url))
            self._to_decode = None
        return self._decoder

    def _end(self, connection: Connection) -> None:
        """The body has been read to its end."""
        if self._over:
            return
        self._over = True
        if connection.trailers:
            self.trailers = Headers(connection.trailers)
        if self._trace is not None:
            self._trace.mark("done", connection.body_received)

    def _too_large(self, how: str, max_body: int) -> ResponseTooLarge:
        return ResponseTooLarge(
            f"the body of {self.url} {how}, and at most {max_body} bytes are accepted "
            "(max_body, or Limits.body): raise the limit, or stream it with Client.stream"
        )


async def _decoded(decoder: Decoder, connection: Connection) -> bytes:
    """The next piece of the decoded body; `b""` at its end. Cancelled, nothing is lost."""
    await trio.lowlevel.checkpoint_if_cancelled()
    if piece := decoder.take():
        await trio.lowlevel.cancel_shielded_checkpoint()
        return piece
    while data := await connection.read_body():
        decoder.feed(data)
        if piece := decoder.take():
            return piece
    decoder.finish()
    return b""
