"""`trio-secure get -o FILE`: a download to a file that is whole, or not there.

Theory of operation: the library downloads (`Client.download`); here are the bar, the file's name, and the
words for what went wrong with it.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import unquote

from trio_https import (
    URL,
    Auth,
    Client,
    ConnectionLost,
    Deadlines,
    DownloadBusy,
    Downloaded,
    DownloadError,
    HTTPError,
    TooSlow,
)

from ._exit_codes import ExitCode
from ._failure import CommandError
from ._get_options import GetOptions
from ._patience import TOO_SLOW_HINT
from ._progress import progress
from ._terminal import Terminal
from ._text import byte_count, printable

_OF_A_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
_KEPT = "what has come is kept: the same command goes on from there"


def remote_name(url: URL) -> Path:
    """The file that `-O` writes to.

    Raises:
        CommandError: the URL names none that would be safe to write to.
    """
    last = url.target.partition("?")[0].rpartition("/")[2]
    name = unquote(last)
    if not name or name.startswith(".") or any(c in "/\\" or not c.isprintable() for c in name):
        raise CommandError(f"{url} names no file to write to", "name it with -o FILE")
    return Path(name)


def is_for_download(path: Path) -> bool:
    """Whether there is a file to replace, or to make; and not `/dev/null`, or a pipe."""
    return path.is_file() or not path.exists()


async def download(
    client: Client, url: str, auth: Auth | None, path: Path, options: GetOptions, terminal: Terminal
) -> Downloaded:
    """Download to a file.

    Raises:
        CommandError: the file cannot be written, somebody else writes it, or nothing came for too long.
        HTTPError: what else can happen.
    """
    patience = options.connection.timeout
    deadlines = Deadlines(pool=None, connect=patience, tls=patience, idle=patience, head=patience, rate=None)
    with ExitStack() as stack:
        try:
            done = await client.download(
                url,
                path,
                sha256=options.sha256,
                resume=options.resume,
                connections=options.connections,
                max_size=options.max_size,
                progress=_bar(stack, terminal, path.name),
                headers=options.headers,
                deadlines=deadlines,
                auth=auth,
            )
        except (OSError, HTTPError) as error:
            if options.resume and isinstance(error, ConnectionLost | TooSlow):
                terminal.say(_KEPT)
            failure = _failure(error, path)
            if failure is None:
                raise
            raise failure from error
    if done.resumed_from:
        terminal.say(f"{byte_count(done.resumed_from)} of it were here before")
    return done


def _bar(stack: ExitStack, terminal: Terminal, label: str) -> Callable[[int, int | None], None]:
    """A bar that appears when the first bytes do: then it is known how many there will be."""
    advance: Callable[[int], None] | None = None
    shown = 0

    def show(received: int, total: int | None) -> None:
        nonlocal advance, shown
        if advance is None:
            advance = stack.enter_context(progress(terminal, label, total))
        advance(received - shown)
        shown = received

    return show


def _failure(error: OSError | HTTPError, path: Path) -> CommandError | None:
    """What this command has better words for; `None` for what is for `_report`."""
    if isinstance(error, TooSlow):
        # The library's advice is for programmers.
        message = str(error).partition(". A longer Deadlines")[0]
        return CommandError(message, TOO_SLOW_HINT, code=ExitCode.TOO_SLOW)
    if isinstance(error, DownloadBusy):
        return CommandError(str(error), "wait for it to end", code=ExitCode.OUTPUT)
    if isinstance(error, OSError) and (error.filename is not None or error.errno in _OF_A_DISK):
        return CommandError(f"cannot write {path}: {error.strerror}", code=ExitCode.OUTPUT)
    if isinstance(error, DownloadError) and error.status is not None:
        message = "the server answered" + str(error).rpartition("the server answered")[2]
        hint = f"it says: {error.said}" if error.said else None
        if error.said and error.status < 400:
            hint = f"it points to {printable(error.said, cap=500)}; --max-redirects follows"
        return CommandError(message, hint, code=ExitCode.STATUS)
    return None
