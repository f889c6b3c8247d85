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
    """The lines of a file descriptor, one at a time."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._held = bytearray()
        self._number = 0
        self._ended = False

    async def next_line(self) -> str | None:
        """The next line without its line break; None at the end. What follows the last break is a line too.

        Raises:
            CommandError: the input cannot be read, is not UTF-8, or has a line of more than 1 MiB.
        """
        searched = 0
        while (end := self._held.find(b"\n", searched)) < 0 and not self._ended:
            searched = len(self._held)
            if searched > LONGEST_LINE:
                raise CommandError(
                    f"line {self._number + 1} of the input is longer than {LONGEST_LINE} bytes"
                )
            await self._read()
        if end < 0 and not self._held:
            return None
        stop = end if end >= 0 else len(self._held)
        line = bytes(self._held[:stop])
        del self._held[: stop + 1]
        self._number += 1
        try:
            return line.removesuffix(b"\r").decode()
        except UnicodeDecodeError as error:
            where = f"byte {error.start + 1} is {line[error.start]:#04x}"
            raise CommandError(f"line {self._number} of the input is not UTF-8: {where}") from None

    async def _read(self) -> None:
        try:
            data = await trio.to_thread.run_sync(
                os.read, self._descriptor, _READ_SIZE, abandon_on_cancel=True
            )
        except OSError as error:
            raise CommandError(f"the input cannot be read: {error.strerror}") from error
        self._held += data
        self._ended = not data
