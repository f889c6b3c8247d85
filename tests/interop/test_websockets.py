"""Messages of every kind and size come back from WebSocket servers of others."""

from __future__ import annotations

import os
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from support import servers
from support.authority import Authority, KeyKind, Leaf
from support.servers import RunningServer, TLSVersion
from trio_secure import SecureSocket
from trio_wss import open_websocket

_CASES: list[tuple[str, TLSVersion]] = [("hypercorn", "1.3"), ("websockets", "1.3"), ("websockets", "1.2")]


def _serve(
    server: str, version: TLSVersion, leaf: Leaf, folder: Path
) -> AbstractAsyncContextManager[RunningServer]:
    if server == "hypercorn":
        return servers.hypercorn(folder, leaf, folder)
    return servers.websockets_echo(leaf, folder, version)


@pytest.mark.parametrize("key", ["rsa2048", "p256"])
@pytest.mark.parametrize(("server", "version"), _CASES)
async def test_text_and_binary_messages_come_back(
    server: str, version: TLSVersion, key: KeyKind, authority: Authority, tmp_path: Path
) -> None:
    leaf = authority.issue("localhost", key=key, intermediate=True)
    # The lengths around 125 and 65535 bytes are where a frame's header changes its size (RFC 6455 §5.2).
    messages: list[str | bytes] = [
        "hello",
        "",
        "Grüße, 世界",
        b"\x00\xff",
        "x" * 126,
        os.urandom(65_535),
        os.urandom(1 << 20),
    ]
    async with _serve(server, version, leaf, tmp_path) as running:
        url = f"wss://localhost:{running.port}/echo"
        secure = {"certificate": authority.certificate_der}
        async with open_websocket(url, Socket=SecureSocket, secure=secure) as websocket:
            for message in messages:
                await websocket.send(message)
                assert await websocket.receive() == message
