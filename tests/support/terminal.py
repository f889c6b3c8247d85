"""Standard streams in memory, for tests of the command.

Theory of operation: `FakeTerminal` is a `Terminal` over streams that claim to be terminals or not, as the test
wants, and keeps what was written to each. Its input is a pipe, because the command reads a file descriptor.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO

from trio_secure_cli._terminal import Terminal

_CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Screen(io.TextIOWrapper):
    """A text stream in memory that claims to be a terminal, or not."""

    def __init__(self, *, terminal: bool = False, encoding: str = "utf-8") -> None:
        self.written = io.BytesIO()
        super().__init__(self.written, encoding, "backslashreplace", newline="", write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


class FakeTerminal(Terminal):
    """A `Terminal` whose streams are in memory.

    Args:
        stdin: a descriptor to read from.
        person: which of the streams lead to a person: any of "i", "o" and "e".
        encoding: of standard output.
    """

    def __init__(self, stdin: TextIO | None = None, person: str = "", encoding: str = "utf-8") -> None:
        self._out = Screen(terminal="o" in person, encoding=encoding)
        self._err = Screen(terminal="e" in person)
        self._typed = "i" in person
        super().__init__(stdin, self._out, self._err)

    @property
    def reads_from_person(self) -> bool:
        return self._typed

    @property
    def printed(self) -> bytes:
        """What went to standard output."""
        return self._out.written.getvalue()

    @property
    def said(self) -> str:
        """What went to standard error, without colours and the movements of the cursor."""
        return _CONTROL_SEQUENCE.sub("", self._err.written.getvalue().decode())


@contextmanager
def typed(text: bytes, *, ends: bool = True) -> Generator[TextIO]:
    """A standard input with `text` in it, which ends behind it or goes on."""
    reader, writer = os.pipe()
    try:
        os.write(writer, text)
        if ends:
            os.close(writer)
        # An input that goes on stays open: a thread may be about to read it, and ought not to meet another file
        # under its number.
        with os.fdopen(reader, closefd=ends) as stdin:
            yield stdin
    finally:
        if not ends:
            os.close(writer)
