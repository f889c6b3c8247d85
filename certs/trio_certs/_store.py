"""The store of public CAs: numbered files and the index that finds them.

Theory of operation: `store/ca0.der` … are root certificates. `store/index` has a line for each one that is
trusted, with the SHA-256 of its raw subject Name, so that the issuer named in a server's certificate leads
to file numbers without opening any file. The hash of the raw bytes is exactly the verifier's notion of an
equal name: it compares names byte for byte. `store/retired` has the lines of CAs that are trusted no more;
their files are gone, their numbers stay taken, and the list is read only to explain.

The index is read once per process, a certificate when it is first needed, both in a worker thread and once for
all who need them at the same time; after that they are memory. The index also carries each file's SHA-256, so that
a damaged or replaced file is noticed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import trio

from trio_certs._errors import StoreError
from trio_certs._shared import Shared

HEADER = "trio-certs store, version 1"


@dataclass(frozen=True, slots=True)
class Entry:
    """One CA of the store: a line of `index` or of `retired`."""

    number: int
    subject_hash: bytes
    """SHA-256 of the raw DER of the subject's Name."""
    fingerprint: bytes
    """SHA-256 of the certificate."""
    expires: str
    """The day the certificate ends, `2035-06-04`."""
    name: str
    """The CA's name in words."""

    @property
    def resource(self) -> str:
        """The file's name, `ca109.der`."""
        return f"ca{self.number}.der"

    @property
    def manifest_entry(self) -> str:
        """What a manifest calls it, `$(CERTS)/ca109`."""
        return f"$(CERTS)/ca{self.number}"

    def line(self) -> str:
        """The entry as a line, without its line break."""
        hashes = (self.subject_hash.hex(), self.fingerprint.hex())
        return "\t".join((str(self.number), *hashes, self.expires, self.name))


class Index:
    """The trusted CAs of a store, by number, by subject and by fingerprint."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries: dict[int, Entry] = {entry.number: entry for entry in entries}
        self.by_fingerprint: dict[bytes, int] = {}
        self._by_subject: dict[bytes, tuple[int, ...]] = {}
        for entry in self.entries.values():
            self.by_fingerprint[entry.fingerprint] = entry.number
            # Several CAs may share a subject: a re-issued root keeps its name and key.
            same = self._by_subject.get(entry.subject_hash, ())
            self._by_subject[entry.subject_hash] = (*same, entry.number)

    def with_subject(self, name: bytes) -> tuple[int, ...]:
        """The numbers of the CAs whose subject is the raw Name `name`."""
        return self._by_subject.get(hashlib.sha256(name).digest(), ())


_BUNDLED_FOLDER = Path(__file__).parent / "store"


class Store:
    """A folder of numbered CA certificates with its index: public CAs, held to the strictest rules.

    Args:
        folder: another folder of the same layout than the one that comes with this package.
    """

    def __init__(self, folder: str | os.PathLike[str] = _BUNDLED_FOLDER) -> None:
        self.folder = Path(folder)
        self._index: Index | None = None
        self._indexes = Shared(self._load_index, keep=False)
        self._certificates = Shared(self._load, keep=True)

    def __repr__(self) -> str:
        return f"Store({str(self.folder)!r})"

    @property
    def is_bundled(self) -> bool:
        """Whether its folder is the one that comes with this package."""
        return self.folder == _BUNDLED_FOLDER

    def index(self) -> Index:
        """The index; the first call reads one small file.

        Raises:
            StoreError: the file is missing, unreadable or malformed.
        """
        if self._index is None:
            self._index = Index(read_entries(self.folder / "index"))
        return self._index

    async def load_index(self) -> Index:
        """As `index`, without blocking the event loop; always a checkpoint.

        Raises:
            StoreError: the file is missing, unreadable or malformed.
        """
        await trio.lowlevel.checkpoint()
        return await self.fetch_index()

    async def fetch_index(self) -> Index:
        """As `load_index`, but a checkpoint only if it has to be read."""
        return self._index or await self._indexes.get(None)

    async def _load_index(self, _: None) -> Index:
        return await trio.to_thread.run_sync(self.index, abandon_on_cancel=True)

    def retired(self) -> dict[int, Entry]:
        """The CAs that are trusted no more, by number; each call reads one small file.

        Raises:
            StoreError: the file is missing, unreadable or malformed.
        """
        return {entry.number: entry for entry in read_entries(self.folder / "retired")}

    async def read(self, numbers: Iterable[int]) -> dict[Entry, bytes]:
        """The certificates with the given numbers of the index, as DER.

        Reads the files that were not read before, and only those; always a checkpoint.

        Raises:
            StoreError: a file is missing, unreadable or not the one the index describes.
        """
        await trio.lowlevel.checkpoint()
        return await self.fetch(numbers)

    async def fetch(self, numbers: Iterable[int]) -> dict[Entry, bytes]:
        """As `read`, but a checkpoint only if there are files to be read."""
        index = await self.fetch_index()
        return {
            index.entries[number]: await self._certificates.get(index.entries[number]) for number in numbers
        }

    async def _load(self, entry: Entry) -> bytes:
        return await trio.to_thread.run_sync(self._read_file, entry, abandon_on_cancel=True)

    def _read_file(self, entry: Entry) -> bytes:
        path = self.folder / entry.resource
        der = _read(path)
        if hashlib.sha256(der).digest() != entry.fingerprint:
            raise StoreError(
                f"{path} is not the certificate of {entry.name} that the store's index describes. "
                "Reinstall the package."
            )
        return der


def read_entries(path: Path) -> list[Entry]:
    """Read a file of entries: a header, then a line for each.

    Raises:
        StoreError: the file is missing, unreadable or malformed.
    """
    try:
        lines = _read(path).decode().splitlines()
        if not lines or lines[0] != HEADER:
            raise ValueError(f"line 1 is not {HEADER!r}")
        return [_entry(line) for line in lines[1:]]
    except ValueError as error:
        raise StoreError(
            f"The certificate store's file {path} is damaged: {error}. Reinstall the package."
        ) from error


def format_entries(entries: Iterable[Entry]) -> str:
    """The text of a file of entries, in the order of their numbers."""
    lines = [entry.line() for entry in sorted(entries, key=lambda entry: entry.number)]
    return "".join(f"{line}\n" for line in (HEADER, *lines))


def _entry(line: str) -> Entry:
    number, subject_hash, fingerprint, expires, name = line.split("\t")
    return Entry(int(number), bytes.fromhex(subject_hash), bytes.fromhex(fingerprint), expires, name)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreError(
            f"The certificate store's file {path} cannot be read: {error.strerror}. Reinstall the package."
        ) from error


BUNDLED = Store()
"""The CAs of Mozilla's root programme, as certifi distributes them; `store/LIST.md` names each."""
