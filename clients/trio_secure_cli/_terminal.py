"""The three standard streams, as the command uses them.

Theory of operation: standard output carries what was asked for and nothing else; everything said about it
goes to standard error, a line at a time. The streams may be missing (closed by the caller), lead to a reader
that has gone, or not know the characters to be printed; none of that may end in a traceback. Tests pass
streams of their own.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import TextIO, TypeAlias

from ._exit_codes import ExitCode
from ._failure import CommandError

Printer: TypeAlias = Callable[[Callable[[], object]], object]
"""Calls a function that prints something, now or later."""


class Terminal:
    """Standard input, output and error; each may be None when the process has none."""

    def __init__(self, stdin: TextIO | None, stdout: TextIO | None, stderr: TextIO | None) -> None:
        self._stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self._printer: Printer = _at_once

    @property
    def reads_from_person(self) -> bool:
        """Whether standard input is a terminal."""
        return _is_terminal(self._stdin)

    @property
    def prints_to_person(self) -> bool:
        """Whether standard output is a terminal."""
        return _is_terminal(self.stdout)

    @property
    def talks_to_person(self) -> bool:
        """Whether standard error is a terminal."""
        return _is_terminal(self.stderr)

    @property
    def input_descriptor(self) -> int:
        """The file descriptor of standard input.

        Raises:
            CommandError: there is no standard input.
        """
        if self._stdin is None:
            raise CommandError(
                "standard input is closed", "start the command with an input, such as </dev/null"
            )
        return self._stdin.fileno()

    def say(self, text: str) -> None:
        """Print lines on standard error; silently nothing when nobody reads it."""
        self._printer(partial(self._say, text))

    @contextmanager
    def printing_through(self, printer: Printer) -> Generator[None]:
        """For the length of a block, what `say` and `print` are given is printed when `printer` likes."""
        self._printer = printer
        try:
            yield
        finally:
            self._printer = _at_once

    def print(self, text: str) -> None:
        """Print lines on standard output, with escapes for what its encoding cannot say.

        Raises:
            CommandError: it cannot be written.
        """
        self._printer(partial(StandardOutput(self).write, text + "\n"))

    def _say(self, text: str) -> None:
        if self.stderr is not None:
            with contextlib.suppress(OSError):
                self.stderr.write(text + "\n")
                self.stderr.flush()

    def write(self, data: bytes) -> None:
        """Write bytes to standard output at once.

        Raises:
            CommandError: it cannot be written.
        """
        stdout = self.stdout
        if stdout is None:
            raise CommandError("standard output is closed", code=ExitCode.OUTPUT)
        try:
            stdout.buffer.write(data)
            stdout.buffer.flush()
        except BrokenPipeError:
            _silence(stdout)
            raise CommandError("whoever read the output has gone", code=ExitCode.OUTPUT) from None
        except OSError as error:
            _silence(stdout)
            reason = error.strerror or str(error)
            raise CommandError(f"cannot write to standard output: {reason}", code=ExitCode.OUTPUT) from error


class StandardOutput(io.TextIOBase):
    """A text file that writes to a terminal's standard output, with its escapes and its errors.

    For libraries that print to a file: they meet neither a character they cannot encode nor a broken pipe.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a property, where the base class says variable
        """That of standard output."""
        return getattr(self._terminal.stdout, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Whether standard output is a terminal."""
        return self._terminal.prints_to_person

    def write(self, text: str) -> int:
        """Write at once.

        Raises:
            CommandError: it cannot be written.
        """
        self._terminal.write(text.encode(self.encoding, "backslashreplace"))
        return len(text)


def _at_once(job: Callable[[], object]) -> None:
    job()


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _silence(stream: TextIO) -> None:
    """Point a stream at nothing: the interpreter flushes it on exit, and would complain."""
    with contextlib.suppress(OSError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
