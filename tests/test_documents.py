"""The pages about the HTTPS client name what exists."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

from trio_secure_cli._options import parse

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "https-following.md").read_text()
_BLOCKS = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", [code for language, code in _BLOCKS.findall(PAGE) if language == "python"])
def test_its_code_compiles_and_imports_public_names(code: str) -> None:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names = {alias.name for alias in node.names}
            module = importlib.import_module(node.module)
            assert names <= set(getattr(module, "__all__", dir(module)))


def test_its_options_are_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["get", "--help"])
    known = capsys.readouterr().out
    commands = "".join(code for language, code in _BLOCKS.findall(PAGE) if language == "sh")
    options = re.findall(r" (--?[A-Za-z][a-z0-9-]*)", commands)
    assert options
    assert [option for option in options if option not in known] == []
