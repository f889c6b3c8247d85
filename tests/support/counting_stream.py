"""A transport that knows whether it is still open."""

from __future__ import annotations

import trio


class CountingStream(trio.abc.Stream):
    """Passes everything on, and counts in `open_streams` those that were made and not closed."""

    open_streams = 0

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._open = True
        CountingStream.open_streams += 1

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive."""
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        """Close."""
        if self._open:
            self._open = False
            CountingStream.open_streams -= 1
        await self._stream.aclose()
