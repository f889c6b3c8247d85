from __future__ import annotations

import io
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.terminal import FakeTerminal, Screen, typed
from trio_secure_cli import ExitCode
from trio_secure_cli._failure import CommandError
from trio_secure_cli._terminal import StandardOutput, Terminal


class Refusing(io.RawIOBase):
    """A file whose writes fail."""

    def __init__(self, error: OSError, descriptor: int) -> None:
        self._error = error
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: object, /) -> int:
        raise self._error


@contextmanager
def refusing(error: OSError, path: Path) -> Generator[io.TextIOWrapper]:
    """A stream over the file `path` whose writes fail; what its buffer still holds is given up at the end."""
    with path.open("wb") as file:
        raw = Refusing(error, file.fileno())
        yield io.TextIOWrapper(io.BufferedWriter(raw))
        raw.close()


def test_output_goes_out_as_it_is_and_talk_goes_to_standard_error() -> None:
    terminal = FakeTerminal()
    terminal.write(b"\x00\xff")
    terminal.print("Grüße")
    terminal.say("on it")
    assert terminal.printed == b"\x00\xff" + "Grüße\n".encode()
    assert terminal.said == "on it\n"


def test_characters_that_the_output_does_not_know_are_escaped() -> None:
    terminal = FakeTerminal(encoding="ascii")
    terminal.print("✓ Grüße")
    assert terminal.printed == b"\\u2713 Gr\\xfc\\xdfe\n"


@pytest.mark.parametrize("person", ["", "i", "o", "e", "ioe"])
def test_it_is_known_where_a_person_is(person: str) -> None:
    terminal = Terminal(Screen(terminal="i" in person), *(Screen(terminal=who in person) for who in "oe"))
    assert terminal.reads_from_person == ("i" in person)
    assert terminal.prints_to_person == ("o" in person)
    assert terminal.talks_to_person == ("e" in person)


def test_the_input_is_a_descriptor() -> None:
    with typed(b"abc") as stdin:
        descriptor = FakeTerminal(stdin).input_descriptor
        assert os.read(descriptor, 10) == b"abc"


def test_streams_that_are_closed_are_no_traceback() -> None:
    terminal = Terminal(None, None, None)
    terminal.say("nobody hears this")
    assert not terminal.talks_to_person
    with pytest.raises(CommandError, match="standard input is closed"):
        _ = terminal.input_descriptor
    with pytest.raises(CommandError, match="standard output is closed") as caught:
        terminal.print("nor this")
    assert caught.value.code is ExitCode.OUTPUT


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (BrokenPipeError(32, "Broken pipe"), "whoever read the output has gone"),
        (OSError(28, "No space left on device"), "cannot write to standard output: No space left on device"),
        (OSError("odd"), "cannot write to standard output: odd"),
    ],
)
def test_output_that_fails_is_reported_and_not_tried_again_at_exit(
    tmp_path: Path, error: OSError, message: str
) -> None:
    path = tmp_path / "out"
    with refusing(error, path) as stream:
        with pytest.raises(CommandError) as caught:
            Terminal(None, stream, None).write(b"x")
        assert caught.value.message == message
        assert caught.value.code is ExitCode.OUTPUT
        # What the interpreter still writes when it exits goes nowhere.
        os.write(stream.fileno(), b"late")
    assert path.read_bytes() == b""


def test_a_complaint_nobody_can_hear_is_dropped(tmp_path: Path) -> None:
    with refusing(BrokenPipeError(), tmp_path / "err") as stream:
        Terminal(None, None, stream).say("x")


def test_libraries_print_through_the_same_care() -> None:
    terminal = FakeTerminal(person="o", encoding="ascii")
    file = StandardOutput(terminal)
    assert (file.encoding, file.isatty(), file.write("ü")) == ("ascii", True, 1)
    assert terminal.printed == b"\\xfc"
    assert StandardOutput(Terminal(None, None, None)).encoding == "utf-8"


def test_what_is_printed_can_be_held_back() -> None:
    terminal = FakeTerminal()
    held: list[Callable[[], object]] = []
    with terminal.printing_through(held.append):
        terminal.print("one")
        terminal.say("two")
        assert (terminal.printed, terminal.said) == (b"", "")
        for job in held:
            job()
        assert (terminal.printed, terminal.said) == (b"one\n", "two\n")
    terminal.print("three")
    assert terminal.printed == b"one\nthree\n"
