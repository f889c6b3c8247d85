from __future__ import annotations

import json
from pathlib import Path

import pytest
import trio
import trio.testing

from support.authority import Authority
from support.store import make_store
from support.terminal import FakeTerminal
from support.tls_server import ignore, tls_server
from trio_certs import BUNDLED, ManifestError
from trio_secure import CertificateRefused
from trio_secure_cli import ExitCode
from trio_secure_cli._certs_needed import Need, describe, needed
from trio_secure_cli._certs_options import NeededOptions
from trio_secure_cli._failure import CommandError
from trio_secure_cli._options import ConnectionOptions

ROOTS = [Authority.make(name="Root A"), Authority.make(name="Root \x1b[2JB")]
LEAF = ROOTS[1].issue("127.0.0.1", intermediate=True)
HOST = "127.0.0.1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    make_store(folder, *ROOTS)
    return folder


def manifest(tmp_path: Path, *entries: str) -> Path:
    path = tmp_path / "m.json"
    path.write_text(json.dumps({"resources": {"*": entries}}))
    return path


def asked(folder: Path, port: int, *, as_json: bool = False, **connection: object) -> NeededOptions:
    options = ConnectionOptions(**connection)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return NeededOptions(options, folder, as_json, HOST, port)


async def test_the_ca_and_the_chain_to_it_are_named(folder: Path) -> None:
    terminal = FakeTerminal()
    async with tls_server(LEAF, ignore) as port:
        assert await needed(asked(folder, port), terminal) is ExitCode.OK
    lines = terminal.printed.decode().splitlines()
    assert lines[0] == rf'127.0.0.1 port {port} needs "$(CERTS)/ca1": ca1.der, Root \x1b[2JB'
    assert lines[1] == "through"
    assert [line.split(", to ")[0] for line in lines[2:]] == [
        "  1  CN=127.0.0.1",
        "  2  CN=Throw-away Intermediate CA",
        r"  3  CN=Root \x1b[2JB",
    ]
    assert terminal.said == ""


async def test_a_manifest_that_includes_it_is_told_from_one_that_does_not(
    folder: Path, tmp_path: Path
) -> None:
    async with tls_server(LEAF, ignore) as port:
        terminal = FakeTerminal()
        path = manifest(tmp_path, "$(CERTS)/ca1")
        assert await needed(asked(folder, port, manifest=path), terminal) is ExitCode.OK
        assert terminal.printed.decode().endswith(f"{path} includes it\n")
        terminal = FakeTerminal()
        manifest(tmp_path, "$(CERTS)/ca0")
        assert await needed(asked(folder, port, manifest=path), terminal) is ExitCode.NO
        assert terminal.printed.decode().endswith(
            f"{path} LEAVES IT OUT\n"
            f"to include it: trio-secure certs add ca1 --manifest {path} --store {folder}\n"
        )


def test_the_command_to_include_it_can_be_pasted() -> None:
    entry = BUNDLED.index().entries[9]
    need = Need(HOST, 443, (), entry, included=False)
    options = NeededOptions(ConnectionOptions(manifest=Path("my m.json")))
    last = list(describe(need, options))[-1]
    assert last == "to include it: trio-secure certs add ca9 --manifest 'my m.json'"


async def test_of_two_cas_that_would_do_the_one_in_the_manifest_counts(tmp_path: Path) -> None:
    old, new = Authority.make(name="Old"), Authority.make(name="New")
    cross = old.intermediate(new.key, name="New")
    folder = tmp_path / "store"
    make_store(folder, new, old)
    leaf = Authority(new.certificate, new.key, (cross.certificate,)).issue(HOST)
    path = manifest(tmp_path, "$(CERTS)/ca1")
    async with tls_server(leaf, ignore) as port:
        terminal = FakeTerminal()
        assert await needed(asked(folder, port), terminal) is ExitCode.OK
        assert b"ca0.der, New" in terminal.printed
        terminal = FakeTerminal()
        assert await needed(asked(folder, port, manifest=path), terminal) is ExitCode.OK
        assert b"ca1.der, Old" in terminal.printed


async def test_programs_get_json(folder: Path, tmp_path: Path) -> None:
    terminal = FakeTerminal()
    path = manifest(tmp_path)
    async with tls_server(LEAF, ignore) as port:
        assert await needed(asked(folder, port, as_json=True, manifest=path), terminal) is ExitCode.NO
    document = json.loads(terminal.printed)
    chain = document.pop("chain")
    assert document == {
        "host": HOST,
        "port": port,
        "resource": "ca1.der",
        "manifest_entry": "$(CERTS)/ca1",
        "name": r"Root \x1b[2JB",
        "manifest": str(path),
        "included": False,
    }
    assert [one["subject"] for one in chain][:2] == ["CN=127.0.0.1", "CN=Throw-away Intermediate CA"]
    assert len(chain[2]["sha256"]) == 64


async def test_a_server_that_the_users_ca_vouches_for_needs_none(folder: Path, tmp_path: Path) -> None:
    private = Authority.make(name="Private")
    ca = private.write(tmp_path)
    async with tls_server(private.issue(HOST), ignore) as port:
        terminal = FakeTerminal()
        options = asked(folder, port, ca=ca, manifest=manifest(tmp_path))
        assert await needed(options, terminal) is ExitCode.OK
        assert f"needs no CA of the store: --ca {ca} vouches for it" in terminal.printed.decode()
        assert "includes it" not in terminal.printed.decode()
        terminal = FakeTerminal()
        await needed(asked(folder, port, ca=ca, as_json=True), terminal)
        assert json.loads(terminal.printed)["resource"] is None
        assert json.loads(terminal.printed)["manifest"] is None


async def test_a_server_that_no_ca_of_the_store_vouches_for_is_refused(folder: Path) -> None:
    refusal: CertificateRefused | None = None
    async with tls_server(Authority.make().issue(HOST), ignore) as port:
        try:
            await needed(asked(folder, port), FakeTerminal())
        except CertificateRefused as error:
            refusal = error
    assert refusal is not None


async def test_the_handshake_can_be_traced(folder: Path) -> None:
    terminal = FakeTerminal()
    async with tls_server(LEAF, ignore) as port:
        await needed(asked(folder, port, trace=True), terminal)
    assert "-> ClientHello" in terminal.said


async def test_a_manifests_switches_hold(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text('{"config": {"tls": {"DHE_RSSA": false}}}')
    with pytest.raises(CommandError, match="unknown switch 'DHE_RSSA'"):
        await needed(asked(folder, 1, manifest=path), FakeTerminal())


async def test_options_that_make_no_sense_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="with --insecure nobody vouches"):
        await needed(asked(folder, 1, insecure=True), FakeTerminal())
    with pytest.raises(CommandError, match="neither a host name nor an IP address"):
        await needed(NeededOptions(ConnectionOptions(), folder, False, "-a", 1), FakeTerminal())
    with pytest.raises(ManifestError, match="cannot be read"):
        await needed(asked(folder, 1, manifest=tmp_path / "none.json"), FakeTerminal())


async def test_a_server_that_says_nothing_is_given_up(
    autojump_clock: trio.testing.MockClock, folder: Path
) -> None:
    far_ends: list[trio.abc.Stream] = []

    async def socket(host: str, port: int) -> trio.abc.Stream:
        near, far = trio.testing.memory_stream_pair()
        far_ends.append(far)
        return near

    with pytest.raises(CommandError, match="nothing came for 7 s while connecting and shaking hands"):
        await needed(asked(folder, 1, timeout=7.0), FakeTerminal(), Socket=socket)
