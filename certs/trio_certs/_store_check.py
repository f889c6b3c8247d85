"""Whether a store's files and what its index says of them agree.

Theory of operation: everything in the index follows from the files, so each line is made again and compared
field by field. What is found is told in sentences, all of it, not only the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from trio_certs._errors import StoreError
from trio_certs._store import Entry, read_entries
from trio_certs._store_build import INDEX, LIST, RETIRED, ca_files, entry_of, list_text
from trio_certs._store_date import DATE_FILE, read_date
from trio_certs._text import printable


def check_store(folder: Path) -> list[str]:
    """What is wrong with a store's folder: a sentence for each finding, none if all is well.

    Raises:
        OSError: the folder, or its index (`StoreError`), cannot be read at all.
    """
    files = ca_files(folder)
    entries = read_entries(folder / INDEX)
    retired = read_entries(folder / RETIRED) if (folder / RETIRED).exists() else []
    return [
        *_repeated(entries, retired),
        *(finding for entry in entries for finding in _compared(entry, folder)),
        *_files_besides(folder, files, entries, retired),
        *_list_of(folder, entries, retired),
        *_date_of(folder),
    ]


def _repeated(entries: list[Entry], retired: list[Entry]) -> Iterator[str]:
    everything = [*entries, *retired]
    for number, times in Counter(entry.number for entry in everything).items():
        if times > 1:
            yield f"ca{number} stands {times} times in the index and the list of those retired"
    for fingerprint, times in Counter(entry.fingerprint for entry in everything).items():
        if times > 1:
            same = ", ".join(f"ca{entry.number}" for entry in everything if entry.fingerprint == fingerprint)
            yield f"the certificate {fingerprint.hex()} has several numbers: {same}"


def _compared(entry: Entry, folder: Path) -> Iterator[str]:
    path = folder / entry.resource
    try:
        found = entry_of(entry.number, path.read_bytes())
    except OSError as error:
        yield f"{entry.resource} cannot be read: {error.strerror}"
        return
    except ValueError as error:
        yield f"{entry.resource} is not a certificate: {error}"
        return
    if found.fingerprint != entry.fingerprint:
        yield (
            f"{entry.resource} has other bytes than the index says: SHA-256 {found.fingerprint.hex()}, "
            f"not {entry.fingerprint.hex()}"
        )
    if found.subject_hash != entry.subject_hash:
        yield f"{entry.resource} has another subject than the index says, so that it would not be found"
    if found.expires != entry.expires:
        yield f"{entry.resource} expires on {found.expires}, not on {printable(entry.expires)}"
    if found.name != entry.name:
        yield f'{entry.resource} is the certificate of "{found.name}", not of "{printable(entry.name)}"'


def _files_besides(
    folder: Path, files: dict[int, Path], entries: list[Entry], retired: list[Entry]
) -> Iterator[str]:
    listed = {entry.number for entry in entries}
    gone = {entry.number for entry in retired}
    for number, path in files.items():
        if number not in listed:
            yield f"{path.name} is {'retired' if number in gone else 'not in the index'}, but the file is there"
    known = {path.name for path in files.values()} | {INDEX, RETIRED, LIST, DATE_FILE, "constraints"}
    for path in sorted(folder.iterdir()):
        if path.name not in known:
            yield f"{printable(path.name)} is no part of a store"


def _list_of(folder: Path, entries: list[Entry], retired: list[Entry]) -> Iterator[str]:
    path = folder / LIST
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError) as error:
        yield f"{LIST} cannot be read: {(error.strerror if isinstance(error, OSError) else None) or error}"
        return
    if text != list_text(entries, retired):
        yield f"{LIST} does not say what the index says"


def _date_of(folder: Path) -> Iterator[str]:
    try:
        read_date(folder)
    except StoreError as error:
        yield str(error)
