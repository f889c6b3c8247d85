"""Making a store's index from its files.

Theory of operation: the files are what a store is; the index, the list of those retired and the list for people
follow from them, and from what the index said before: numbers are only ever added. A file that is gone is
retired; its number stays taken, and only the same certificate may have it again. The result depends on nothing
but the folder, so that doing it twice changes nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trio_certs._certificate import CertificateFacts
from trio_certs._der import DERError
from trio_certs._store import Entry, format_entries, read_entries
from trio_certs._text import authority_name

INDEX, RETIRED, LIST = "index", "retired", "LIST.md"

_CA_FILE = re.compile(r"ca(0|[1-9][0-9]{0,5})\.der", re.ASCII)
_LIST_HEADER = """\
# The certificate store

Each CA is a file here: `ca9.der` is number 9, and a manifest includes it as `"$(CERTS)/ca9"`. Numbers are only
ever added. A CA that is retired is not trusted any more: its file is gone, and its number is not used again.

The store that comes with `trio_certs` is Mozilla's root programme, as certifi distributes it.

| Number | CA | SHA-256 of the certificate | Expires | Status |
| ---: | --- | --- | --- | --- |
"""


@dataclass(frozen=True, slots=True)
class StoreChange:
    """What came of making an index anew, each in the order of the numbers."""

    added: tuple[Entry, ...]
    """CAs that the index did not have before."""
    retired: tuple[Entry, ...]
    """CAs that it had, and whose files are gone."""
    unchanged: tuple[Entry, ...]
    """CAs that it had and has."""


def entry_of(number: int, der: bytes) -> Entry:
    """The store's entry for a CA's certificate.

    Raises:
        ValueError: `der` is not a certificate.
    """
    facts = CertificateFacts.parse(der)
    return Entry(
        number=number,
        subject_hash=hashlib.sha256(facts.subject).digest(),
        fingerprint=facts.fingerprint,
        expires=f"{facts.not_after:%Y-%m-%d}",
        name=authority_name(facts.subject),
    )


def ca_files(folder: Path) -> dict[int, Path]:
    """The files of a store by number, in order.

    Raises:
        OSError: the folder cannot be read.
    """
    found = {int(match[1]): path for path in folder.iterdir() if (match := _CA_FILE.fullmatch(path.name))}
    return dict(sorted(found.items()))


def list_text(current: Sequence[Entry], retired: Sequence[Entry]) -> str:
    """The list for people, in the order of the numbers."""
    status = dict.fromkeys((entry.number for entry in retired), "retired")
    rows = [
        f"| {entry.number} | {entry.name.replace('|', chr(92) + '|')} | `{entry.fingerprint.hex()}` "
        f"| {entry.expires} | {status.get(entry.number, 'current')} |\n"
        for entry in sorted((*current, *retired), key=lambda entry: entry.number)
    ]
    return _LIST_HEADER + "".join(rows)


def index_store(folder: Path) -> StoreChange:
    """Make the index of the certificates `ca0.der`, `ca1.der`, … in a folder.

    Returns:
        What is in it now, compared with the index that was there.

    Raises:
        ValueError: a file is no certificate, has the number of another one, or is there twice.
        StoreError: the index that was there is damaged.
        OSError: a file cannot be read or written.
    """
    before = _numbered(folder / INDEX)
    gone = _numbered(folder / RETIRED)
    current = {number: _entry(number, path) for number, path in ca_files(folder).items()}
    if not current:
        raise ValueError(f"{folder} has no file ca0.der, ca1.der, …: there is nothing to index")
    _check_numbers(current, before, gone)
    retired = [entry for number, entry in {**gone, **before}.items() if number not in current]
    texts = {
        INDEX: format_entries(current.values()),
        RETIRED: format_entries(retired),
        LIST: list_text([*current.values()], retired),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    return StoreChange(
        added=tuple(entry for number, entry in current.items() if number not in before),
        retired=tuple(entry for number, entry in before.items() if number not in current),
        unchanged=tuple(entry for number, entry in current.items() if number in before),
    )


def write_text(path: Path, text: str) -> None:
    """Write a file of a store; at every moment there is the old one or the new one."""
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(text, encoding="utf-8", newline="\n")
    partial.replace(path)


def _numbered(path: Path) -> dict[int, Entry]:
    return {entry.number: entry for entry in read_entries(path)} if path.exists() else {}


def _entry(number: int, path: Path) -> Entry:
    data = path.read_bytes()
    try:
        return entry_of(number, data)
    except DERError as error:
        why = "it is PEM text" if b"-----BEGIN" in data else error
        raise ValueError(f"{path} is not a certificate in DER: {why}") from error


def _check_numbers(
    current: Mapping[int, Entry], before: Mapping[int, Entry], gone: Mapping[int, Entry]
) -> None:
    """Numbers are only ever added: none may mean another CA than it did, and no CA may have two."""
    following = max((*current, *before, *gone)) + 1
    by_fingerprint: dict[bytes, Entry] = {}
    for number, entry in current.items():
        had = before.get(number) or gone.get(number)
        if had is not None and had.fingerprint != entry.fingerprint:
            raise ValueError(
                f"{entry.resource} is the certificate of {entry.name}, but its number was given to {had.name}; "
                f"numbers are not used again: name the new one ca{following}.der"
            )
        same = by_fingerprint.setdefault(entry.fingerprint, entry)
        if same is not entry:
            raise ValueError(f"{same.resource} and {entry.resource} are the same certificate: remove one")
