"""docs/adapters.md keeps its promises: each block of code is run, against a real server where there is one."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from support.authority import Authority as FileAuthority
from support.http_adapters import AUTHORITY
from support.scripted_proxies import https_server
from support.servers import hypercorn
from support.tls_server import tcp_server
from trio_secure.testing import echo

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "adapters.md").read_text()
_BLOCKS = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| [^|]+ \| [\d.]+ \| `([\w.]+)[^`]*` \| `([\w.]+)` \|$", re.MULTILINE)
SECURE = {"certificate": AUTHORITY.certificate, "serverName": "localhost"}


def functions() -> dict[str, Any]:
    """What the blocks define, each run alone."""
    found: dict[str, Any] = {}
    for code in _BLOCKS.findall(PAGE):
        names: dict[str, Any] = {}
        exec(compile(code, "docs/adapters.md", "exec"), names)  # noqa: S102 -- it is the test
        found |= {name: value for name, value in names.items() if re.match(r"(fetch|echo|line)_", name)}
    return found


FUNCTIONS = functions()


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name.startswith("fetch")])
async def test_what_fetches_fetches_by_http_2(name: str, tmp_path: Path) -> None:
    async with https_server(AUTHORITY, tmp_path) as port:
        page = await FUNCTIONS[name](f"https://localhost:{port}/", SECURE)
        assert page in ("HTTP/2, 0 bytes", b"HTTP/2, 0 bytes")


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name.startswith("echo")])
async def test_what_is_sent_comes_back(name: str, tmp_path: Path) -> None:
    authority = FileAuthority.make()
    async with hypercorn(tmp_path, authority.issue("localhost"), tmp_path) as server:
        secure = {"certificate": authority.certificate_der}
        assert await FUNCTIONS[name](server.url.replace("https", "wss") + "/", secure) == "hello"


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name.startswith("line")])
async def test_a_line_comes_back(name: str) -> None:
    async with AUTHORITY.serve("localhost", handler=echo) as server, tcp_server(server.handle) as port:
        assert (await FUNCTIONS[name]("127.0.0.1", port, SECURE)).rstrip() == b"hello"


def test_every_block_is_run() -> None:
    assert len(FUNCTIONS) == len(_BLOCKS.findall(PAGE))


def test_the_table_names_what_exists() -> None:
    rows = _ROW.findall(PAGE)
    assert len(rows) == 8
    for theirs, ours in rows:
        for name in (theirs, ours):
            module, _, attribute = name.rpartition(".")
            assert hasattr(importlib.import_module(module), attribute), name
