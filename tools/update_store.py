"""Bring `certs/trio_certs/store` up to date with certifi's list of CAs.

Theory of operation: a CA is identified by the SHA-256 of its certificate. One that is in the list and in
the store keeps its number. One that is new gets the next number that was never given out. One that is gone
from the list is retired: its file is removed, its line moves from `index` to `retired`, its number stays
taken; should it come back, it has its old number again. The result depends on nothing but the list and the
store, so that running this twice changes nothing. A list older than the store's is refused: it would retire
what came since. How an update is reviewed is in docs/store.md.

Usage: python tools/update_store.py [--bundle PEM-FILE --date YYYY-MM-DD] [--store FOLDER]
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from trio_certs._anchors import pem_certificates
from trio_certs._store import BUNDLED, Entry
from trio_certs._store_build import StoreChange, ca_files, index_store, write_text
from trio_certs._store_compare import compare_store
from trio_certs._store_date import DATE_FILE, read_date


def update(bundle: bytes, store: Path, listed: date | None = None) -> StoreChange:
    """Make `store` hold the CAs of the PEM text `bundle`.

    Args:
        bundle: the list of CAs.
        store: the folder.
        listed: the day of the list; `None` leaves the store without a date, or with the one it has.

    Raises:
        ValueError: the bundle is not PEM text with certificates, or older than the store's.
        StoreError: the store is damaged.
    """
    had = read_date(store)
    if listed is not None and had is not None and listed < had:
        raise ValueError(
            f"the list is of {listed}, the store of {had}: an older list would retire what came since"
        )
    certificates = {hashlib.sha256(der).digest(): der for der in pem_certificates(bundle)}
    change = compare_store(store, bundle)
    numbered = {entry.number: certificates[entry.fingerprint] for entry in (*change.added, *change.unchanged)}
    store.mkdir(parents=True, exist_ok=True)
    for number, der in numbered.items():
        (store / f"ca{number}.der").write_bytes(der)
    for number, path in ca_files(store).items():
        if number not in numbered:
            path.unlink()
    index_store(store)
    if listed is not None:
        write_text(store / DATE_FILE, f"{listed}\n")
    return change


def describe(change: StoreChange) -> str:
    """An update for its reviewer, a line for each CA that came or went."""
    lines = [_line("added", entry) for entry in change.added]
    lines += [_line("retired", entry) for entry in change.retired]
    if not lines:
        lines.append("The store is up to date.")
    lines.append(
        f"{len(change.added)} added, {len(change.retired)} retired, {len(change.unchanged)} unchanged"
    )
    return "\n".join(lines)


def _line(verb: str, entry: Entry) -> str:
    return f"{verb:<8} ca{entry.number}  {entry.name}, expires {entry.expires}, SHA-256 {entry.fingerprint.hex()}"


def certifi_date(version: str) -> date:
    """The day of a release of certifi, which is its version: `2026.10.18`.

    Raises:
        ValueError: it is not a date.
    """
    year, month, day = (int(part) for part in version.split(".")[:3])
    return date(year, month, day)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Bring the certificate store up to date with certifi.")
    parser.add_argument("--bundle", type=Path, help="a PEM file of CAs; certifi's by default")
    parser.add_argument("--date", type=date.fromisoformat, help="the day of that file's list")
    parser.add_argument("--store", type=Path, default=BUNDLED.folder, help="the folder to update")
    options = parser.parse_args(arguments)
    bundle: Path | None = options.bundle
    listed: date | None = options.date
    if bundle is None:
        import certifi

        bundle = Path(certifi.where())
        listed = listed or certifi_date(certifi.__version__)
    print(describe(update(bundle.read_bytes(), options.store, listed)))


if __name__ == "__main__":
    main()
