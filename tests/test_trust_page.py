"""docs/trust.md keeps its promises: its code imports what exists, and its tables are those of the code."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import trio_certs
from trio_certs import Reason
from trio_certs._source import TIER_NAMES
from trio_secure._trust import _ALERTS  # pyright: ignore[reportPrivateUsage]

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "trust.md").read_text()
_BLOCKS = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its own two lines."""
    below = PAGE[PAGE.index(f"# {heading}\n") :]
    lines = [line for line in below[: below.find("\n#", 1)].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_its_code_compiles_and_imports_public_names() -> None:
    blocks = _BLOCKS.findall(PAGE)
    assert blocks
    for code in blocks:
        tree = compile(code, "docs/trust.md", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("trio_"):
                assert {alias.name for alias in node.names} <= set(
                    importlib.import_module(node.module).__all__
                )


def test_every_reason_is_there_with_its_alert() -> None:
    table = {cells[0].strip("`"): cells[2].strip("`") for cells in _rows("Refusals")}
    assert table == {reason.name: _ALERTS[reason].name.lower() for reason in Reason}


def test_every_tier_is_there() -> None:
    assert [cells[0].strip('`"') for cells in _rows("Tiers")] == list(TIER_NAMES)


def test_every_source_is_public() -> None:
    names = {re.findall(r"`(\w+)", cells[0])[0] for cells in _rows("Sources")}
    assert names <= set(trio_certs.__all__)
