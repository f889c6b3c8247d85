"""The manifest: which CAs a program includes, and its TLS settings.

Theory of operation: a manifest is a small JSON file,

    {"resources": {"*": ["$(CERTS)/ca9", "$(CERTS)/ca41"]}, "config": {"tls": {"DHE_RSA": false}}}

and includes exactly the CAs that its entries mean, less those it excludes; without a list it includes none. It
becomes a value that cannot be changed and answers one question, whether a CA is included. How files are read
and joined is `_manifest_file`'s business, what may stand in them is `_manifest_rules`'.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from os import PathLike, fspath
from typing import cast

from trio_certs._manifest_file import load_rules
from trio_certs._manifest_rules import Config, check_config, check_entry, frozen_config, texts
from trio_certs._manifest_source import ManifestSource
from trio_certs._store import BUNDLED, Store


@dataclass(frozen=True)
class Manifest:
    """The CAs a program includes, and its TLS settings.

    Args:
        resources: the entries, each of the form `$(CERTS)/ca9`, or `$(CERTS)/ca1*` for several.
        config: `{"tls": {name: bool}}`; the names are the TLS client's business.
        path: the file it came from, for error messages.
        store: the store whose CAs the entries name.
        exclude: entries for CAs that are not included, whatever `resources` says.

    Raises:
        ManifestError: an entry is malformed, or names a CA that does not exist or is retired.
        StoreError: the store's index cannot be read.
    """

    resources: Iterable[str] = ()
    config: Config = field(default_factory=dict[str, "dict[str, bool]"], hash=False)
    path: str | None = None
    store: Store = BUNDLED
    exclude: Iterable[str] = ()
    _included: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        source = ManifestSource(self.path)
        numbers: dict[str, frozenset[int]] = {}
        for name in ("resources", "exclude"):
            excluding = name == "exclude"
            entries = list(texts(_listed(getattr(self, name), name, source), (name,), source))
            found = [
                check_entry(entry, path, source, self.store, excluding=excluding) for entry, path in entries
            ]
            numbers[name] = frozenset[int]().union(*found)
            object.__setattr__(self, name, tuple(entry for entry, _path in entries))
        included = numbers["resources"] - numbers["exclude"]
        index = self.store.index()
        object.__setattr__(
            self, "_included", frozenset(index.entries[number].resource for number in included)
        )
        object.__setattr__(self, "config", frozen_config(check_config(self.config, source)))

    @classmethod
    async def load(
        cls, path: str | PathLike[str], *, store: Store = BUNDLED, platform: str = sys.platform
    ) -> Manifest:
        """Read a manifest file, and those it includes.

        Args:
            path: the file.
            store: the store whose CAs the entries name.
            platform: whose sections count, beside those for every platform.

        Raises:
            ManifestError: a file cannot be read, is too large or not JSON, or what it says cannot be used; the
                message has line, column and key.
            StoreError: the store's index cannot be read.
        """
        rules = await load_rules(fspath(path), store, platform)
        return cls(
            tuple(dict.fromkeys(rules.resources)),
            rules.config,
            fspath(path),
            store,
            tuple(dict.fromkeys(rules.exclude)),
        )

    @property
    def label(self) -> str:
        """What messages call it."""
        return ManifestSource(self.path).label

    def includes(self, name: str) -> bool:
        """Whether the resource `name`, such as `ca9.der`, is included."""
        return name in self._included


def check_manifest(value: object) -> None:
    """Refuse what is neither a manifest nor `None`, with a `TypeError`."""
    if value is not None and not isinstance(value, Manifest):
        raise TypeError(f"manifest must be a Manifest, not {type(value).__name__}")


def _listed(value: object, name: str, source: ManifestSource) -> Iterable[object]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise source.error('must be a list of entries such as "$(CERTS)/ca9"', (name,))
    return cast("Iterable[object]", value)
