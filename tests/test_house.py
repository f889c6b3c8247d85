"""The rules of the house that no other tool checks.

Theory of operation: the library's files are parsed, not run, so that each finding names a file and a line.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    ROOT / "trio_secure": ROOT / "tests" / "secure",
    ROOT / "certs" / "trio_certs": ROOT / "tests" / "certs",
    ROOT / "clients" / "trio_https": ROOT / "tests" / "https",
    ROOT / "clients" / "trio_wss": ROOT / "tests" / "wss",
    ROOT / "clients" / "trio_secure_report": ROOT / "tests" / "report",
    ROOT / "clients" / "trio_secure_cli": ROOT / "tests" / "cli",
}
MODULES = [path for package in PACKAGES for path in sorted(package.glob("*.py"))]
PRIVATE_MODULES = [path for path in MODULES if path.stem not in {"__init__", "__main__"}]
_MOST_LINES = 400
_MOST_LINES_OF_A_FUNCTION = 70

_modules = pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}.{path.stem}")
_private_modules = pytest.mark.parametrize(
    "path", PRIVATE_MODULES, ids=lambda path: f"{path.parent.name}.{path.stem}"
)


def _nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(), str(path)))


def _places(path: Path, lines: list[int]) -> list[str]:
    return [f"{path.relative_to(ROOT)}:{line}" for line in lines]


@_modules
def test_a_file_is_one_noun_and_not_a_long_one(path: Path) -> None:
    assert path.read_text().count("\n") <= _MOST_LINES


@_modules
def test_no_function_is_long(path: Path) -> None:
    long = [
        node.lineno
        for node in _nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= _MOST_LINES_OF_A_FUNCTION
    ]
    assert _places(path, long) == []


@_modules
def test_nothing_is_asserted_in_the_library(path: Path) -> None:
    """An assert vanishes under `python -O`, and what a peer sent is not a matter of belief."""
    asserts = [node.lineno for node in _nodes(path) if isinstance(node, ast.Assert)]
    assert _places(path, asserts) == []


@_modules
def test_every_file_opens_with_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


@_private_modules
def test_every_module_has_a_test_file_of_its_own(path: Path) -> None:
    test = PACKAGES[path.parent] / f"test_{path.stem.removeprefix('_')}.py"
    assert test.is_file()


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_package_names_what_is_public(package: Path) -> None:
    names = [
        target.id
        for node in ast.parse((package / "__init__.py").read_text()).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    assert "__all__" in names


def test_the_design_puts_every_module_on_a_floor() -> None:
    design = (ROOT / "docs" / "design.md").read_text()
    floors = [line for line in design.splitlines() if re.match(r"\| [0-5] ", line)]
    named = [name for line in floors for name in re.findall(r"`(_\w+)`", line.split("|")[2])]
    assert sorted(named) == sorted(path.stem for path in PRIVATE_MODULES if path.parent.name == "trio_secure")
