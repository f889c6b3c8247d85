"""A server of one file in memory that keeps to RFC 9110's rules for ranges, or breaks them as told.

Theory of operation: `RangeServer` is a script for `support.http_peers`. `answer` makes the bytes of a response to
a request as a good server would; `cuts` says after how many bytes of each response's body the connection ends, and
`before` is called with each request, to change the file in between. What else a bad server does is a subclass.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from support.http_peers import Peer, Seen

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass
class RangeServer:
    """One file."""

    content: bytes
    validators: tuple[str, ...] = ('ETag: "1"', "Accept-Ranges: bytes")
    """Header lines that come with every answer about the file."""
    ranges: bool = True
    chunked: bool = False
    """Whether a whole body has no length announced."""
    digest: bool = False
    """Whether it says the file's SHA-256."""
    cuts: list[int | None] = field(default_factory=list[int | None])
    """How many bytes of body each response has; what is not listed is not cut."""
    before: Callable[[Seen], object] = lambda _seen: None
    requests: list[Seen] = field(default_factory=list[Seen])

    async def __call__(self, peer: Peer) -> None:
        """Answer requests until one is cut."""
        while True:
            seen = await peer.request()
            self.before(seen)
            number = len(self.requests)
            self.requests.append(seen)
            head, body = self.answer(seen)
            cut = self.cuts[number] if number < len(self.cuts) else None
            await peer.send(head)
            if cut is not None:
                await peer.send(body[:cut])
                return
            for start in range(0, len(body), 65_536):
                await peer.send(body[start : start + 65_536])
                await trio.lowlevel.checkpoint()

    @property
    def ranges_asked(self) -> list[str | None]:
        """The Range of each request."""
        return [seen.headers.get("range") for seen in self.requests]

    def fields(self) -> list[str]:
        """What every answer about the file says of it."""
        digest = base64.b64encode(hashlib.sha256(self.content).digest()).decode()
        return [*self.validators, *([f"Repr-Digest: sha-256=:{digest}:"] if self.digest else [])]

    def is_current(self, if_range: str | None) -> bool:
        """Whether If-Range lets a range be sent."""
        values = [line.partition(": ")[2] for line in self.validators]
        return if_range is None or if_range in values

    def answer(self, seen: Seen) -> tuple[bytes, bytes]:
        """Header section and body of the response."""
        asked = _RANGE.fullmatch(seen.headers.get("range", ""))
        if asked and self.ranges and self.is_current(seen.headers.get("if-range")):
            return self.partial(int(asked[1]), int(asked[2]) if asked[2] else len(self.content) - 1)
        return self.whole()

    def partial(self, first: int, last: int) -> tuple[bytes, bytes]:
        """The answer to a range."""
        total = len(self.content)
        if first >= total:
            return self.head("416 Range Not Satisfiable", b"", f"Content-Range: bytes */{total}"), b""
        body = self.content[first : min(last, total - 1) + 1]
        return self.head(
            "206 Partial", body, f"Content-Range: bytes {first}-{first + len(body) - 1}/{total}"
        ), body

    def whole(self) -> tuple[bytes, bytes]:
        """The answer to a request for everything."""
        if not self.chunked:
            return self.head("200 OK", self.content), self.content
        lines = ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", *self.fields(), "", ""]
        body = b"".join(b"1\r\n%c\r\n" % byte for byte in self.content) + b"0\r\n\r\n"
        return "\r\n".join(lines).encode(), body

    def head(self, status: str, body: bytes, *lines: str) -> bytes:
        """A header section with the body's length."""
        said = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *self.fields(), *lines, "", ""]
        return "\r\n".join(said).encode()
