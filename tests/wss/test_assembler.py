from __future__ import annotations

import tracemalloc

import pytest
from wsproto.events import BytesMessage, TextMessage

from trio_wss._assembler import Assembler


def test_a_message_in_one_piece() -> None:
    assembler = Assembler()
    assert assembler.add(TextMessage("hello")) == "hello"
    assert assembler.add(BytesMessage(b"\x00\xff")) == b"\x00\xff"
    assert assembler.add(TextMessage("")) == ""


def test_messages_in_pieces_one_after_the_other() -> None:
    assembler = Assembler()
    for _ in range(2):
        assert assembler.add(TextMessage("a\r\n", message_finished=False)) is None
        assert assembler.add(TextMessage("", message_finished=False)) is None
        assert assembler.add(TextMessage("ü")) == "a\r\nü"
        assert assembler.add(BytesMessage(b"a", message_finished=False)) is None
        assert assembler.add(BytesMessage(bytearray(b"b"), message_finished=False)) is None
        assert assembler.add(BytesMessage(b"c")) == b"abc"


@pytest.mark.parametrize(
    ("piece", "last"),
    [
        (TextMessage("字", message_finished=False), TextMessage("")),
        (BytesMessage(b"x", message_finished=False), BytesMessage(b"")),
    ],
)
def test_small_pieces_take_the_memory_of_the_message(
    piece: TextMessage | BytesMessage, last: TextMessage | BytesMessage
) -> None:
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
