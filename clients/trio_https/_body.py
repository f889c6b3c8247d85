"""Request bodies: what a caller may give, and the blocks in which it is sent.

Theory of operation: a body is either here (bytes, whose length is known), or has a source: a file, an asynchronous
iterable, a form with files in it. A source is pulled only as fast as the server takes what comes of it. Everything
is cut into blocks, so that "no block was taken for a minute" means the same for every body. A source says how long
it is if it knows, and whether it can be sent again; one that cannot is used up by the first time.
"""

from __future__ import annotations

import io
import os
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO, Protocol, cast, runtime_checkable

import trio

from ._errors import InvalidRequest

BytesLike = bytes | bytearray | memoryview

BLOCK = 128 * 1024
"""What is sent at once: much, for each costs the kernel as much as its bytes do; but no more than the slowest line
takes within `Deadlines.idle`."""
# What is read of a file at once, for which a thread is asked.
_READ = 4 * BLOCK


@runtime_checkable
class Source(Protocol):
    """A body that is made while it is sent."""

    @property
    def length(self) -> int | None:
        """How many bytes it has; `None` if only sending it will tell."""
        ...

    @property
    def replayable(self) -> bool:
        """Whether it can be sent more than once."""
        ...

    def pieces(self) -> AsyncGenerator[BytesLike]:
        """The bytes, in pieces of any size. Each call begins at the beginning."""
        ...


BodyLike = str | BytesLike | Path | BinaryIO | AsyncIterable[BytesLike] | Source
"""What a caller may give as a body; `str` is sent as UTF-8, a `Path` is the file of that name."""


class Body:
    """The body of one request; made by `Body.of`, or of a source."""

    __slots__ = ("data", "source")

    def __init__(self, data: memoryview | None, source: Source | None = None) -> None:
        self.data = data
        """The whole body, if it is here already."""
        self.source = source
        """What gives it, if it is not."""

    @classmethod
    def of(cls, body: BodyLike | None) -> Body:
        """Take what a caller gives.

        Raises:
            TypeError: the body is of none of the kinds accepted.
            OSError: there is no such file.
        """
        if body is None:
            return NO_BODY
        if isinstance(body, str):
            return cls(memoryview(body.encode()))
        if isinstance(body, bytes | bytearray | memoryview):
            return cls(_flat(body))
        return cls(None, source_of(body))

    def __repr__(self) -> str:
        length = "of unknown length" if self.length is None else f"of {self.length} bytes"
        return f"<Body {length}>"

    @property
    def length(self) -> int | None:
        """How many bytes it has; `None` if only sending it will tell."""
        if self.data is not None:
            return len(self.data)
        return None if self.source is None else self.source.length

    @property
    def replayable(self) -> bool:
        """Whether it can be sent more than once."""
        return self.source is None or self.source.replayable

    async def blocks(self) -> AsyncGenerator[memoryview]:
        """The body in blocks of at most `BLOCK` bytes, never empty ones.

        Raises:
            TypeError: the iterable yielded something that is not bytes-like.
            Exception: whatever the source raises.
        """
        if self.data is not None:
            for block in _cut(self.data):
                yield block
        if self.source is not None:
            async with aclosing(self.source.pieces()) as pieces:
                async for piece in pieces:
                    for block in _cut(_flat(piece)):
                        yield block


NO_BODY = Body(memoryview(b""))
"""Nothing to send."""


def source_of(body: object) -> Source:
    """The source in any of its shapes.

    Raises:
        TypeError: it is none.
        OSError: there is no such file.
    """
    if isinstance(body, Source):
        return body
    if isinstance(body, Path):
        return PathSource(body)
    # Trio's files are iterable too, line by line.
    if callable(getattr(body, "read", None)):
        return FileSource(body)
    if hasattr(type(body), "__aiter__"):
        return IterableSource(cast("AsyncIterable[BytesLike]", body))
    raise TypeError(
        "a body must be str, bytes-like, a Path, a binary file or an asynchronous iterable of bytes, "
        f"not {type(body).__name__}"
    )


class IterableSource:
    """An asynchronous iterable of bytes: its length is unknown, and a generator gives it once only."""

    def __init__(self, iterable: AsyncIterable[BytesLike]) -> None:
        self._iterable = iterable
        self.length = None
        # What makes a new iterator each time can be iterated again; an iterator is its own.
        self.replayable = not hasattr(iterable, "__anext__")
        self._used = False

    async def pieces(self) -> AsyncGenerator[BytesLike]:
        """What it yields; a generator is closed at the end, not whenever it is collected."""
        if self._used and not self.replayable:
            raise InvalidRequest("the body is an iterator that has been used up: it cannot be sent again")
        self._used = True
        try:
            async for piece in self._iterable:
                _check(piece)
                yield piece
        finally:
            iterable: object = self._iterable
            if isinstance(iterable, AsyncGenerator):
                await cast("AsyncGenerator[object, None]", iterable).aclose()


class PathSource:
    """A file by its name, opened when it is sent."""

    replayable = True

    def __init__(self, path: Path) -> None:
        self._path = path
        # Announced now; a file that has another length by then is an error when it is sent.
        self.length = path.stat().st_size

    async def pieces(self) -> AsyncGenerator[BytesLike]:
        """What is in the file."""
        async with await trio.open_file(self._path, "rb") as file:
            while data := await file.read(_READ):
                yield data


class FileSource:
    """An open binary file, from where it stands to its end; read in a thread, unless it is Trio's already.

    A file that can seek has a length, and can be sent again. It is the caller's to close.
    """

    def __init__(self, file: object) -> None:
        inner: object = getattr(file, "wrapped", file)
        if isinstance(inner, io.TextIOBase):
            raise TypeError("a file for a body must be binary: open it with mode 'rb'")
        self._raw = cast("BinaryIO", inner)
        self.length: int | None = None
        self._start: int | None = None
        self._used = False
        if self._raw.seekable():
            self._start = self._raw.tell()
            self.length = max(0, self._raw.seek(0, os.SEEK_END) - self._start)
            self._raw.seek(self._start)

    @property
    def replayable(self) -> bool:
        """Whether the file can seek."""
        return self._start is not None

    async def pieces(self) -> AsyncGenerator[BytesLike]:
        """What is in the file."""
        if self._start is not None:
            await trio.to_thread.run_sync(self._raw.seek, self._start)
        elif self._used:
            raise InvalidRequest("the body is a file that cannot seek, and has been sent: it cannot be again")
        self._used = True
        # What cannot seek may be a pipe, which is not waited for longer than need be.
        size = BLOCK if self._start is None else _READ
        while data := await trio.to_thread.run_sync(self._raw.read, size):
            _check(data)
            yield data


def _check(piece: object) -> None:
    if not isinstance(piece, bytes | bytearray | memoryview):
        raise TypeError(f"a body must yield bytes-like pieces, not {type(piece).__name__}")


def _flat(data: BytesLike) -> memoryview:
    view = memoryview(data)
    return view if view.format == "B" and view.ndim == 1 else view.cast("B")


def _cut(data: memoryview) -> list[memoryview]:
    return [data[start : start + BLOCK] for start in range(0, len(data), BLOCK)]
