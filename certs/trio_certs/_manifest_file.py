"""Manifest files: read, and joined with those they include.

Theory of operation: `include` puts another manifest's rules before this one's, so that what includes has the
last word about settings; an exclusion holds wherever it stands. A file that is reached twice counts once. One
that includes itself, by whatever way, is refused with that way, and depth and number have limits: nobody
needs them, and a file that is generated wrongly must not make a program read for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import trio

from trio_certs._json import Document, JSONError, KeyPath
from trio_certs._manifest_rules import Rules, parse_rules
from trio_certs._manifest_source import ManifestSource
from trio_certs._store import Store

MAX_MANIFEST_BYTES = 64 * 1024
"""The largest manifest file that is read."""
MAX_INCLUDE_DEPTH = 8
"""Manifests that include one another, the first one counted."""
MAX_MANIFEST_FILES = 64
"""Files read for one manifest."""


async def load_rules(path: str, store: Store, platform: str) -> Rules:
    """The rules of a manifest file and of everything it includes; always a checkpoint.

    Raises:
        ManifestError: a file cannot be read, is too large, not JSON, or says what cannot be used.
        StoreError: the store's index cannot be read.
    """
    await store.load_index()
    loader = _Loader(store, platform)
    await loader.load(path, (), None)
    return loader.rules


def parse_document(data: bytes, source: ManifestSource) -> Document:
    """A manifest's text, with or without a byte order mark.

    Raises:
        ManifestError: it is not JSON in UTF-8.
    """
    try:
        return Document.parse(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise source.error(
            f"line {line}: not text in UTF-8: byte {error.object[error.start]:#04x}"
        ) from error
    except JSONError as error:
        raise source.error(str(error)) from error


class _Loader:
    """The files of one manifest, as they are read."""

    def __init__(self, store: Store, platform: str) -> None:
        self.rules = Rules()
        self._store = store
        self._platform = platform
        self._read: set[Path] = set()

    async def load(
        self, path: str, chain: Sequence[Path], named: tuple[ManifestSource, KeyPath] | None
    ) -> None:
        """Add a file's rules, those it includes first.

        Args:
            path: the file.
            chain: the files that led to it, from the first.
            named: the manifest that includes it, and where.
        """
        source = ManifestSource(path)
        try:
            file, data = await trio.to_thread.run_sync(_read, Path(path), abandon_on_cancel=True)
        except (OSError, ValueError) as error:  # ValueError: a path that cannot be one, with a null character
            blame, where = named or (source, ())
            what = f"{path} cannot be read" if named else "it cannot be read"
            raise blame.error(f"{what}: {_reason(error)}", where) from error
        if named is not None:
            self._check_chain(file, chain, named)
        if file in self._read:
            return
        self._read.add(file)
        if len(data) > MAX_MANIFEST_BYTES:
            raise source.error(
                f"it is larger than {MAX_MANIFEST_BYTES} bytes, but should only list certificates"
            )
        document = parse_document(data, source)
        source = ManifestSource(path, document)
        rules = parse_rules(document.value, source, self._store, self._platform)
        for included, where in rules.includes:
            await self.load(_beside(path, included, source, where), (*chain, file), (source, where))
        self.rules.add(rules)

    def _check_chain(self, file: Path, chain: Sequence[Path], named: tuple[ManifestSource, KeyPath]) -> None:
        source, where = named
        if file in chain:
            way = " → ".join(str(one) for one in (*chain[chain.index(file) :], file))
            raise source.error(f"a manifest that includes itself: {way}", where)
        if len(chain) >= MAX_INCLUDE_DEPTH:
            raise source.error(f"more than {MAX_INCLUDE_DEPTH} manifests that include one another", where)
        if len(self._read) >= MAX_MANIFEST_FILES:
            raise source.error(f"more than {MAX_MANIFEST_FILES} files make up this manifest", where)


def _beside(path: str, included: str, source: ManifestSource, where: KeyPath) -> str:
    """The path of an included manifest, which is relative to the folder of the one that includes it."""
    if "$(" in included:
        raise source.error(
            "no variables here: write a path, relative to this manifest's folder", where, entry=included
        )
    if not included:
        raise source.error("an empty path: write one, relative to this manifest's folder", where)
    return str(Path(path).parent / included)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _read(path: Path) -> tuple[Path, bytes]:
    """The file that a path leads to, and its content up to a little more than the limit."""
    with path.open("rb") as file:
        return path.resolve(), file.read(MAX_MANIFEST_BYTES + 1)
