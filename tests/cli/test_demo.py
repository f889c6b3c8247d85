from __future__ import annotations

from pathlib import Path

import pytest
import trio

from support.servers import free_port
from support.terminal import FakeTerminal
from trio_secure import SecureSocket
from trio_secure_cli import ExitCode, _demo, _extras
from trio_secure_cli._demo import demo
from trio_secure_cli._failure import CommandError
from trio_secure_cli._options import ConnectionOptions, DemoOptions


async def test_the_demonstration_runs_against_its_own_server() -> None:
    terminal = FakeTerminal()
    assert await demo(DemoOptions(ConnectionOptions()), terminal) is ExitCode.OK
    printed = terminal.printed.decode()
    for heading in ("A server on this machine", "\n1. ", "\n2. 64.0 MiB", "\n3. ", "\n4. ", "\nDone, in "):
        assert heading in printed
    assert terminal.said == ""


async def test_asked_to_serve_it_only_does_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    terminal = FakeTerminal()
    port = free_port()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(demo, DemoOptions(ConnectionOptions(), port), terminal)
        with trio.fail_after(20):
            while b"Ctrl-C" not in terminal.printed:  # noqa: ASYNC110 -- another process starts
                await trio.sleep(0.02)
        ca = (tmp_path / "demo-ca.pem").read_bytes()
        async with SecureSocket("localhost", port, secure={"certificate": ca}) as stream:
            assert stream.info.version >= 0x303
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("missing", "named"), [({"rich"}, "rich"), ({"hypercorn", "trustme"}, "hypercorn and trustme")]
)
async def test_what_it_needs_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, missing: set[str], named: str
) -> None:
    def is_installed(package: str) -> bool:
        return package not in missing

    monkeypatch.setattr(_extras, "is_installed", is_installed)
    with pytest.raises(CommandError) as caught:
        await _demo.demo(DemoOptions(ConnectionOptions()), FakeTerminal())
    assert caught.value.message == f'this needs {named}: pip install "trio-secure[demo]"'
