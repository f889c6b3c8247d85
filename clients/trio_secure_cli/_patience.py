"""How long a command waits for a peer that says nothing.

Theory of operation: `patience` is one cancel scope around a whole exchange, whose deadline is moved as the
exchange goes on: `expect` starts the clock again and names what is awaited, `rest` stops it while the command
itself is busy (a slow disk, a paused reader of the pipe). One scope, because the connections opened inside
have scopes of their own that outlive any single step: a `fail_after` per step would leave before them.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import contextmanager

import trio

from ._exit_codes import ExitCode
from ._failure import CommandError

TOO_SLOW_HINT = (
    "the server is slow, or something on the way drops the packets; --timeout SECONDS waits longer"
)


class Patience:
    """The clock of one exchange; made by `patience`."""

    def __init__(self, scope: trio.CancelScope, limit: float) -> None:
        self._scope = scope
        self._limit = limit
        self._awaited = ""

    def expect(self, awaited: str) -> None:
        """Start the clock again. `awaited` continues the sentence "nothing came for 30 s while …"."""
        self._awaited = awaited
        self._scope.deadline = trio.current_time() + self._limit

    def rest(self) -> None:
        """Stop the clock until something is expected again."""
        self._scope.deadline = math.inf

    def failure(self) -> CommandError:
        """The error that says what was awaited in vain."""
        return CommandError(
            f"nothing came for {self._limit:g} s while {self._awaited}",
            TOO_SLOW_HINT,
            code=ExitCode.TOO_SLOW,
        )


@contextmanager
def patience(limit: float) -> Generator[Patience]:
    """A scope in which the peer may be silent for `limit` seconds at a time.

    Raises:
        CommandError: with the exit code TOO_SLOW, when it was silent for longer.
    """
    scope = trio.CancelScope()
    clock = Patience(scope, limit)
    with scope:
        yield clock
    if scope.cancelled_caught:
        raise clock.failure()
