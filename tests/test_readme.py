"""The README keeps its promises: two commands at the top, and code that names what exists."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
_BLOCKS = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _blocks(language: str) -> list[str]:
    return [code for found, code in _BLOCKS.findall(README) if found == language]


def test_it_starts_with_one_command_for_the_demo_and_one_for_the_tests() -> None:
    first, second = (block.splitlines() for block in _blocks("sh")[:2])
    assert len(first) == len(second) == 1
    assert first[0].endswith("nox -s demo")
    assert second[0].endswith("nox -s tests")
    assert README.index(second[0]) < README.index("\n## ")


def test_its_code_compiles_and_imports_public_names() -> None:
    for code in _blocks("python"):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                module = importlib.import_module(node.module)
                names = {alias.name for alias in node.names}
                assert names <= set(module.__all__), code


def test_its_links_within_the_project_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    inside = [link for link in links if "://" not in link]
    assert [link for link in inside if not (ROOT / link).is_file()] == []
