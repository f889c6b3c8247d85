"""Request bodies: what a caller may give, and the blocks in which it is sent.

Theory of operation: a body is either here (bytes, whose length is known) or arrives while it is sent (an
asynchronous iterable, pulled only as fast as the server takes it). Both are cut into blocks, so that "no
block was taken for a minute" means the same for every body.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from typing import cast

BytesLike = bytes | bytearray | memoryview
BodyLike = str | BytesLike | AsyncIterable[BytesLike]
"""What a caller may give as a body; `str` is sent as UTF-8."""

BLOCK = 64 * 1024


class Body:
    """The body of one request.

    Raises:
        TypeError: the body is of none of the kinds accepted.
    """

    __slots__ = ("_closing", "_source", "data")

    def __init__(self, body: BodyLike | None) -> None:
        self.data: memoryview | None = None
        """The whole body, if it is here already."""
        self._source: AsyncIterable[BytesLike] | None = None
        self._closing: AbstractAsyncContextManager[object] = nullcontext()
        if body is None:
            self.data = memoryview(b"")
        elif isinstance(body, str):
            self.data = memoryview(body.encode())
        elif isinstance(body, bytes | bytearray | memoryview):
            self.data = _flat(body)
        elif _is_source(body):
            self._source = body
            if isinstance(body, AsyncGenerator):
                # Left in the middle, it is closed then, not whenever it is collected.
                self._closing = aclosing(cast("AsyncGenerator[object, None]", body))
        else:
            raise TypeError(
                "a body must be str, bytes-like or an asynchronous iterable of bytes, "
                f"not {type(body).__name__}"
            )

    @property
    def length(self) -> int | None:
        """How many bytes it has; `None` if only sending it will tell."""
        return None if self.data is None else len(self.data)

    @property
    def replayable(self) -> bool:
        """Whether it can be sent more than once."""
        return self.data is not None

    async def blocks(self) -> AsyncGenerator[memoryview]:
        """The body in blocks of at most 64 KiB, never empty ones.

        Raises:
            TypeError: the iterable yielded something that is not bytes-like.
            Exception: whatever the iterable raises.
        """
        if self.data is not None:
            for block in _cut(self.data):
                yield block
        if self._source is not None:
            async with self._closing:
                async for piece in self._source:
                    _check(piece)
                    for block in _cut(_flat(piece)):
                        yield block


def _is_source(body: object) -> bool:
    return isinstance(body, AsyncIterable)


def _check(piece: object) -> None:
    if not isinstance(piece, bytes | bytearray | memoryview):
        raise TypeError(f"a body must yield bytes-like pieces, not {type(piece).__name__}")


def _flat(data: BytesLike) -> memoryview:
    view = memoryview(data)
    return view if view.format == "B" and view.ndim == 1 else view.cast("B")


def _cut(data: memoryview) -> list[memoryview]:
    return [data[start : start + BLOCK] for start in range(0, len(data), BLOCK)]
