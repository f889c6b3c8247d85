"""A download from peers in memory, and what it leaves beside its file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import outcome

from support.http_peers import Script, peers
from trio_https import Client, Downloaded

URL = "http://h.example/dir/file.bin?key=secret"
SMALL = bytes(range(200, 237))
TINY = SMALL[:11]
LARGE = bytes(range(251)) * 20_000
OLD = b"before"
KEPT = [".file.bin.part", ".file.bin.part.json"]


async def fetch(script: Script, path: Path, url: str = URL, **options: Any) -> Downloaded:
    """Download from a server in memory."""
    limits = options.pop("limits", None)
    async with peers(script) as factory, Client(factory, limits=limits) as client:
        result = await outcome.acapture(partial(client.download, url, path, **options))
    assert factory.open == 0
    return result.unwrap()  # not in a group, as the nursery of the peers would have it


def old_file(folder: Path) -> Path:
    """A file that is there already."""
    path = folder / "file.bin"
    path.write_bytes(OLD)
    return path


def beside(path: Path) -> list[str]:
    """What is in the folder of a file but for itself."""
    return sorted(entry.name for entry in path.parent.iterdir() if entry != path)


def content(path: Path) -> bytes:
    """What is in a file."""
    return path.read_bytes()


def restore(path: Path) -> None:
    """Make the file as it was before."""
    path.write_bytes(OLD)


class Told:
    """A progress callback that remembers."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int | None]] = []

    def __call__(self, received: int, total: int | None) -> None:
        self.calls.append((received, total))

    @property
    def received(self) -> list[int]:
        """How much had come, each time."""
        return [received for received, _ in self.calls]
