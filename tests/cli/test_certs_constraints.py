from __future__ import annotations

from pathlib import Path

import pytest

from trio_certs import BUNDLED, StoreError
from trio_secure_cli._certs_constraints import constraints

ONE, OTHER = "11" * 32, "22" * 32
TEXT = f"""\
trio-certs constraints, version 1
{ONE}\tpermit tr\tA CA\tMozilla
{ONE}\tdistrust-after 2025-07-31T00:00:00+00:00\tA CA\tChrome
{OTHER}\tanother rule\tB CA\tsomebody
"""


def test_limits_are_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "constraints").write_text(TEXT)
    assert constraints(tmp_path) == {
        bytes.fromhex(ONE): ("only for names below .tr", "not for what it issues after 2025-07-31"),
        bytes.fromhex(OTHER): ("another rule",),
    }


def test_a_store_without_the_file_has_none(tmp_path: Path) -> None:
    assert constraints(tmp_path) == {}


def test_the_store_that_comes_along_is_the_default() -> None:
    assert constraints() == constraints(BUNDLED.folder)


@pytest.mark.parametrize("data", [b"header\nxx\n", b"header\nzz\tpermit tr\n", b"\xff"])
def test_a_damaged_file_is_reported(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "constraints").write_bytes(data)
    with pytest.raises(StoreError, match="constraints is damaged"):
        constraints(tmp_path)
