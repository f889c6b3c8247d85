"""Trying again: what failed for a moment may work a moment later.

Theory of operation: `Retries` is a frozen policy that says after which failure to wait and for how long; the layer
is a loop. Only what happens before the response reaches the caller is repeated, and only requests that mean
no more when they are sent twice, unless the policy says otherwise. Waits grow, with chance in them, so that
many clients do not come back at once; a server that says when to come back is believed as far as the longest wait.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import trio

from ._dates import parse_date
from ._errors import ConnectionLost, ProxyRefused, TooSlow
from ._leftovers import discard
from ._outgoing import Outgoing
from ._response import ResponseHead, StreamingResponse
from ._sender import Sender

_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """When and how often to try again. Nothing is tried again without one: `Client(retries=Retries())`.

    Raises:
        ValueError: a number is out of range.
    """

    attempts: int = 3
    """How often a request is sent, the first time included."""
    statuses: Collection[int] = frozenset({429, 502, 503, 504})
    """The responses after which it is sent again."""
    any_method: bool = False
    """Whether POST and PATCH are sent again too, which may do twice what was asked for once."""
    backoff: float = 0.5
    """Seconds to wait the first time; twice as many each time after, less up to a half by chance."""
    longest: float = 30.0
    """The most seconds to wait. A server whose Retry-After asks for more is not asked again."""
    chance: Callable[[], float] = field(default=random.random, repr=False)
    """Gives a number from 0 to 1."""
    clock: Callable[[], float] = field(default=time.time, repr=False)
    """Gives seconds since the epoch, for a Retry-After that is a date."""

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"Retries.attempts must be at least 1, not {self.attempts}")
        if not (self.backoff >= 0 and self.longest >= 0):
            raise ValueError("Retries.backoff and Retries.longest must not be negative")

    def covers(self, request: Outgoing) -> bool:
        """Whether this request may be sent more than once."""
        return request.replayable and (self.any_method or request.idempotent)

    def delay(self, failures: int) -> float:
        """Seconds to wait after so many failures."""
        # Beyond 2^30 the longest wait counts anyway.
        whole = min(self.backoff * 2.0 ** min(failures - 1, 30), self.longest)
        return whole * (1 - self.chance() / 2)

    def delay_after(self, response: ResponseHead, failures: int) -> float | None:
        """Seconds to wait after this response; `None` if it is the answer."""
        if response.status not in self.statuses:
            return None
        asked = retry_after(response, self.clock())
        if asked is None:
            return self.delay(failures)
        return asked if asked <= self.longest else None


def retry_after(response: ResponseHead, now: float) -> float | None:
    """How many seconds a response asks to wait (RFC 9110 §10.2.3); `None` if it does not say."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:_MOST_DIGITS]) if len(value) <= _MOST_DIGITS else float("inf")
    moment = parse_date(value, now)
    return None if moment is None else max(0.0, moment - now)


def is_transient(error: Exception) -> bool:
    """Whether what went wrong may be over a moment later: there is no connection, or it broke, or was too slow."""
    if isinstance(error, ProxyRefused):
        # What a proxy says is its last word; but it may not have come to say anything.
        return isinstance(error.__cause__, OSError | trio.BrokenResourceError)
    if isinstance(error, ConnectionLost | TooSlow | OSError):
        return True
    # A stream that broke while it was being made; but one that broke with an alert was refused for a reason.
    return isinstance(error, trio.BrokenResourceError) and getattr(error, "alert", None) is None


class Retrying:
    """A `Sender` that tries again."""

    def __init__(self, send: Sender, policy: Retries) -> None:
        self._send = send
        self._policy = policy

    @asynccontextmanager
    async def __call__(self, request: Outgoing) -> AsyncGenerator[StreamingResponse]:
        """Send the request until there is a response that counts, or no attempt left: then the last one counts."""
        left = self._policy.attempts if self._policy.covers(request) else 1
        failures = 0
        while True:
            left, failures = left - 1, failures + 1
            async with AsyncExitStack() as stack:
                try:
                    response = await stack.enter_async_context(self._send(request))
                except Exception as error:
                    if not left or not is_transient(error):
                        raise
                    delay = self._policy.delay(failures)
                else:
                    wait = self._policy.delay_after(response, failures) if left else None
                    if wait is None:
                        yield response
                        return
                    delay = wait
                    await discard(response)
            await trio.sleep(delay)
