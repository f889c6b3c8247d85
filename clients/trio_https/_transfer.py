"""From a server to a partial file: one attempt to get all that is missing.

Theory of operation: a download begins with a plain GET. If its answer says that more can be got of exactly
the same bytes (a strong validator, and ranges), the rest may be got in several parts at once, and an attempt
that is cut off can be gone on with: by a Range with an If-Range, whose answer has to be the one that was
asked for in every respect, or it is `Changed`, and everything begins anew. Nothing of what a server says is
believed that would put bytes of two representations together.

Bytes are gathered and written in a thread, a mebibyte at a time; what is gathered when an attempt ends, however it
ends, is written then.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import trio

from ._decoders import Decoder, codings_of
from ._digest_fields import repr_digests
from ._errors import DownloadError, HTTPError, ProtocolError, ResponseTooLarge
from ._headers import Field
from ._limits import Limits
from ._outgoing import Outgoing
from ._partial_file import Origin, Part, PartialFile, hashed
from ._ranges import content_range, is_same, strong_validator, unsatisfied_range
from ._response import StreamingResponse
from ._retries import retry_after
from ._sender import Sender
from ._url import URL

_BLOCK = 1 << 20
_SAVE_EVERY = 16 << 20
_SMALLEST_PART = 1 << 20
_EXCERPT = 1_000
# What a name ends with when the coding is the file, and not a way of sending it: browsers keep these as they are.
_ENDINGS = {
    "gzip": (".gz", ".tgz", ".svgz", ".emz", ".wmz"),
    "x-gzip": (".gz", ".tgz", ".svgz", ".emz", ".wmz"),
    "br": (".br",),
    "zstd": (".zst", ".tzst"),
    "deflate": (".zz",),
    "compress": (".z",),
    "x-compress": (".z",),
}

Progress = Callable[[int, int | None], object]
"""Called with how many bytes have come, and how many there are in all, `None` if nobody knows."""


class Changed(Exception):
    """The server has something else now than what the bytes that have come are a part of."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a download is to be done."""

    limits: Limits
    connections: int = 1
    """How many parts to get at once."""
    max_size: int | None = None
    """The most bytes to accept."""
    progress: Progress | None = None


class Transfer:
    """Gets what a partial file lacks.

    Args:
        send: sends requests, redirects and all.
        request: the GET, without a range.
        file: where the bytes go.
        terms: how.
    """

    def __init__(self, send: Sender, request: Outgoing, file: PartialFile, terms: Terms) -> None:
        self._send = send
        self._request = request
        self._file = file
        self._terms = terms
        self._received = file.received
        self.resumed_from = self._received
        """How many bytes were here before, and still are of use."""
        self.url: URL = request.url
        """Who answered."""
        self.wire_digests: dict[str, bytes] = {}
        """Of the bytes as they were sent, if what is in the file has been decoded."""

    async def run(self) -> None:
        """Get all that is missing.

        Raises:
            Changed: what has come is of no use any more.
            DownloadError: the server does not have it.
            ResponseTooLarge: it is larger than wanted.
            HTTPError, OSError: the attempt failed; what has come is in the file.
        """
        self._received = self._file.received
        origin = self._file.origin
        if origin is None or origin.validator is None:
            async with self._send(self._request) as response:
                await self._whole(response)
        elif len(self._file.parts) == 1:
            await self._complete(self._file.parts[0], origin)
        else:
            # If nothing is missing, that it is still the same is asked of one of them.
            missing = [part for part in self._file.parts if not part.complete]
            await self._side_by_side(missing or self._file.parts[-1:], origin)

    async def _whole(self, response: StreamingResponse) -> None:
        """Begin with the response to a request for everything."""
        if response.status != 200:
            raise await _unexpected(response)
        decoder = self._decoder(response)
        total = None if decoder else response.body_length
        self._check_size(total or 0)
        origin = Origin(
            hashed(str(self._request.url)),
            _place(response.url),
            None if decoder else strong_validator(response.headers),
            total,
            repr_digests(response.headers.get_all("repr-digest")),
        )
        self.url = response.url
        await trio.to_thread.run_sync(self._file.begin, origin, list(self._bounds(origin, response)))
        self._received = self.resumed_from = 0
        first, *others = self._file.parts
        if others:
            await self._side_by_side(others, origin, partial(self._receive, first, response))
        elif decoder is not None:
            await self._decoded(first, response, decoder)
        else:
            await self._receive(first, response)
        first.end = first.start + first.length

    def _bounds(self, origin: Origin, response: StreamingResponse) -> Iterator[tuple[int, int | None]]:
        total = origin.total
        divisible = response.headers.get("accept-ranges", "").strip().lower() == "bytes"
        if total is None or origin.validator is None or not divisible:
            yield 0, total
            return
        count = max(1, min(self._width, total // _SMALLEST_PART))
        edges = [total * number // count for number in range(count + 1)]
        yield from pairwise(edges)

    def undivided(self) -> None:
        """From now on, make one request at a time."""
        self._terms = dataclasses.replace(self._terms, connections=1)

    @property
    def _width(self) -> int:
        """How many requests to make at once: one that waits for another to end would wait in vain."""
        limits = self._terms.limits
        return min(self._terms.connections, limits.connections, limits.connections_per_host)

    # Parts

    async def _side_by_side(
        self, parts: list[Part], origin: Origin, first: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Complete the parts, several at once; beside them goes on what has begun already."""
        failures: list[Exception] = []
        waiting = iter(parts)

        async def complete() -> None:
            for part in waiting:
                await self._complete(part, origin)

        async def guarded(work: Callable[[], Awaitable[None]]) -> None:
            try:
                await work()
            except Exception as error:  # noqa: BLE001  # raised below, outside the nursery's group
                failures.append(error)
                nursery.cancel_scope.cancel()

        works = [complete] * min(self._width - (first is not None), len(parts))
        async with trio.open_nursery() as nursery:
            for work in works if first is None else [first, *works]:
                nursery.start_soon(guarded, work)
        if failures:
            raise failures[0]

    async def _complete(self, part: Part, origin: Origin) -> None:
        """Get the rest of a part; if nothing is missing, ask whether it is still the same."""
        before = -1
        while before < part.length:
            before = part.length
            if await self._go_on(part, origin):
                return
        raise ProtocolError(f"{self.url.origin} answers for a part of {self._request.url} with nothing of it")

    async def _go_on(self, part: Part, origin: Origin) -> bool:
        """One request for the rest of a part; whether nothing is left to ask for."""
        # Behind the last byte there is nothing to ask for. So the last one that has come is asked for again.
        overlap = 1 if part.length and (part.complete or part.end is None) else 0
        first = part.start + part.length - overlap
        last = "" if part.end is None or part.end == origin.total else str(part.end - 1)
        fields: tuple[Field, ...] = (
            (b"Range", f"bytes={first}-{last}".encode("ascii")),
            (b"If-Range", (origin.validator or "").encode("latin-1")),
        )
        async with self._send(self._request.replace(headers=(*self._request.headers, *fields))) as response:
            if response.status == 200 and len(self._file.parts) == 1:
                await self._whole(response)
                return True
            if response.status == 416 and self._ends_here(response, origin, part):
                part.end = part.start + part.length
                return True
            if response.status not in (200, 206, 416):
                raise await _unexpected(response)
            self._check_part(response, origin, part, first)
            await self._receive(part, response, overlap)
            return part.complete

    def _ends_here(self, response: StreamingResponse, origin: Origin, part: Part) -> bool:
        """Whether a server says of the same representation that it has as many bytes as have come.

        It was asked from the last of them on, so it should have sent that; but what it means is clear.
        """
        return (
            part.end is None
            and unsatisfied_range(response.headers) == part.start + part.length
            and self._is_of(origin, response)
        )

    def _is_of(self, origin: Origin, response: StreamingResponse) -> bool:
        """Whether a response is of the representation that the download began with."""
        digests = repr_digests(response.headers.get_all("repr-digest"))
        return (
            is_same(origin.validator or "", response.headers)
            and _place(response.url) == origin.answered_by
            and all(origin.digests.get(name, digest) == digest for name, digest in digests.items())
            and (not _codings(response) or _is_the_file(response))
        )

    def _check_part(self, response: StreamingResponse, origin: Origin, part: Part, first: int) -> None:
        """Make sure that the response goes on where the part ends, in the same representation.

        Raises:
            Changed: it does not.
        """
        given = content_range(response.headers) if response.status == 206 else None
        if given is None or given.first != first or not self._is_of(origin, response):
            raise Changed
        total = origin.total if given.total is None else given.total
        if total is None or origin.total not in (None, total) or given.last >= (part.end or total):
            raise Changed
        self._check_size(total)
        self.url = response.url
        if part.end is None:
            part.end = total
            self._file.origin = dataclasses.replace(origin, total=total)

    # Bytes

    async def _receive(self, part: Part, response: StreamingResponse, overlap: int = 0) -> None:
        """Take a body for the part, as far as it goes; from a response with everything, no more than the part."""
        writer = _Writer(self._file, part)
        left = math.inf if part.end is None else part.end - part.start - part.length
        divided = len(self._file.parts) > 1
        try:
            async for chunk in response:
                data: bytes | memoryview = chunk
                if overlap:
                    if self._file.read_at(part.start + part.length - 1, 1) != chunk[:1]:
                        raise Changed
                    data, overlap = memoryview(chunk)[1:], 0
                if len(data) > left:
                    if response.status != 200 or not divided:
                        raise ProtocolError(
                            f"{self.url.origin} sent more of {self._request.url} than it announced"
                        )
                    data = memoryview(data)[: int(left)]
                left -= len(data)
                await writer.put(data)
                self._advance(len(data))
                if divided and left == 0:
                    break
            await writer.flush()
        except BaseException:
            writer.rescue()
            raise

    async def _decoded(self, part: Part, response: StreamingResponse, decoder: Decoder) -> None:
        """Take a body that was sent in a coding nobody asked for, and undo that."""
        hashes = {"sha-256": hashlib.sha256(), "sha-512": hashlib.sha512()}
        writer = _Writer(self._file, part)
        async for chunk in response:
            for each in hashes.values():
                each.update(chunk)
            decoder.feed(chunk)
            while piece := decoder.take():
                await writer.put(piece)
                self._advance(len(piece))
        decoder.finish()
        await writer.flush()
        self.wire_digests = {name: each.digest() for name, each in hashes.items()}

    def _advance(self, count: int) -> None:
        self._received += count
        self._check_size(self._received)
        if self._terms.progress is not None:
            origin = self._file.origin
            self._terms.progress(self._received, None if origin is None else origin.total)

    def _check_size(self, size: int) -> None:
        most = self._terms.max_size
        if most is not None and size > most:
            raise ResponseTooLarge(f"{self._request.url} has more than {most} bytes (max_size)")

    def _decoder(self, response: StreamingResponse) -> Decoder | None:
        """What undoes the codings of the body; `None` if there are none, or they are the file."""
        names = _codings(response)
        if not names or _is_the_file(response):
            return None
        return Decoder(names, self._terms.limits, str(response.url))


class _Writer:
    """Gathers the bytes of a part, and writes them in a thread."""

    def __init__(self, file: PartialFile, part: Part) -> None:
        self._file = file
        self._part = part
        self._gathered: list[bytes | memoryview] = []
        self._size = 0
        self._unsaved = 0

    async def put(self, data: bytes | memoryview) -> None:
        """Take the next bytes. Cancelled, they are gathered all the same."""
        self._gathered.append(data)
        self._size += len(data)
        if self._size >= _BLOCK:
            await self.flush()

    async def flush(self) -> None:
        """Write what is gathered. A cancellation comes before that, or waits for it."""
        await trio.to_thread.run_sync(self._write)

    def rescue(self) -> None:
        """Write what is gathered, now that something has gone wrong; what cannot be written has not come."""
        with contextlib.suppress(OSError):
            self._write()

    def _write(self) -> None:
        if self._gathered:
            self._part.write(b"".join(self._gathered))
            self._gathered.clear()
            self._unsaved += self._size
            self._size = 0
        if self._unsaved >= _SAVE_EVERY:
            self._unsaved = 0
            self._file.save()


def _codings(response: StreamingResponse) -> list[str]:
    return codings_of(response.headers.get("content-encoding", ""))


def _is_the_file(response: StreamingResponse) -> bool:
    """Whether the one coding of the body is what the file's name says, as in `x.tar.gz`."""
    names = _codings(response)
    path = response.url.target.partition("?")[0].lower()
    return len(names) == 1 and path.endswith(_ENDINGS.get(names[0], ()))


def _place(url: URL) -> str:
    """A URL without its query, which may hold a signature that is another one each time."""
    return url.origin + url.target.partition("?")[0]


async def _unexpected(response: StreamingResponse) -> DownloadError:
    """The error for a response that is not the file, with what it says to people."""
    answer = f"{response.status} {response.reason}".rstrip()
    said = response.headers.get("location", "")
    kind = response.headers.get("content-type", "")
    if not said and ("json" in kind or kind.startswith("text/plain")):
        body = b""
        with contextlib.suppress(HTTPError):
            async for chunk in response:
                body += chunk
                if len(body) >= _EXCERPT:
                    break
        said = " ".join(body[:_EXCERPT].decode("utf-8", "replace").split())
    message = f"{response.url} is not to be had: the server answered {answer}"
    return DownloadError(message, response.status, said, retry_after(response, time.time()))
