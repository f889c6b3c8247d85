"""Reserved values mixed into the ClientHello, so that servers stay tolerant of what they do not know (RFC 8701).

Theory of operation
-------------------
The values are drawn once for a connection, so that a second ClientHello repeats them. None of them is in any
table, so a server that chooses one is refused like any other that chooses what was not offered:

    RFC 8701 §3.1: "Clients MUST reject GREASE values when negotiated by the server."
"""

from __future__ import annotations

import os

from ._frozen import frozen

#: RFC 8701 §2: the sixteen two-byte values.
VALUES = tuple(0x0A0A + 0x1010 * n for n in range(16))


@frozen
class Grease:
    """The values of one connection; the two extensions differ, because none may stand twice."""

    suite: int
    group: int
    version: int
    scheme: int
    first_extension: int
    last_extension: int

    @classmethod
    def fresh(cls) -> Grease:
        """Random ones."""
        suite, group, version, scheme, first, last = (byte % 16 for byte in os.urandom(6))
        if first == last:
            last = (last + 1) % 16
        return cls(*(VALUES[n] for n in (suite, group, version, scheme, first, last)))
