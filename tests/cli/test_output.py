from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.terminal import FakeTerminal
from trio_secure_cli import ExitCode
from trio_secure_cli._failure import CommandError
from trio_secure_cli._output import open_output


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_pipe_gets_every_byte_as_it_comes() -> None:
    terminal = FakeTerminal()
    with open_output(None, terminal) as output:
        output.write(b"\x1b[31m\x00")
        assert terminal.printed == b"\x1b[31m\x00"
        output.write(b"\xff")
        output.finish()
    assert terminal.printed == b"\x1b[31m\x00\xff"


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        ([b"a\nb\tc\r\n"], "a\nb\tc\n"),
        ([b"no line break"], "no line break\n"),
        ([], ""),
        ([b"\x1b[2J\x07"], "\\x1b[2J\\x07\n"),
        ([b"\xe4\xbd", b"\xa0"], "你\n"),
        ([b"cut \xe4\xbd"], "cut \\xe4\\xbd\n"),
    ],
)
def test_a_terminal_gets_text_that_cannot_do_anything_to_it(pieces: list[bytes], shown: str) -> None:
    terminal = FakeTerminal(person="o")
    with open_output(None, terminal) as output:
        for piece in pieces:
            output.write(piece)
        output.finish()
    assert terminal.printed.decode() == shown


def test_a_terminal_gets_nothing_that_is_binary() -> None:
    terminal = FakeTerminal(person="o")
    with open_output(None, terminal) as output, pytest.raises(CommandError, match="is binary") as caught:
        output.write(b"\x7fELF\x02\x01\x01\x00")
    assert caught.value.code is ExitCode.OUTPUT
    assert "-o FILE" in (caught.value.hint or "")
    assert terminal.printed == b""


def test_a_file_appears_when_it_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "body"
    with open_output(path, FakeTerminal()) as output:
        output.write(b"one ")
        assert not path.exists()
        output.write(b"two")
        output.finish()
        assert path.read_bytes() == b"one two"
    assert names(tmp_path) == ["body"]


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    with open_output(tmp_path / "body", FakeTerminal()) as output:
        output.finish()
    assert (tmp_path / "body").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(b"before")
    path.chmod(0o640)
    with open_output(path, FakeTerminal()) as output:
        output.write(b"after")
        assert path.read_bytes() == b"before"
        output.finish()
    assert path.read_bytes() == b"after"
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_comes_does_not_run_as_somebody_else(tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.touch()
    path.chmod(0o4755)
    with open_output(path, FakeTerminal()) as output:
        output.finish()
    assert path.stat().st_mode & 0o7777 == 0o755


def test_what_is_not_finished_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(b"before")
    with open_output(path, FakeTerminal()) as output:
        output.write(b"half of the af")
    assert names(tmp_path) == ["body"]
    assert path.read_bytes() == b"before"


def test_the_file_behind_a_link_is_replaced_and_not_the_link(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"before")
    link = tmp_path / "link"
    link.symlink_to(target)
    with open_output(link, FakeTerminal()) as output:
        output.write(b"after")
        output.finish()
    assert link.is_symlink()
    assert target.read_bytes() == b"after"


def test_a_device_is_written_and_stays_what_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with open_output(pipe, FakeTerminal()) as output:
            output.write(b"body")
            output.finish()
        assert os.read(reader, 10) == b"body"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing/body", "No such file or directory"),
        (".", "Is a directory"),
        ("null\0character", "null"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_file_that_cannot_be_opened_is_reported_at_once(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(CommandError) as caught, open_output(tmp_path / name, FakeTerminal()):
        pass
    assert caught.value.code is ExitCode.OUTPUT
    assert caught.value.message.startswith("cannot open ")
    assert reason in caught.value.message
    assert names(tmp_path) == []


def test_a_disk_that_is_full_is_reported() -> None:
    with (
        open_output(Path("/dev/full"), FakeTerminal()) as output,
        pytest.raises(CommandError) as caught,
    ):
        output.write(b"x" * 1_000_000)
    assert caught.value.message == "cannot write /dev/full: No space left on device"
    assert Path("/dev/full").is_char_device()
