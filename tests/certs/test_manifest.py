from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from support.authority import Authority
from support.store import make_store, update_tool
from trio_certs import Manifest, ManifestError, Store
from trio_certs._manifest import check_manifest

ROOTS = [Authority.make(name="Root A"), Authority.make(name="Root B"), Authority.make(name="Root C")]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three CAs, of which the second is retired."""
    folder = tmp_path / "store"
    make_store(folder, *ROOTS)
    update_tool().update(ROOTS[0].certificate_pem + ROOTS[2].certificate_pem, folder)
    return Store(folder)


async def load(store: Store, document: object, platform: str = sys.platform) -> Manifest:
    path = store.folder / "manifest.json"
    path.write_text(json.dumps(document), "utf-8")
    return await Manifest.load(path, store=store, platform=platform)


async def test_a_manifest_includes_exactly_what_it_lists(store: Store) -> None:
    manifest = await load(
        store, {"resources": {"*": ["$(CERTS)/ca2"]}, "config": {"tls": {"DHE_RSA": False}}}
    )
    assert [manifest.includes(f"ca{number}.der") for number in range(4)] == [False, False, True, False]
    assert not manifest.includes("ca2")
    assert manifest.resources == ("$(CERTS)/ca2",)
    assert manifest.config == {"tls": {"DHE_RSA": False}}
    assert manifest.path == str(store.folder / "manifest.json")


@pytest.mark.parametrize("document", [{}, {"resources": {}}, {"resources": {"*": []}}, {"config": {}}])
async def test_a_manifest_without_a_list_includes_nothing(store: Store, document: object) -> None:
    manifest = await load(store, document)
    assert not manifest.includes("ca0.der")
    assert manifest.config == {}


async def test_what_is_excluded_is_not_included_whoever_says_so(store: Store) -> None:
    (store.folder / "base.json").write_text('{"resources": {"~": ["$(CERTS)/ca1", "$(CERTS)/ca2"]}}')
    manifest = await load(store, {"include": "base.json", "resources": {"*": ["$(CERTS)/*", "$(CERTS)/ca2"]}})
    assert [manifest.includes(f"ca{number}.der") for number in range(3)] == [True, False, False]
    assert manifest.exclude == ("$(CERTS)/ca1", "$(CERTS)/ca2")


async def test_the_platform_decides_which_lists_count(store: Store) -> None:
    document = {"resources": {"linux": ["$(CERTS)/ca0"], "win32": ["$(CERTS)/ca2"]}}
    assert not (await load(store, document, "linux")).includes("ca2.der")
    assert (await load(store, document, "win32")).includes("ca2.der")


async def test_an_error_has_line_and_key(store: Store) -> None:
    with pytest.raises(ManifestError) as caught:
        await load(store, {"resources": {"*": ["$(CERTS)/ca0", "$(CERTS)/ca1"]}})
    assert str(caught.value) == (
        f'the manifest {store.folder}/manifest.json, line 1, column 38: "resources.*", entry 2 ("$(CERTS)/ca1"): '
        "Root B was retired and is not trusted any more: remove the entry"
    )


def test_a_manifest_can_be_made_without_a_file() -> None:
    manifest = Manifest(["$(CERTS)/ca9"], config={"tls": {"ECDHE_RSA": True}})
    assert manifest.includes("ca9.der")
    assert not Manifest(["$(CERTS)/ca9"], exclude=["$(CERTS)/ca9"]).includes("ca9.der")
    assert manifest.label == "the manifest"
    assert Manifest(iter(["$(CERTS)/ca9"])) == Manifest(["$(CERTS)/ca9"])
    assert hash(manifest) == hash(Manifest(("$(CERTS)/ca9",), config={"tls": {"ECDHE_RSA": False}}))


def test_a_manifest_cannot_be_changed() -> None:
    tls = {"DHE_RSA": False}
    manifest = Manifest(config={"tls": tls})
    tls["DHE_RSA"] = True
    assert manifest.config["tls"]["DHE_RSA"] is False
    with pytest.raises(TypeError):
        manifest.config["tls"]["DHE_RSA"] = True  # type: ignore[index]  # pyright: ignore[reportIndexIssue]


@pytest.mark.parametrize("resources", ["$(CERTS)/ca9", None, 9])
def test_resources_of_another_type_are_refused(resources: object) -> None:
    with pytest.raises(ManifestError, match='the manifest: "resources": must be a list of entries'):
        Manifest(resources)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_an_entry_that_cannot_be_used_is_refused_with_its_place() -> None:
    with pytest.raises(
        ManifestError, match=r'the manifest: "exclude", entry 1 \("x"\): an entry has the form'
    ):
        Manifest(exclude=["x"])
    with pytest.raises(ManifestError, match='the manifest: "resources", entry 2: must be a string, not int'):
        Manifest(["$(CERTS)/ca9", 9])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]


def test_only_a_manifest_passes_for_one() -> None:
    check_manifest(None)
    check_manifest(Manifest())
    with pytest.raises(TypeError, match="manifest must be a Manifest, not dict"):
        check_manifest({"resources": {}})
