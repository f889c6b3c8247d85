"""The command `ws` as users start it: on a terminal of its own and in a pipe, against a real server."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from support import servers
from support.authority import Authority

_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|[\r\x08]")


class Site:
    """An echo server, and how to reach it."""

    def __init__(self, port: int, ca: Path) -> None:
        self.command = [
            *(sys.executable, "-P", "-m", "trio_secure_cli", "ws"),
            *(f"wss://localhost:{port}/", "--ca", str(ca)),
        ]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    authority = Authority.make()
    async with servers.websockets_echo(authority.issue("localhost"), tmp_path, "1.3") as server:
        yield Site(server.port, authority.write(tmp_path))


class Person:
    """Someone at a terminal."""

    def __init__(self, process: trio.Process, terminal: trio.lowlevel.FdStream) -> None:
        self.process = process
        self.terminal = terminal
        self.seen = b""

    async def types(self, keys: str) -> None:
        await self.terminal.send_all(keys.encode())

    async def sees(self, text: str, times: int = 1) -> None:
        """Read the screen until it has shown the text so many times."""
        with trio.move_on_after(20):
            while self.seen.count(text.encode()) < times:
                await self._more()
        assert self.seen.count(text.encode()) >= times, (
            f"the screen does not show {text!r}: {self.seen[-500:]!r}"
        )

    async def ends(self) -> int:
        """Read the screen until the command has ended; its exit code."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch)
            code = await self.process.wait()
            nursery.cancel_scope.cancel()
        self._read_the_rest()
        return code

    async def leaves(self) -> int:
        """Press Ctrl-D behind each thing shown until the command has ended; its exit code.

        To print a line above, the editor gives the terminal back for a moment; a Ctrl-D in that moment is lost.
        """

        async def press() -> None:
            while True:
                await self.types("\x04")
                await self._more()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(press)
            code = await self.process.wait()
            nursery.cancel_scope.cancel()
        self._read_the_rest()
        return code

    async def _watch(self) -> None:
        while True:
            await self._more()

    async def _more(self) -> None:
        self._show(await self.terminal.receive_some())

    def _read_the_rest(self) -> None:
        with contextlib.suppress(BlockingIOError):  # all has been read
            while True:
                self._show(os.read(self.terminal.fileno(), 65_536))

    def _show(self, data: bytes) -> None:
        self.seen = _ESCAPES.sub(b"", self.seen + data)


@asynccontextmanager
async def at_a_terminal(command: list[str]) -> AsyncGenerator[Person]:
    """The command on a terminal of its own, which has to be left as it was found."""
    ours, theirs = pty.openpty()
    found = termios.tcgetattr(theirs)
    environment = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
    process = await trio.lowlevel.open_process(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    try:
        async with trio.lowlevel.FdStream(ours) as terminal:
            with trio.fail_after(50):
                yield Person(process, terminal)
                await process.wait()
            assert termios.tcgetattr(theirs) == found
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
        os.close(theirs)


async def test_lines_are_edited_sent_and_brought_back(site: Site) -> None:
    async with at_a_terminal(site.command) as person:
        await person.sees("connected to wss://localhost")
        await person.sees(">")
        await person.types("helo\x1b[Dl\r")
        await person.sees("hello\n", times=2)  # typed, and sent back
        await person.types("\x1b[A")
        await person.sees("hello", times=3)
        await person.types(" again\r")
        await person.sees("again\n", times=2)
        assert await person.leaves() == 0
    assert person.seen.endswith(b"closed the WebSocket, the server's answer has code 1000\n")


async def test_ctrl_c_leaves_the_terminal_as_it_was(site: Site) -> None:
    async with at_a_terminal(site.command) as person:
        await person.sees(">")
        await person.types("half a li\x03")
        assert await person.ends() == 130
    assert b"Traceback" not in person.seen


async def test_a_signal_leaves_the_terminal_as_it_was(site: Site) -> None:
    async with at_a_terminal(site.command) as person:
        await person.sees(">")
        await person.types("half a li")
        await person.sees("half a li")
        person.process.send_signal(signal.SIGINT)
        assert await person.ends() == 130
    assert b"Traceback" not in person.seen


async def test_a_server_that_goes_away_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    authority = Authority.make()
    async with servers.websockets_echo(authority.issue("localhost"), tmp_path, "1.3") as server:
        command = Site(server.port, authority.write(tmp_path)).command
        async with at_a_terminal(command) as person:
            await person.sees(">")
            await person.types("half a li")
            await person.sees("half a li")
            await server.kill()
            assert await person.ends() == 6
    assert b"Traceback" not in person.seen


async def test_what_is_not_in_the_notation_is_typed_again(site: Site) -> None:
    async with at_a_terminal([*site.command, "--hex"]) as person:
        await person.sees(">")
        await person.types("00f\r")
        await person.sees("not sent: not hexadecimal digits in pairs")
        await person.types("00ff10\r")
        await person.sees("00ff10\n", times=2)  # typed, and sent back
        assert await person.leaves() == 0


async def test_pings_are_shown_above_the_line(site: Site) -> None:
    async with at_a_terminal([*site.command, "--ping", "0.05"]) as person:
        await person.sees(">")
        await person.types("half a li")
        await person.sees("a ping takes", times=5)
        await person.types("ne\r")
        await person.sees("half a line\n", times=2)
        assert await person.leaves() == 0


async def piped(command: list[str], stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    with trio.fail_after(50):
        return await trio.run_process(
            command, stdin=stdin, capture_stdout=True, capture_stderr=True, check=False
        )


@pytest.mark.parametrize(
    ("options", "stdin"),
    [
        ([], "eins\nzwölf\n".encode()),
        (["--binary", "--null"], bytes(range(1, 256)) + b"\0\n\0"),
        (["--binary", "--whole"], os.urandom(1 << 20)),
        (["--whole"], "zwölf\n".encode() * 100_000),
        (["--hex"], b"00ff\n\n10\n"),
        (["--base64"], b"AP8=\n"),
        (["--text", "-0"], b"two\nlines\0\0"),
    ],
)
async def test_what_goes_in_comes_out_of_a_pipe(options: list[str], stdin: bytes, site: Site) -> None:
    done = await piped([*site.command, *options], stdin)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == stdin


async def test_json_comes_out_readable(site: Site) -> None:
    done = await piped([*site.command, "--json"], b'{"a":[1.10]}\nhello')
    assert (done.returncode, done.stdout) == (0, b'{\n  "a": [\n    1.10\n  ]\n}\nhello\n')


async def test_what_cannot_be_sent_is_a_mistake_of_the_user(site: Site) -> None:
    done = await piped([*site.command, "--base64"], b"AP8=\n*\n")
    assert done.returncode == 2
    assert b"line 2 of the input is not Base64" in done.stderr


async def test_a_header_that_may_not_be_given_is_refused(site: Site) -> None:
    done = await piped([*site.command, "--header", "Upgrade: x"], b"")
    assert done.returncode == 2
    assert b"upgrade" in done.stderr
