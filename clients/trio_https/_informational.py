"""An interim response: what a server says before it answers.

Theory of operation: `100 Continue` asks for the body of a request, `103 Early Hints` announces headers, others say
that something is going on (RFC 9110 §15.2). None of them is the answer; they are told, and kept with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ._headers import Headers


@dataclass(frozen=True, slots=True)
class Informational:
    """An interim response, 100 to 199."""

    status: int
    """The status code."""
    reason: str
    """The reason phrase; may be empty, and means nothing."""
    headers: Headers
    """The header fields."""
