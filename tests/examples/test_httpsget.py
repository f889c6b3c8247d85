from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import trio

from support.authority import Authority
from support.http_server import http_server

EXAMPLE = Path(__file__).parents[2] / "examples" / "httpsget.py"


async def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-P", str(EXAMPLE), *arguments]
    with trio.fail_after(20):
        return await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)


async def test_it_prints_the_page(tmp_path: Path) -> None:
    authority = Authority.make()
    pages = {"/page": b"<p>Hello over TLS</p>"}
    with http_server(pages, tls=(authority.issue("localhost"), tmp_path)) as server:
        ca = str(authority.write(tmp_path))
        result = await run("localhost", "--port", str(server.port), "--path", "/page", "--ca", ca)
    assert result.returncode == 0, result.stderr
    assert result.stdout == b"<p>Hello over TLS</p>\n"
    assert result.stderr == b""


async def test_it_says_in_one_line_why_a_server_is_not_trusted(tmp_path: Path) -> None:
    with http_server({}, tls=(Authority.make().issue("localhost"), tmp_path)) as server:
        result = await run("localhost", "--port", str(server.port))
    assert result.returncode == 1
    assert result.stdout == b""
    assert result.stderr.startswith(b"localhost: ")
    assert b"Traceback" not in result.stderr
