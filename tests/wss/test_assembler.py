from __future__ import annotations

import tracemalloc

import pytest

from trio_wss._assembler import Assembler
from trio_wss._decoder import Piece


def test_a_message_in_one_piece() -> None:
    assembler = Assembler()
    assert assembler.add(Piece("hello", True)) == "hello"
    assert assembler.add(Piece(b"\x00\xff", True)) == b"\x00\xff"
    assert assembler.add(Piece("", True)) == ""


def test_messages_in_pieces_one_after_the_other() -> None:
    assembler = Assembler()
    for _ in range(2):
        assert assembler.add(Piece("a\r\n", False)) is None
        assert assembler.add(Piece("", False)) is None
        assert assembler.add(Piece("ü", True)) == "a\r\nü"
        assert assembler.add(Piece(b"a", False)) is None
        assert assembler.add(Piece(b"b", False)) is None
        assert assembler.add(Piece(b"c", True)) == b"abc"


@pytest.mark.parametrize(
    ("piece", "last"),
    [
        (Piece("字", False), Piece("", True)),
        (Piece(b"x", False), Piece(b"", True)),
    ],
)
def test_small_pieces_take_the_memory_of_the_message(piece: Piece, last: Piece) -> None:
    assembler = Assembler()
    count = 5_000
    tracemalloc.start()
    try:
        for _ in range(count):
            assembler.add(piece)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 4 * count  # three bytes for each character, and room for the buffer to grow
    message = assembler.add(last)
    assert message is not None
    assert len(message) == count


def test_what_there_is_of_a_message_can_be_taken() -> None:
    assembler = Assembler()
    assert assembler.take() is None
    assembler.add(Piece("a", False))
    assembler.add(Piece("b", False))
    assert assembler.take() == "ab"
    assert assembler.take() is None
    assert assembler.add(Piece(b"c", True)) == b"c"
