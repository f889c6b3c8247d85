from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from support.authority import Authority
from support.store import make_store
from support.terminal import FakeTerminal
from support.tls_server import ignore, tls_server
from trio_secure_cli import ExitCode
from trio_secure_cli._certs import certs
from trio_secure_cli._certs_options import CertsOptions
from trio_secure_cli._options import Options, parse

ROOT = Authority.make(name="Root A")
LISTED = date(2026, 10, 18)
LATER = LISTED + timedelta(days=500)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    make_store(folder, ROOT)
    (folder / "date").write_text(f"{LISTED}\n")
    return folder


def parsed(*line: str) -> CertsOptions:
    options: Options = parse(["certs", *line])
    assert isinstance(options, CertsOptions)
    return options


async def run(*line: str, day: date | None = LISTED) -> tuple[ExitCode, str, str]:
    terminal = FakeTerminal()
    code = await certs(parsed(*line), terminal, day=day)
    return code, terminal.printed.decode(), terminal.said


async def test_each_command_is_the_one_asked_for(folder: Path, tmp_path: Path) -> None:
    store = ("--store", str(folder))
    pem = ROOT.write(tmp_path)
    assert "Root A" in (await run("list", *store))[1]
    assert "Root A" in (await run("search", "root", *store))[1]
    assert (await run("search", "nobody", *store))[0] is ExitCode.NO
    assert "files and index agree" in (await run("check", str(folder)))[2]
    assert "1 unchanged" in (await run("index", str(folder)))[2]
    assert (await run("compare", *store, "--bundle", str(pem)))[0] is ExitCode.OK
    assert "CN=Root A" in (await run("convert", str(pem)))[1]
    manifest = str(tmp_path / "m.json")
    assert "added" in (await run("add", "ca0", "--manifest", manifest, *store))[1]
    async with tls_server(ROOT.issue("127.0.0.1"), ignore) as port:
        code, printed, _said = await run("needed", f"127.0.0.1:{port}", "--manifest", manifest, *store)
    assert code is ExitCode.OK
    assert f"{manifest} includes it" in printed


async def test_an_old_store_is_warned_about(folder: Path) -> None:
    code, printed, said = await run("list", "--store", str(folder), day=LATER)
    assert code is ExitCode.OK
    assert "Root A" in printed
    assert said.startswith("warning: the certificate store is of 2026-10-18, 500 days ago: ")


async def test_what_makes_a_store_is_not_warned_about(folder: Path, tmp_path: Path) -> None:
    assert "warning" not in (await run("index", str(folder), day=LATER))[2]
    assert "warning" not in (await run("convert", str(ROOT.write(tmp_path)), day=LATER))[2]


async def test_today_is_the_default(folder: Path) -> None:
    (folder / "date").write_text("2020-01-01\n")
    assert "warning" in (await run("list", "--store", str(folder), day=None))[2]
