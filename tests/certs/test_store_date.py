from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from trio_certs import Store, StoreError
from trio_certs._store import BUNDLED
from trio_certs._store_date import store_date

LISTED = date(2026, 10, 18)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "date").write_text(f"{LISTED}\n")
    return Store(tmp_path)


def test_the_bundled_store_has_the_day_of_its_list() -> None:
    assert store_date(BUNDLED) is not None


def test_a_store_has_the_day_of_its_list(store: Store) -> None:
    assert store_date(store) == LISTED


def test_a_folder_without_a_date_has_no_age(tmp_path: Path) -> None:
    assert store_date(Store(tmp_path)) is None


@pytest.mark.parametrize("text", [b"", b"yesterday", b"2026-13-01", b"\xff"])
def test_a_date_that_is_none_is_reported(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "date").write_bytes(text)
    with pytest.raises(StoreError, match=r"date holds no date such as 2026-10-18: .*Reinstall the package\."):
        store_date(Store(tmp_path))


def test_a_date_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    (tmp_path / "date").mkdir()
    with pytest.raises(StoreError, match="holds no date"):
        store_date(Store(tmp_path))
