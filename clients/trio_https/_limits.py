"""How much, and how long: what a client puts up with.

Theory of operation: both are frozen values, checked when they are made, so that a nonsensical number is
reported where it was written. How long a whole exchange may last is no setting: that is what
`trio.fail_after` is for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Caps on what one client holds and accepts. Every one is an integer of at least 1.

    Raises:
        TypeError: a value is not an integer.
        ValueError: a value is below 1.
    """

    connections: int = 100
    """Connections open at once, idle ones included; further requests wait in line."""
    head: int = 64 * 1024
    """Bytes in the header section of a response, and in one chunk header or the trailer section of a body."""
    headers: int = 256
    """Header fields in a response."""
    informational: int = 16
    """Interim responses (1xx) before the final one."""
    body: int = 64 * 1024 * 1024
    """Bytes of a response that is read as a whole, as `Client.get` does; streaming has no such cap."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value: object = getattr(self, field.name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"Limits.{field.name} must be an integer, not {value!r}")
            if value < 1:
                raise ValueError(f"Limits.{field.name} must be at least 1, not {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long the client waits for a server, in seconds; `None` waits for ever.

    Raises:
        TypeError: a value is neither a number nor `None`.
        ValueError: a value is not above 0.
    """

    connect: float | None = 30.0
    """From asking the Socket factory until it has a stream: name resolution, TCP, and TLS if it speaks it."""
    idle: float | None = 60.0
    """Without a byte of the response, once the request is sent, or a block of the request taken."""
    keep_alive: float | None = 15.0
    """A connection unused for longer is not used again. Many servers close theirs after some seconds."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value: object = getattr(self, field.name)
            if value is None:
                continue
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise TypeError(f"Deadlines.{field.name} must be a number of seconds or None, not {value!r}")
            if math.isnan(value) or value <= 0:
                raise ValueError(f"Deadlines.{field.name} must be above 0, not {value}; None waits for ever")


def seconds(value: float | None) -> float:
    """The deadline as a number: infinity for `None`."""
    return math.inf if value is None else value
