"""The README keeps its promises: two commands at the top, and code that names what exists."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re
from pathlib import Path

import pytest

from trio_secure import TLSConfig

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = {"README.md": README} | {
    f"docs/{path.name}": path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))
}
PACKAGES = (
    "trio_secure",
    "trio_secure.testing",
    "trio_secure_adapters",
    "trio_certs",
    "trio_https",
    "trio_wss",
)
_BLOCKS = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _blocks(language: str, document: str = README) -> list[str]:
    return [code for found, code in _BLOCKS.findall(document) if found == language]


def test_it_starts_with_one_command_for_the_demo_and_one_for_the_tests() -> None:
    first, second = (block.splitlines() for block in _blocks("sh")[:2])
    assert len(first) == len(second) == 1
    assert first[0].endswith("nox -s demo")
    assert second[0].endswith("nox -s tests")
    assert README.index(second[0]) < README.index("\n## ")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_code_in_documents_compiles_and_imports_public_names(document: str) -> None:
    for code in _blocks("python", DOCUMENTS[document]):
        for node in ast.walk(ast.parse(code)):
            if not isinstance(node, ast.ImportFrom) or node.module not in PACKAGES:
                continue
            names = {alias.name for alias in node.names}
            assert names <= set(importlib.import_module(node.module).__all__), code


@pytest.mark.parametrize("document", DOCUMENTS)
def test_keywords_given_to_a_configuration_are_its_fields(document: str) -> None:
    fields = {field.name for field in dataclasses.fields(TLSConfig)}
    for code in _blocks("python", DOCUMENTS[document]):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "TLSConfig":
                assert {keyword.arg for keyword in node.keywords} <= fields, code


def test_its_links_within_the_project_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    inside = [link for link in links if "://" not in link]
    assert [link for link in inside if not (ROOT / link).is_file()] == []
