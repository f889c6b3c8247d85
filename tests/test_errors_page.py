"""docs/errors.md is what provoking the errors gives."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from support.failures import FAILURES

TOOL = Path(__file__).resolve().parents[1] / "tools" / "error_page.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    specification = importlib.util.spec_from_file_location("error_page", TOOL)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


async def test_the_page_is_what_a_run_makes(tool: ModuleType, tmp_path: Path) -> None:
    assert tool.PAGE.read_text("utf-8") == await tool.make_page(tmp_path), (
        "docs/errors.md is not what the code says: PYTHONPATH=tests python tools/error_page.py"
    )


def test_there_are_more_than_twenty() -> None:
    assert len({failure.title for failure in FAILURES}) == len(FAILURES) > 20
