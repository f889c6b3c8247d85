"""Responses: one that is being received, and one that is here.

Theory of operation: both say the same about the header section, `ResponseHead`. `StreamingResponse` is an
asynchronous iterator that pulls the body from its connection; `Response` holds the whole body and interprets
it when asked.
"""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass, field
from typing import Any, Self

import trio

from ._connection import Connection
from ._errors import ResponseTooLarge
from ._headers import Headers
from ._url import URL

# RFC 9110 §8.3.1, as far as the one parameter that matters here.
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s;"]+)', re.IGNORECASE)
# Python's own notations among its codecs. No page is written in them, and the first two take quadratic time.
_NOT_CHARSETS = {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"}
# RFC 9112 §6.3: these have no body, whatever their Content-Length says about the one they do not send.
_WITHOUT_BODY = {204, 304}


@dataclass(eq=False, kw_only=True)
class ResponseHead:
    """What the header section of a response says."""

    url: URL
    """The URL that was asked for."""
    method: str
    """The method it was asked with."""
    status: int
    """The status code, 200 to 999."""
    reason: str
    """The reason phrase; may be empty, and means nothing."""
    http_version: str
    """`1.1` or `1.0`."""
    headers: Headers
    """The header fields."""
    history: tuple[ResponseHead, ...] = ()
    """The responses that led to this one, the first one first: redirects that were followed, challenges."""

    @property
    def body_length(self) -> int | None:
        """How many bytes of body the server announced; `None` if it did not say."""
        if self.method == "HEAD" or self.status in _WITHOUT_BODY:
            return 0
        if "transfer-encoding" in self.headers or "content-length" not in self.headers:
            return None
        return int(self.headers["content-length"])


@dataclass(eq=False, kw_only=True, repr=False)
class Response(ResponseHead):
    """A response with its whole body."""

    content: bytes
    """The body as it was sent, without the transfer coding."""

    @property
    def text(self) -> str:
        """The body as text, in the charset that Content-Type names, or UTF-8; U+FFFD for what is no text."""
        found = _CHARSET.search(self.headers.get("content-type", ""))
        return self.content.decode(_codec(found[1]) if found else "utf-8", errors="replace")

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

    Each chunk is `bytes`, never empty, and as large as what the stream had to give, up to about 64 KiB.
    Nothing is received until a chunk is asked for, so a slow reader stops the server. Cancelling the wait for
    a chunk loses nothing: iterating may go on.

    It belongs to the block of `Client.stream`. Iterating raises what can happen to a connection:
    `TruncatedBody`, `ProtocolError`, `ResponseTooLarge`, `TooSlow`; and `trio.ClosedResourceError` after the
    block.
    """

    _connection: Connection | None = field()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._connection is None:
            raise trio.ClosedResourceError(f"the response of {self.url} is read inside its block only")
        if chunk := await self._connection.read_body():
            return chunk
        raise StopAsyncIteration

    async def read(self, max_body: int) -> Response:
        """Read the rest of the body.

        Args:
            max_body: the most bytes to accept.

        Raises:
            ResponseTooLarge: the body is longer; if the server announced that, nothing of it is read.
        """
        if (self.body_length or 0) > max_body:
            raise self._too_large(f"is {self.body_length} bytes long", max_body)
        chunks: list[bytes] = []
        size = 0
        async for chunk in self:
            size += len(chunk)
            if size > max_body:
                raise self._too_large("goes on", max_body)
            chunks.append(chunk)
        return Response(
            url=self.url,
            method=self.method,
            status=self.status,
            reason=self.reason,
            http_version=self.http_version,
            headers=self.headers,
            history=self.history,
            content=b"".join(chunks),
        )

    async def discard(self, most: int = 64 * 1024) -> bool:
        """Read what is left and throw it away, so that the connection can serve again.

        Args:
            most: the most bytes to read for that; a longer body is cheaper to cut off.

        Returns:
            Whether the end was reached.
        """
        if (self.body_length or 0) > most:
            return False
        size = 0
        async for chunk in self:
            size += len(chunk)
            if size > most:
                return False
        return True

    def detach(self) -> None:
        """End the response's use of its connection."""
        self._connection = None

    def __repr__(self) -> str:
        return f"<StreamingResponse {self.status} of {self.method} {self.url}>"

    def _too_large(self, how: str, max_body: int) -> ResponseTooLarge:
        return ResponseTooLarge(
            f"the body of {self.url} {how}, and at most {max_body} bytes are accepted "
            "(max_body, or Limits.body): raise the limit, or stream it with Client.stream"
        )


def _codec(charset: str) -> str:
    """A codec that decodes `charset` with the error handler "replace"; UTF-8 for an unknown one."""
    try:
        # Raises `LookupError` for codecs from bytes to bytes too, such as "zip".
        b"-".decode(charset, "replace")
        name = codecs.lookup(charset).name
    except (LookupError, UnicodeError):
        return "utf-8"
    return "utf-8" if name in _NOT_CHARSETS else name
