from __future__ import annotations

import os

import pytest

from trio_secure_cli._notation import Framing, Notation


def test_each_framing_knows_what_stands_between_messages() -> None:
    assert [framing.value for framing in Framing] == [b"\n", b"\0", b""]


@pytest.mark.parametrize(
    ("notation", "written", "message"),
    [
        (Notation.TEXT, "Grüße".encode(), "Grüße"),
        (Notation.BINARY, b"\xff\r", b"\xff\r"),
        (Notation.HEX, b"00 fF", b"\x00\xff"),
        (Notation.BASE64, b"AP8=", b"\x00\xff"),
        (Notation.BASE64, b"AP\n8=\r", b"\x00\xff"),
        (Notation.HEX, b"", b""),
    ],
)
def test_a_message_is_read_in_its_notation(notation: Notation, written: bytes, message: str | bytes) -> None:
    assert notation.read(written) == message


@pytest.mark.parametrize("notation", [Notation.BINARY, Notation.HEX, Notation.BASE64])
def test_what_is_written_can_be_read_again(notation: Notation) -> None:
    message = os.urandom(1000)
    assert notation.read(notation.write(message)) == message


@pytest.mark.parametrize(
    ("notation", "written", "complaint"),
    [
        (Notation.TEXT, b"b\xffd", "not UTF-8: byte 2 is 0xff"),
        (Notation.HEX, b"0g", "not hexadecimal digits in pairs"),
        (Notation.HEX, b"\xff", "not UTF-8: byte 1 is 0xff"),
        (Notation.BASE64, b"AP8", "not Base64"),
        (Notation.BASE64, b"A*8=", "not Base64"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(
    notation: Notation, written: bytes, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        notation.read(written)


def test_bytes_among_text_are_marked() -> None:
    assert Notation.TEXT.write(b"\x00\xff") == b"(binary, 2 bytes) 00ff"
