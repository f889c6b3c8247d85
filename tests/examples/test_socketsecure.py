from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import trio

from support import servers
from support.authority import Authority

EXAMPLE = Path(__file__).parents[2] / "examples" / "socketsecure.py"


async def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-P", str(EXAMPLE), *arguments]
    with trio.fail_after(20):
        return await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)


async def test_it_prints_the_answer_of_a_real_server(tmp_path: Path) -> None:
    authority = Authority.make()
    async with servers.openssl(authority.issue("localhost"), tmp_path, "-www") as server:
        result = await run("localhost", str(server.port), "--ca", str(authority.write(tmp_path)))
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(b"HTTP/1.0 200 ok\r\n")
    assert b"s_server" in result.stdout
    assert result.stderr.startswith(b"connected with TLS_")


async def test_it_says_in_one_line_why_a_server_is_not_trusted(tmp_path: Path) -> None:
    leaf = Authority.make().issue("localhost")
    async with servers.openssl(leaf, tmp_path, "-www") as server:
        result = await run("localhost", str(server.port))
    assert result.returncode == 1
    assert result.stdout == b""
    assert result.stderr.startswith(b"localhost: ")
    assert b"Traceback" not in result.stderr
