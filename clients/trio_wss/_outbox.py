"""The sending half of a connection: whole frames in, one task that writes them.

Theory of operation: only the writer task touches the transport's sending side, and it is never cancelled
while a frame may still go out. A frame is put into the outbox in one step, without a checkpoint, so a sender
that is cancelled has put either nothing or a whole frame; a frame cannot be torn by cancelling whoever sent
it.

Senders wait, before they put a frame, until less than `capacity` bytes are on their way. So backpressure
reaches them, and memory is bounded by the capacity and one message. Small frames are joined into one write;
large ones are not copied again.

Control frames do not wait in line. Every Ping is answered, as long as no more than `MAX_PONGS` Pongs wait:
then the oldest gives way, since RFC 6455 §5.5.3 lets a peer answer only the most recent Ping. However many
Pings come, they cost 4 KiB. The Close frame goes behind what was put before it, and nothing goes behind the
Close frame.
"""

from __future__ import annotations

from collections import deque

import trio

from ._encoder import Binary, close_frame, pong_frame

CAPACITY = 1 << 16
MAX_PONGS = 32
_LARGE = 1 << 14


class Outbox:
    """Frames on their way to the transport."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._urgent: list[Binary] = []
        self._waiting: list[Binary] = []
        self._unsent = 0
        self._pongs: deque[bytes] = deque(maxlen=MAX_PONGS)
        self._room = trio.lowlevel.ParkingLot()
        self._work = trio.lowlevel.ParkingLot()
        self._writing = trio.CancelScope()
        self.written = 0
        """Bytes that the transport has taken."""
        self.open = True
        """Whether frames may still be put."""

    @property
    def unsent(self) -> int:
        """Bytes that the transport has not taken."""
        return self._unsent

    async def room(self) -> None:
        """Wait until a frame may be put, or none may be put any more. Not a checkpoint if there is room."""
        while self.open and self._unsent >= self._capacity:
            await self._room.park()

    def put(self, frame: Binary) -> None:
        """Add a whole frame; only while `open`."""
        self._waiting.append(frame)
        self._unsent += len(frame)
        self._work.unpark()

    def put_first(self, frame: Binary) -> None:
        """Add a control frame, before any data that waits; only while `open`."""
        self._urgent.append(frame)
        self._unsent += len(frame)
        self._work.unpark()

    def answer(self, payload: bytes) -> None:
        """Answer a Ping, before anything that waits, unless too many later ones come first."""
        if self.open:
            self._pongs.append(payload)
            self._work.unpark()

    def close(self, code: int, reason: str = "", *, answers: bool = True) -> None:
        """Add a Close frame, the last frame there is. The second time it does nothing.

        Args:
            code: as for `close_frame`.
            reason: as for `close_frame`.
            answers: whether Pings still have to be answered: not when the server has closed (§5.5.2).
        """
        if not self.open:
            return
        if answers:
            self._put_pongs()
        self._pongs.clear()
        self.put(close_frame(code, reason))
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
                if self._pongs:
                    self._put_pongs()
                if self._urgent or self._waiting:
                    await self._write_some(stream)
                elif self.open:
                    await self._work.park()
                else:
                    return

    def _put_pongs(self) -> None:
        for payload in self._pongs:
            self.put_first(pong_frame(payload))
        self._pongs.clear()

    async def _write_some(self, stream: trio.abc.SendStream) -> None:
        """One write: all the small frames that come next, or one large frame."""
        data = self._next()
        await stream.send_all(data)
        self._unsent -= len(data)
        self.written += len(data)
        if self._room:
            self._room.unpark_all()

    def _next(self) -> Binary:
        waiting = self._waiting
        if not self._urgent and (len(waiting) == 1 or len(waiting[0]) >= _LARGE):
            return waiting.pop(0)
        frames, self._urgent = self._urgent, []
        small = next((at for at, frame in enumerate(waiting) if len(frame) >= _LARGE), len(waiting))
        frames += waiting[:small]
        del waiting[:small]
        return frames[0] if len(frames) == 1 else b"".join(frames)
