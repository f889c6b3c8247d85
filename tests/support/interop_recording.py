"""A transport that keeps what has passed over it, and what can be told from that whatever either side says.

Theory of operation: records have their type and length in the clear, and so has the start of a handshake.
"""

from __future__ import annotations

import trio

_HEADER = 5
_APPLICATION_DATA = 23
# SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3).
_RETRY_RANDOM = bytes.fromhex("CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C")


class RecordedStream(trio.abc.Stream):
    """A transport that keeps what has passed."""

    def __init__(self, transport: trio.abc.Stream) -> None:
        self._transport = transport
        self.sent = bytearray()
        self.received = bytearray()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        self.sent += data
        await self._transport.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait."""
        await self._transport.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive."""
        received = await self._transport.receive_some(max_bytes)
        self.received += received
        return received

    async def aclose(self) -> None:
        """Close."""
        await self._transport.aclose()


def longest_record(recorded: bytes | bytearray) -> int:
    """How many bytes the longest record of application data has, without its header."""
    lengths, position = [0], 0
    while position + _HEADER <= len(recorded):
        length = int.from_bytes(recorded[position + 3 : position + _HEADER])
        if recorded[position] == _APPLICATION_DATA:
            lengths.append(length)
        position += _HEADER + length
    return max(lengths)


def has_retry_request(recorded: bytes | bytearray) -> bool:
    """Whether a HelloRetryRequest is in it."""
    return _RETRY_RANDOM in recorded
