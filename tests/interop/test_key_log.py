"""The key log has, line for line, what OpenSSL's server writes into its own for the same connections.

Theory of operation: `openssl s_server -keylogfile` writes the secrets that it derived by itself. Ours go to a
callable in the first connection and to the file that SSLKEYLOGFILE names in all of them; a second connection may
resume the first. The order of the lines is each side's own.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from support import servers
from support.authority import Authority
from support.servers import RunningServer
from trio_secure import MemoryCache, SecureSocket, SecureStream, TLSConfig

_SECRETS = {
    "-tls1_3": {
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
        "EXPORTER_SECRET",
    },
    "-tls1_2": {"CLIENT_RANDOM"},
}


async def _talk(running: RunningServer, config: TLSConfig) -> None:
    async with SecureSocket("localhost", running.port, secure=config) as stream:
        await stream.send_all(b"desrever\n")
        assert await stream.receive_some() == b"reversed\n"


async def _lines(path: Path, count: int) -> list[str]:
    """The lines of another process's file, once there are as many."""
    lines: list[str] = []
    with trio.move_on_after(5):
        while len(lines) < count:
            await trio.sleep(0.01)
            lines = _secrets(path)
    return lines


def _secrets(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("version", ["-tls1_3", "-tls1_2"])
@pytest.mark.parametrize("groups", [(), ("-groups", "P-384")], ids=["at-once", "retried-in-1.3"])
async def test_both_sides_log_the_same_secrets(
    version: str,
    groups: tuple[str, ...],
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs, ours = tmp_path / "server.log", tmp_path / "client.log"
    leaf = authority.issue("localhost")
    config = TLSConfig(certificate=authority.certificate_der)
    called_with: list[str] = []
    options = ("-rev", version, "-keylogfile", str(theirs), *groups)
    async with servers.openssl(leaf, tmp_path, *options) as running:
        monkeypatch.setenv("SSLKEYLOGFILE", str(ours))
        await _talk(running, config.replace(key_log=called_with.append))
        await _talk(running, config)
        written = _secrets(ours)
        assert sorted(await _lines(theirs, len(written))) == sorted(written)
    secrets = _SECRETS[version]
    assert written[: len(secrets)] == called_with
    for connection in (written[: len(secrets)], written[len(secrets) :]):
        assert {line.split()[0] for line in connection} == secrets
        assert len({line.split()[1] for line in connection}) == 1


async def test_the_secret_of_early_data_is_logged_too(authority: Authority, tmp_path: Path) -> None:
    theirs = tmp_path / "server.log"
    lines: list[str] = []
    config = TLSConfig(certificate=authority.certificate_der, key_log=lines.append, cache=MemoryCache())
    options = ("-tls1_3", "-early_data", "-keylogfile", str(theirs))
    async with servers.openssl(authority.issue("localhost"), tmp_path, *options) as running:
        for early_data in (b"", b"sent early\n"):
            transport = await trio.open_tcp_stream("localhost", running.port)
            stream = await SecureStream.wrap(transport, "localhost", config, early_data=early_data)
            async with stream:
                await running.type("typed")
                assert await stream.receive_some() == b"typed\n"
        assert stream.info.early_data_accepted
        # OpenSSL derives a secret for exporters of early data, which are not offered here.
        written = {line for line in await _lines(theirs, 12) if not line.startswith("EARLY_EXPORTER_SECRET")}
    assert written == set(lines)
    assert [line.split()[0] for line in lines].count("CLIENT_EARLY_TRAFFIC_SECRET") == 1
