"""Memory for many records at a time, to be used again.

Theory of operation
-------------------
The record layer works in large pieces, and for large pieces fresh pages cost more than what is done in them. So
each thread keeps a few, and whoever needs one takes it for as long as it holds anything: a reader while records
wait in it, a sender until the transport has taken them. An idle connection has none.
"""

from __future__ import annotations

import threading

#: Bytes in a room: what is read at a time, and far more than is sealed at a time.
ROOM = 2**18 + 2**15
_SPARE = 4


class _Rooms(threading.local):
    def __init__(self) -> None:
        self.spare: list[memoryview] = []


_thread = _Rooms()


def take_room() -> memoryview:
    """`ROOM` bytes, with anything in them."""
    spare = _thread.spare
    return spare.pop() if spare else memoryview(bytearray(ROOM))


def give_back(room: memoryview) -> None:
    """Nobody looks into `room` any more."""
    spare = _thread.spare
    if len(spare) < _SPARE and len(room) == ROOM:
        spare.append(room)
