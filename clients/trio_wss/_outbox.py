"""The sending half of a connection: whole frames in, one task that writes them.

Theory of operation: only the writer task touches the transport's sending side, and it is never cancelled
while a frame may still go out. A frame is put into the outbox in one step, without a checkpoint, so a sender
that is cancelled has put either nothing or a whole frame; a frame cannot be torn by cancelling whoever sent
it.

Senders wait, before they put a frame, until less than `capacity` bytes are on their way. So backpressure
reaches them, and memory is bounded by the capacity and one message. Small frames are joined into one write.

Pongs do not wait in line. There is one place for a Pong, which the next one takes over: RFC 6455 §5.5.3 lets
a peer answer only the most recent Ping. However many Pings come, they cost these 125 bytes. The Close frame
goes behind what was put before it, and nothing goes behind the Close frame.
"""

from __future__ import annotations

import trio

from ._frames import Frames

CAPACITY = 1 << 16


class Outbox:
    """Frames on their way to the transport."""

    def __init__(self, frames: Frames, capacity: int = CAPACITY) -> None:
        self._frames = frames
        self._capacity = capacity
        self._waiting: list[bytes] = []
        self._unsent = 0
        self._pong: bytes | None = None
        self._room = trio.lowlevel.ParkingLot()
        self._work = trio.lowlevel.ParkingLot()
        self._writing = trio.CancelScope()
        self.open = True
        """Whether frames may still be put."""

    async def room(self) -> None:
        """Wait until a frame may be put, or none may be put any more. Not a checkpoint if there is room."""
        while self.open and self._unsent >= self._capacity:
            await self._room.park()

    def put(self, frame: bytes) -> None:
        """Add a whole frame; only while `open`."""
        self._waiting.append(frame)
        self._unsent += len(frame)
        self._work.unpark()

    def answer(self, payload: bytes) -> None:
        """Answer a Ping, before anything that waits, unless a later Ping comes first."""
        if self.open:
            self._pong = payload
            self._work.unpark()

    def close(self, code: int, reason: str = "") -> None:
        """Add a Close frame, the last frame there is. The second time it does nothing."""
        if not self.open:
            return
        if self._pong is not None and self._frames.may_pong:
            self._put_pong(self._pong)
        self._pong = None
        self.put(self._frames.close(code, reason))
        self.open = False
        self._room.unpark_all()

    def stop(self) -> None:
        """Write nothing more, not even what waits."""
        self.open = False
        self._writing.cancel()
        self._room.unpark_all()

    async def write(self, stream: trio.abc.SendStream) -> None:
        """The writer: send what is put, until the Close frame has gone out or `stop` is called."""
        with self._writing:
            while True:
                if self._pong is not None:
                    self._put_pong(self._pong)
                if self._waiting:
                    await self._write_all(stream)
                elif self.open:
                    await self._work.park()
                else:
                    return

    def _put_pong(self, payload: bytes) -> None:
        frame = self._frames.pong(payload)
        self._waiting.insert(0, frame)
        self._unsent += len(frame)
        self._pong = None

    async def _write_all(self, stream: trio.abc.SendStream) -> None:
        data = b"".join(self._waiting)
        self._waiting.clear()
        await stream.send_all(data)
        self._unsent -= len(data)
        self._room.unpark_all()
