"""`write_report`: from the events of a trace to a file.

Theory of operation: the page is made in memory and written beside its place, then moved there, so there is never
half a page. One with secrets in it is readable by its owner alone from the first byte on.
"""

from __future__ import annotations

import contextlib
import os
import secrets as random
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from trio_secure import TraceEvent

from ._page import page
from ._story import Story


def render_report(
    events: Iterable[TraceEvent],
    *,
    server: str = "",
    error: BaseException | str | None = None,
    hint: str = "",
    secrets: bool = False,
    key_log: Iterable[str] = (),
    now: datetime | None = None,
) -> str:
    """The page that shows one connection, message by message.

    Args:
        events: what a `trace` callable was given, in order; those of one connection.
        server: what to call the server; the name it was asked for by default.
        error: what ended it, for what the events do not tell: nobody answered, or it took too long.
        hint: what can be done about it, if it failed.
        secrets: whether to show session tickets, and what else would let somebody resume the session.
        key_log: the lines a `key_log` callable was given, to be shown. Whoever has them can read the connection.
        now: what time it is, with its zone; the present by default. It decides what counts as expiring.

    Returns:
        HTML, to be encoded as UTF-8.
    """
    return page(
        Story.of(events),
        server=server,
        error="" if error is None else str(error) or type(error).__name__,
        hint=hint,
        secrets=secrets,
        key_log=key_log,
        now=now or datetime.now(UTC),
    )


def write_report(
    events: Iterable[TraceEvent],
    path: str | os.PathLike[str],
    *,
    server: str = "",
    error: BaseException | str | None = None,
    hint: str = "",
    secrets: bool = False,
    key_log: Iterable[str] = (),
    now: datetime | None = None,
) -> None:
    """Write the page that shows one connection to a file, which appears when it is complete.

    With secrets in it, the file is readable by its owner alone. The arguments are those of `render_report`.

    Raises:
        OSError: the file cannot be written.
    """
    lines = list(key_log)
    text = render_report(
        events, server=server, error=error, hint=hint, secrets=secrets, key_log=lines, now=now
    )
    target = Path(path).resolve()
    partial = target.with_name(f".{target.name[:80]}.{random.token_hex(4)}.part")
    mode = 0o600 if secrets or lines else 0o666
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(descriptor, "wb") as file:  # noqa: PTH123 -- by descriptor, for its mode
            file.write(text.encode("utf-8", "backslashreplace"))
        partial.replace(target)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
