"""What the tests expect of a refusal, and the ways to damage a message."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest

from trio_secure._errors import AlertDescription, PeerMisbehaved


def refused(alert: AlertDescription, match: str | None = None) -> pytest.RaisesExc[PeerMisbehaved]:
    """A `with` block that must end in a PeerMisbehaved with this alert and a message that `match` finds."""
    return pytest.raises(PeerMisbehaved, match=match, check=lambda error: error.alert is alert)


def check_damage_refused(
    parse: Callable[[bytes], object], body: bytes, complete_at: Collection[int] = ()
) -> None:
    """Parse `body` cut short at every length and with a byte too many: each is a decode_error.

    Args:
        parse: the parser.
        body: what it parses.
        complete_at: the lengths at which what is left of the body is whole again, because its definition lets
            the rest be left out.
    """
    parse(body)
    for length in range(len(body)):
        if length in complete_at:
            parse(body[:length])
        else:
            with refused(AlertDescription.DECODE_ERROR):
                parse(body[:length])
    with refused(AlertDescription.DECODE_ERROR):
        parse(body + b"\0")
