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
    connections_per_host: int = 100
    """As `connections`, for each server (scheme, host, port and way to it) alone."""
    head: int = 64 * 1024
    """Bytes in the header section of a response, and in one chunk header or the trailer section of a body."""
    headers: int = 256
    """Header fields in a response."""
    informational: int = 16
    """Interim responses (1xx) before the final one."""
    body: int = 64 * 1024 * 1024
    """Bytes of a response that is read as a whole, as `Client.get` does; streaming has no such cap."""
    codings: int = 3
    """Content codings on top of each other, as in `Content-Encoding: gzip, br`."""
    expansion: int = 2000
    """Bytes of decoded body for each byte that was sent, beyond the first MiB. No gzip gives more than 1032."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value: object = getattr(self, field.name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"Limits.{field.name} must be an integer, not {value!r}")
            if value < 1:
                raise ValueError(f"Limits.{field.name} must be at least 1, not {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long the client waits for a server, in seconds but for `rate`; `None` waits for ever.

    Raises:
        TypeError: a value is neither a number nor `None`.
        ValueError: a value is not above 0.
    """

    pool: float | None = 60.0
    """In line for a connection, when as many are open as `Limits` allows."""
    connect: float | None = 30.0
    """From asking the Socket factory until TCP is there, name resolution included. A factory of the caller's,
    which does not say when that is, has this long for everything."""
    tls: float | None = 30.0
    """From then on, until the stream is ready for the request: the handshake."""
    idle: float | None = 60.0
    """Without a byte of the response, once the request is sent, or a block of the request taken."""
    head: float | None = 30.0
    """From the first byte of a header section of the response to its end."""
    expect: float | None = 1.0
    """For `100 Continue`, when a request says that it waits for it; then the body is sent all the same."""
    rate: float | None = 0.1
    """The fewest bytes per second of a body, while it is waited for; `None` for no such demand. The default is
    far below any connection that works, but above a byte a minute."""
    rate_window: float = 60.0
    """The seconds over which `rate` is looked at. Time in which nobody asks for the body does not count."""
    keep_alive: float | None = 15.0
    """A connection unused for longer is not used again. Many servers close theirs after some seconds."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value: object = getattr(self, field.name)
            if value is None and field.name != "rate_window":
                continue
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise TypeError(f"Deadlines.{field.name} must be a number of seconds or None, not {value!r}")
            if math.isnan(value) or value <= 0:
                raise ValueError(f"Deadlines.{field.name} must be above 0, not {value}; None is no limit")


def seconds(value: float | None) -> float:
    """The deadline as a number: infinity for `None`."""
    return math.inf if value is None else value
