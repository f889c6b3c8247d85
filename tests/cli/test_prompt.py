from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing
from prompt_toolkit import PromptSession
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from trio_secure_cli._failure import CommandError
from trio_secure_cli._prompt import Prompt, open_prompt


@contextmanager
def keyboard() -> Generator[PipeInput]:
    """A terminal in memory; what is typed on it."""
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        yield keys


async def remembered(prompt: Prompt, lines: int) -> None:
    """Wait until as many lines of the past can be called back: they are loaded while the prompt is shown."""
    with trio.fail_after(5):
        while len(prompt._session.default_buffer._working_lines) <= lines:  # noqa: ASYNC110 -- in another thread
            await trio.sleep(0.001)


async def test_lines_are_edited_and_remembered() -> None:
    with keyboard() as keys:
        async with open_prompt() as prompt:
            keys.send_text("helo\x1b[Dl\r")
            assert await prompt.next_line() == "hello"
            await remembered(prompt, 1)
            keys.send_text("\x1b[A!\r")
            assert await prompt.next_line() == "hello!"
            keys.send_text("\x04")
            assert await prompt.next_line() is None


async def test_a_file_remembers_them_for_the_next_time_and_for_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "history"
    with keyboard() as keys:
        async with open_prompt(path) as prompt:
            keys.send_text("hello\r")
            await prompt.next_line()
    with keyboard() as keys:
        async with open_prompt(path) as prompt:
            await remembered(prompt, 1)
            keys.send_text("\x1b[A!\r")
            assert await prompt.next_line() == "hello!"
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_file_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"cannot keep the history in .*: No such file"):
        async with open_prompt(tmp_path / "missing" / "history"):
            pass


async def test_ctrl_c_interrupts() -> None:
    with keyboard() as keys:
        async with open_prompt() as prompt:
            keys.send_text("half a li\x03")
            with pytest.raises(KeyboardInterrupt):
                await prompt.next_line()


async def test_what_is_printed_comes_in_order_and_all_of_it() -> None:
    printed: list[int] = []
    with keyboard() as keys:
        async with open_prompt() as prompt:
            for number in range(200):
                prompt.print(partial(printed.append, number))
                await prompt.caught_up()
            keys.send_text("a\r\x04")
            assert await prompt.next_line() == "a"
            assert await prompt.next_line() is None
            prompt.print(partial(printed.append, 200))
    assert printed == list(range(201))


async def test_who_prints_too_much_waits() -> None:
    may_print = threading.Event()
    with keyboard():
        async with open_prompt() as prompt:
            for _ in range(64):
                prompt.print(may_print.wait)
            with trio.move_on_after(0.02) as scope:
                await prompt.caught_up()
            assert scope.cancelled_caught
            may_print.set()
            await prompt.caught_up()


async def test_an_output_that_fails_ends_it() -> None:
    def fail() -> None:
        raise CommandError("the output has gone")

    async def talk() -> None:
        async with open_prompt() as prompt:
            prompt.print(fail)
            await prompt.next_line()

    with keyboard(), pytest.raises(ExceptionGroup) as caught:
        await talk()
    assert caught.group_contains(CommandError, match="the output has gone")


async def test_an_editor_that_fails_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> str:
        raise OSError("no terminal")

    async def talk() -> None:
        async with open_prompt() as prompt:
            assert await prompt.next_line() is None

    monkeypatch.setattr(PromptSession, "prompt_async", fail)
    with keyboard(), pytest.raises(ExceptionGroup) as caught:
        await talk()
    assert caught.group_contains(OSError, match="no terminal")


async def test_leaving_does_not_wait_for_a_line() -> None:
    with keyboard() as keys:
        with trio.move_on_after(0.02) as scope:
            async with open_prompt() as prompt:
                keys.send_text("half a li")
                await prompt.next_line()
        assert scope.cancelled_caught
        async with open_prompt():
            pass


async def test_it_can_be_left_before_it_is_open() -> None:
    with keyboard(), trio.CancelScope() as scope:
        scope.cancel()
        async with open_prompt():
            pass
    assert scope.cancelled_caught


async def test_an_output_that_hangs_is_left_behind(autojump_clock: trio.testing.MockClock) -> None:
    hang = threading.Event()
    with keyboard():
        async with open_prompt() as prompt:
            prompt.print(hang.wait)
        assert trio.current_time() >= 1
        # The thread must not outlive its keyboard: the next test may get a file of the same number.
        hang.set()
        loop = prompt._loop
        assert loop is not None
        await trio.to_thread.run_sync(_wait_for_end, loop)


def _wait_for_end(loop: asyncio.AbstractEventLoop) -> None:
    while not loop.is_closed():
        time.sleep(0.001)
