"""The store a command of `trio-secure certs` is about, and how old it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from trio_certs import BUNDLED, Store, store_date

from ._terminal import Terminal

MAX_AGE = timedelta(days=365)
"""After this, CAs have been distrusted that the store still has, and new ones are missing."""


def open_store(folder: Path | None) -> Store:
    """The store in a folder, or the one that comes along."""
    return BUNDLED if folder is None else Store(folder)


def today() -> date:
    """The day it is, in UTC."""
    return datetime.now(UTC).date()


def warn_about_age(store: Store, terminal: Terminal, day: date) -> None:
    """Say so when a store is older than `MAX_AGE` on the day `day`.

    Raises:
        StoreError: its date cannot be read.
    """
    listed = store_date(store)
    if listed is not None and day - listed > MAX_AGE:
        terminal.say(
            f"warning: the certificate store is of {listed}, {(day - listed).days} days ago: CAs that are trusted "
            "no more may still be in it, and new ones are missing. Upgrade trio-secure."
        )
