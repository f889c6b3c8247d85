from __future__ import annotations

from pathlib import Path

import pytest
import trio

from support.servers import free_port
from support.terminal import FakeTerminal
from trio_https import Client
from trio_secure_cli import ExitCode
from trio_secure_cli._demo_serve import serve_until_stopped
from trio_secure_cli._failure import CommandError


async def test_it_serves_on_the_port_it_names_under_the_authority_it_writes(tmp_path: Path) -> None:
    terminal, authority, port = FakeTerminal(), tmp_path / "demo-ca.pem", free_port()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_until_stopped, port, authority, terminal)
        with trio.fail_after(20):
            while terminal.printed.count(b"\n") < 2:  # noqa: ASYNC110 -- another process starts
                await trio.sleep(0.02)
        assert terminal.printed.decode().splitlines() == [
            f"https://localhost:{port}/ and wss://localhost:{port}/ are served.",
            f"Their CA is in {authority}, for --ca. Ctrl-C ends it.",
        ]
        async with (
            Client(secure={"certificate": str(authority)}) as client,
            client.stream("GET", f"https://localhost:{port}/") as response,
        ):
            assert response.status == 200
        nursery.cancel_scope.cancel()


async def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    nowhere = tmp_path / "no such folder" / "ca.pem"
    with pytest.raises(CommandError) as caught:
        await serve_until_stopped(free_port(), nowhere, FakeTerminal())
    assert caught.value.message == f"cannot write {nowhere}: No such file or directory"
    assert caught.value.code is ExitCode.OUTPUT


async def test_a_port_that_is_taken_is_a_server_that_does_not_start(tmp_path: Path) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        with pytest.raises(CommandError, match=r"did not start: port \d+: Address already in use$") as caught:
            await serve_until_stopped(listener.socket.getsockname()[1], tmp_path / "ca", FakeTerminal())
    assert (caught.value.code, caught.value.hint) == (ExitCode.USAGE, "name another: demo --serve PORT")
