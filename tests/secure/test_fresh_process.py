"""What a fresh process loads, which is most of what its first connection costs: counted, not timed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import trio

from support.authority import Authority
from support.store import make_store
from support.tls_server import tls_server

_NAME = "server.test"

_LOADED = "print(*sys.modules)"
_IMPORT = f"import sys, trio_secure; {_LOADED}"
_CONNECT = f"""
import sys
import trio
from trio_certs import Store, Trust
from trio_secure import SecureStream, TLSConfig

async def main():
    transport = await trio.open_tcp_stream("127.0.0.1", int(sys.argv[1]))
    config = TLSConfig(trust=Trust(sources=[Store(sys.argv[2])]))
    async with await SecureStream.wrap(transport, sys.argv[3], config) as stream:
        assert stream.info.version == 0x304 and stream.info.verified_chain
        assert await stream.receive_some() == b"hello"

trio.run(main)
{_LOADED}
"""

#: What Trio has not imported already, and a client has no use for.
_FOREIGN = {"asyncio", "json", "multiprocessing", "zipfile", "zstandard", "backports.zstd"}
#: What takes long to import, and is not needed to connect and to verify.
_HEAVY = {
    "cryptography.hazmat.primitives.serialization",
    "cryptography.hazmat.primitives.serialization.ssh",
    "cryptography.x509.ocsp",
}
_OTHER_VERSIONS = {
    f"trio_secure._{name}"
    for name in (
        "exchange12",
        "finite_field",
        "handshake12",
        "key_transport",
        "keys12",
        "messages12",
        "protection12",
        "protection_cbc",
    )
}
_ON_DEMAND = {
    f"trio_secure._{name}"
    for name in (
        "client_authentication",
        "client_certificates",
        "client_choice",
        "client_identity",
        "trace",
        "trace_extensions",
        "trace_text",
    )
} | {
    f"trio_certs._{name}"
    for name in (
        "anchors",
        "crl",
        "folder",
        "json",
        "lookup",
        "manifest",
        "manifest_edit",
        "manifest_rules",
        "ocsp_signer",
        "pem",
        "pins",
        "refusal",
        "revocation",
        "store_build",
        "store_check",
        "system",
    )
}
_NEVER = _FOREIGN | _HEAVY | _OTHER_VERSIONS | _ON_DEMAND
#: Opening and reading a module costs about 50 µs before a line of it runs. Who adds one for everybody counts it.
_MOST = 80


async def _loaded(program: str, *arguments: str) -> set[str]:
    done = await trio.run_process([sys.executable, "-c", program, *arguments], capture_stdout=True)
    return set(done.stdout.decode().split())


def _check(loaded: set[str]) -> None:
    assert sorted(_NEVER & loaded) == []
    ours = {name for name in loaded if name.partition(".")[0] in ("trio_secure", "trio_certs")}
    assert len(ours) <= _MOST


def test_what_is_named_here_exists() -> None:
    ours = [name for name in _NEVER if name.startswith("trio_")]
    assert [name for name in ours if importlib.util.find_spec(name) is None] == []


async def test_importing_it_loads_what_a_connection_needs() -> None:
    loaded = await _loaded(_IMPORT)
    _check(loaded)
    assert not [name for name in loaded if name.startswith("cryptography.x509")]


async def test_a_verified_connection_of_tls_1_3_loads_little_more(tmp_path: Path) -> None:
    async def greet(stream: trio.abc.Stream) -> None:
        await stream.send_all(b"hello")

    root = Authority.make()
    store = make_store(tmp_path, root)
    async with tls_server(root.issue(_NAME), greet) as port:
        _check(await _loaded(_CONNECT, str(port), str(store.folder), _NAME))
