from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import stat
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from trio_https import DownloadBusy, DownloadError
from trio_https._file_locks import try_lock
from trio_https._partial_file import Origin, PartialFile, hashed

URL = "https://h.example/x"
ORIGIN = Origin(hashed(URL), URL, '"1"', 10, {"sha-256": bytes(32)})


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "file.bin"


@pytest.fixture
def file(target: Path) -> Generator[PartialFile]:
    file = PartialFile.open(target)
    yield file
    file.close(keep=False)


def names(target: Path) -> list[str]:
    return sorted(entry.name for entry in target.parent.iterdir())


def reopened(target: Path, url: str = URL) -> PartialFile:
    file = PartialFile.open(target)
    for _ in file.load(url):
        pass
    return file


def test_what_has_come_is_there_in_a_later_process(target: Path, file: PartialFile) -> None:
    file.begin(ORIGIN, [(0, 4), (4, 10)])
    file.parts[1].write(b"45")
    file.parts[0].write(b"0123")
    file.parts[1].write(memoryview(b"6"))
    assert file.received == 7
    assert [part.complete for part in file.parts] == [True, False]
    file.close(keep=True)
    assert names(target) == [".file.bin.part", ".file.bin.part.json"]
    later = reopened(target)
    assert later.origin == ORIGIN
    assert [(part.start, part.end, part.length) for part in later.parts] == [(0, 4, 4), (4, 10, 3)]
    assert later.parts[1].sha256 == hashlib.sha256(b"456").digest()
    later.parts[1].write(b"789")
    assert later.read_at(2, 5) == b"23456"
    later.finish()
    later.close(keep=True)
    assert target.read_bytes() == b"0123456789"
    assert names(target) == ["file.bin"]


def test_without_a_name_for_the_end_it_goes_as_far_as_it_goes(target: Path, file: PartialFile) -> None:
    file.begin(dataclasses.replace(ORIGIN, total=None, digests={}), [(0, None)])
    file.parts[0].write(b"abc")
    assert not file.parts[0].complete
    file.close(keep=True)
    later = reopened(target)
    assert (later.parts[0].end, later.received) == (None, 3)
    later.close(keep=False)
    assert names(target) == []


def test_nothing_is_kept_that_nobody_can_go_on_with(target: Path) -> None:
    for origin, data in ((dataclasses.replace(ORIGIN, validator=None), b"abc"), (ORIGIN, b"")):
        file = PartialFile.open(target)
        file.begin(origin, [(0, 10)])
        file.parts[0].write(data)
        file.close(keep=True)
        assert names(target) == []
    PartialFile.open(target).close(keep=True)
    assert names(target) == []


def test_what_is_forgotten_is_gone(target: Path, file: PartialFile) -> None:
    file.begin(ORIGIN, [(0, 10)])
    file.parts[0].write(b"abc")
    file.forget()
    assert (file.origin, file.received, file.read_at(0, 10)) == (None, 0, b"")
    assert names(target) == [".file.bin.part"]


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"url": hashed("other")},
        {"total": 11},
        {"total": "x"},
        {"parts": []},
        {"parts": [[0, 10, 3, "00"]]},
        {"parts": [[0, 10, 4, hashlib.sha256(b"abc").hexdigest()]]},
        {"parts": [[0, 10, 11, ""]]},
        {"parts": [[0, 10, -1, ""]]},
        {"parts": [[1, 10, 3, hashlib.sha256(b"abc").hexdigest()]]},
        {"parts": [[0, 3, 3, hashlib.sha256(b"abc").hexdigest()], [4, 10, 0, ""]]},
        {"parts": [[0, 10, 3]]},
        {"parts": [[0, 10, 3, "zz"]]},
        {"parts": 5},
        {"parts": [[0, 1, 0, ""]] * 1025},
        {"digests": {"sha-256": 5}},
    ],
)
def test_a_state_that_makes_no_sense_is_none(
    target: Path, file: PartialFile, changes: dict[str, Any]
) -> None:
    file.begin(ORIGIN, [(0, 10)])
    file.parts[0].write(b"abc")
    file.close(keep=True)
    state = target.with_name(".file.bin.part.json")
    state.write_text(json.dumps(json.loads(state.read_text()) | changes))
    later = reopened(target)
    assert (later.origin, later.parts) == (None, [])
    later.close(keep=False)


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "\xff"])
def test_a_state_that_is_no_state_is_none(target: Path, text: str) -> None:
    target.with_name(".file.bin.part").write_bytes(b"abc")
    target.with_name(".file.bin.part.json").write_text(text, "latin-1")
    later = reopened(target)
    assert later.origin is None
    later.close(keep=False)


def test_two_cannot_have_it(target: Path, file: PartialFile) -> None:
    with pytest.raises(DownloadBusy, match="is locked"):
        PartialFile.open(target)
    file.close(keep=False)
    PartialFile.open(target).close(keep=False)


def test_one_that_was_removed_before_it_was_locked_is_made_again(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = target.with_name(".file.bin.part")
    real = try_lock
    removals = [1]

    def lock(descriptor: int) -> bool:
        if removals and removals.pop():
            path.unlink()
        return real(descriptor)

    monkeypatch.setattr("trio_https._partial_file.try_lock", lock)
    PartialFile.open(target).close(keep=False)
    removals[:] = [1, 1, 1]
    with pytest.raises(DownloadBusy, match="again and again"):
        PartialFile.open(target)
    removals[:] = [0]

    def replaced(descriptor: int) -> bool:
        if removals:
            removals.pop()
            path.unlink()
            path.touch()
        return real(descriptor)

    monkeypatch.setattr("trio_https._partial_file.try_lock", replaced)
    PartialFile.open(target).close(keep=False)


def test_it_goes_where_a_link_leads_with_the_permissions_of_what_was_there(target: Path) -> None:
    real = target.with_name("real")
    real.write_bytes(b"before")
    real.chmod(0o640)
    target.symlink_to(real)
    file = PartialFile.open(target)
    file.begin(ORIGIN, [(0, 3)])
    file.parts[0].write(b"abc")
    file.finish()
    assert target.is_symlink()
    assert real.read_bytes() == b"abc"
    if sys.platform != "win32":
        assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="not a file that can be replaced"):
        PartialFile.open(tmp_path)
    with pytest.raises(FileNotFoundError):
        PartialFile.open(tmp_path / "absent" / "file")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other owners and links")
def test_what_somebody_else_has_put_there_is_not_gone_on_with(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = target.with_name(".file.bin.part")
    part.symlink_to(target.with_name("elsewhere"))
    with pytest.raises(OSError, match="symbolic links"):
        PartialFile.open(target)
    part.unlink()
    os.mkfifo(part)
    with pytest.raises(DownloadError, match="in the way"):
        PartialFile.open(target)
    part.unlink()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(DownloadError, match="in the way"):
        PartialFile.open(target)


def test_a_long_name_has_a_short_one_beside_it(tmp_path: Path) -> None:
    first, second = (PartialFile.open(tmp_path / ("x" * 200 + end)) for end in "ab")
    assert first.path != second.path
    assert max(len(name) for name in names(first.path)) < 100
    for each in (first, second):
        each.close(keep=False)


def test_what_cannot_be_written_down_is_no_failure_at_the_end(
    target: Path, file: PartialFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.begin(ORIGIN, [(0, 10)])
    file.parts[0].write(b"abc")

    def full(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(Path, "write_text", full)
    file.close(keep=True)
    later = reopened(target)
    assert later.received == 0  # as far as the state goes that was written before
    later.close(keep=False)


def test_what_nobody_has_taken_up_is_left_as_it_is(target: Path, file: PartialFile) -> None:
    file.begin(ORIGIN, [(0, 10)])
    file.parts[0].write(b"abc")
    file.close(keep=True)
    before = names(target)
    for url in (URL, "https://other.example/"):
        # Given up while it is being read, or when another download has come to nothing.
        other = PartialFile.open(target)
        for _ in other.load(url):
            break
        other.close(keep=True)
        assert names(target) == before
    later = reopened(target)
    assert later.received == 3
    later.close(keep=False)
    assert names(target) == []


def test_nothing_stays_of_somebody_who_was_stopped_while_writing(target: Path, file: PartialFile) -> None:
    target.with_name(".file.bin.part.json.new").write_text("half")
    file.begin(ORIGIN, [(0, 3)])
    file.parts[0].write(b"abc")
    target.with_name(".file.bin.part.json.new").write_text("half")
    file.finish()
    assert names(target) == ["file.bin"]
