"""A line editor with a history, which a WebSocket's messages do not disturb.

Theory of operation: prompt_toolkit edits lines, and it runs on asyncio. So there is a worker thread with an event
loop of its own for as long as the prompt is open. Lines typed come out of it through Trio's token; what is to be
printed goes into it, and is printed above the line that is being edited, in order. Whoever prints more than can
be shown has to wait (`caught_up`).

Leaving the prompt, cancelled or not, puts an end into that same queue, so that everything before it is printed.
The thread gives the terminal its modes back on its way out. It is waited for, for a second at most.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.history import FileHistory, InMemoryHistory

from ._failure import CommandError

_MOST_BEHIND = 64
_LEAVING_SECONDS = 1.0


class Prompt:
    """An open prompt; made by `open_prompt`."""

    def __init__(self, history: Path | None) -> None:
        past = InMemoryHistory() if history is None else FileHistory(_private(history))
        self._session: PromptSession[str] = PromptSession(history=past, enable_suspend=True)
        self._token = trio.lowlevel.current_trio_token()
        self._typing, self._typed = trio.open_memory_channel[str](math.inf)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._jobs: asyncio.Queue[Callable[[], object] | None] = asyncio.Queue()
        self._scope = trio.CancelScope(shield=True)
        self._interrupted = False
        self._left = False
        self._behind = 0
        self._progress = trio.lowlevel.ParkingLot()
        self.opened = trio.Event()
        """Set when lines can be typed."""

    async def next_line(self) -> str | None:
        """The next line; None at the end.

        Raises:
            KeyboardInterrupt: Ctrl-C was typed.
        """
        try:
            return await self._typed.receive()
        except trio.EndOfChannel:
            if self._interrupted:
                raise KeyboardInterrupt from None
            return None

    def print(self, job: Callable[[], object]) -> None:
        """Have `job` print something above the line."""
        self._behind += 1
        self._put(job)

    async def caught_up(self) -> None:
        """Wait until only a little of what was printed has not been shown. Not a checkpoint if it is so."""
        while self._behind >= _MOST_BEHIND:
            await self._progress.park()

    async def run(self) -> None:
        """Run the thread until `leave`. Does not react to being cancelled."""
        with self._scope:
            await trio.to_thread.run_sync(asyncio.run, self._edit_and_print(), abandon_on_cancel=True)

    def leave(self) -> None:
        """Print what is to be printed, and end."""
        self._left = True
        self._scope.deadline = trio.current_time() + _LEAVING_SECONDS
        self._put(None)

    def _put(self, job: Callable[[], object] | None) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # closed: what went wrong there is being raised
                self._loop.call_soon_threadsafe(self._jobs.put_nowait, job)

    async def _edit_and_print(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._left:  # before there was a queue to say so
            return
        editor = asyncio.create_task(self._edit())
        self._tell(self.opened.set)
        try:
            while (job := await self._jobs.get()) is not None:
                await run_in_terminal(job)
                self._tell(self._shown)
        finally:
            editor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await editor

    async def _edit(self) -> None:
        try:
            while True:
                line = await self._session.prompt_async("> ", handle_sigint=False)
                self._tell(self._typing.send_nowait, line)
        except EOFError:
            pass
        except KeyboardInterrupt:
            self._interrupted = True
        finally:
            self._tell(self._typing.close)

    def _tell(self, function: Callable[..., object], *arguments: object) -> None:
        with contextlib.suppress(trio.RunFinishedError):  # left behind by a Trio that has ended
            self._token.run_sync_soon(function, *arguments)

    def _shown(self) -> None:
        self._behind -= 1
        self._progress.unpark_all()


@asynccontextmanager
async def open_prompt(history: Path | None = None) -> AsyncGenerator[Prompt]:
    """A prompt for the length of a block, on the terminal of standard input and output.

    Args:
        history: a file that keeps the lines for the next time; made readable for nobody else. Without one they
            are remembered while the prompt is open.

    Raises:
        CommandError: the history cannot be kept there.
    """
    prompt = Prompt(history)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(prompt.run)
        try:
            await prompt.opened.wait()
            yield prompt
        finally:
            prompt.leave()


def _private(path: Path) -> str:
    try:
        path.touch(0o600)
    except OSError as error:
        raise CommandError(f"cannot keep the history in {path}: {error.strerror}") from error
    return str(path)
