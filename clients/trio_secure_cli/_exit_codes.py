"""What the command's exit code means.

Theory of operation: one enumeration, whose members carry their own meaning, is the single source for the code
that exits, for `--help`, and for the tests. Scripts depend on the numbers: they do not change.
"""

from __future__ import annotations

import enum
from typing import Self


class ExitCode(enum.IntEnum):
    """An exit code of `trio-secure`; `meaning` says it in words."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        """A member that is the number `value` and knows its meaning."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    OK = 0, "it worked"
    STATUS = 1, "the server answered with an HTTP status of 300 or more"
    USAGE = 2, "the command line, a file it names, or the installation is not right"
    NETWORK = 3, "the host was not found, refused the connection, or the network failed"
    TLS = 4, "no secure connection: TLS failed or the certificate was refused"
    TOO_SLOW = 5, "nothing came for longer than --timeout"
    PROTOCOL = 6, "the peer broke HTTP or WebSocket rules, or what it sent was cut short"
    OUTPUT = 7, "the output could not be written"
    NO = 8, "certs: nothing was found, things do not agree, or the manifest leaves the CA out"
    DIGEST = 9, "what came is not what it was to be: --sha256, or the server's own digest"
    CLOSED = 10, "the server closed the WebSocket with a code that means an error"
    UNFIT = (
        11,
        "probe: the connection works, and is not what --expires-within, --min-version or --anchor demand",
    )
    INTERNAL = 70, "a fault in this program"
    INTERRUPTED = 130, "stopped by Ctrl-C"


def exit_code_table() -> str:
    """The exit codes as the lines `--help` shows."""
    return "\n".join(f"  {code:>3}  {code.meaning}" for code in ExitCode)
