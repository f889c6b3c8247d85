from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import trio

from support.authority import Authority
from support.store import make_store
from trio_certs import ManifestError, Store
from trio_certs._manifest_file import (
    MAX_INCLUDE_DEPTH,
    MAX_MANIFEST_BYTES,
    MAX_MANIFEST_FILES,
    load_rules,
)
from trio_certs._manifest_rules import Rules

ROOTS = [Authority.make(name=f"Root {number}") for number in range(4)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(Path(tmp_path_factory.mktemp("certs")), *ROOTS)


def write(path: Path, document: object) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return str(path)


async def load(store: Store, path: Path, document: object) -> Rules:
    return await load_rules(write(path, document), store, "linux")


def listing(number: int) -> dict[str, object]:
    return {"resources": {"*": [f"$(CERTS)/ca{number}"]}}


async def test_an_included_manifest_comes_first_and_the_including_one_has_the_last_word(
    store: Store, tmp_path: Path
) -> None:
    write(tmp_path / "base.json", {**listing(0), "config": {"tls": {"DHE_RSA": False, "ECDHE_RSA": False}}})
    write(tmp_path / "sub" / "more.json", {**listing(1), "include": "../sub/deep.json"})
    write(tmp_path / "sub" / "deep.json", {"resources": {"~": "$(CERTS)/ca3"}})
    found = await load(
        store,
        tmp_path / "m.json",
        {**listing(2), "include": ["base.json", "sub/more.json"], "config": {"tls": {"DHE_RSA": True}}},
    )
    assert found.resources == ["$(CERTS)/ca0", "$(CERTS)/ca1", "$(CERTS)/ca2"]
    assert found.exclude == ["$(CERTS)/ca3"]
    assert found.config == {"tls": {"DHE_RSA": True, "ECDHE_RSA": False}}


async def test_a_file_reached_twice_counts_once(store: Store, tmp_path: Path) -> None:
    write(tmp_path / "leaf.json", listing(3))
    for name in ("left.json", "right.json"):
        write(tmp_path / name, {"include": "leaf.json"})
    found = await load(
        store, tmp_path / "m.json", {"include": ["left.json", "right.json", "./left.json", "leaf.json"]}
    )
    assert found.resources == ["$(CERTS)/ca3"]


async def test_a_manifest_that_includes_itself_is_refused_with_the_way(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    write(tmp_path / "b.json", b'{\n "include": "./m.json"}')
    with pytest.raises(ManifestError) as caught:
        await load(store, path, {"include": "b.json"})
    assert str(caught.value) == (
        f'the manifest {path.parent}/b.json, line 2, column 13: "include": a manifest that includes itself: '
        f"{path} → {path.parent}/b.json → {path}"
    )
    link = tmp_path / "link.json"
    link.symlink_to(path)
    with pytest.raises(ManifestError, match="includes itself"):
        await load(store, path, {"include": ["link.json"]})


async def test_depth_and_number_of_files_are_limited(store: Store, tmp_path: Path) -> None:
    for level in range(MAX_INCLUDE_DEPTH):
        write(tmp_path / f"{level}.json", {"include": f"{level + 1}.json"})
    write(tmp_path / f"{MAX_INCLUDE_DEPTH - 1}.json", listing(0))
    assert (await load_rules(str(tmp_path / "0.json"), store, "linux")).resources == ["$(CERTS)/ca0"]
    write(tmp_path / f"{MAX_INCLUDE_DEPTH - 1}.json", {"include": f"{MAX_INCLUDE_DEPTH}.json"})
    write(tmp_path / f"{MAX_INCLUDE_DEPTH}.json", listing(0))
    with pytest.raises(
        ManifestError, match=r"7\.json, line 1, .*more than 8 manifests that include one another"
    ):
        await load_rules(str(tmp_path / "0.json"), store, "linux")
    names = [f"wide{number}.json" for number in range(MAX_MANIFEST_FILES)]
    for name in names:
        write(tmp_path / name, {})
    await load(store, tmp_path / "wide.json", {"include": names[1:]})
    with pytest.raises(ManifestError, match=r'"include", entry 64: more than 64 files make up this manifest'):
        await load(store, tmp_path / "wide.json", {"include": names})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "m.json: line 1, column 1: not JSON: Expecting value"),
        (b'{\n  "resources": {,}\n}', "m.json: line 2, column 17: not JSON"),
        (b'{"a": 1, "a": 2}', 'the key "a" occurs twice'),
        (b'{\n"\xff"}', "m.json: line 2: not text in UTF-8: byte 0xff"),
        (b"\xef\xbb\xbf\xff", "m.json: line 1: not text in UTF-8: byte 0xff"),
        (b"[" * 30_000, "nested too deeply"),
        (b" " * (MAX_MANIFEST_BYTES + 1), "it is larger than 65536 bytes"),
        ({"include": "none.json"}, 'column 13: "include": {folder}/none.json cannot be read: No such file'),
        ({"include": [""]}, '"include", entry 1: an empty path'),
        ({"include": "$(MODDABLE)/m.json"}, '"include" ("$(MODDABLE)/m.json"): no variables here'),
        ({"include": "a\0b"}, "a\0b cannot be read: embedded null"),
    ],
)
async def test_a_file_that_cannot_be_used_is_refused(
    store: Store, tmp_path: Path, document: object, message: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        await load(store, tmp_path / "m.json", document)
    assert message.replace("{folder}", str(tmp_path)) in str(caught.value)
    assert str(caught.value).startswith(f"the manifest {tmp_path}/m.json")


async def test_an_error_in_an_included_file_names_that_file(store: Store, tmp_path: Path) -> None:
    write(tmp_path / "b.json", {"resources": {"*": ["x"]}})
    with pytest.raises(ManifestError, match=r'b\.json, line 1, column 22: "resources\.\*", entry 1'):
        await load(store, tmp_path / "m.json", {"include": "b.json"})


async def test_a_file_that_cannot_be_read_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"the manifest .*/none\.json: it cannot be read: No such file"):
        await load_rules(str(tmp_path / "none.json"), store, "linux")
    with pytest.raises(ManifestError, match=r"it cannot be read: .*[Dd]irectory"):
        await load_rules(str(tmp_path), store, "linux")
    with pytest.raises(ManifestError, match="it cannot be read: embedded null"):
        await load_rules("nul\0l", store, "linux")


async def test_a_byte_order_mark_is_no_error(store: Store, tmp_path: Path) -> None:
    assert (await load(store, tmp_path / "m.json", b"\xef\xbb\xbf{}")).resources == []


async def test_loading_can_be_cancelled(store: Store, tmp_path: Path) -> None:
    await store.load_index()
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with trio.move_on_after(0.05) as scope:
        await load(store, tmp_path / "m.json", {"include": "fifo"})
    assert scope.cancelled_caught
    # A writer comes and goes, so that the abandoned thread ends too.
    os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
