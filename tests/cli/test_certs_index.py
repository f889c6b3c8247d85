from __future__ import annotations

import json
from pathlib import Path

import certifi
import pytest

from support.authority import Authority, to_pem
from support.store import make_store
from support.terminal import FakeTerminal
from trio_secure_cli import ExitCode, _certs_index
from trio_secure_cli._certs_index import check, compare, index
from trio_secure_cli._certs_options import CheckOptions, CompareOptions, IndexOptions
from trio_secure_cli._failure import CommandError
from trio_secure_cli._options import ConnectionOptions

PLAIN = ConnectionOptions()
A, B, C = (Authority.make(name=f"Root {letter}") for letter in "ABC")


def is_missing(package: str) -> bool:
    return False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    make_store(folder, A, B)
    return folder


async def test_a_store_that_agrees_with_itself_is_fine(folder: Path) -> None:
    terminal = FakeTerminal()
    assert await check(CheckOptions(PLAIN, folder), terminal) is ExitCode.OK
    assert terminal.printed == b""
    assert terminal.said == f"{folder}: files and index agree\n"


async def test_the_store_that_comes_along_is_fine() -> None:
    assert await check(CheckOptions(PLAIN), FakeTerminal()) is ExitCode.OK


async def test_every_finding_is_printed(folder: Path) -> None:
    (folder / "ca0.der").unlink()
    (folder / "more").touch()
    terminal = FakeTerminal()
    assert await check(CheckOptions(PLAIN, folder), terminal) is ExitCode.NO
    findings = ["ca0.der cannot be read: No such file or directory", "more is no part of a store"]
    assert terminal.printed.decode().splitlines() == findings
    assert terminal.said == f"{folder}: 2 findings\n"
    terminal = FakeTerminal()
    assert await check(CheckOptions(PLAIN, folder, as_json=True), terminal) is ExitCode.NO
    assert json.loads(terminal.printed) == {"store": str(folder), "findings": findings}
    assert terminal.said == ""


async def test_an_index_is_made_and_says_what_changed(folder: Path) -> None:
    (folder / "ca0.der").unlink()
    (folder / "ca2.der").write_bytes(C.certificate_der)
    terminal = FakeTerminal()
    assert await index(IndexOptions(PLAIN, folder), terminal) is ExitCode.OK
    added, retired = terminal.printed.decode().splitlines()
    assert added.startswith("added: ca2, Root C, to 20")
    assert retired.startswith("retired: ca0, Root A, to 20")
    assert terminal.said == f"{folder}: 1 added, 1 retired, 1 unchanged\n"
    assert await check(CheckOptions(PLAIN, folder), FakeTerminal()) is ExitCode.OK


async def test_what_makes_no_store_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file or directory") as caught:
        await index(IndexOptions(PLAIN, tmp_path / "none"), FakeTerminal())
    assert caught.value.message.startswith(f"{tmp_path}/none: ")
    (folder / "ca0.der").write_bytes(C.certificate_der)
    with pytest.raises(CommandError, match="its number was given to Root A"):
        await index(IndexOptions(PLAIN, folder), FakeTerminal())
    (folder / "index").write_text("damaged")
    with pytest.raises(CommandError, match="is damaged") as caught:
        await index(IndexOptions(PLAIN, folder), FakeTerminal())
    assert caught.value.hint == "without that file, `certs index` makes it anew"


async def test_a_store_is_compared_with_a_list(folder: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(to_pem(B.certificate, C.certificate))
    terminal = FakeTerminal()
    assert await compare(CompareOptions(PLAIN, folder, bundle=bundle), terminal) is ExitCode.NO
    new, old = terminal.printed.decode().splitlines()
    assert new.startswith("only in the list: ca2, Root C, to 20")
    assert old.startswith("only in the store: ca0, Root A, to 20")
    assert terminal.said == f"the store has 1 CAs in common with {bundle}\n"
    terminal = FakeTerminal()
    options = CompareOptions(PLAIN, folder, as_json=True, bundle=bundle)
    assert await compare(options, terminal) is ExitCode.NO
    document = json.loads(terminal.printed)
    assert [one["name"] for one in document["added"]] == ["Root C"]
    assert [one["number"] for one in document["retired"]] == [0]
    assert document["unchanged"] == 1
    bundle.write_bytes(to_pem(A.certificate, B.certificate))
    assert await compare(CompareOptions(PLAIN, folder, bundle=bundle), FakeTerminal()) is ExitCode.OK


async def test_certifis_is_the_default_list(folder: Path) -> None:
    terminal = FakeTerminal()
    assert await compare(CompareOptions(PLAIN, folder), terminal) is ExitCode.NO
    assert terminal.said == f"the store has 0 CAs in common with {certifi.where()}\n"


async def test_without_certifi_the_way_to_get_it_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_certs_index, "is_installed", is_missing)
    with pytest.raises(CommandError, match="certifi is not installed") as caught:
        await compare(CompareOptions(PLAIN, folder), FakeTerminal())
    assert caught.value.hint == "pip install certifi, or name a list of CAs with --bundle FILE"
    with pytest.raises(CommandError, match=r"none\.pem: No such file"):
        await compare(CompareOptions(PLAIN, folder, bundle=folder / "none.pem"), FakeTerminal())


async def test_an_error_without_a_file_is_told_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path) -> list[str]:
        raise OSError("the disk is on fire")

    monkeypatch.setattr(_certs_index, "check_store", fail)
    with pytest.raises(CommandError, match=r"^the disk is on fire$"):
        await check(CheckOptions(PLAIN, folder), FakeTerminal())
