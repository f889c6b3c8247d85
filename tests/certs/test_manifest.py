from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import trio

from support.authority import Authority
from support.store import make_store, update_tool
from trio_certs import Manifest, ManifestError, Store
from trio_certs._manifest import MAX_MANIFEST_BYTES, check_manifest

ROOTS = [Authority.make(name="Root A"), Authority.make(name="Root B"), Authority.make(name="Root C")]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three CAs, of which the second is retired."""
    folder = tmp_path / "store"
    make_store(folder, *ROOTS)
    update_tool().update(ROOTS[0].certificate_pem + ROOTS[2].certificate_pem, folder)
    return Store(folder)


async def load(store: Store, document: object) -> Manifest:
    path = store.folder / "manifest.json"
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return await Manifest.load(path, store=store)


async def refused(store: Store, document: object) -> str:
    with pytest.raises(ManifestError) as info:
        await load(store, document)
    message = str(info.value)
    assert message.startswith(f"the manifest {store.folder}/manifest.json")
    return message


async def test_a_manifest_includes_exactly_what_it_lists(store: Store) -> None:
    manifest = await load(
        store, {"resources": {"*": ["$(CERTS)/ca2"]}, "config": {"tls": {"DHE_RSA": False}}}
    )
    assert [manifest.includes(f"ca{number}.der") for number in range(4)] == [False, False, True, False]
    assert not manifest.includes("ca2")
    assert manifest.resources == ("$(CERTS)/ca2",)
    assert manifest.config == {"tls": {"DHE_RSA": False}}
    assert manifest.path == str(store.folder / "manifest.json")


async def test_one_entry_needs_no_list(store: Store) -> None:
    assert (await load(store, {"resources": {"*": "$(CERTS)/ca0"}})).includes("ca0.der")


@pytest.mark.parametrize("document", [{}, {"resources": {}}, {"resources": {"*": []}}, {"config": {}}])
async def test_a_manifest_without_a_list_includes_nothing(store: Store, document: object) -> None:
    manifest = await load(store, document)
    assert not manifest.includes("ca0.der")
    assert manifest.config == {}


async def test_a_byte_order_mark_is_no_error(store: Store) -> None:
    await load(store, b"\xef\xbb\xbf{}")


def test_a_manifest_can_be_made_without_a_file() -> None:
    manifest = Manifest(["$(CERTS)/ca9"], config={"tls": {"ECDHE_RSA": True}})
    assert manifest.includes("ca9.der")
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


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("$(CERTS)/ca3", "there is no such CA: the store's last is ca2, see store/LIST.md"),
        ("$(CERTS)/ca1", "Root B was retired and is not trusted any more: remove the entry"),
        ("~$(CERTS)/ca0", 'exclusions ("~") are not supported'),
        ("$(CERTS)/*", "wildcards are not supported: list each CA"),
        ("$(CERTS)/ca0.der", "leave out the extension .der"),
        ("$(MODULES)/crypt/data/ca0", "an entry has the form $(CERTS)/ca9"),
        ("./my-ca.der", "an entry has the form $(CERTS)/ca9"),
        ("$(CERTS)/ca00", "an entry has the form $(CERTS)/ca9"),
        ("$(CERTS)/ca0\n", "an entry has the form $(CERTS)/ca9"),
        ("", "an entry has the form $(CERTS)/ca9"),
    ],
)
async def test_an_entry_that_cannot_be_used_is_refused_with_its_place(
    store: Store, entry: str, message: str
) -> None:
    text = await refused(store, {"resources": {"*": ["$(CERTS)/ca0", entry]}})
    assert '"resources", entry 2 (' in text
    assert message in text


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"resources": {"~": ["$(CERTS)/ca1"]}}, '"resources": exclusions ("~") are not supported'),
        (
            {"resources": {"esp32": []}},
            '"resources": "esp32": sections for a platform or a folder are not supported',
        ),
        (
            {"resources": ["$(CERTS)/ca0"]},
            '"resources" must be an object, as in {"resources": {"*": ["$(CERTS)/ca9"]}',
        ),
        ({"resources": {"*": [9]}}, '"resources.*", entry 1 must be a string, not int'),
        ({"resources": {"*": {"a": "b"}}}, '"resources", entry 1 ("a")'),
        ({"resources": {"*": 9}}, '"resources.*" must be a list'),
        (
            {"include": ["other.json"]},
            '"include": including other manifests is not supported: list their resources',
        ),
        ({"data": {}}, '"data": certificates belong under "resources"'),
        ({"platforms": {}}, '"platforms": platform sections are not supported'),
        ({"modules": {}}, '"modules": a manifest here lists certificates'),
        ({"Resources": {}}, '"Resources": the keys of a manifest are "resources" and "config"'),
        ({"config": []}, '"config" must be an object'),
        ({"config": {"wifi": {}}}, '"config": "wifi" is unknown: the only section is "tls"'),
        ({"config": {"tls": 1}}, '"config.tls" must be an object'),
        ({"config": {"tls": {"DHE_RSA": 0}}}, '"config.tls.DHE_RSA" must be true or false'),
        ([], "must be an object, as in"),
        (b"", "line 1, column 1: not JSON: Expecting value"),
        (b'{\n  "resources": {,}\n}', "line 2, column 17: not JSON"),
        (b'{"a": 1, "a": 2}', 'the key "a" occurs twice'),
        (b"\xff", "is not text in UTF-8: byte 0 is wrong"),
        (b"[" * 30_000, "is nested too deeply"),
        (b"1" * 5000, "is not JSON that can be read"),
        (b" " * (MAX_MANIFEST_BYTES + 1), "is larger than 65536 bytes"),
    ],
)
async def test_a_document_that_cannot_be_used_is_refused_with_the_key(
    store: Store, document: object, message: str
) -> None:
    assert message in await refused(store, document)


async def test_a_file_that_cannot_be_read_is_refused(store: Store) -> None:
    with pytest.raises(ManifestError, match=r"the manifest .*/none\.json cannot be read: .*No such file"):
        await Manifest.load(store.folder / "none.json", store=store)
    with pytest.raises(ManifestError, match=r"cannot be read: .*[Dd]irectory"):
        await Manifest.load(store.folder, store=store)
    with pytest.raises(ManifestError, match="cannot be read: embedded null"):
        await Manifest.load("nul\0l", store=store)


@pytest.mark.parametrize("resources", ["$(CERTS)/ca9", None, 9])
def test_resources_of_another_type_are_refused(resources: object) -> None:
    with pytest.raises(ManifestError, match='the manifest: "resources" must be a list of entries'):
        Manifest(resources)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_only_a_manifest_passes_for_one() -> None:
    check_manifest(None)
    check_manifest(Manifest())
    with pytest.raises(TypeError, match="manifest must be a Manifest, not dict"):
        check_manifest({"resources": {}})


async def test_loading_can_be_cancelled(store: Store) -> None:
    await store.load_index()
    path = store.folder / "fifo"
    os.mkfifo(path)
    with trio.move_on_after(0.05) as scope:
        await Manifest.load(path, store=store)
    assert scope.cancelled_caught
    # A writer comes and goes, so that the abandoned thread ends too.
    os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
