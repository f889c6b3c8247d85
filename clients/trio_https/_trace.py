"""What happened to a request when: timings, and a hook that is told of each phase.

Theory of operation: every request has a `Trace`. The modules it passes through `mark` what they have done; that
sets a time in `Timings`, and calls the client's hook if it has one. A hook is a plain function: it is called
between awaits, in the request's task, and what it raises ends the request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import trio

from ._url import URL

Timed = Literal["slot", "resolved", "connected", "secured", "sent", "response", "done"]
Phase = Timed | Literal["reused", "informational", "failed"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to a request.

    | phase | when | detail |
    | --- | --- | --- |
    | `slot` | the request's turn in the pool has come | |
    | `resolved` | the name has been looked up | the addresses, a tuple of `str` |
    | `connected` | TCP, or what the connection is made of, is there | the stream |
    | `secured` | the Socket factory has given the stream, handshake and all | the stream |
    | `reused` | an idle connection is used again | the stream |
    | `sent` | the whole request has been handed to the stream | |
    | `informational` | a 1xx response came | the `Informational` |
    | `response` | the header of the response is complete | its status |
    | `done` | the body has been read to its end | its length as it was sent |
    | `failed` | the request has failed, or was cancelled | the exception |
    """

    phase: Phase
    method: str
    url: URL
    seconds: float
    """Since the request began."""
    detail: object = None


EventHook = Callable[[Event], object]


@dataclass(slots=True)
class Timings:
    """When a request came how far, in seconds since it began; `None` for what did not happen (yet)."""

    slot: float | None = None
    """Its turn in the pool had come."""
    resolved: float | None = None
    """The name was looked up; `None` also if the Socket factory does that itself."""
    connected: float | None = None
    """TCP was there; `None` if a connection was used again."""
    secured: float | None = None
    """The handshake was over; `None` if a connection was used again."""
    sent: float | None = None
    """The whole request was handed to the stream."""
    first_byte: float | None = None
    """The first header section of an answer, interim or final, had come."""
    response: float | None = None
    """The header of the final response was complete."""
    done: float | None = None
    """The body was read to its end."""


class Trace:
    """The record of one request.

    Args:
        method: for the hook.
        url: for the hook.
        hook: told of every event.
    """

    __slots__ = ("_began", "_hook", "_method", "_url", "now", "timings")

    def __init__(self, method: str, url: URL, hook: EventHook | None = None) -> None:
        self._method = method
        self._url = url
        self._hook = hook
        # What `trio.current_time` asks, by way of two calls more: time is asked for many times in a request.
        self.now = trio.lowlevel.current_clock().current_time
        """The time by Trio's clock."""
        self._began = self.now()
        self.timings = Timings()

    def mark(self, phase: Timed, detail: object = None) -> float:
        """Something happened that has its time; what time it is, by Trio's clock."""
        now = self.now()
        seconds = now - self._began
        setattr(self.timings, phase, seconds)
        if self._hook is not None:
            self._hook(Event(phase, self._method, self._url, seconds, detail))
        return now

    def tell(self, phase: Phase, detail: object = None) -> None:
        """Something happened that only the hook wants to know."""
        if self._hook is not None:
            self._hook(Event(phase, self._method, self._url, self.now() - self._began, detail))

    def first_byte(self) -> None:
        """The first header section of an answer has come."""
        if self.timings.first_byte is None:
            self.timings.first_byte = self.now() - self._began

    def response(self, status: int) -> None:
        """The header section of the final response has come, which may be the first of the answer."""
        self.mark("response", status)
        if self.timings.first_byte is None:
            self.timings.first_byte = self.timings.response
