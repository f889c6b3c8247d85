"""The manifest: which CAs a program includes, and its TLS settings.

Theory of operation: a manifest is a small JSON file,

    {"resources": {"*": ["$(CERTS)/ca9", "$(CERTS)/ca41"]}, "config": {"tls": {"DHE_RSA": false}}}

and includes exactly the CAs it lists; without a list it includes none. What is not understood is refused
with the key it stands under, because a line that is silently ignored would be a CA that is silently
missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import cast

import trio

from trio_certs._errors import ManifestError
from trio_certs._store import BUNDLED, Store
from trio_certs._text import printable

MAX_MANIFEST_BYTES = 64 * 1024
"""The largest manifest file that is read."""

_ENTRY = re.compile(r"\$\(CERTS\)/ca(0|[1-9][0-9]{0,5})", re.ASCII)
_EXAMPLE = '{"resources": {"*": ["$(CERTS)/ca9"]}, "config": {"tls": {}}}'
_UNSUPPORTED_KEYS = {
    "include": "including other manifests is not supported: list their resources here",
    "data": 'certificates belong under "resources"',
    "platforms": 'platform sections are not supported: use "resources": {"*": […]}',
    "modules": "a manifest here lists certificates, not modules",
    "preload": "a manifest here lists certificates, not modules",
}


@dataclass(frozen=True)
class Manifest:
    """The CAs a program includes, and its TLS settings.

    Args:
        resources: the entries, each of the form `$(CERTS)/ca9`.
        config: `{"tls": {name: bool}}`; the names are the TLS client's business.
        path: the file it came from, for error messages.
        store: the store whose CAs the entries name.

    Raises:
        ManifestError: an entry is malformed, or names a CA that does not exist or is retired.
        StoreError: the store's index cannot be read.
    """

    resources: Iterable[str] = ()
    config: Mapping[str, Mapping[str, bool]] = field(
        default_factory=dict[str, Mapping[str, bool]], hash=False
    )
    path: str | None = None
    store: Store = BUNDLED
    _included: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        entries = _strings(self.resources, "resources", self.label)
        included = frozenset(self._resource(entry, place) for place, entry in enumerate(entries, 1))
        object.__setattr__(self, "resources", entries)
        object.__setattr__(self, "config", _config(self.config, self.label))
        object.__setattr__(self, "_included", included)

    @classmethod
    async def load(cls, path: str | PathLike[str], *, store: Store = BUNDLED) -> Manifest:
        """Read a manifest file.

        Raises:
            ManifestError: the file cannot be read, is too large or not JSON, or what it says cannot be used.
            StoreError: the store's index cannot be read.
        """
        await store.load_index()
        label = f"the manifest {path}"
        try:
            data = await trio.to_thread.run_sync(_read, Path(path), abandon_on_cancel=True)
        except (OSError, ValueError) as error:  # ValueError: a path that cannot be one, with a null character
            raise ManifestError(f"{label} cannot be read: {error}") from error
        if len(data) > MAX_MANIFEST_BYTES:
            raise ManifestError(
                f"{label} is larger than {MAX_MANIFEST_BYTES} bytes: it should only list certificates"
            )
        document = _parse(data, label)
        for key in document:
            if key not in ("resources", "config"):
                why = _UNSUPPORTED_KEYS.get(key, 'the keys of a manifest are "resources" and "config"')
                raise ManifestError(f'{label}: "{printable(key)}": {why}')
        config = document.get("config", {})
        # The constructor checks the config's shape; what JSON gave is not typed.
        return cls(_star(document, label), cast("Mapping[str, Mapping[str, bool]]", config), str(path), store)

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"the manifest {self.path}" if self.path else "the manifest"

    def includes(self, name: str) -> bool:
        """Whether the resource `name`, such as `ca9.der`, is included."""
        return name in self._included

    def _resource(self, entry: str, place: int) -> str:
        """The name of the resource that an entry stands for."""
        where = f'{self.label}: "resources", entry {place} ("{printable(entry)}")'
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise ManifestError(f"{where}: {_what_is_wrong(entry)}")
        number = int(match[1])
        known = self.store.index().entries
        if number in known:
            return known[number].resource
        retired = self.store.retired().get(number)
        if retired is not None:
            raise ManifestError(
                f"{where}: {retired.name} was retired and is not trusted any more: remove the entry"
            )
        last = max(known, default=0)
        raise ManifestError(f"{where}: there is no such CA: the store's last is ca{last}, see store/LIST.md")


def check_manifest(value: object) -> None:
    """Refuse what is neither a manifest nor `None`, with a `TypeError`."""
    if value is not None and not isinstance(value, Manifest):
        raise TypeError(f"manifest must be a Manifest, not {type(value).__name__}")


def _what_is_wrong(entry: str) -> str:
    if entry.startswith("~"):
        return 'exclusions ("~") are not supported: list the CAs to include'
    if "*" in entry:
        return "wildcards are not supported: list each CA"
    if entry.startswith("$(CERTS)/ca") and entry.endswith(".der"):
        return "leave out the extension .der"
    return "an entry has the form $(CERTS)/ca9, with a number from store/LIST.md"


def _strings(value: object, key: str, label: str) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ManifestError(f'{label}: "{key}" must be a list of entries such as "$(CERTS)/ca9"')
    entries: list[str] = []
    for entry in cast("Iterable[object]", value):
        if not isinstance(entry, str):
            raise ManifestError(
                f'{label}: "{key}", entry {len(entries) + 1} must be a string, not {type(entry).__name__}'
            )
        entries.append(entry)
    return tuple(entries)


def _mapping(value: object, key: str, label: str) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise ManifestError(f'{label}: "{key}" must be an object, as in {_EXAMPLE}')
    return dict(cast("Mapping[str, object]", value))


def _config(value: object, label: str) -> Mapping[str, Mapping[str, bool]]:
    frozen: dict[str, Mapping[str, bool]] = {}
    for section, settings in _mapping(value, "config", label).items():
        if section != "tls":
            raise ManifestError(
                f'{label}: "config": "{printable(str(section))}" is unknown: the only section is "tls"'
            )
        switches: dict[str, bool] = {}
        for name, switch in _mapping(settings, "config.tls", label).items():
            if not isinstance(switch, bool):
                raise ManifestError(f'{label}: "config.tls.{printable(str(name))}" must be true or false')
            switches[name] = switch
        frozen[section] = MappingProxyType(switches)
    return MappingProxyType(frozen)


def _star(document: dict[str, object], label: str) -> tuple[str, ...]:
    """The entries under `"resources": {"*": …}`, one of them possibly without a list around it."""
    resources = _mapping(document.get("resources", {}), "resources", label)
    for key in resources:
        if key == "~":
            raise ManifestError(
                f'{label}: "resources": exclusions ("~") are not supported: list the CAs to include'
            )
        if key != "*":
            raise ManifestError(
                f'{label}: "resources": "{printable(key)}": sections for a platform or a folder are not '
                'supported: use "*"'
            )
    entries = resources.get("*", [])
    return (entries,) if isinstance(entries, str) else _strings(entries, "resources.*", label)


def _parse(data: bytes, label: str) -> dict[str, object]:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in pairs:
            if key in found:
                raise ManifestError(f'{label}: the key "{printable(key)}" occurs twice')
            found[key] = value
        return found

    try:
        document: object = json.loads(data.decode("utf-8-sig"), object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise ManifestError(
            f"{label}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}"
        ) from error
    except UnicodeDecodeError as error:
        raise ManifestError(f"{label} is not text in UTF-8: byte {error.start} is wrong") from error
    except ManifestError:
        raise
    except ValueError as error:
        raise ManifestError(f"{label} is not JSON that can be read: {error}") from error
    except RecursionError:
        raise ManifestError(f"{label} is nested too deeply: its shape is {_EXAMPLE}") from None
    if not isinstance(document, dict):
        raise ManifestError(f"{label} must be an object, as in {_EXAMPLE}")
    return cast("dict[str, object]", document)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_MANIFEST_BYTES + 1)
