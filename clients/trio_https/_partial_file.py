"""A file that is being downloaded: its bytes beside the target, and what is known of them.

Theory of operation: what has come of `big.iso` is in `.big.iso.part`, and `.big.iso.part.json` says of which
URL and representation, which ranges have come, and the SHA-256 of each. That hash is what makes it safe to
go on in a later process: whatever happened to the file meanwhile (a crash that lost what was not on the disk
yet, another program), bytes whose hash is another are not there. Only `finish` touches the target, in one
step, when the caller has found everything right.

The bytes are locked while somebody downloads them. Nothing here is asynchronous: what takes long is called in a
thread, and `Part.write` by several at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ._errors import DownloadBusy, DownloadError
from ._file_locks import try_lock

_VERSION = 1
_MOST_STATE = 1 << 20
_MOST_PARTS = 1024
_BLOCK = 4 << 20
_OPENING = 3


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the bytes are from, and what they are a part of."""

    url: str
    """The SHA-256 of the URL that was asked for, which may hold a secret."""
    answered_by: str
    """The URL that answered, after redirects, without its query, which may be a signature that changes."""
    validator: str | None
    """Proves that other bytes are of the same representation."""
    total: int | None
    """How many bytes there are in all."""
    digests: dict[str, bytes]
    """What the server says the whole is to hash to, by algorithm."""


class Part:
    """A range of the file, filled from its beginning."""

    def __init__(self, file: PartialFile, start: int, end: int | None) -> None:
        self.start = start
        self.end = end
        """The first byte that does not belong to it; `None` for as far as it goes."""
        self._file = file
        self._hash = hashlib.sha256()
        # One object, so that another thread which writes it down sees both of before or both of after.
        self._come = (0, self._hash.digest())

    @property
    def come(self) -> tuple[int, bytes]:
        """How many bytes have come, and their digest."""
        return self._come

    @property
    def length(self) -> int:
        """How many bytes have come."""
        return self._come[0]

    @property
    def complete(self) -> bool:
        """Whether all of it has come, as far as is known."""
        return self.end is not None and self.start + self.length == self.end

    @property
    def sha256(self) -> bytes:
        """The digest of what has come."""
        return self._come[1]

    def write(self, data: bytes | memoryview) -> None:
        """Put the next bytes into the file.

        Raises:
            OSError: they cannot be written; they then have not come.
        """
        self._file.write_at(self.start + self.length, data)
        self.adopt(data)

    def adopt(self, data: bytes | memoryview) -> None:
        """Take the next bytes as having come: they are in the file already."""
        self._hash.update(data)
        self._come = (self.length + len(data), self._hash.digest())


class PartialFile:
    """The bytes and the knowledge of one download; made by `open`, which locks it.

    Attributes:
        origin: where the bytes are from; `None` when nothing is known.
        parts: the ranges, in order.
    """

    def __init__(self, target: Path, path: Path, descriptor: int) -> None:
        self.target = target
        self.path = path
        self.origin: Origin | None = None
        self.parts: list[Part] = []
        self._state = path.with_name(path.name + ".json")
        self._new_state = path.with_name(path.name + ".json.new")
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        # What is there already is somebody's until it has been read, or something new has begun.
        self._taken = False
        self._writing = threading.Lock()
        self._saving = threading.Lock()

    @classmethod
    def open(cls, target: Path) -> PartialFile:
        """Open what there is of `target`, or begin.

        Raises:
            DownloadBusy: somebody else is downloading it.
            DownloadError: there is something in its place that is no file of this user's.
            OSError: the file cannot be opened.
        """
        target = target.resolve()
        if target.exists() and not target.is_file():
            raise DownloadError(f"{target} is not a file that can be replaced")
        path = target.with_name(_partial_name(target.name))
        for _ in range(_OPENING):
            descriptor = os.open(path, _FLAGS, 0o666)
            try:
                _check_ownership(path, descriptor)
                if not try_lock(descriptor):
                    raise DownloadBusy(f"{target} is being downloaded by somebody else ({path} is locked)")
                # Whoever had it before may have renamed or removed it between opening and locking.
                if _is_still(path, descriptor):
                    return cls(target, path, descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
        raise DownloadBusy(f"{target} is being downloaded by others, again and again")

    # What is known

    def load(self, url: str) -> Iterator[None]:
        """Take up what there is for this URL, checking it block by block: iterate to the end.

        What cannot be relied on is forgotten. Afterwards `origin` is `None` if there is nothing to go on with.
        """
        self.origin, self.parts = None, []
        try:
            origin, ranges = _read_state(self._state)
        except (OSError, ValueError, KeyError, TypeError):
            return
        if origin.url != hashed(url):
            return
        parts: list[Part] = []
        for start, end, length, sha256 in ranges:
            part = Part(self, start, end)
            self._file.seek(start)
            while part.length < length and (data := self._file.read(min(_BLOCK, length - part.length))):
                part.adopt(data)
                yield
            if part.length != length or part.sha256 != sha256:
                return
            parts.append(part)
        self.origin, self.parts, self._taken = origin, parts, True

    def begin(self, origin: Origin, bounds: list[tuple[int, int | None]]) -> None:
        """Forget everything, and begin anew with parts from start to end.

        Raises:
            OSError: it cannot be written.
        """
        self._taken = True
        self._file.truncate(0)
        self.origin = origin
        self.parts = [Part(self, start, end) for start, end in bounds]
        self.save()

    def save(self) -> None:
        """Write down what is known.

        Raises:
            OSError: it cannot be written; what was written before is still there.
        """
        if self.origin is None or self.origin.validator is None:
            # Without a validator nobody can go on; so nothing must look as if.
            self._forget_state()
            return
        said = json.dumps(_state_of(self.origin, self.parts))
        with self._saving:
            self._new_state.write_text(said, "utf-8")
            self._new_state.replace(self._state)

    def _forget_state(self) -> None:
        self._state.unlink(missing_ok=True)
        # From somebody who was stopped, or had no space left.
        self._new_state.unlink(missing_ok=True)

    def forget(self) -> None:
        """Know nothing, and have nothing.

        Raises:
            OSError: it cannot be written.
        """
        self.origin, self.parts, self._taken = None, [], True
        self._forget_state()
        self._file.truncate(0)

    @property
    def received(self) -> int:
        """How many bytes have come."""
        return sum(part.length for part in self.parts)

    # The bytes

    def write_at(self, position: int, data: bytes | memoryview) -> None:
        """Put bytes into the file; safe from several threads."""
        left = memoryview(data)
        with self._writing:
            self._file.seek(position)
            while left:
                left = left[self._file.write(left) :]

    def read_at(self, position: int, size: int) -> bytes:
        """Bytes of the file; fewer at its end."""
        with self._writing:
            self._file.seek(position)
            return self._file.read(size)

    # The end

    def finish(self) -> None:
        """Put the file under its name, with the permissions of the one it replaces; on the disk when this returns.

        Raises:
            OSError: it cannot; the target is then as it was.
        """
        self._file.truncate(self.received)
        os.fsync(self._file.fileno())
        with contextlib.suppress(FileNotFoundError):
            self.path.chmod(stat.S_IMODE(self.target.stat().st_mode))
        if sys.platform == "win32":
            self._file.close()  # where nothing that is open can be renamed
        self.path.replace(self.target)
        self._forget_state()
        _sync_folder(self.target.parent)
        self._file.close()

    def close(self, *, keep: bool) -> None:
        """Let go of it, and keep what can be gone on with, if so wanted; after `finish` this does nothing."""
        if self._file.closed:
            return
        if keep and not self._taken and os.fstat(self._file.fileno()).st_size:
            self._file.close()
            return
        keep = keep and self.received > 0 and self.origin is not None and self.origin.validator is not None
        with contextlib.suppress(OSError):  # what is not written down is checked when it is read
            if keep:
                self.save()
            else:
                self._forget_state()
                self.path.unlink(missing_ok=True)
        self._file.close()


def hashed(url: str) -> str:
    """What is written down of a URL."""
    return hashlib.sha256(url.encode()).hexdigest()


_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def _partial_name(name: str) -> str:
    # Most file systems have 255 bytes for a name.
    if len(os.fsencode(name)) <= 200:
        return f".{name}.part"
    return f".{name[:40]}.{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}.part"


def _check_ownership(path: Path, descriptor: int) -> None:
    """Refuse what another user has put there: it would be gone on with, and have the right hash."""
    status = os.fstat(descriptor)
    foreign = sys.platform != "win32" and status.st_uid != os.geteuid()
    if foreign or not stat.S_ISREG(status.st_mode):
        raise DownloadError(f"{path} is in the way: it is not a file of this user")


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return  # a folder cannot be opened
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _state_of(origin: Origin, parts: list[Part]) -> dict[str, object]:
    return {
        "version": _VERSION,
        "url": origin.url,
        "answered_by": origin.answered_by,
        "validator": origin.validator,
        "total": origin.total,
        "digests": {name: digest.hex() for name, digest in origin.digests.items()},
        "parts": [
            [part.start, part.end, length, digest.hex()] for part in parts for length, digest in [part.come]
        ],
    }


def _read_state(path: Path) -> tuple[Origin, list[tuple[int, int | None, int, bytes]]]:
    """What a state file says.

    Raises:
        OSError: it cannot be read.
        ValueError, KeyError, TypeError: it is not one.
    """
    with path.open("rb") as file:
        said = cast("dict[str, Any]", json.loads(file.read(_MOST_STATE)))
    if said["version"] != _VERSION or len(said["parts"]) > _MOST_PARTS:
        raise ValueError("another version of this program wrote it")
    total = None if said["total"] is None else int(said["total"])
    origin = Origin(
        str(said["url"]),
        str(said["answered_by"]),
        str(said["validator"]),
        total,
        {str(name): bytes.fromhex(digest) for name, digest in said["digests"].items()},
    )
    ranges: list[tuple[int, int | None, int, bytes]] = []
    position: int | None = 0
    for start, end, length, sha256 in said["parts"]:
        # Parts follow each other without a gap, and none has more than fits.
        if start != position or length < 0 or (end is not None and not start <= start + length <= end):
            raise ValueError("its parts do not make a file")
        position = end
        ranges.append((int(start), None if end is None else int(end), int(length), bytes.fromhex(sha256)))
    if not ranges or position != total:
        raise ValueError("its parts do not make the file")
    return origin, ranges
