"""Noticing that the server is gone: Pings at intervals, and how long their Pongs take.

Theory of operation: a Ping goes out after each interval, ahead of the data that waits. The server is given up
when nothing at all has come for a given time since then. Not the Pong alone counts: it stands in
line behind the messages sent before it, and a large one on a slow line is a sign of life too. While the inbox
is full nothing is read, so nothing can come; that time does not count either.
"""

from __future__ import annotations

import math
import os
from typing import Protocol

import trio

from ._pings import Flight


class Line(Protocol):
    """What keepalive needs of a connection."""

    finishing: trio.Event
    """Set when the connection closes or is lost."""
    heard_at: float
    """Trio's time when bytes last came, or could come again after a pause."""
    deaf: bool
    """Whether reading pauses, because the application does not receive."""

    def send_ping(self, payload: bytes) -> Flight:
        """Put a Ping first in line."""
        ...


async def keep_alive(line: Line, interval: float, patience: float | None) -> bool:
    """Send Pings until the connection closes.

    Returns:
        Whether the server is still there: `False` when it has been silent for `patience` seconds.
    """
    while True:
        with trio.move_on_after(interval):
            await line.finishing.wait()
            return True
        flight = line.send_ping(os.urandom(8))
        if not await _landed(line, flight, math.inf if patience is None else patience):
            return False


async def _landed(line: Line, flight: Flight, patience: float) -> bool:
    """Wait for the Pong, or the end of the connection; `False` after a long silence."""
    asked_at = trio.current_time()
    while True:
        with trio.move_on_at(max(asked_at, line.heard_at) + patience):
            await flight.landed.wait()  # the end of the connection lands every Ping
            return True
        if line.deaf:
            asked_at = trio.current_time()
        elif trio.current_time() >= max(asked_at, line.heard_at) + patience:
            return False
