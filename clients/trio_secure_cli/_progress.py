"""The progress bar of a download.

Theory of operation: `progress` yields a function that is told of each piece. It draws with rich, on standard
error, at most ten times a second, from the task that downloads: no thread of its own. Where there is nobody
to look at it, it does nothing; without rich it says how to get it, and does nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ._extras import install_command, is_installed
from ._terminal import Terminal
from ._text import printable

if TYPE_CHECKING:
    from rich.console import Console

_REDRAW_SECONDS = 0.1
_LONGEST_LABEL = 40


@contextmanager
def progress(terminal: Terminal, label: str, total: int | None) -> Generator[Callable[[int], None]]:
    """Show how a download goes on while the block runs.

    Args:
        terminal: nothing is shown unless its standard error is a terminal.
        label: what is downloaded.
        total: bytes in all, if known.

    Yields:
        A function to be called with the number of bytes of each piece.
    """
    if not terminal.talks_to_person:
        yield _ignore
    elif not is_installed("rich"):
        terminal.say(f"for a progress bar: {install_command('cli')}")
        yield _ignore
    else:
        # Not at the top: rich is an extra, and nothing else here needs it.
        from rich.console import Console

        with show_bar(Console(file=terminal.stderr), printable(label, cap=_LONGEST_LABEL), total) as advance:
            yield advance


def _ignore(count: int) -> None:
    pass


@contextmanager
def show_bar(console: Console, label: str, total: int | None) -> Generator[Callable[[int], None]]:
    """A bar on `console` while the block runs, `label` beside it; what is yielded is that of `progress`."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    known = [TaskProgressColumn(), TimeRemainingColumn()] if total is not None else [TimeElapsedColumn()]
    display = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        *known,
        console=console,
        auto_refresh=False,
    )
    drawn = 0.0

    def advance(count: int) -> None:
        nonlocal drawn
        display.advance(task, count)
        now = time.monotonic()
        if now - drawn >= _REDRAW_SECONDS:
            drawn = now
            display.refresh()

    with display:
        task = display.add_task(label, total=total)
        yield advance
        display.refresh()
