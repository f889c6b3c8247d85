"""What the package needs to know about the stream below."""

from __future__ import annotations

import contextlib

import trio

TRANSPORT_ERRORS = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)
"""What a stream raises when it cannot send or receive: Trio's errors, or an `OSError` it let pass."""


async def close_now(stream: trio.abc.Stream) -> None:
    """Close without waiting for anything, also when cancelled."""
    with trio.CancelScope(shield=True), contextlib.suppress(*TRANSPORT_ERRORS):
        await trio.aclose_forcefully(stream)
