"""The command as a whole: in this process where that is enough, else as the process that users start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from support.authority import Authority
from support.http_peers import ok
from support.tls_server import Handler, ignore, tcp_server, tls_server
from support.websocket_peer import CLOSE, Peer, frame
from trio_secure_cli import ExitCode, main


async def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-P", "-m", "trio_secure_cli", *arguments]
    with trio.fail_after(20):
        return await trio.run_process(
            command, stdin=stdin, capture_stdout=True, capture_stderr=True, check=False
        )


async def in_process(*arguments: str) -> int:
    """Run the command in a thread, with a Trio of its own, while this one serves it."""
    with trio.fail_after(20):
        return await trio.to_thread.run_sync(main, arguments)


async def garbage(stream: trio.abc.Stream) -> None:
    await stream.receive_some()
    await stream.send_all(bytes(range(256)) * 100)


async def plain_http(stream: trio.abc.Stream) -> None:
    await stream.receive_some()
    await stream.send_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


async def closes_at_once(stream: trio.abc.Stream) -> None:
    pass


@dataclass(frozen=True)
class Site:
    """A server that talks TLS, and the file with the CA that vouches for it."""

    authority: str
    port: int


@asynccontextmanager
async def site(folder: Path, handler: Handler) -> AsyncGenerator[Site]:
    authority = Authority.make()
    ca = str(authority.write(folder))
    async with tls_server(authority.issue("127.0.0.1"), handler) as port:
        yield Site(ca, port)


async def test_a_download_from_the_shell(tmp_path: Path) -> None:
    body = os.urandom(300_000)

    async def serve(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(ok(body))

    path = tmp_path / "body"
    async with site(tmp_path, serve) as server:
        arguments = ("get", f"https://127.0.0.1:{server.port}/", "--ca", server.authority, "--trace")
        done = await run(*arguments, "-o", str(path))
    assert (done.returncode, done.stdout) == (0, b"")
    assert path.read_bytes() == body
    said = done.stderr.decode().splitlines()
    assert any("-> ClientHello" in line for line in said)
    assert any("<- Finished" in line for line in said)


async def test_a_conversation_in_a_pipe(tmp_path: Path) -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        peer = Peer(stream)
        await peer.accept()
        while (one := await peer.frame()) is not None:
            await peer.send(frame(one.opcode, one.payload))
            if one.opcode == CLOSE:
                return

    async with site(tmp_path, serve) as server:
        arguments = ("ws", f"wss://127.0.0.1:{server.port}/", "--ca", server.authority)
        done = await run(*arguments, stdin="eins\nzwölf".encode())
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, "eins\nzwölf\n", b"")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("get https://127.0.0.1:1/", ExitCode.NETWORK),
        ("ws wss://127.0.0.1:1/", ExitCode.NETWORK),
        ("probe 127.0.0.1:1", ExitCode.NETWORK),
        ("certs search ca9", ExitCode.OK),
        ("demo", ExitCode.USAGE),
    ],
)
async def test_without_the_packages_of_the_extras_it_says_what_it_would_say_with_them(
    line: str, code: ExitCode
) -> None:
    missing = ["rich", "prompt_toolkit", "hypercorn", "trustme"]
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({missing})); "
        f"from trio_secure_cli import main; sys.exit(main({line.split()}))"
    )
    with trio.fail_after(20):
        done = await trio.run_process(
            [sys.executable, "-P", "-c", program], capture_stdout=True, capture_stderr=True, check=False
        )
    assert done.returncode == code, done.stderr.decode()


async def start_endless_download(server: Site, output: int, *more: str) -> trio.Process:
    url = f"https://127.0.0.1:{server.port}/"
    command = [sys.executable, "-P", "-m", "trio_secure_cli", "get", url, "--ca", server.authority, *more]
    return await trio.lowlevel.open_process(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE
    )


async def everything_said(process: trio.Process) -> str:
    assert process.stderr is not None
    said = b""
    async with process.stderr:
        async for piece in process.stderr:
            said += piece
    return said.decode()


async def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    folder.mkdir()
    begun = trio.Event()

    async def serve(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(1000))
        begun.set()
        await ignore(stream)

    with trio.fail_after(20):
        async with site(tmp_path, serve) as server:
            process = await start_endless_download(server, subprocess.DEVNULL, "-o", str(folder / "body"))
            await begun.wait()
            assert [path.suffix for path in folder.iterdir()] == [".part"]
            process.send_signal(signal.SIGINT)
            assert await everything_said(process) == "\n"
            assert await process.wait() == ExitCode.INTERRUPTED
    assert not any(folder.iterdir())


async def test_a_reader_that_goes_away_ends_the_download(tmp_path: Path) -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await stream.send_all(bytes(100_000))

    reader, writer = os.pipe()
    with trio.fail_after(20):
        async with site(tmp_path, serve) as server:
            process = await start_endless_download(server, writer)
            os.close(writer)
            await trio.to_thread.run_sync(os.read, reader, 1000)
            os.close(reader)
            said = await everything_said(process)
            assert await process.wait() == ExitCode.OUTPUT
    assert said == f"trio-secure: https://127.0.0.1:{server.port}/: whoever read the output has gone\n"


@pytest.mark.parametrize("command", ["get", "ws", "probe"])
@pytest.mark.parametrize(
    ("handler", "codes"),
    [
        (garbage, {ExitCode.TLS}),
        (plain_http, {ExitCode.TLS}),
        (closes_at_once, {ExitCode.PROTOCOL, ExitCode.NETWORK}),
        (ignore, {ExitCode.TOO_SLOW}),
    ],
)
async def test_a_server_that_does_not_speak_tls_is_one_clear_message(
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    handler: Handler,
    codes: set[ExitCode],
) -> None:
    with Path(os.devnull).open() as nothing:  # noqa: ASYNC230 -- it does not block
        monkeypatch.setattr(sys, "stdin", nothing)
        async with tcp_server(handler) as port:
            scheme = {"get": "https://", "ws": "wss://", "probe": ""}[command]
            code = await in_process(command, f"{scheme}127.0.0.1:{port}", "--timeout", "0.2")
    out, err = capfd.readouterr()
    assert code in codes
    assert out == ""
    assert err.startswith("trio-secure: ")
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 2


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("--help", ExitCode.OK),
        ("get", ExitCode.USAGE),
        ("get nonsense", ExitCode.USAGE),
        ("get https://h:99999/", ExitCode.USAGE),
        ("get https://[::1/", ExitCode.USAGE),
        ("ws https://h/", ExitCode.USAGE),
        ("probe h:http", ExitCode.USAGE),
        ("probe -- -a", ExitCode.USAGE),
        ("get https://127.0.0.1/ --ca /nonexistent", ExitCode.USAGE),
        ("get https://127.0.0.1/ --ca /dev/zero", ExitCode.USAGE),
        ("get https://127.0.0.1/ --manifest /nonexistent", ExitCode.USAGE),
        ("get https://127.0.0.1/ --manifest /dev/zero", ExitCode.USAGE),
        ("get https://127.0.0.1/ -o /nonexistent/body", ExitCode.OUTPUT),
        ("get https://127.0.0.1:1/", ExitCode.NETWORK),
        ("ws ws://127.0.0.1:1/", ExitCode.NETWORK),
        ("probe 127.0.0.1:1", ExitCode.NETWORK),
        ("certs", ExitCode.USAGE),
        ("certs list --store /nonexistent", ExitCode.USAGE),
        ("certs search", ExitCode.USAGE),
        ("certs search nobody-has-this-name", ExitCode.NO),
        ("certs needed 127.0.0.1:1", ExitCode.NETWORK),
        ("certs needed h --insecure", ExitCode.USAGE),
        ("certs needed h --manifest /dev/zero", ExitCode.USAGE),
        ("certs add ca9", ExitCode.USAGE),
        ("certs add ca9 --manifest /nonexistent/m.json", ExitCode.OUTPUT),
        ("certs add ca999999 --manifest /nonexistent", ExitCode.USAGE),
        ("certs convert /dev/zero", ExitCode.USAGE),
        ("certs check /nonexistent", ExitCode.USAGE),
        ("certs index /nonexistent", ExitCode.USAGE),
        ("certs compare --bundle /nonexistent", ExitCode.USAGE),
    ],
)
def test_bad_input_is_a_message_and_an_exit_code(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str, code: ExitCode
) -> None:
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert main(line.split()) == code
    out, err = capfd.readouterr()
    assert "Traceback" not in err
    assert ("usage:" in out) == (code is ExitCode.OK)
    assert bool(err) == (code is not ExitCode.OK)


def test_ctrl_c_while_the_command_is_being_loaded_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("trio_secure_cli.parse", interrupt)
    assert main([]) == ExitCode.INTERRUPTED


def test_an_exit_without_a_code_is_a_success(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(arguments: object) -> None:
        raise SystemExit

    monkeypatch.setattr("trio_secure_cli.parse", leave)
    assert main([]) == ExitCode.OK
