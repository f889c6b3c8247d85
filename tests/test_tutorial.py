"""docs/tutorial.md is walked as a newcomer would: its programs as files, its commands as processes.

Theory of operation: the server that the tutorial starts is started, by what `trio-secure` runs; only the port is
another, because 8443 may be taken. Each block of Python is a program of its own, and prints what the page says.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import trio

from support.pages import blocks
from support.servers import serve

PAGE = "docs/tutorial.md"
PORT = "8443"


@pytest.fixture
async def port(tmp_path: Path) -> AsyncGenerator[str]:
    """The tutorial's server, in `tmp_path`."""
    (served,) = [line for line in _commands() if "demo --serve" in line]

    def command(port: int) -> list[str]:
        here = f"import os; os.chdir({str(tmp_path)!r})"
        run = "from trio_secure_cli import main; raise SystemExit(main())"
        return [sys.executable, "-P", "-c", f"{here}; {run}", *_words(served, str(port))]

    environment = {"PYTHONUNBUFFERED": "1"}
    async with serve("demo", command, tmp_path, ready="Ctrl-C ends it", environment=environment) as server:
        yield str(server.port)


def _commands() -> list[str]:
    lines = [line for block in blocks(PAGE, "sh") for line in block.code.splitlines()]
    return [line for line in lines if line.startswith("trio-secure")]


def _words(line: str, port: str) -> list[str]:
    return shlex.split(line.replace(PORT, port))[1:]


async def _run(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-P", *arguments]
    environment = os.environ | {"PYTHONWARNINGS": "error"}
    with trio.fail_after(60):
        done = await trio.run_process(
            command, cwd=folder, env=environment, capture_stdout=True, capture_stderr=True, check=False
        )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


async def test_its_programs_print_what_it_says(port: str, tmp_path: Path) -> None:
    programs = blocks(PAGE, "python")
    assert len(programs) == 5
    for block in programs:
        program = tmp_path / "program.py"
        program.write_text(block.code.replace(PORT, port))
        printed = await _run(tmp_path, str(program))
        assert block.output is not None
        pattern = re.escape(block.output).replace("…", ".*?")
        assert re.fullmatch(pattern, printed, re.DOTALL), f"{PAGE}:{block.line} printed:\n{printed}"


async def test_its_commands_work(port: str, tmp_path: Path) -> None:
    commands = [line for line in _commands() if "demo --serve" not in line]
    assert len(commands) == 2
    for line in commands:
        await _run(tmp_path, "-m", "trio_secure_cli", *_words(line, port))
    assert (tmp_path / "big").stat().st_size == 67_108_864
