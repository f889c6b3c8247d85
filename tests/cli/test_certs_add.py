from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.authority import Authority, to_pem
from support.store import make_store, update_tool
from support.terminal import FakeTerminal
from support.tls_server import ignore, tls_server
from trio_certs import Manifest, ManifestError, ResourceNotFoundError, Store
from trio_secure import CertificateRefused
from trio_secure_cli import ExitCode
from trio_secure_cli._certs_add import add
from trio_secure_cli._certs_options import AddOptions
from trio_secure_cli._failure import CommandError
from trio_secure_cli._options import ConnectionOptions

ROOTS = [Authority.make(name=f"Root {letter}") for letter in "ABCD"]
LEAF = ROOTS[2].issue("127.0.0.1", intermediate=True)
HAND_MADE = '{\n\t"config" : { "tls": {} },\n\t"resources": {"*": [\n\t\t"$(CERTS)/ca0"\n\t]}\n}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four CAs, of which the second is retired."""
    folder = tmp_path / "store"
    make_store(folder, *ROOTS)
    update_tool().update(to_pem(*(ROOTS[number].certificate for number in (0, 2, 3))), folder)
    return folder


def asked(folder: Path, path: Path | None, *targets: str, **connection: object) -> AddOptions:
    options = ConnectionOptions(manifest=path, **connection)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return AddOptions(options, folder, targets=targets)


async def added(options: AddOptions) -> tuple[list[str], str]:
    terminal = FakeTerminal()
    assert await add(options, terminal) is ExitCode.OK
    return terminal.printed.decode().splitlines(), terminal.said


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_ca_is_added_in_the_manner_of_the_file(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(HAND_MADE)
    path.chmod(0o640)
    printed, said = await added(asked(folder, path, "ca2", "ca3.der", "$(CERTS)/ca0", "ca2"))
    assert printed == [
        'added: "$(CERTS)/ca2", Root C',
        'added: "$(CERTS)/ca3", Root D',
        'already included: "$(CERTS)/ca0", Root A',
        'already included: "$(CERTS)/ca2", Root C',
    ]
    assert said == ""
    assert path.read_text() == HAND_MADE.replace(
        '"$(CERTS)/ca0"', '"$(CERTS)/ca0",\n\t\t"$(CERTS)/ca2",\n\t\t"$(CERTS)/ca3"'
    )
    assert path.stat().st_mode & 0o777 == 0o640
    assert names_in(tmp_path) == ["m.json", "store"]


async def test_a_server_is_asked_which_ca_it_needs(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    async with tls_server(LEAF, ignore) as port:
        target = f"127.0.0.1:{port}"
        printed, _said = await added(asked(folder, path, target, "ca0"))
        assert printed == [
            f'added: "$(CERTS)/ca2", Root C, needed by {target}',
            'added: "$(CERTS)/ca0", Root A',
        ]
        assert json.loads(path.read_text()) == {"resources": {"*": ["$(CERTS)/ca2", "$(CERTS)/ca0"]}}
        before = path.stat()
        printed, _said = await added(asked(folder, path, target))
        assert printed == [f'already included: "$(CERTS)/ca2", Root C, needed by {target}']
    assert path.stat() == before  # not even written again
    manifest = await Manifest.load(path, store=Store(folder))
    assert manifest.includes("ca2.der")


async def test_what_is_added_for_one_server_may_do_for_the_next(tmp_path: Path) -> None:
    old, new = Authority.make(name="Old"), Authority.make(name="New")
    folder = tmp_path / "store"
    make_store(folder, new, old)
    path = tmp_path / "m.json"
    cross = old.intermediate(new.key, name="New")
    both = Authority(new.certificate, new.key, (cross.certificate,))
    async with (
        tls_server(old.issue("127.0.0.1"), ignore) as first,
        tls_server(both.issue("127.0.0.1"), ignore) as second,
    ):
        targets = [f"127.0.0.1:{port}" for port in (first, second)]
        printed, _said = await added(asked(folder, path, *targets))
        assert printed[1] == f'already included: "$(CERTS)/ca1", Old, needed by {targets[1]}'
        assert json.loads(path.read_text()) == {"resources": {"*": ["$(CERTS)/ca1"]}}


async def test_a_byte_order_mark_and_line_breaks_stay(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(b"\xef\xbb\xbf" + HAND_MADE.replace("\n", "\r\n").encode())
    await added(asked(folder, path, "ca2"))
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf{\r\n")
    assert data.count(b"\n") == data.count(b"\r\n")
    assert (await Manifest.load(path, store=Store(folder))).includes("ca2.der")


async def test_what_an_included_manifest_has_is_not_added_again(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "base.json").write_text('{"resources": {"*": ["$(CERTS)/*"]}}')
    path = tmp_path / "m.json"
    path.write_text('{"include": "base.json"}')
    printed, _said = await added(asked(folder, path, "ca2"))
    assert printed == ['already included: "$(CERTS)/ca2", Root C']
    assert path.read_text() == '{"include": "base.json"}'


async def test_a_server_that_needs_none_adds_none(folder: Path, tmp_path: Path) -> None:
    private = Authority.make(name="Private")
    path = tmp_path / "m.json"
    async with tls_server(private.issue("127.0.0.1"), ignore) as port:
        printed, said = await added(asked(folder, path, f"127.0.0.1:{port}", ca=private.write(tmp_path)))
    assert printed == []
    assert said == f"note: 127.0.0.1:{port} needs no CA of the store: --ca vouches for it\n"
    assert not path.exists()


async def test_a_server_that_is_refused_changes_nothing(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(HAND_MADE)
    refused = False
    async with tls_server(Authority.make().issue("127.0.0.1"), ignore) as port:
        try:
            await add(asked(folder, path, "ca2", f"127.0.0.1:{port}"), FakeTerminal())
        except CertificateRefused:
            refused = True
    assert refused
    assert path.read_text() == HAND_MADE


async def test_what_is_excluded_is_not_included_behind_ones_back(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    text = '{"resources": {"~": ["$(CERTS)/ca2*"]}}'
    path.write_text(text)
    with pytest.raises(CommandError, match=r'm\.json excludes ca2\.der, Root C, under "~"'):
        await add(asked(folder, path, "ca0", "ca2"), FakeTerminal())
    assert path.read_text() == text


async def test_what_cannot_be_added_is_refused(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    with pytest.raises(CommandError, match="which manifest"):
        await add(asked(folder, None, "ca0"), FakeTerminal())
    with pytest.raises(ResourceNotFoundError, match="Root B was retired"):
        await add(asked(folder, path, "ca1"), FakeTerminal())
    with pytest.raises(ResourceNotFoundError, match=r"it has ca0\.der to ca3\.der"):
        await add(asked(folder, path, "ca4"), FakeTerminal())
    with pytest.raises(CommandError, match="looks like a URL"):
        await add(asked(folder, path, "https://h/"), FakeTerminal())
    with pytest.raises(CommandError, match=r"cannot read the manifest .*: Is a directory"):
        await add(asked(folder, tmp_path, "ca0"), FakeTerminal())
    path.write_bytes(b"\xff")
    with pytest.raises(CommandError, match=r"cannot read the manifest .*: 'utf-8'"):
        await add(asked(folder, path, "ca0"), FakeTerminal())
    path.write_text("{")
    with pytest.raises(ManifestError, match="line 1, column 2"):
        await add(asked(folder, path, "ca0"), FakeTerminal())
    assert path.read_text() == "{"


async def test_a_manifest_that_cannot_be_written_is_reported(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot open") as caught:
        await add(asked(folder, tmp_path / "none" / "m.json", "ca0"), FakeTerminal())
    assert caught.value.code is ExitCode.OUTPUT
