"""Where a downloaded body goes.

Theory of operation: an `Output` takes the body piece by piece and is finished once, when all of it has come;
leaving it unfinished undoes it. `FileOutput` writes beside the file and renames, so that under the name asked
for there is either what was there before or the whole body. A name that is not a regular file (`/dev/null`, a
named pipe) is written directly: there is nothing to rename. On a terminal the body is text from a stranger,
and escaped; a body that is no text is refused there.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from ._exit_codes import ExitCode
from ._failure import CommandError
from ._terminal import StandardOutput, Terminal
from ._text import printable


class Output(Protocol):
    """A place for a body."""

    def write(self, data: bytes) -> None:
        """Take the next piece."""
        ...

    def finish(self) -> None:
        """All of it was written: make it count."""
        ...


@contextmanager
def open_output(path: Path | None, terminal: Terminal) -> Generator[Output]:
    """The output for `path`, or for standard output when it is None.

    Raises:
        CommandError: with the exit code OUTPUT, when it cannot be written.
    """
    if path is None:
        yield TerminalOutput(terminal) if terminal.prints_to_person else PipeOutput(terminal)
        return
    output = FileOutput(path)
    try:
        yield output
    finally:
        output.close()


class PipeOutput:
    """Standard output, byte for byte."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def write(self, data: bytes) -> None:
        """Pass on the next piece at once."""
        self._terminal.write(data)

    def finish(self) -> None:
        """Nothing is held back."""


class TerminalOutput:
    """A terminal: UTF-8 text, with everything escaped that is neither printable nor a line break or tab.

    A null byte is in no text: what has one would fill the screen with what nobody can read.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._at_line_start = True

    def write(self, data: bytes) -> None:
        """Show the next piece.

        Raises:
            CommandError: it is not text.
        """
        if b"\0" in data:
            raise CommandError(
                "what comes is binary, and this is a terminal",
                "write it to a file with -o FILE or -O, or into a pipe",
                code=ExitCode.OUTPUT,
            )
        self._show(self._decoder.decode(data))

    def finish(self) -> None:
        """End the last line, so that the prompt stands on its own."""
        self._show(self._decoder.decode(b"", final=True))
        if not self._at_line_start:
            self._terminal.write(b"\n")

    def _show(self, text: str) -> None:
        if text:
            safe = printable(text.replace("\r\n", "\n"), keep="\n\t", cap=None)
            StandardOutput(self._terminal).write(safe)
            self._at_line_start = safe.endswith("\n")


def _is_file_or_missing(path: Path) -> bool:
    # Not `path.exists()`, which from Python 3.14 on takes whatever is wrong with a name for its absence.
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


class FileOutput:
    """A file that appears, or changes, only when it is finished."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._reporting("open"):
            # The target of a symbolic link is replaced, not the link.
            target = path.resolve()
            self._target = target
            self._replaces = _is_file_or_missing(target)
            self._partial = (
                target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}.part")
                if self._replaces
                else target
            )
            self._file: BinaryIO = self._partial.open("xb" if self._replaces else "wb")

    def write(self, data: bytes) -> None:
        """Write the next piece.

        Raises:
            CommandError: the disk is full, or the file cannot be written for another reason.
        """
        with self._reporting("write"):
            self._file.write(data)

    def finish(self) -> None:
        """Put the whole body under its name, with the permissions of the file it replaces.

        Raises:
            CommandError: it cannot be written.
        """
        with self._reporting("write"):
            self._file.flush()
            if self._replaces:
                os.fsync(self._file.fileno())
            self._file.close()
            if self._replaces:
                if self._target.exists():
                    # But not to run as somebody else.
                    self._partial.chmod(self._target.stat().st_mode & 0o777)
                self._partial.replace(self._target)

    def close(self) -> None:
        """Let go of the file; what was not finished is removed."""
        with contextlib.suppress(OSError):  # what could not be written was already reported
            self._file.close()
        if self._replaces:
            with contextlib.suppress(OSError):
                self._partial.unlink(missing_ok=True)

    @contextmanager
    def _reporting(self, action: str) -> Generator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # a name with a null character is a ValueError
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise CommandError(f"cannot {action} {self._path}: {reason}", code=ExitCode.OUTPUT) from error
