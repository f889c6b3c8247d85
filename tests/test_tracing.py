"""docs/tracing.md keeps its promises: its code imports what exists, and its example is what a connection prints.

Theory of operation: the example is compared with the trace of a real handshake, numbers aside. Each of its lines
has to occur in that order; a trace may hold more, for it also tells of what is no part of the example. To make
the example anew, print what `_traced` returns.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from pathlib import Path

import trio_secure
from support.openssl_peer import secure_pair, server_context, trusting
from trio_secure import MemoryCache, TraceEvent

DOCUMENT = (Path(__file__).resolve().parents[1] / "docs" / "tracing.md").read_text()
_BLOCKS = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBERS = re.compile(r" *\d+\.\d\d ms|\b\d+ bytes")


def _blocks(language: str) -> list[str]:
    return [code for found, code in _BLOCKS.findall(DOCUMENT) if found == language]


async def _traced() -> list[str]:
    """What the connection of the example prints."""
    events: list[TraceEvent] = []
    config = trusting(
        trace=events.append,
        alpn=["h2", "http/1.1"],
        cipher_suites=["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],
        groups=["x25519", "secp256r1"],
        signature_algorithms=["ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256", "ed25519"],
        certificate_compression=["zlib"],
        cache=MemoryCache(8),
    )
    stream, peer = await secure_pair(server_context(alpn=["h2"], tickets=1), config=config)
    await peer.aclose()
    assert await stream.receive_some() == b""
    await stream.aclose()
    return [line for event in events for line in str(event).splitlines()]


async def test_its_example_is_what_a_connection_prints() -> None:
    printed = iter([_NUMBERS.sub("#", line) for line in await _traced()])
    (example,) = _blocks("text")
    for line in example.splitlines():
        assert _NUMBERS.sub("#", line) in printed, line


def test_its_code_compiles_and_imports_public_names() -> None:
    for code in _blocks("python"):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom):
                assert {alias.name for alias in node.names} <= set(trio_secure.__all__), code


def test_it_lists_every_kind_of_event_with_all_it_says() -> None:
    values: list[object] = list(vars(trio_secure).values())
    kinds = [value for value in values if isinstance(value, type) and issubclass(value, TraceEvent)]
    common = {row.name for row in dataclasses.fields(TraceEvent)}
    for kind in kinds:
        (row,) = re.findall(rf"^\| `{kind.__name__}` \|[^|]*\|(.*)\|$", DOCUMENT, re.MULTILINE)
        assert set(re.findall(r"`(\w+)`", row)) == {row.name for row in dataclasses.fields(kind)} - common
