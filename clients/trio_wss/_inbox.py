"""Messages that have arrived and wait for the application.

Theory of operation: the reader puts pieces of messages in, at once and without waiting; the application takes
whole messages out, or one message piece by piece. Pings and Close frames are answered by the reader, so an
application that is slow to receive does not keep them waiting. That lasts until what waits takes `capacity`
bytes of memory: then the reader pauses, the transport fills up, and the server is held back. Control frames
behind that point are not seen until the application receives again: there is nowhere to keep the messages
that come before them.

The application is woken when a whole message is there, and for less only if it takes pieces, or if the inbox
is full: then the pieces are moved into the message they belong to, which may be as long as the connection
allows. The memory used is bounded by the capacity, one message, and one read of 260 KiB.
"""

from __future__ import annotations

import sys
from collections import deque

import trio

from ._assembler import Assembler
from ._decoder import Piece

# A tuple of two, and its place in the queue.
_OVERHEAD = 64


class Inbox:
    """A queue of messages in pieces, bounded by the memory they take."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._pieces: deque[Piece] = deque()
        self._complete = 0  # of them, how many end a message
        self._held = 0
        self._ended = False
        self._assembler = Assembler()
        self._streaming = False
        self._unfinished = False  # the message being streamed has not ended
        self._skipping = False  # what comes belongs to a message that nobody wants
        self._beginners = 0
        self._arrived = trio.lowlevel.ParkingLot()
        self._taken = trio.lowlevel.ParkingLot()

    @property
    def held(self) -> int:
        """Bytes of memory taken by what waits."""
        return self._held

    @property
    def full(self) -> bool:
        """Whether the reader has to wait for `room`."""
        return self._held >= self._capacity

    def put(self, piece: Piece) -> None:
        """Add a piece. After `discard` it goes nowhere."""
        if self._ended:
            return
        if self._skipping:
            self._skipping = not piece.final
            return
        self._pieces.append(piece)
        self._complete += piece.final
        self._held += _size(piece)
        if self._arrived and (piece.final or self._streaming or self._beginners or self.full):
            self._arrived.unpark_all()

    async def room(self) -> None:
        """Wait until less than the capacity is held. Not a checkpoint if it is."""
        while self.full:
            await self._taken.park()

    async def get(self) -> str | bytes | None:
        """The next message; `None` when the last one was taken and no more will come.

        Cancelled, it has taken nothing.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        waited = False
        while self._streaming or not self._complete:
            if not self._streaming:
                if self._ended:
                    break
                if self.full:
                    self._assemble()
            waited = True
            await self._arrived.park()
        message = self._assemble() if self._complete else None
        if not waited:
            await trio.lowlevel.cancel_shielded_checkpoint()
        return message

    async def begin(self) -> Piece | None:
        """The first piece of the next message; `more` has the others, and nobody else gets any until `finish`.

        `None` when no more messages will come. Cancelled, it has taken nothing.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        while (piece := self._first()) is None:
            if self._ended and not self._streaming:
                await trio.lowlevel.cancel_shielded_checkpoint()
                return None
            self._beginners += 1
            try:
                await self._arrived.park()
            finally:
                self._beginners -= 1
        self._streaming = True
        self._unfinished = not piece.final
        await trio.lowlevel.cancel_shielded_checkpoint()
        return piece

    async def more(self) -> Piece | None:
        """The next piece of the message begun; `None` if it ends here, or will never be complete.

        Cancelled, it has taken nothing.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        while self._unfinished and not self._pieces and not self._ended:
            await self._arrived.park()
        piece = self._pop() if self._unfinished and self._pieces else None
        if piece is not None:
            self._unfinished = not piece.final
        await trio.lowlevel.cancel_shielded_checkpoint()
        return piece

    @property
    def unfinished(self) -> bool:
        """Whether the message begun has not been taken to its end."""
        return self._unfinished

    def finish(self) -> None:
        """Leave the message begun; what it has left is thrown away."""
        while self._unfinished and self._pieces:
            self._unfinished = not self._pop().final
        self._skipping = self._unfinished
        self._streaming = self._unfinished = False
        self._arrived.unpark_all()

    def end(self) -> None:
        """No more messages will come. What is held can still be taken."""
        self._ended = True
        self._arrived.unpark_all()

    def discard(self) -> None:
        """Nobody will take messages any more: forget those held, and those that still come."""
        self.end()
        self._pieces.clear()
        self._assembler.take()
        self._held = self._complete = 0
        self._taken.unpark_all()

    def _first(self) -> Piece | None:
        if self._streaming:
            return None
        begun = self._assembler.take()
        if begun is not None:
            return Piece(begun, False)
        return self._pop() if self._pieces else None

    def _assemble(self) -> str | bytes | None:
        """Move pieces into the message they belong to, up to its end."""
        while self._pieces:
            message = self._assembler.add(self._pop())
            if message is not None:
                return message
        return None

    def _pop(self) -> Piece:
        piece = self._pieces.popleft()
        self._complete -= piece.final
        self._held -= _size(piece)
        if self._taken and not self.full:
            self._taken.unpark_all()
        return piece


def _size(piece: Piece) -> int:
    return sys.getsizeof(piece.data) + _OVERHEAD
