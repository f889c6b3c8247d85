"""A transport on which something happens to what the server sends.

Theory of operation: bytes are counted as the server sends them, the handshake's and those of records alike. What
comes before the place arrives unharmed; what happens there is for a subclass to say.
"""

from __future__ import annotations

from abc import abstractmethod

import trio


class MeddledStream(trio.abc.Stream):
    """A transport that is good for the first `sound` bytes sent."""

    def __init__(self, transport: trio.abc.Stream, sound: int) -> None:
        self._transport = transport
        self._sound = sound

    @abstractmethod
    async def meddle(self, data: bytes) -> None:
        """Do with `data`, not empty, what is to be done; it begins at the place."""

    async def forward(self, data: bytes) -> None:
        """Send to the client."""
        if data:
            await self._transport.send_all(data)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send what is sound, meddle with the rest."""
        sound, rest = bytes(data[: self._sound]), bytes(data[self._sound :])
        self._sound -= len(sound)
        await self.forward(sound)
        if rest:
            await self.meddle(rest)

    async def wait_send_all_might_not_block(self) -> None:
        """As of the transport."""
        await self._transport.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """What the client sends is left alone."""
        return await self._transport.receive_some(max_bytes)

    async def aclose(self) -> None:
        """Close."""
        await self._transport.aclose()


class CutStream(MeddledStream):
    """It ends at the place."""

    async def meddle(self, data: bytes) -> None:
        """Close."""
        await self._transport.aclose()
        raise trio.BrokenResourceError(f"cut off, {len(data)} bytes before they were sent")


class StalledStream(MeddledStream):
    """At the place the server falls silent, and neither sends nor closes."""

    async def meddle(self, data: bytes) -> None:
        """Wait until the block of the server ends."""
        await trio.sleep_forever()


class ChangedStream(MeddledStream):
    """One bit is another one at the place."""

    def __init__(self, transport: trio.abc.Stream, sound: int) -> None:
        super().__init__(transport, sound)
        self._done = False

    async def meddle(self, data: bytes) -> None:
        """Change the first byte, the first time."""
        if not self._done:
            self._done = True
            data = bytes([data[0] ^ 1]) + data[1:]
        await self.forward(data)
