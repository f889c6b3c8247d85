from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from support.terminal import FakeTerminal
from trio_certs import BUNDLED, Store
from trio_secure_cli._certs_store import MAX_AGE, open_store, today, warn_about_age

LISTED = date(2026, 10, 18)


def said_on(day: date, store: Store) -> str:
    terminal = FakeTerminal()
    warn_about_age(store, terminal, day)
    assert terminal.printed == b""
    return terminal.said


def test_the_store_that_comes_along_is_the_default(tmp_path: Path) -> None:
    assert open_store(None) is BUNDLED
    assert open_store(tmp_path).folder == tmp_path


def test_today_is_a_day_in_utc() -> None:
    assert abs(today() - datetime.now(UTC).date()) <= timedelta(days=1)


def test_a_store_older_than_a_year_is_warned_about(tmp_path: Path) -> None:
    (tmp_path / "date").write_text(f"{LISTED}\n")
    store = Store(tmp_path)
    assert said_on(LISTED - MAX_AGE, store) == ""
    assert said_on(LISTED + MAX_AGE, store) == ""
    warning = said_on(LISTED + MAX_AGE + timedelta(days=1), store)
    assert warning.startswith("warning: the certificate store is of 2026-10-18, 366 days ago: CAs that")
    assert warning.endswith("Upgrade trio-secure.\n")


def test_a_store_without_a_date_is_not(tmp_path: Path) -> None:
    assert said_on(date.max, Store(tmp_path)) == ""
