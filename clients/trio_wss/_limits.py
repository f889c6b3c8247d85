"""What a connection may take: memory and time."""

from __future__ import annotations

import math
from dataclasses import dataclass

DEFAULT_MAX_MESSAGE_SIZE = 1 << 20
DEFAULT_MAX_FRAGMENTS = 1 << 17
DEFAULT_MAX_BUFFERED = 1 << 20
DEFAULT_CLOSE_TIMEOUT = 10.0
DEFAULT_PING_INTERVAL = 20.0
DEFAULT_PING_TIMEOUT = 20.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of one connection, checked once. Where `None` is allowed, it stands for no limit."""

    max_message_size: int | None = DEFAULT_MAX_MESSAGE_SIZE
    """Bytes of the longest message accepted, as the application gets it: inflated."""
    max_frame_size: int | None = None
    """Bytes of the longest frame accepted, as it is on the wire."""
    max_fragments: int | None = DEFAULT_MAX_FRAGMENTS
    """Frames that a message may come in."""
    max_buffered: int = DEFAULT_MAX_BUFFERED
    """Bytes of memory for messages that wait to be received."""
    close_timeout: float = DEFAULT_CLOSE_TIMEOUT
    """Seconds for the closing handshake."""
    ping_interval: float | None = DEFAULT_PING_INTERVAL
    """Seconds between the Pings sent to see whether the server is there; `None` sends none."""
    ping_timeout: float | None = DEFAULT_PING_TIMEOUT
    """Seconds of silence after such a Ping at which the server is given up; `None` waits for ever."""

    def __post_init__(self) -> None:
        sizes = (self.max_message_size, self.max_frame_size, self.max_fragments, self.max_buffered)
        names = ("max_message_size", "max_frame_size", "max_fragments", "max_buffered")
        for name, size in zip(names, sizes, strict=True):
            if size is not None and size < 1:
                raise ValueError(f"{name} is {size}: it must be 1 or more")
        if not 0 <= self.close_timeout < math.inf:
            raise ValueError(f"close_timeout is {self.close_timeout} s: it must be finite and not negative")
        for name, seconds in (("ping_interval", self.ping_interval), ("ping_timeout", self.ping_timeout)):
            if seconds is not None and not seconds > 0:
                raise ValueError(f"{name} is {seconds} s: it must be above 0, or None")
