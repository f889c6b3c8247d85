from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio

from support.terminal import typed
from trio_secure_cli._failure import CommandError
from trio_secure_cli._lines import LONGEST_LINE, LineReader


async def lines_of(descriptor: int, separator: bytes = b"\n") -> list[bytes]:
    reader = LineReader(descriptor, separator)
    found: list[bytes] = []
    while (line := await reader.next_line()) is not None:
        found.append(line)
    assert await reader.next_line() is None
    assert reader.number == len(found)
    return found


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"", []),
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\r\n\n\xff", [b"a\r", b"", b"\xff"]),
        (b"\n", [b""]),
    ],
)
async def test_the_input_is_split_at_line_breaks(text: bytes, lines: list[bytes]) -> None:
    with typed(text) as stdin:
        assert await lines_of(stdin.fileno()) == lines


async def test_a_file_is_an_input_too_and_lines_may_span_reads(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(b"x" * 200_000 + b"\ny\n")
    descriptor = os.open(path, os.O_RDONLY)
    try:
        assert await lines_of(descriptor) == [b"x" * 200_000, b"y"]
    finally:
        os.close(descriptor)


async def test_waiting_for_a_line_can_be_cancelled() -> None:
    with typed(b"half a li", ends=False) as stdin, trio.move_on_after(0.02) as scope:
        await LineReader(stdin.fileno()).next_line()
    assert scope.cancelled_caught


async def test_another_byte_may_be_the_separator() -> None:
    with typed(b"a\nb\0c\0") as stdin:
        assert await lines_of(stdin.fileno(), b"\0") == [b"a\nb", b"c"]


async def test_what_comes_can_be_taken_as_it_comes() -> None:
    with typed(b"a\nb") as stdin:
        reader = LineReader(stdin.fileno())
        assert await reader.read() == b"a\nb"
        assert await reader.read() == b""


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
