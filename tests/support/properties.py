"""How property-based tests run here: few examples, the same ones every time, and no clock."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import settings

from trio_secure._errors import TLSError

bounded = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def survives(parse: Callable[[bytes], object], data: bytes) -> None:
    """Whatever `data` is, `parse` takes it or refuses it with a TLSError; anything else passes through."""
    try:
        parse(data)
    except TLSError as error:
        if error.alert is None or not error.message:
            raise AssertionError(f"{error!r} tells neither the peer nor the user") from error
