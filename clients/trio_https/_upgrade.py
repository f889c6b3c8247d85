"""What is left of a connection that has switched to another protocol: a stream.

Theory of operation: the first bytes of the other protocol may have been received together with the header of the
101 response. They come out first; from then on everything is the stream's own.
"""

from __future__ import annotations

import trio


def upgraded(stream: trio.abc.Stream, received: bytes) -> trio.abc.Stream:
    """The stream itself if nothing has been received already, else one that gives that first."""
    return UpgradedStream(stream, received) if received else stream


class UpgradedStream(trio.abc.Stream):
    """A stream of which the beginning has been received already."""

    def __init__(self, stream: trio.abc.Stream, received: bytes) -> None:
        self._received = memoryview(received)
        self.transport_stream = stream
        """The stream underneath."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """As any stream's."""
        if not self._received:
            return await self.transport_stream.receive_some(max_bytes)
        await trio.lowlevel.checkpoint()
        count = len(self._received) if max_bytes is None else max_bytes
        if count < 1:
            raise ValueError(f"max_bytes must be at least 1, not {max_bytes}")
        data, self._received = self._received[:count], self._received[count:]
        return bytes(data)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As any stream's."""
        await self.transport_stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """As any stream's."""
        await self.transport_stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """As any stream's."""
        self._received = memoryview(b"")
        await self.transport_stream.aclose()
