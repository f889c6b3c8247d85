"""How old a store is.

Theory of operation: a store is as good as the list it was made from, and the day of that list stands beside
the index in a file of its own, `date`. A store without one, such as a folder that somebody keeps, has no age.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from trio_certs._errors import StoreError
from trio_certs._store import Store

DATE_FILE = "date"


def store_date(store: Store) -> date | None:
    """The day of the list that a store was made from; `None` if it does not say. Reads one small file.

    Raises:
        StoreError: the file cannot be read or holds no date.
    """
    return read_date(store.folder)


def read_date(folder: Path) -> date | None:
    """The date in a store's folder, as `store_date`."""
    path = folder / DATE_FILE
    try:
        return date.fromisoformat(path.read_text("utf-8").strip())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(
            f"The certificate store's file {path} holds no date such as 2026-10-18: {error}. "
            "Reinstall the package."
        ) from error
