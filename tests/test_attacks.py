"""Every attack in docs/attacks.md names a file that stops it and a test that shows it, and both exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_TICKED = re.compile(r"`([^`]+)`")


def _rows() -> list[list[str]]:
    """The cells of each row: attack, files, tests."""
    lines = (ROOT / "docs" / "attacks.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return [cells for cells in rows if cells[0] not in {"attack", "---"}]


_rows_by_attack = pytest.mark.parametrize("cells", _rows(), ids=lambda cells: str(cells[0]))


@_rows_by_attack
def test_the_files_that_stop_an_attack_exist(cells: list[str]) -> None:
    files = _TICKED.findall(cells[1])
    assert files
    assert [file for file in files if not (ROOT / file).is_file()] == []


@_rows_by_attack
def test_the_tests_that_show_it_exist(cells: list[str]) -> None:
    tests = _TICKED.findall(cells[2])
    assert tests
    for test in tests:
        file, _, name = test.partition("::")
        functions = {
            node.name
            for node in ast.walk(ast.parse((ROOT / file).read_text()))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert name in functions, test
