from __future__ import annotations

import pytest

from support.terminal import FakeTerminal
from trio_secure_cli import _progress
from trio_secure_cli._progress import progress


def test_in_a_pipe_nothing_is_shown() -> None:
    terminal = FakeTerminal(person="o")
    with progress(terminal, "big.bin", 100) as advance:
        advance(100)
    assert terminal.said == ""
    assert terminal.printed == b""


def test_a_person_sees_how_far_it_is_and_how_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "_REDRAW_SECONDS", 0)
    terminal = FakeTerminal(person="e")
    with progress(terminal, "big.bin", 4 << 20) as advance:
        advance(1 << 20)
        assert "1.0/4.0 MiB" in terminal.said
        assert "25%" in terminal.said
        advance(3 << 20)
    assert "4.0/4.0 MiB" in terminal.said
    assert "100%" in terminal.said
    assert "B/s" in terminal.said
    assert terminal.printed == b""


def test_without_a_known_size_there_is_no_percentage() -> None:
    terminal = FakeTerminal(person="e")
    with progress(terminal, "big.bin", None) as advance:
        advance(1 << 20)
    assert "1.0 MiB" in terminal.said.replace("/?", "")
    assert "%" not in terminal.said


def test_it_is_not_drawn_for_every_piece() -> None:
    terminal = FakeTerminal(person="e")
    with progress(terminal, "big.bin", 1000) as advance:
        for _ in range(1000):
            advance(1)
    assert terminal.said.count("big.bin") < 20


def test_a_name_is_never_markup_and_never_moves_the_cursor() -> None:
    terminal = FakeTerminal(person="e")
    with progress(terminal, "[red]a\x1b[2Jb[/red]", 10) as advance:
        advance(10)
    assert r"[red]a\x1b[2Jb[/red]" in terminal.said


def test_without_rich_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_installed(package: str) -> bool:
        return False

    monkeypatch.setattr(_progress, "is_installed", is_installed)
    terminal = FakeTerminal(person="e")
    with progress(terminal, "big.bin", 10) as advance:
        advance(10)
    assert terminal.said == 'for a progress bar: pip install "trio-secure[cli]"\n'
