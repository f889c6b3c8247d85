"""A stream that fails when it is told to."""

from __future__ import annotations

import trio


class RoughStream(trio.abc.Stream):
    """Passes everything on to another stream, and raises instead where an error has been set."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.sending: Exception | None = None
        self.receiving: Exception | None = None
        self.closing: Exception | None = None
        """Raised when the stream has been closed all the same."""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send, or fail."""
        if self.sending is not None:
            raise self.sending
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive, or fail."""
        if self.receiving is not None:
            raise self.receiving
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        """Close, and fail then."""
        await self._stream.aclose()
        if self.closing is not None:
            raise self.closing
