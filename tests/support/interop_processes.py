"""Server processes that stay up for as long as the tests need them.

Theory of operation: a test for each suite, version and certificate is a test for hundreds of connections, and
starting a server for each would take most of the time. `Processes` is a context manager around a whole session
of tests; it starts what it is told to start, and ends all of it. Nothing here needs an event loop but the waiting
for what a server says.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
import trio

from support.servers import unavailable

_START_SECONDS = 20.0
_POLL_SECONDS = 0.005
# What lighttpd says of a module it does not have, and Python.
_NOT_INSTALLED = ("dlopen() failed", "ModuleNotFoundError")


def accepts(port: int) -> bool:
    """Whether somebody listens on a port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


class Process:
    """A running server, and the log of what it prints."""

    def __init__(self, name: str, command: Sequence[str], folder: Path) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, cwd=folder
            )

    def said(self, since: int = 0) -> str:
        """What the server printed, from byte `since` on."""
        with self._log.open("rb") as log:
            log.seek(since)
            return log.read().decode(errors="replace")

    @property
    def length(self) -> int:
        """How many bytes it has printed."""
        return self._log.stat().st_size

    def wait(self, listens: Callable[[], bool]) -> None:
        """Block until the server listens."""
        deadline = time.monotonic() + _START_SECONDS
        while not listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = f"{self.name} did not start:\n{self.said()}"
                if any(sign in said for sign in _NOT_INSTALLED):
                    unavailable(said)
                pytest.fail(said)
            time.sleep(_POLL_SECONDS)

    async def says(self, text: str, since: int, seconds: float = 5.0) -> str:
        """Wait until the server has printed `text` after byte `since`; return all from there."""
        with trio.move_on_after(seconds):
            while text not in self.said(since):  # noqa: ASYNC110 -- another process writes the log
                await trio.sleep(_POLL_SECONDS)
        said = self.said(since)
        assert text in said, f"{self.name} did not say {text!r} but:\n{said}"
        return said

    async def type(self, data: bytes) -> None:
        """Write to the server's standard input."""
        stdin = self._process.stdin
        assert stdin is not None
        async with trio.lowlevel.FdStream(os.dup(stdin.fileno())) as stream:
            await stream.send_all(data)

    def kill(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


class Processes:
    """Starts servers, each with a folder of its own, and ends them all with its block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in self._running:
            process.kill()

    def new_folder(self, name: str) -> Path:
        """An empty folder for a server's files."""
        folder = self._folder / f"{len(self._running)}-{name}"
        folder.mkdir()
        return folder

    def start(self, name: str, command: Sequence[str], folder: Path) -> Process:
        """Run a command; it may take a while until it listens."""
        process = Process(name, command, folder)
        self._running.append(process)
        return process
