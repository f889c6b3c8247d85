"""A WebSocket that is opened again when it ends.

Theory of operation: `reconnecting` is an async context manager whose nursery outlives the single connections,
and the loop inside it is an ordinary iterator, not an async generator: a generator that holds a nursery open
while it is suspended breaks the rules of cancellation, and is closed by nobody when the loop is left. Here
the connection handed out last is closed when the loop asks for the next one, and when the block is left.

How long to wait before an attempt doubles with each failure, and is drawn at random from the upper half of
that, so that the clients of a server which comes back do not all come at once. A connection that lasts for a
while makes the next wait short again; one that ends at once counts as a failure, or the loop would spin.
"""

from __future__ import annotations

import math
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self, Unpack

import trio

from trio_https import URL

from ._defaults import is_broken_transport
from ._errors import ConnectionLost, UpgradeRefused, WebSocketError
from ._open import Opening, OpenOptions, connect_websocket, open_ungrouped_nursery
from ._websocket import WebSocket

_TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """How long to wait before connecting again, in seconds.

    Attributes:
        initial: before the first attempt that follows a connection or a failure.
        factor: how much longer after each further failure.
        maximum: at most.
        settled: a connection that has lasted as long is a success, after which `initial` counts again.
    """

    initial: float = 0.5
    factor: float = 2.0
    maximum: float = 60.0
    settled: float = 5.0

    def __post_init__(self) -> None:
        if not 0 <= self.initial <= self.maximum < math.inf:
            raise ValueError("a backoff has 0 <= initial <= maximum, and both are finite")
        if not 1 <= self.factor < math.inf:
            raise ValueError(f"a backoff's factor is 1 or more, not {self.factor}")
        if not self.settled >= 0:
            raise ValueError(f"settled is {self.settled} s: it must not be negative")

    def delay(self, failures: int) -> float:
        """A random time to wait after so many failures in a row; after 0, as after 1."""
        # The exponent is capped, or a float overflows after a thousand failures.
        longest = min(self.maximum, self.initial * self.factor ** min(max(failures - 1, 0), 64))
        return random.uniform(longest / 2, longest)  # noqa: S311  # to spread load, no secret


DEFAULT_BACKOFF = Backoff()


def is_transient(error: Exception) -> bool:
    """Whether an attempt that failed so may succeed later.

    So it is for what the network does (`OSError`, `ConnectionLost`, a transport that broke), for
    `trio.TooSlowError`, and for a refusal with status 408, 425, 429, 500, 502, 503 or 504; not for any other
    refusal, a broken protocol, or a certificate that is not accepted.
    """
    if isinstance(error, UpgradeRefused):
        return error.status in _TRANSIENT_STATUS
    if isinstance(error, WebSocketError):
        return isinstance(error, ConnectionLost)
    return isinstance(error, OSError | trio.TooSlowError) or is_broken_transport(error)


@asynccontextmanager
async def reconnecting(
    url: str | URL,
    *,
    backoff: Backoff = DEFAULT_BACKOFF,
    retry: Callable[[Exception], bool] = is_transient,
    attempts: int | None = None,
    **options: Unpack[OpenOptions],
) -> AsyncGenerator[Reconnecting]:
    """Open a WebSocket again and again.

    ::

        async with reconnecting("wss://feed.example/") as connections:
            async for ws in connections:
                try:
                    async for message in ws:
                        ...
                except WebSocketError:
                    continue  # on to the next connection

    Each round of the loop has a new WebSocket, open; the one before is closed then, if it is not yet. The
    loop ends when the block is left by `break`, `return` or an exception, which closes the last one.

    Args:
        url: as for `open_websocket`.
        backoff: how long to wait between attempts.
        retry: given what an attempt raised: whether to try again. What it turns down is raised by the loop.
        attempts: how many attempts in a row may fail before the last error is raised; `None` for no limit.
        **options: those of `open_websocket`, for each connection.

    Raises:
        ValueError: an argument makes no sense, which is found before the block begins; also everything that
            `open_websocket` raises and `retry` turns down.
    """
    if attempts is not None and attempts < 1:
        raise ValueError(f"attempts is {attempts}: it must be 1 or more, or None")
    Opening(url, **options)  # to check what was given
    async with open_ungrouped_nursery() as nursery:

        async def connect() -> WebSocket:
            return await connect_websocket(nursery, url, **options)

        async with Reconnecting(connect, backoff, retry, attempts or math.inf) as connections:
            yield connections


class Reconnecting:
    """Opens a WebSocket for each round of a loop; see `reconnecting`, which makes it."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[WebSocket]],
        backoff: Backoff,
        retry: Callable[[Exception], bool],
        attempts: float,
    ) -> None:
        self._connect = connect
        self._backoff = backoff
        self._retry = retry
        self._attempts = attempts
        self._failures = 0
        """Connections in a row that were not opened, or ended at once."""
        self._websocket: WebSocket | None = None
        self._opened_at = -math.inf

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._websocket is not None:
            await self._websocket.__aexit__(exc_type, exc_value, traceback)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WebSocket:
        """Close the connection before, if there was one, wait, and open the next."""
        if (before := self._websocket) is not None:
            self._websocket = None
            settled = trio.current_time() - self._opened_at >= self._backoff.settled
            await before.aclose()
            self._failures = 0 if settled else self._failures + 1
            await trio.sleep(self._backoff.delay(self._failures))
        refused = 0
        while True:
            try:
                self._websocket = await self._connect()
            except Exception as error:
                self._failures += 1
                refused += 1
                if refused >= self._attempts or not self._retry(error):
                    raise
                delay = max(self._backoff.delay(self._failures), self._asked_for(error))
            else:
                self._opened_at = trio.current_time()
                return self._websocket
            await trio.sleep(delay)

    def _asked_for(self, error: Exception) -> float:
        """The seconds that a refusal asks the client to wait (RFC 9110 §10.2.3), as far as we follow it."""
        seconds = error.headers.get("retry-after", "") if isinstance(error, UpgradeRefused) else ""
        return min(int(seconds), self._backoff.maximum) if seconds.isdecimal() and len(seconds) < 6 else 0.0
