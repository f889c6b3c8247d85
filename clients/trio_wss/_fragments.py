"""One message that is received piece by piece.

Theory of operation: for as long as its block lasts, a `Fragments` has the connection's messages to itself.
Pieces come as they arrive: one for each frame, or several for a frame that takes several reads or swells when
it is inflated. RFC 6455 §5.4 gives the borders of frames no meaning. A block that is left early leaves the
rest of its message behind, and the next message is received as if nothing had been.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import NoReturn, Self

import trio

from ._decoder import Piece
from ._inbox import Inbox


class Fragments:
    """A message in pieces: `async with websocket.receive_streaming() as fragments`, then iterate over it.

    Each piece is `str` or `bytes`, as the message is; no character is cut in two. Empty ones are left out. A
    piece takes at most 260 KiB, but what waits for the application counts against `max_buffered`, so that a
    message of any length can be received in little memory.

    Entering waits for the next message, and a cancelled wait has taken nothing. In the block, other calls
    that receive wait.

    Raises:
        WebSocketError: the connection has ended, in the middle of the message or before it.
        trio.ClosedResourceError: this side has closed it.
    """

    def __init__(self, inbox: Inbox, raise_end: Callable[[], NoReturn]) -> None:
        self._inbox = inbox
        self._raise_end = raise_end
        self._first: Piece | None = None
        self._entered = False
        self.is_text = False
        """Whether the message is text. Known in the block."""

    async def __aenter__(self) -> Self:
        if self._entered:
            raise RuntimeError("a message can be received once; call receive_streaming for each")
        self._first = await self._inbox.begin()
        if self._first is None:
            self._raise_end()
        self._entered = True
        self.is_text = isinstance(self._first.data, str)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._inbox.finish()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str | bytes:
        while True:
            if self._first is None:
                piece = await self._inbox.more()
            else:
                await trio.lowlevel.checkpoint()
                piece, self._first = self._first, None
            if piece is None:
                if self._inbox.unfinished:
                    self._raise_end()
                raise StopAsyncIteration
            if piece.data:
                return piece.data
