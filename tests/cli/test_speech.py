from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterator
from typing import cast

import pytest

from support.terminal import FakeTerminal, typed
from trio_secure_cli._failure import CommandError
from trio_secure_cli._lines import LineReader
from trio_secure_cli._notation import Framing, Notation
from trio_secure_cli._prompt import Prompt
from trio_secure_cli._speech import Piped, Speech, Typed

LINES, NULLS, WHOLE = Framing.LINES, Framing.NULLS, Framing.WHOLE


async def said(speech: Speech) -> list[str | bytes | list[str | bytes]]:
    """All messages; those in fragments as lists."""
    messages: list[str | bytes | list[str | bytes]] = []
    while (message := await speech.next_message()) is not None:
        if isinstance(message, AsyncGenerator):
            messages.append([fragment async for fragment in message])
        else:
            messages.append(message)
        await speech.heard()
    return messages


async def piped(text: bytes, notation: Notation, framing: Framing) -> list[str | bytes | list[str | bytes]]:
    with typed(text) as stdin:
        return await said(Piped(LineReader(stdin.fileno(), framing.value), notation, framing))


@pytest.mark.parametrize(
    ("notation", "framing", "text", "messages"),
    [
        (Notation.TEXT, LINES, b"a\r\n\nb", ["a", "", "b"]),
        (Notation.TEXT, NULLS, b"a\r\0b\n", ["a\r", "b\n"]),
        (Notation.BINARY, LINES, b"\xff\r\n\0", [b"\xff\r", b"\0"]),
        (Notation.HEX, LINES, b"00ff\r\n", [b"\x00\xff"]),
        (Notation.TEXT, WHOLE, "a\nü\0".encode(), [["a\nü\0"]]),
        (Notation.BINARY, WHOLE, b"\xff\n", [[b"\xff\n"]]),
        (Notation.TEXT, WHOLE, b"", []),
    ],
)
async def test_a_pipe_is_cut_into_messages(
    notation: Notation, framing: Framing, text: bytes, messages: list[str | bytes]
) -> None:
    assert await piped(text, notation, framing) == messages


async def test_what_cannot_be_sent_is_refused_with_its_place() -> None:
    with pytest.raises(CommandError, match="line 2 of the input is not UTF-8: byte 2 is 0xff"):
        await piped(b"good\nb\xffd\n", Notation.TEXT, LINES)
    with pytest.raises(CommandError, match="the input is not UTF-8: invalid start byte"):
        await piped(b"b\xffd\n", Notation.TEXT, WHOLE)


async def test_text_of_any_length_goes_out_in_fragments(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: Iterator[bytes] = iter([b"a\xc3", b"\xbc\xe2", b"\x82\xac", b""])

    def read(_descriptor: int, _size: int) -> bytes:
        return next(pieces)

    monkeypatch.setattr(os, "read", read)
    speech = Piped(LineReader(0), Notation.TEXT, WHOLE)
    assert await said(speech) == [["a", "ü", "€"]]


async def test_a_character_that_is_not_finished_is_refused() -> None:
    with pytest.raises(CommandError, match="the input is not UTF-8: unexpected end of data"):
        await piped(b"a\xc3", Notation.TEXT, WHOLE)


class FakePrompt:
    """The part of a prompt that is used."""

    def __init__(self, *lines: str) -> None:
        self._lines = iter(lines)
        self.waited = 0

    async def next_line(self) -> str | None:
        return next(self._lines, None)

    async def caught_up(self) -> None:
        self.waited += 1


async def test_a_person_is_told_what_cannot_be_sent_and_tries_again() -> None:
    terminal = FakeTerminal()
    prompt = FakePrompt("00f", "00ff", "\udcff")
    speech = Typed(cast("Prompt", prompt), Notation.HEX, terminal)
    assert await said(speech) == [b"\x00\xff"]
    assert [line.partition(":")[0] for line in terminal.said.splitlines()] == ["not sent", "not sent"]
    assert prompt.waited == 1
