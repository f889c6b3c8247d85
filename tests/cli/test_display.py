from __future__ import annotations

import pytest

from support.terminal import FakeTerminal
from trio_secure_cli._display import Display
from trio_secure_cli._notation import Framing, Notation

TEXT = "a\x1b[2J\n\tb"
BYTES = b"\x00\xff"


def shown(terminal: FakeTerminal, display: Display, *messages: str | bytes) -> bytes:
    for message in messages or (TEXT, BYTES):
        display.show(message)
    return terminal.printed


@pytest.mark.parametrize(
    ("notation", "framing", "printed"),
    [
        (Notation.TEXT, Framing.LINES, b"a\x1b[2J\n\tb\n(binary, 2 bytes) 00ff\n"),
        (Notation.BINARY, Framing.LINES, b"a\x1b[2J\n\tb\n\x00\xff\n"),
        (Notation.HEX, Framing.NULLS, b"a\x1b[2J\n\tb\x0000ff\x00"),
        (Notation.BASE64, Framing.LINES, b"a\x1b[2J\n\tb\nAP8=\n"),
        (Notation.BINARY, Framing.WHOLE, b"a\x1b[2J\n\tb\x00\xff"),
    ],
)
def test_a_pipe_gets_every_byte(notation: Notation, framing: Framing, printed: bytes) -> None:
    terminal = FakeTerminal()
    assert shown(terminal, Display(terminal, notation, framing)) == printed


@pytest.mark.parametrize(
    ("notation", "second"),
    [
        (Notation.TEXT, b"(binary, 2 bytes) 00ff"),
        (Notation.BINARY, b"(binary, 2 bytes) 00ff"),
        (Notation.HEX, b"00ff"),
        (Notation.BASE64, b"AP8="),
    ],
)
def test_a_terminal_gets_nothing_that_could_harm_it(notation: Notation, second: bytes) -> None:
    terminal = FakeTerminal(person="o")
    assert shown(terminal, Display(terminal, notation)) == b"a\\x1b[2J\n\tb\n" + second + b"\n"


def test_json_is_indented_on_request() -> None:
    terminal = FakeTerminal()
    display = Display(terminal, Notation.BINARY, json=True)
    printed = shown(terminal, display, '{"a":1}', "no json", b'{"a":1}')
    assert printed == b'{\n  "a": 1\n}\nno json\n{"a":1}\n'


def test_json_is_left_alone_otherwise() -> None:
    terminal = FakeTerminal()
    assert shown(terminal, Display(terminal), '{"a":1}') == b'{"a":1}\n'
