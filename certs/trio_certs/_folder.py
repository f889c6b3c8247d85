"""Certificates in a file, in a folder of files, or in a zip archive of them.

Theory of operation: the first chain that comes along has everything read and indexed, in a worker thread and
once; after that it is memory. A file that looks like a certificate and is none is an error that names it, because
a certificate that is silently missing is found by nobody.
"""

from __future__ import annotations

import abc
import os
from collections.abc import Iterator
from pathlib import Path

import trio

from trio_certs._anchors import MAX_ANCHOR_BYTES, parse_anchors
from trio_certs._certificate import CertificateFacts
from trio_certs._errors import SourceError
from trio_certs._shared import Shared
from trio_certs._source import Anchors, Found, Sought, Source, TierName, check_tier
from trio_certs._text import printable

MAX_FILES = 4096
"""The certificate files that one folder or archive may have."""
MAX_FOLDER_BYTES = 16 * 1024 * 1024
"""What they may have together."""

_SUFFIXES = frozenset((".der", ".crt", ".cer", ".pem"))


class _Read(Source):
    """What is read whole, once."""

    def __init__(self, path: str | os.PathLike[str], *, tier: TierName = "private") -> None:
        check_tier(tier)
        self.path = Path(path)
        self.tier = tier
        self._anchors = Shared(self._load, keep=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r}, tier={self.tier!r})"

    async def find(self, sought: Sought, /) -> Found:
        """The certificates in it that `sought` could lead to."""
        return Found((await self._anchors.get(None)).find(sought))

    async def _load(self, _: None) -> Anchors:
        return await trio.to_thread.run_sync(lambda: Anchors(self._certificates()), abandon_on_cancel=True)

    @abc.abstractmethod
    def _certificates(self) -> Iterator[CertificateFacts]: ...


class File(_Read):
    """A file with a certificate in DER, or with one or more in PEM.

    Args:
        path: the file; it is read once, when the first chain is verified.
        tier: how far its certificates are trusted: `"web"`, `"private"` or `"pinned"`.
    """

    label = "the file of certificates"

    def _certificates(self) -> Iterator[CertificateFacts]:
        return iter(read_file(self.path, self.label))


class Folder(_Read):
    """A folder or a zip archive with a file for each certificate: DER or PEM.

    Files that end in `.der`, `.crt`, `.cer` or `.pem` count, others are passed over, as are folders in a folder.

    Args:
        path: the folder or archive; it is read once, when the first chain is verified.
        tier: how far its certificates are trusted: `"web"`, `"private"` or `"pinned"`.
    """

    label = "the folder of certificates"

    def _certificates(self) -> Iterator[CertificateFacts]:
        import zipfile

        try:
            files = self._folder() if self.path.is_dir() else self._archive()
            left = MAX_FOLDER_BYTES
            for place, (name, data) in enumerate(files):
                left -= len(data)
                if place == MAX_FILES or left < 0:
                    raise SourceError(
                        f"{self.label} {self.path} has more than {MAX_FILES} files or {MAX_FOLDER_BYTES} bytes "
                        "of certificates"
                    )
                yield from _parse(data, f"{printable(name)} in {self.label} {self.path}")
        except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            # The last two: a compression that this Python has not got, and a password.
            raise SourceError(f"{self.label} {self.path} cannot be read: {error}") from error

    def _folder(self) -> Iterator[tuple[str, bytes]]:
        for path in sorted(self.path.iterdir()):
            if path.suffix.lower() in _SUFFIXES and path.is_file():
                yield path.name, _read(path)

    def _archive(self) -> Iterator[tuple[str, bytes]]:
        import zipfile

        with zipfile.ZipFile(self.path) as archive:
            for member in archive.infolist():
                if Path(member.filename).suffix.lower() in _SUFFIXES:
                    # What the archive says of a member's size may be wrong: never read more than is allowed.
                    with archive.open(member) as file:
                        yield member.filename, file.read(MAX_ANCHOR_BYTES + 1)


def read_file(path: Path, label: str) -> list[CertificateFacts]:
    """The certificates in a file.

    Raises:
        SourceError: it cannot be read, or holds something else.
    """
    try:
        data = _read(path)
    except OSError as error:
        raise SourceError(f"{label} {path} cannot be read: {error.strerror}") from error
    return _parse(data, f"{label} {path}")


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_ANCHOR_BYTES + 1)


def _parse(data: bytes, where: str) -> list[CertificateFacts]:
    try:
        return parse_anchors(data)
    except ValueError as error:
        raise SourceError(f"{where} does not hold certificates: {error}") from error
