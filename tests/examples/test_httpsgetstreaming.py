from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import trio

from support.authority import Authority
from support.http_server import http_server

EXAMPLE = Path(__file__).parents[2] / "examples" / "httpsgetstreaming.py"


async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", str(EXAMPLE), *arguments]
    with trio.fail_after(20):
        result = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
    return subprocess.CompletedProcess(
        command, result.returncode, result.stdout.decode(), result.stderr.decode()
    )


async def test_it_prints_the_size_of_each_fragment(tmp_path: Path) -> None:
    authority = Authority.make()
    pages = {"/large": bytes(300_000)}
    with http_server(pages, tls=(authority.issue("localhost"), tmp_path)) as server:
        ca = str(authority.write(tmp_path))
        result = await run("localhost", "--port", str(server.port), "--path", "/large", "--ca", ca)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "status 200"
    assert "content-length: 300000" in lines
    sizes = [int(line.split()[2]) for line in lines if line.startswith("fragment of ")]
    assert len(sizes) > 1
    assert sum(sizes) == 300_000
    assert lines[-1] == "300000 bytes in all"


async def test_it_says_in_one_line_that_nobody_listens() -> None:
    with http_server({}) as server:
        port = server.port
    result = await run("127.0.0.1", "--port", str(port))
    assert result.returncode == 1
    assert result.stderr.startswith("127.0.0.1: ")
    assert "Traceback" not in result.stderr
