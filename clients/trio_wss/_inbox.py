"""Messages that have arrived and wait for the application.

Theory of operation: the reader puts whole messages in, at once and without waiting; the application takes
them out. Pings and Close frames are answered by the reader, so an application that is slow to receive does
not keep them waiting. That lasts until the messages waiting take `capacity` bytes of memory: then the reader
pauses before it reads more, the transport fills up, and the server is held back. Control frames behind that
point are not seen until the application receives again: there is nowhere to keep the messages that come
before them.

The room is asked for once per read, so the memory used is bounded by the capacity, plus the messages of one
read of 64 KiB, plus the message that is still incomplete.
"""

from __future__ import annotations

import sys
from collections import deque

import trio


class Inbox:
    """A queue of messages, bounded by the memory they take."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._messages: deque[str | bytes] = deque()
        self._held = 0
        self._ended = False
        self._arrived = trio.lowlevel.ParkingLot()
        self._taken = trio.lowlevel.ParkingLot()

    def put(self, message: str | bytes) -> None:
        """Add a message. After `discard` it goes nowhere."""
        if self._ended:
            return
        self._messages.append(message)
        self._held += sys.getsizeof(message)
        self._arrived.unpark()

    async def room(self) -> None:
        """Wait until less than the capacity is held. Not a checkpoint if it is."""
        while self._held >= self._capacity:
            await self._taken.park()

    async def get(self) -> str | bytes | None:
        """The next message; `None` when the last one was taken and no more will come.

        Cancelled, it has taken nothing.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._messages:
            if self._ended:
                await trio.lowlevel.cancel_shielded_checkpoint()
                return None
            await self._arrived.park()
        message = self._messages.popleft()
        self._held -= sys.getsizeof(message)
        if self._held < self._capacity:
            self._taken.unpark_all()
        await trio.lowlevel.cancel_shielded_checkpoint()
        return message

    def end(self) -> None:
        """No more messages will come. What is held can still be taken."""
        self._ended = True
        self._arrived.unpark_all()

    def discard(self) -> None:
        """Nobody will take messages any more: forget those held, and those that still come."""
        self.end()
        self._messages.clear()
        self._held = 0
        self._taken.unpark_all()
