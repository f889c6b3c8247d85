"""The demonstration's server, seen from the program that started it.

Theory of operation: `running_server` starts `_demo_server` with this interpreter, waits for the line that
says where it listens and whom to trust, and closes the server's standard input when the block ends, on which
the server ends too. If it does not, it is killed. What it prints to standard error is kept for the case that
it does not start.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

import trio

from ._exit_codes import ExitCode
from ._failure import CommandError

_START_SECONDS = 15.0
_END_SECONDS = 2.0
_LONGEST_LINE = 1 << 16
_DID_NOT_START = "the server of the demonstration did not start"


def server_command(port: int = 0) -> tuple[str, ...]:
    """What a Python interpreter is given to run the server, on a free port if it is 0."""
    return ("-P", "-c", f"from {__package__} import _demo_server; _demo_server.main({port})")


@dataclass(frozen=True)
class DemoServer:
    """Where the server listens on 127.0.0.1, and the certificate authority that vouches for it."""

    port: int
    authority: bytes
    """PEM."""


@asynccontextmanager
async def running_server(command: tuple[str, ...] = server_command()) -> AsyncGenerator[DemoServer]:
    """The server, for as long as the block runs.

    Args:
        command: what this Python interpreter is given to run.

    Raises:
        CommandError: it does not start.
    """
    with tempfile.TemporaryFile() as complaints:
        process = await trio.lowlevel.open_process(
            [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints
        )
        try:
            yield await _ready(process, complaints)
        finally:
            await _end(process)


async def _ready(process: trio.Process, complaints: BinaryIO) -> DemoServer:
    line = b""
    stdout = cast("trio.abc.ReceiveStream", process.stdout)  # a pipe, as asked for
    with trio.move_on_after(_START_SECONDS):
        while not line.endswith(b"\n") and len(line) < _LONGEST_LINE:
            piece = await stdout.receive_some()
            if not piece:
                break
            line += piece
    try:
        said = json.loads(line)
        if "refused" in said:
            raise CommandError(f"{_DID_NOT_START}: {said['refused']}", "name another: demo --serve PORT")
        return DemoServer(int(said["port"]), str(said["authority"]).encode("ascii"))
    except (ValueError, LookupError, TypeError):
        complaints.seek(0)
        last = complaints.read().decode(errors="replace").strip().rpartition("\n")[2]
        raise CommandError(
            f"{_DID_NOT_START}: {last or 'it said nothing'}",
            code=ExitCode.INTERNAL,
        ) from None


async def _end(process: trio.Process) -> None:
    with trio.CancelScope(shield=True):
        for pipe in (process.stdin, process.stdout):
            await cast("trio.abc.AsyncResource", pipe).aclose()
        with trio.move_on_after(_END_SECONDS):
            await process.wait()
        if process.poll() is None:
            process.kill()
            await process.wait()
