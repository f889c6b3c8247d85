"""Lines from standard input, without stopping Trio.

Theory of operation: a file descriptor may be a terminal, a pipe or a file, and no readiness test works on all
of them on every system; a blocking read in a worker thread does. It reads the descriptor itself rather than
`sys.stdin`: a thread that is left behind in a read would hold the lock of `sys.stdin` when the interpreter
ends.
"""

from __future__ import annotations

import os

import trio

from ._failure import CommandError

_READ_SIZE = 1 << 16
LONGEST_LINE = 1 << 20


class LineReader:
    """The lines of a file descriptor, one at a time.

    Args:
        descriptor: what to read.
        separator: the byte that ends a line.
        longest: the most bytes a line may have.
    """

    def __init__(self, descriptor: int, separator: bytes = b"\n", longest: int = LONGEST_LINE) -> None:
        self._descriptor = descriptor
        self._separator = separator
        self._longest = longest
        self._held = bytearray()
        self._ended = False
        self.number = 0
        """How many lines have been read."""

    async def next_line(self) -> bytes | None:
        """The next line without its separator; None at the end. What follows the last separator is a line too.

        Raises:
            CommandError: the input cannot be read, or has a line that is too long.
        """
        searched = 0
        while (end := self._held.find(self._separator, searched)) < 0 and not self._ended:
            searched = len(self._held)
            if searched > self._longest:
                raise CommandError(
                    f"line {self.number + 1} of the input is longer than {self._longest} bytes"
                )
            self._held += await self.read()
        if end < 0 and not self._held:
            return None
        stop = end if end >= 0 else len(self._held)
        line = bytes(self._held[:stop])
        del self._held[: stop + 1]
        self.number += 1
        return line

    async def read(self) -> bytes:
        """Whatever comes next, at most 64 KiB; nothing at the end. Not for use beside `next_line`.

        Raises:
            CommandError: the input cannot be read.
        """
        try:
            data = await trio.to_thread.run_sync(
                os.read, self._descriptor, _READ_SIZE, abandon_on_cancel=True
            )
        except OSError as error:
            raise CommandError(f"the input cannot be read: {error.strerror}") from error
        self._ended = not data
        return data
