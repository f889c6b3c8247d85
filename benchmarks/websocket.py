"""WebSocket clients side by side: messages echoed.

Theory of operation: picows, a server in C, sends back what it is sent. Round trips and bytes are two readings
of one figure: an echo moves its message twice. Opening and closing are left out; compression is off on both
sides.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.case import SERVER_NAME, Case, Measure, Site
from benchmarks.servers import write_authority
from benchmarks.websocket_clients import CLIENTS

_SIZES = {
    "16 B": (16, 4000),
    "256 B": (256, 4000),
    "4 KiB": (4 << 10, 4000),
    "64 KiB": (64 << 10, 1500),
    "1 MiB": (1 << 20, 100),
}


@contextmanager
def _picows(folder: Path, *, secure: bool) -> Generator[Site]:
    from support.authority import Authority

    authority = Authority.make()
    certificate, key = authority.issue(SERVER_NAME, key="p256").write(folder)
    write_authority(folder, authority)
    command = [sys.executable, "-m", "benchmarks.websocket_server", str(certificate), str(key)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        if server.stdin is None or server.stdout is None:
            raise RuntimeError("the server has no pipes")
        try:
            yield Site([*map(int, server.stdout.readline().split())][secure], folder)
        finally:
            server.stdin.close()


def _echo(client: str, scheme: str, message: str | bytes, site: Site, count: int) -> float:
    url = f"{scheme}://{SERVER_NAME}:{site.port}/"
    return CLIENTS[client](url, site.authority, message, count)


def _case(scheme: str, message: str | bytes, amount: int, quick: int) -> Case:
    contestants: dict[str, Measure] = {name: partial(_echo, name, scheme, message) for name in CLIENTS}
    return Case(_SERVERS[scheme], contestants, "echo", amount, quick)


_SERVERS = {"ws": partial(_picows, secure=False), "wss": partial(_picows, secure=True)}
CASES: dict[str, Case] = {
    f"{scheme}, {name}": _case(
        scheme, (bytes(range(256)) * (size // 256)) or bytes(size), amount, 20 if name == "4 KiB" else 0
    )
    for scheme in _SERVERS
    for name, (size, amount) in _SIZES.items()
} | {f"{scheme}, text of 4 KiB": _case(scheme, "ä" * (2 << 10), 4000, 0) for scheme in _SERVERS}
