from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio

from support.terminal import typed
from trio_secure_cli._failure import CommandError
from trio_secure_cli._lines import LONGEST_LINE, LineReader


async def lines_of(descriptor: int) -> list[str]:
    reader = LineReader(descriptor)
    found: list[str] = []
    while (line := await reader.next_line()) is not None:
        found.append(line)
    assert await reader.next_line() is None
    return found


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"", []),
        (b"a\nb\n", ["a", "b"]),
        (b"a\r\n\r\nb", ["a", "", "b"]),
        (b"\n", [""]),
        ("Grüße, 你好".encode(), ["Grüße, 你好"]),
    ],
)
async def test_the_input_is_split_at_line_breaks(text: bytes, lines: list[str]) -> None:
    with typed(text) as stdin:
        assert await lines_of(stdin.fileno()) == lines


async def test_a_file_is_an_input_too_and_lines_may_span_reads(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(b"x" * 200_000 + b"\ny\n")
    descriptor = os.open(path, os.O_RDONLY)
    try:
        assert await lines_of(descriptor) == ["x" * 200_000, "y"]
    finally:
        os.close(descriptor)


async def test_waiting_for_a_line_can_be_cancelled() -> None:
    with typed(b"half a li", ends=False) as stdin, trio.move_on_after(0.02) as scope:
        await LineReader(stdin.fileno()).next_line()
    assert scope.cancelled_caught


async def test_what_is_not_text_is_refused_with_its_place() -> None:
    with typed(b"good\nb\xffd\n") as stdin:
        reader = LineReader(stdin.fileno())
        assert await reader.next_line() == "good"
        with pytest.raises(CommandError, match="line 2 of the input is not UTF-8: byte 2 is 0xff"):
            await reader.next_line()


async def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(b"x" * (LONGEST_LINE + 100_000))
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with pytest.raises(CommandError, match="line 1 of the input is longer than 1048576 bytes"):
            await LineReader(descriptor).next_line()
    finally:
        os.close(descriptor)


async def test_an_input_that_fails_is_reported(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(CommandError, match="the input cannot be read: Is a directory"):
            await LineReader(descriptor).next_line()
    finally:
        os.close(descriptor)
