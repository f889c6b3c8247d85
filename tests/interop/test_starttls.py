"""Mail, file and chat servers of others begin TLS when `trio-secure probe` asks them to."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.authority import Authority
from support.starttls_servers import SERVERS
from support.terminal import FakeTerminal
from trio_secure_cli import ExitCode
from trio_secure_cli._options import ConnectionOptions
from trio_secure_cli._probe import probe
from trio_secure_cli._probe_options import ProbeOptions, ScanOptions


@pytest.mark.parametrize("protocol", SERVERS)
async def test_a_server_begins_tls_when_asked(protocol: str, authority: Authority, tmp_path: Path) -> None:
    terminal = FakeTerminal()
    ca = authority.write(tmp_path)
    leaf = authority.issue("localhost", key="rsa2048", intermediate=True)
    page = tmp_path / "page.html"
    async with SERVERS[protocol](leaf, tmp_path) as server:
        options = ProbeOptions(
            ConnectionOptions(ca=ca),
            "localhost",
            server.port,
            protocol,
            report=page,
            scan=ScanOptions(versions=True),
        )
        assert await probe(options, terminal) is ExitCode.OK
    printed = terminal.printed.decode()
    assert f"{protocol} with STARTTLS\n" in printed
    assert "\nTLS 1.2  yes " in printed
    assert "Throw-away Root CA" in printed
    assert ": established</title>" in page.read_text("utf-8")
