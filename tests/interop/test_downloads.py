"""A large file, streamed from every server within reach, arrives whole and verified."""

from __future__ import annotations

import hashlib
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import trio

from interop.conftest import Payload
from support import servers
from support.authority import Authority, KeyKind, Leaf
from support.servers import LIGHTTPD_MODULES, LighttpdModule, RunningServer, TLSVersion
from trio_https import Client
from trio_secure import ConnectionInfo, SecureSocket

_LIGHTTPD: dict[str, LighttpdModule] = {f"lighttpd-{module}": module for module in LIGHTTPD_MODULES}
# Debian's lighttpd is built against an mbedTLS without TLS 1.3; Hypercorn has no setting for the version, so
# it speaks the newest both sides know.
_CASES: list[tuple[str, TLSVersion]] = [
    (server, version)
    for server in ("nginx", "openssl", *_LIGHTTPD, "hypercorn")
    for version in ("1.3", "1.2")
    if (server, version) not in {("lighttpd-mbedtls", "1.3"), ("hypercorn", "1.2")}
]
_WIRE_VERSIONS: dict[TLSVersion, int] = {"1.2": 0x0303, "1.3": 0x0304}


def _serve(
    server: str, version: TLSVersion, leaf: Leaf, files: Path, folder: Path
) -> AbstractAsyncContextManager[RunningServer]:
    if server == "nginx":
        return servers.nginx(files, leaf, folder, version)
    if server == "openssl":
        return servers.openssl(leaf, folder, f"-tls{version.replace('.', '_')}", files=files)
    if server == "hypercorn":
        return servers.hypercorn(files, leaf, folder)
    return servers.lighttpd(_LIGHTTPD[server], files, leaf, folder, version)


@pytest.mark.parametrize("key", ["rsa2048", "p256"])
@pytest.mark.parametrize(("server", "version"), _CASES)
async def test_a_64_mib_file_arrives_whole(
    server: str, version: TLSVersion, key: KeyKind, authority: Authority, payload: Payload, tmp_path: Path
) -> None:
    leaf = authority.issue("localhost", key=key, intermediate=True)
    seen: list[ConnectionInfo] = []

    async def connect(host: str, port: int, *, secure: dict[str, object]) -> trio.abc.Stream:
        stream = await SecureSocket(host, port, secure=secure)
        seen.append(stream.info)
        return stream

    digest = hashlib.sha256()
    async with (
        _serve(server, version, leaf, payload.folder, tmp_path) as running,
        Client(Socket=connect, secure={"certificate": authority.certificate_der}) as client,
        client.stream("GET", f"{running.url}/{payload.name}") as response,
    ):
        assert response.status == 200
        async for chunk in response:
            digest.update(chunk)

    assert digest.hexdigest() == payload.sha256
    (info,) = seen
    assert info.version == _WIRE_VERSIONS[version]
    assert info.server_name == "localhost"
    assert list(info.peer_certificates) == leaf.chain_ders
    assert list(info.verified_chain) == [*leaf.chain_ders, authority.certificate_der]
