from __future__ import annotations

import pytest
import trio

from trio_secure_cli import ExitCode
from trio_secure_cli import _demo_process as module
from trio_secure_cli._demo_process import DemoServer, running_server
from trio_secure_cli._failure import CommandError

READY = "import json, sys; print(json.dumps({'port': 7, 'authority': 'PEM'}), flush=True)"


def script(*lines: str) -> tuple[str, ...]:
    """What Python is given to run these lines, quickly."""
    return ("-I", "-S", "-c", "\n".join(lines))


async def test_the_server_is_there_for_the_block_and_ends_with_its_input() -> None:
    async with running_server(script(READY, "sys.stdin.read()")) as server:
        assert server == DemoServer(7, b"PEM")


async def test_a_server_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_END_SECONDS", 0.01)
    async with running_server(script(READY, "import time; time.sleep(60)")):
        began = trio.current_time()
    assert trio.current_time() - began < 10


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (("raise ImportError('no such module')",), "ImportError: no such module"),
        (("pass",), "it said nothing"),
        (("print('[]')",), "it said nothing"),
        (("print('{}')",), "it said nothing"),
        (("print('null')",), "it said nothing"),
        (("print('x' * 100_000, end='')",), "it said nothing"),
    ],
)
async def test_a_server_that_does_not_start_is_reported(lines: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(CommandError) as caught:
        async with running_server(script(*lines)):
            pass
    assert caught.value.message == f"the server of the demonstration did not start: {complaint}"
    assert caught.value.code is ExitCode.INTERNAL


async def test_a_port_that_cannot_be_had_is_a_command_line_that_is_not_right() -> None:
    with pytest.raises(CommandError) as caught:
        async with running_server(script("""print('{"refused": "port 8443: Address already in use"}')""")):
            pass
    assert caught.value.message.endswith("did not start: port 8443: Address already in use")
    assert (caught.value.code, caught.value.hint) == (ExitCode.USAGE, "name another: demo --serve PORT")


async def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_START_SECONDS", 0.05)
    with pytest.raises(CommandError, match="it said nothing"):
        async with running_server(script("import sys; sys.stdin.read()")):
            pass


async def test_it_ends_when_the_block_is_cancelled_too() -> None:
    with trio.CancelScope() as scope:
        async with running_server(script(READY, "sys.stdin.read()")):
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught
