from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import trio

from support import servers
from support.authority import Authority

EXAMPLE = Path(__file__).parents[2] / "examples" / "wss_echo.py"


async def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-P", str(EXAMPLE), *arguments]
    with trio.fail_after(20):
        return await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)


async def test_a_real_server_echoes_the_messages(tmp_path: Path) -> None:
    authority = Authority.make()
    async with servers.websockets_echo(authority.issue("localhost"), tmp_path, "1.3") as server:
        url = f"wss://localhost:{server.port}/"
        result = await run(url, "hello", "wörld", "--ca", str(authority.write(tmp_path)))
    assert result.returncode == 0, result.stderr
    assert result.stdout.decode() == "hello\nwörld\n"
    assert b"a ping takes" in result.stderr
    assert b"closed with code 1000" in result.stderr


async def test_it_says_in_one_line_why_a_server_is_not_trusted(tmp_path: Path) -> None:
    leaf = Authority.make().issue("localhost")
    async with servers.websockets_echo(leaf, tmp_path, "1.3") as server:
        result = await run(f"wss://localhost:{server.port}/")
    assert result.returncode == 1
    assert result.stdout == b""
    assert result.stderr.count(b"\n") == 1
    assert b"Traceback" not in result.stderr
