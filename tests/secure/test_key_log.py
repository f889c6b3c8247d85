from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from trio_secure._key_log import KeyLogFile, SecretsLog, key_log_for, key_log_from_environment

_VARIABLE = "SSLKEYLOGFILE"
_posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


@pytest.fixture(autouse=True)
def _no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(_VARIABLE, raising=False)


def test_a_secret_is_a_line_of_label_client_random_and_secret() -> None:
    lines: list[str] = []
    SecretsLog(bytes(31) + b"\xab", lines.append).log("CLIENT_RANDOM", b"\x00\xff")
    assert lines == [f"CLIENT_RANDOM {'00' * 31}ab 00ff"]


def test_lines_are_appended_to_a_file_that_its_owner_alone_may_read(tmp_path: Path) -> None:
    path = tmp_path / "keys.log"
    log = KeyLogFile(str(path))
    assert not path.exists()  # opened with the first line, and not before
    log("one")
    log("two")
    assert path.read_bytes() == b"one\ntwo\n"
    KeyLogFile(str(path))("three")
    assert path.read_text().splitlines() == ["one", "two", "three"]


@_posix
def test_the_file_is_made_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys.log"
    KeyLogFile(str(path))("one")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["missing/keys.log", ".", "a\0b"])
def test_a_file_that_cannot_be_written_warns_once_and_takes_no_more(tmp_path: Path, name: str) -> None:
    log = KeyLogFile(f"{tmp_path}/{name}")
    with pytest.warns(RuntimeWarning, match=r"SSLKEYLOGFILE: cannot write .*; no secrets are logged there"):
        log("one")
    log("two")  # any warning would be an error
    (tmp_path / "missing").mkdir()
    log("three")
    assert list((tmp_path / "missing").iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk is a device of Linux")
def test_a_full_disk_warns_once_too() -> None:
    log = KeyLogFile("/dev/full")
    with pytest.warns(RuntimeWarning, match="No space left"):
        log("one")
    log("two")


def test_lines_of_several_threads_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "keys.log"
    log = KeyLogFile(str(path))
    line = "x" * 200

    def write() -> None:
        for _ in range(50):
            log(line)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text().splitlines() == [line] * 200


def test_the_environment_names_one_file_for_all_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert key_log_from_environment() is None
    monkeypatch.setenv(_VARIABLE, "")
    assert key_log_from_environment() is None
    monkeypatch.setenv(_VARIABLE, str(tmp_path / "a.log"))
    first = key_log_from_environment()
    assert first is not None
    assert key_log_from_environment() is first
    monkeypatch.setenv(_VARIABLE, str(tmp_path / "b.log"))
    assert key_log_from_environment() is not first


def test_python_may_be_told_to_pass_over_the_environment(tmp_path: Path) -> None:
    code = "from trio_secure._key_log import key_log_from_environment as log; print(log() is None)"
    environment = {**os.environ, _VARIABLE: str(tmp_path / "keys.log")}
    run = [sys.executable, "-E", "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "True\n"


def test_lines_go_to_the_callable_and_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    assert key_log_for(None) is None
    assert key_log_for(lines.append) == lines.append
    path = tmp_path / "keys.log"
    monkeypatch.setenv(_VARIABLE, str(path))
    assert key_log_for(None) is key_log_from_environment()
    both = key_log_for(lines.append)
    assert both is not None
    both("one")
    assert lines == ["one"]
    assert path.read_text() == "one\n"
