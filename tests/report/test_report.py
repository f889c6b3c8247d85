from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio

from support.reports import traced
from trio_secure_report import render_report, write_report


async def test_a_report_is_one_file_in_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    events = await traced()
    write_report(iter(events), path, now=now)
    assert path.read_text("utf-8") == render_report(events, now=now)
    assert "2026-01-02 03:04:05 UTC" in path.read_text("utf-8")


def test_it_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    write_report([], str(path))
    assert path.read_text().startswith("<!doctype html>")
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_with_secrets_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    cases: dict[str, Any] = {"a": {"secrets": True}, "b": {"key_log": ["CLIENT_RANDOM 0 0"]}}
    for name, settings in cases.items():
        write_report([], tmp_path / name, **settings)
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert "CLIENT_RANDOM 0 0" in (tmp_path / "b").read_text()


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory"):
        write_report([], tmp_path)
    with pytest.raises(FileNotFoundError):
        write_report([], tmp_path / "none" / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_an_error_without_words_has_its_name() -> None:
    assert "TooSlowError" in render_report([], error=trio.TooSlowError())
    assert "no route" in render_report([], error=OSError("no route"))
