from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.authority import Authority
from support.store import make_store
from trio_certs import ManifestError, Store
from trio_certs._json import Document
from trio_certs._manifest_rules import (
    PLATFORMS,
    Rules,
    check_config,
    frozen_config,
    is_platform,
    parse_rules,
)
from trio_certs._manifest_source import ManifestSource

ROOTS = [Authority.make(name=f"Root {number}") for number in range(4)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(Path(tmp_path_factory.mktemp("certs")), *ROOTS)


def rules(store: Store, document: object, platform: str = "linux") -> Rules:
    parsed = Document.parse(json.dumps(document, indent=1))
    return parse_rules(parsed.value, ManifestSource("m.json", parsed), store, platform)


def test_lists_for_every_platform_and_for_this_one_count(store: Store) -> None:
    document = {
        "resources": {
            "*": ["$(CERTS)/ca0"],
            "linux": "$(CERTS)/ca1",
            "win32": ["$(CERTS)/ca2.der"],
            "~": ["$(CERTS)/ca3"],
        },
        "data": {"*": "$(CERTS)/ca3"},
    }
    found = rules(store, document)
    assert found.resources == ["$(CERTS)/ca0", "$(CERTS)/ca1", "$(CERTS)/ca3"]
    assert found.exclude == ["$(CERTS)/ca3"]
    assert rules(store, document, "win32").resources == ["$(CERTS)/ca0", "$(CERTS)/ca2.der", "$(CERTS)/ca3"]


def test_a_platforms_section_follows_the_rest(store: Store) -> None:
    document = {
        "config": {"tls": {"DHE_RSA": True, "ECDHE_RSA": True}},
        "include": "base.json",
        "platforms": {
            "darwin": {"include": ["mac.json"], "config": {"tls": {"DHE_RSA": False}}},
            "...": {"resources": {"*": "$(CERTS)/ca1"}},
        },
    }
    mac, other = rules(store, document, "darwin"), rules(store, document, "freebsd14")
    assert mac.config == {"tls": {"DHE_RSA": False, "ECDHE_RSA": True}}
    assert mac.includes == [("base.json", ("include",)), ("mac.json", ("platforms", "darwin", "include", 0))]
    assert mac.resources == []
    assert other.resources == ["$(CERTS)/ca1"]
    assert other.includes == [("base.json", ("include",))]


def test_platforms_are_named_without_their_versions() -> None:
    assert is_platform("freebsd", "freebsd14")
    assert is_platform("sunos", "sunos5")
    assert is_platform("win32", "win32")
    assert not is_platform("linux", "linuxulator")
    assert not is_platform("linux", "darwin")
    assert sorted(PLATFORMS) == list(PLATFORMS)


EXAMPLE = 'as in {"resources": {"*": ["$(CERTS)/ca9"]}'
REFUSALS: list[tuple[object, str]] = [
    ([], f"the manifest m.json: it must be an object, {EXAMPLE}"),
    (
        {"resources": {"esp32": []}},
        'line 3, column 3: "resources.esp32": unknown: the keys here are "*" for every platform, "~" for',
    ),
    ({"resources": ["$(CERTS)/ca0"]}, f'line 2, column 15: "resources": must be an object, {EXAMPLE}'),
    (
        {"resources": {"*": ["$(CERTS)/ca0", 9]}},
        'line 5, column 4: "resources.*", entry 2: must be a string, not int',
    ),
    ({"resources": {"*": {"a": "b"}}}, '"resources.*": must be a string or a list of strings'),
    ({"resources": {"*": 9}}, '"resources.*": must be a string or a list of strings'),
    (
        {"resources": {"*": ["$(CERTS)/ca0", "$(CERTS)/ca4"]}},
        'line 5, column 4: "resources.*", entry 2 ("$(CERTS)/ca4"): there is no such CA',
    ),
    (
        {"resources": {"*": "$(CERTS)/ca4"}},
        'column 8: "resources.*" ("$(CERTS)/ca4"): there is no such CA',
    ),
    # Another platform's list is checked as well.
    (
        {"resources": {"win32": ["$(CERTS)/ca4"]}},
        '"resources.win32", entry 1 ("$(CERTS)/ca4"): there is no',
    ),
    ({"resources": {"~": ["$(CERTS)/ca4"]}}, '"resources.~", entry 1 ("$(CERTS)/ca4"): there is no'),
    ({"data": {"*": ["x"]}}, 'line 4, column 4: "data.*", entry 1 ("x"): an entry has the form'),
    ({"include": 1}, '"include": must be a string or a list of strings'),
    ({"include": [[]]}, '"include", entry 1: must be a string, not list'),
    ({"platforms": {"esp": {}}}, 'line 3, column 3: "platforms.esp": unknown: the keys here are "..."'),
    ({"platforms": []}, '"platforms": must be an object'),
    ({"platforms": {"linux": []}}, '"platforms.linux": must be an object'),
    (
        {"platforms": {"win32": {"platforms": {}}}},
        '"platforms.win32.platforms": unknown: the keys here are',
    ),
    ({"modules": {}}, '"modules": a manifest here lists certificates and settings'),
    (
        {"Resources": {}},
        '"Resources": unknown: the keys here are include, resources, data, config, platforms',
    ),
    ({"config": []}, '"config": must be an object'),
    ({"config": None}, '"config": must be an object'),
    ({"config": {"wifi": {}}}, 'line 3, column 3: "config.wifi": unknown: the only section is "tls"'),
    ({"config": {"tls": 1}}, '"config.tls": must be an object'),
    (
        {"config": {"tls": {"DHE_RSA": 0}}},
        'line 4, column 15: "config.tls.DHE_RSA": must be true or false',
    ),
]


@pytest.mark.parametrize(("document", "message"), REFUSALS)
def test_what_is_not_understood_is_refused_with_line_and_key(
    store: Store, document: object, message: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        rules(store, document)
    assert str(caught.value).startswith("the manifest m.json")
    assert message in str(caught.value)


KEYS = (
    "include",
    "resources",
    "data",
    "config",
    "platforms",
    "tls",
    "*",
    "~",
    "linux",
    "win32",
    "...",
    "DHE_RSA",
)
ENTRIES = ("$(CERTS)/ca0", "$(CERTS)/ca*", "$(CERTS)/*", "$(CERTS)/ca9", "base.json", "modules", "\x00", "")
words = st.sampled_from([*KEYS, *ENTRIES])
anything = st.recursive(
    words | st.booleans() | st.none() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@given(anything)
def test_whatever_it_says_it_is_understood_or_refused_by_name(store: Store, document: object) -> None:
    try:
        found = rules(store, document)
    except ManifestError as error:
        assert str(error).startswith("the manifest m.json")  # noqa: PT017 -- either outcome is right
    else:
        assert isinstance(document, dict)
        assert set(found.resources) <= {"$(CERTS)/ca0", "$(CERTS)/ca*", "$(CERTS)/*"}


def test_settings_are_copied_and_cannot_be_changed() -> None:
    given = {"tls": {"DHE_RSA": False}}
    frozen = frozen_config(check_config(given, ManifestSource()))
    given["tls"]["DHE_RSA"] = True
    assert frozen["tls"]["DHE_RSA"] is False
    with pytest.raises(TypeError):
        frozen["tls"]["DHE_RSA"] = True  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
