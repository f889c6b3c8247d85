from __future__ import annotations

import json

import pytest

from support.terminal import FakeTerminal
from trio_secure_cli import _certs_table
from trio_secure_cli._certs_table import print_json, print_table

HEADINGS = ("CA", "name", "notes")
ROWS = [("ca1", "Ő \x1b[2J", ""), ("ca10", "B", "expired")]


def is_missing(package: str) -> bool:
    return False


def test_a_pipe_gets_columns() -> None:
    terminal = FakeTerminal()
    print_table(terminal, HEADINGS, ROWS)
    assert terminal.printed.decode().splitlines() == [
        "CA    name       notes",
        r"ca1   Ő \x1b[2J",
        "ca10  B          expired",
    ]


def test_a_person_gets_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    terminal = FakeTerminal(person="o")
    print_table(terminal, HEADINGS, ROWS)
    printed = terminal.printed.decode()
    assert "────" in printed
    assert r"Ő \x1b[2J" in printed
    assert "[2J" in printed
    assert "\x1b[2J" not in printed


def test_markup_in_a_name_is_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    terminal = FakeTerminal(person="o")
    print_table(terminal, HEADINGS, [("ca1", "[bold]x[/bold]", "")])
    assert "[bold]x[/bold]" in terminal.printed.decode()


def test_without_rich_a_person_gets_columns_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_certs_table, "is_installed", is_missing)
    terminal = FakeTerminal(person="o")
    print_table(terminal, HEADINGS, ROWS)
    assert terminal.printed.decode().startswith("CA    name       notes\n")


def test_json_is_json_on_any_terminal() -> None:
    terminal = FakeTerminal(encoding="ascii")
    print_json(terminal, {"name": "Ő\x1b"})
    assert json.loads(terminal.printed) == {"name": "Ő\x1b"}
    assert terminal.printed.isascii()
