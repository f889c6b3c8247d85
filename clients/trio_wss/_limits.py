"""What a connection may take: memory and time."""

from __future__ import annotations

import math
from dataclasses import dataclass

DEFAULT_MAX_MESSAGE_SIZE = 1 << 20
DEFAULT_MAX_BUFFERED = 1 << 20
DEFAULT_CLOSE_TIMEOUT = 10.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of one connection, checked once."""

    max_message_size: int = DEFAULT_MAX_MESSAGE_SIZE
    """Bytes of the longest message accepted."""
    max_buffered: int = DEFAULT_MAX_BUFFERED
    """Bytes of memory for messages that wait to be received."""
    close_timeout: float = DEFAULT_CLOSE_TIMEOUT
    """Seconds for the closing handshake."""

    def __post_init__(self) -> None:
        if self.max_message_size < 1:
            raise ValueError(f"max_message_size is {self.max_message_size} bytes: it must be 1 or more")
        if self.max_buffered < 1:
            raise ValueError(f"max_buffered is {self.max_buffered} bytes: it must be 1 or more")
        if not 0 <= self.close_timeout < math.inf:
            raise ValueError(f"close_timeout is {self.close_timeout} s: it must be finite and not negative")
