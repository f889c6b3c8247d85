"""A stream some of whose bytes have been received already.

Theory of operation: whoever reads a header section may get the beginning of what follows it. This hands that out
first, and then is nothing but the stream below.
"""

from __future__ import annotations

import trio


def with_prefix(stream: trio.abc.Stream, prefix: bytes) -> trio.abc.Stream:
    """The stream, as if `prefix` were still to be received; the very same one if there is no prefix."""
    return PrefixedStream(stream, prefix) if prefix else stream


class PrefixedStream(trio.abc.Stream):
    """A stream with bytes to be received before its own."""

    def __init__(self, stream: trio.abc.Stream, prefix: bytes) -> None:
        self.transport_stream = stream
        self._prefix = prefix

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive, the prefix first."""
        if not self._prefix:
            return await self.transport_stream.receive_some(max_bytes)
        await trio.lowlevel.checkpoint()
        size = len(self._prefix) if max_bytes is None else max_bytes
        data, self._prefix = self._prefix[:size], self._prefix[size:]
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send as the stream below does."""
        await self.transport_stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait as the stream below does."""
        await self.transport_stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Close the stream below; nothing more is received."""
        self._prefix = b""
        await self.transport_stream.aclose()
