"""`trio-secure certs list` and `search`: the CAs of a store, with their dates and limits.

Theory of operation: everything shown stands in the index; no certificate is opened. A search looks at names
without regard to case and accents, so that it can be typed on any keyboard.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import trio

from trio_certs import Entry, Store, StoreError, store_date

from ._certs_constraints import constraints
from ._certs_options import ListOptions, SearchOptions
from ._certs_store import open_store
from ._certs_table import print_json, print_table
from ._exit_codes import ExitCode
from ._terminal import Terminal

_FEWEST_DIGITS = 6


@dataclass(frozen=True)
class Listed:
    """A CA as it is listed."""

    entry: Entry
    retired: bool
    days_left: int
    limits: tuple[str, ...]

    def notes(self) -> str:
        """What to know about it, in a few words."""
        notes = ["retired"] if self.retired else []
        if self.days_left < 0:
            notes.append("expired")
        elif self.days_left <= 365:
            notes.append(f"{self.days_left} days left")
        return ", ".join((*notes, *self.limits))

    def for_programs(self) -> dict[str, object]:
        """It as JSON."""
        return {
            "number": self.entry.number,
            "resource": self.entry.resource,
            "manifest_entry": self.entry.manifest_entry,
            "name": self.entry.name,
            "sha256": self.entry.fingerprint.hex(),
            "expires": self.entry.expires,
            "days_left": self.days_left,
            "retired": self.retired,
            "constraints": list(self.limits),
        }


async def list_certs(options: ListOptions, terminal: Terminal, day: date) -> ExitCode:
    """Print the CAs of a store.

    Raises:
        StoreError: the store cannot be read.
        CommandError: standard output cannot be written.
    """
    store = open_store(options.store)
    found = [one for one in await _everything(store, day) if options.retired or not one.retired]
    if options.expiring is not None:
        within = options.expiring
        found = sorted((one for one in found if one.days_left <= within), key=lambda one: one.days_left)
    _print(found, store, terminal, as_json=options.as_json)
    if not options.as_json:
        what = f" that expire within {options.expiring} days" if options.expiring is not None else ""
        listed = store_date(store)
        terminal.say(f"{len(found)} CAs{what}{f'; the store is of {listed}' if listed else ''}")
    return ExitCode.OK


async def search_certs(options: SearchOptions, terminal: Terminal, day: date) -> ExitCode:
    """Print the CAs that fit a text, with their fingerprints; those retired as well.

    Raises:
        StoreError: the store cannot be read.
        CommandError: standard output cannot be written.
    """
    store = open_store(options.store)
    found = [one for one in await _everything(store, day) if _fits(one.entry, options.text)]
    _print(found, store, terminal, as_json=options.as_json, fingerprints=True)
    if not found and not options.as_json:
        terminal.say("no CA of the store has such a name, number or SHA-256 fingerprint")
    return ExitCode.OK if found else ExitCode.NO


async def _everything(store: Store, day: date) -> list[Listed]:
    index = await store.load_index()
    retired = await trio.to_thread.run_sync(store.retired, abandon_on_cancel=True)
    limits = constraints()

    def listed(entries: Iterable[Entry], *, retired: bool) -> list[Listed]:
        return [
            Listed(
                entry,
                retired,
                _days_left(entry, store, day),
                limits.get(entry.fingerprint, ()),
            )
            for entry in entries
        ]

    both = [*listed(index.entries.values(), retired=False), *listed(retired.values(), retired=True)]
    return sorted(both, key=lambda one: one.entry.number)


def _days_left(entry: Entry, store: Store, day: date) -> int:
    try:
        return (date.fromisoformat(entry.expires) - day).days
    except ValueError as error:
        raise StoreError(
            f"The index of the store {store.folder} has no date for ca{entry.number}: {error}. "
            "`trio-secure certs check` says what else is wrong."
        ) from error


def _fits(entry: Entry, text: str) -> bool:
    if text in (f"ca{entry.number}", entry.resource, entry.manifest_entry):
        return True
    digits = text.replace(":", "").replace(" ", "").lower()
    is_fingerprint = len(digits) >= _FEWEST_DIGITS and set(digits) <= set(string.hexdigits)
    if is_fingerprint and entry.fingerprint.hex().startswith(digits):
        return True
    return _plain(text) in _plain(entry.name)


def _plain(text: str) -> str:
    """Without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if not unicodedata.combining(character)).casefold()


def _print(
    found: Sequence[Listed], store: Store, terminal: Terminal, *, as_json: bool, fingerprints: bool = False
) -> None:
    if as_json:
        listed = store_date(store)
        print_json(
            terminal,
            {
                "store": str(store.folder),
                "date": str(listed) if listed else None,
                "authorities": [one.for_programs() for one in found],
            },
        )
    elif found:
        headings = ["CA", "name", "expires", "notes", *(["SHA-256"] if fingerprints else [])]
        rows = [
            [
                f"ca{one.entry.number}",
                one.entry.name,
                one.entry.expires,
                one.notes(),
                *([one.entry.fingerprint.hex()] if fingerprints else []),
            ]
            for one in found
        ]
        print_table(terminal, headings, rows)
