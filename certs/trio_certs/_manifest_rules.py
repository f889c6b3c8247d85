"""What one manifest says, checked: what it includes, excludes, sets, and which further manifests it names.

Theory of operation: a manifest is a section, and may have further sections for platforms:

    {"include": "base.json",
     "resources": {"*": ["$(CERTS)/ca9"], "linux": ["$(CERTS)/ca1*"], "~": ["$(CERTS)/ca13"]},
     "config": {"tls": {"DHE_RSA": false}},
     "platforms": {"win32": {"resources": {"*": ["$(CERTS)/ca41"]}}, "...": {"config": {}}}}

What is not understood is refused with the key it stands under, because a line that is silently ignored would
be a CA that is silently missing, or, worse, one that is not excluded. Sections for other platforms are checked
as well, so that a mistake is found where it is made and not where it matters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import cast

from trio_certs._json import KeyPath
from trio_certs._manifest_entry import numbers_of
from trio_certs._manifest_source import ManifestSource
from trio_certs._store import Store

PLATFORMS = (
    "aix",
    "android",
    "cygwin",
    "darwin",
    "emscripten",
    "freebsd",
    "ios",
    "linux",
    "netbsd",
    "openbsd",
    "sunos",
    "wasi",
    "win32",
)
"""The keys for platforms: what `sys.platform` says, without a version behind it."""

Config = Mapping[str, Mapping[str, bool]]

_EXAMPLE = '{"resources": {"*": ["$(CERTS)/ca9"]}, "config": {"tls": {}}}'
_SECTION_KEYS = ("include", "resources", "data", "config")
_OTHERWISE = "..."
_PLATFORMS = f"and for one platform {', '.join(PLATFORMS)}"
_FOREIGN_KEYS: dict[str, str] = dict.fromkeys(
    ("modules", "preload", "strip", "creation", "defines", "build", "recipes", "bundle", "commonjs"),
    "a manifest here lists certificates and settings, not how a program is built",
)


@dataclass(slots=True)
class Rules:
    """What a manifest says on one platform."""

    resources: list[str] = field(default_factory=list[str])
    exclude: list[str] = field(default_factory=list[str])
    config: dict[str, dict[str, bool]] = field(default_factory=dict[str, dict[str, bool]])
    includes: list[tuple[str, KeyPath]] = field(default_factory=list[tuple[str, KeyPath]])
    """Further manifests, and where each is named."""

    def add(self, other: Rules) -> None:
        """Let `other` follow: lists grow, and of two settings the later one counts."""
        self.resources += other.resources
        self.exclude += other.exclude
        for section, switches in other.config.items():
            self.config.setdefault(section, {}).update(switches)


def parse_rules(document: object, source: ManifestSource, store: Store, platform: str) -> Rules:
    """The rules in a manifest's JSON value.

    Args:
        document: the value.
        source: where it stands.
        store: the store whose CAs the entries name.
        platform: `sys.platform`, or another value it may have.

    Raises:
        ManifestError: something in it is not understood.
        StoreError: the store's index cannot be read.
    """
    if not isinstance(document, Mapping):
        raise source.error(f"it must be an object, as in {_EXAMPLE}")
    values = cast("Mapping[str, object]", document)
    reader = _RulesReader(source, store, platform)
    rules = reader.section(values, ())
    sections = reader.mapping(values, "platforms", ())
    chosen = next((name for name in sections if is_platform(name, platform)), _OTHERWISE)
    for name in sections:
        path = ("platforms", name)
        if name != _OTHERWISE and name not in PLATFORMS:
            known = f'"..." for all not named, {_PLATFORMS}'
            raise source.error(f"unknown: the keys here are {known}", path, key=True)
        found = reader.section(reader.mapping(sections, name, ("platforms",)), path)
        if name == chosen:
            rules.includes += found.includes
            rules.add(found)
    return rules


def is_platform(name: str, platform: str) -> bool:
    """Whether the key `name` means `platform`; a version is not looked at, as in `freebsd14`."""
    return re.fullmatch(rf"{re.escape(name)}[0-9.]*", platform) is not None


def check_entry(
    entry: str, path: KeyPath, source: ManifestSource, store: Store, *, excluding: bool = False
) -> frozenset[int]:
    """The numbers of the CAs that the entry at `path` means.

    Raises:
        ManifestError: it is not an entry, or means no CA.
    """
    try:
        return numbers_of(entry, store, excluding=excluding)
    except ValueError as error:
        raise source.error(str(error), path, entry=entry) from error


def texts(values: Iterable[object], path: KeyPath, source: ManifestSource) -> Iterator[tuple[str, KeyPath]]:
    """The strings of a list, each with its path.

    Raises:
        ManifestError: one is not a string.
    """
    for place, text in enumerate(values):
        if not isinstance(text, str):
            raise source.error(f"must be a string, not {type(text).__name__}", (*path, place))
        yield text, (*path, place)


def check_config(
    config: object, source: ManifestSource, path: KeyPath = ("config",)
) -> dict[str, dict[str, bool]]:
    """The settings, each of the form `{"tls": {name: bool}}`.

    Raises:
        ManifestError: they have another form.
    """
    if not isinstance(config, Mapping):
        raise source.error(f"must be an object, as in {_EXAMPLE}", path)
    found: dict[str, dict[str, bool]] = {}
    for section, settings in cast("Mapping[str, object]", config).items():
        if section != "tls":
            raise source.error('unknown: the only section is "tls"', (*path, section), key=True)
        if not isinstance(settings, Mapping):
            raise source.error(f"must be an object, as in {_EXAMPLE}", (*path, section))
        for name, switch in cast("Mapping[str, object]", settings).items():
            if not isinstance(switch, bool):
                raise source.error("must be true or false", (*path, section, name))
            found.setdefault(section, {})[name] = switch
    return found


def frozen_config(config: Mapping[str, Mapping[str, bool]]) -> Config:
    """A copy that cannot be changed."""
    return MappingProxyType(
        {section: MappingProxyType(dict(switches)) for section, switches in config.items()}
    )


class _RulesReader:
    """The parts of a section, each checked as it is read."""

    def __init__(self, source: ManifestSource, store: Store, platform: str) -> None:
        self._source = source
        self._store = store
        self._platform = platform

    def section(self, values: Mapping[str, object], path: KeyPath) -> Rules:
        """The rules of the manifest itself, or of one platform's part of it."""
        known = _SECTION_KEYS if path else (*_SECTION_KEYS, "platforms")
        for key in values:
            if key not in known:
                why = _FOREIGN_KEYS.get(key, f"unknown: the keys here are {', '.join(known)}")
                raise self._source.error(why, (*path, key), key=True)
        rules = Rules()
        rules.includes = list(self._texts(values.get("include", []), (*path, "include")))
        for key in ("resources", "data"):
            self._lists(self.mapping(values, key, path), (*path, key), rules)
        if "config" in values:
            rules.config = check_config(values["config"], self._source, (*path, "config"))
        return rules

    def _lists(self, lists: Mapping[str, object], path: KeyPath, rules: Rules) -> None:
        """The lists by platform; those for other platforms are checked and left."""
        for key, value in lists.items():
            where = (*path, key)
            if key not in ("*", "~", *PLATFORMS):
                raise self._source.error(
                    f'unknown: the keys here are "*" for every platform, "~" for what is excluded, {_PLATFORMS}',
                    where,
                    key=True,
                )
            excluding = key == "~"
            for entry, place in self._texts(value, where):
                check_entry(entry, place, self._source, self._store, excluding=excluding)
                if excluding:
                    rules.exclude.append(entry)
                elif key == "*" or is_platform(key, self._platform):
                    rules.resources.append(entry)

    def _texts(self, value: object, path: KeyPath) -> Iterator[tuple[str, KeyPath]]:
        """One string, or a list of strings, each with its path."""
        if isinstance(value, str):
            yield value, path
        elif isinstance(value, list):
            yield from texts(cast("list[object]", value), path, self._source)
        else:
            raise self._source.error("must be a string or a list of strings", path)

    def mapping(self, values: Mapping[str, object], key: str, path: KeyPath) -> Mapping[str, object]:
        """The object under a key; an empty one if the key is not there."""
        value = values.get(key, {})
        if not isinstance(value, Mapping):
            raise self._source.error(f"must be an object, as in {_EXAMPLE}", (*path, key))
        return cast("Mapping[str, object]", value)
