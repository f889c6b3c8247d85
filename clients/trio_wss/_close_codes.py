"""Close codes: which may be on the wire, and how a Close frame's body is read and checked.

Theory of operation: RFC 6455 §7.4 divides the codes into those defined, those reserved for definition, those
that stand for something that happened and must never be sent, and two free ranges. One predicate holds that
division, for both directions. A received body is checked here rather than by wsproto, which refuses 1014.
"""

from __future__ import annotations

NORMAL = 1000
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
NO_STATUS = 1005
ABNORMAL_CLOSURE = 1006
INVALID_DATA = 1007
MESSAGE_TOO_BIG = 1009
INTERNAL_ERROR = 1011

MAX_REASON_BYTES = 123  # §5.5: a control frame carries at most 125 bytes, and the code takes two

# §7.4.1, and 1012 to 1014, which the IANA WebSocket Close Code Number Registry has added since.
_DEFINED = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})
# §7.4.2: 3000 to 3999 are for libraries and frameworks, 4000 to 4999 for private use.
_FREE = range(3000, 5000)


class BadCloseFrame(Exception):
    """A Close frame whose body breaks the rules; `code` is what its sender is to be told."""

    def __init__(self, message: str, code: int) -> None:
        self.code = code
        super().__init__(message)


def may_be_sent(code: int) -> bool:
    """Whether a Close frame may carry this code."""
    return code in _DEFINED or code in _FREE


def check(code: int, reason: str) -> None:
    """Refuse a code or a reason that this side may not send.

    Raises:
        ValueError: it says which of them, and what is allowed.
    """
    if not may_be_sent(code):
        raise ValueError(
            f"close code {code} may not be sent: use 1000 to 1003, 1007 to 1014, or 3000 to 4999"
        )
    if len(reason.encode()) > MAX_REASON_BYTES:
        raise ValueError(f"the close reason takes more than {MAX_REASON_BYTES} bytes in UTF-8")


def read_body(body: bytes) -> tuple[int, str]:
    """The code and the reason in the body of a Close frame (§5.5.1); code 1005 if it has no body.

    Raises:
        BadCloseFrame: the body is one byte long, has a code that may not be sent, or a reason that is not
            UTF-8.
    """
    if not body:
        return NO_STATUS, ""
    if len(body) == 1:
        raise BadCloseFrame("a Close frame with half a code", PROTOCOL_ERROR)
    code = int.from_bytes(body[:2])
    if not may_be_sent(code):
        raise BadCloseFrame(f"a Close frame with code {code}", PROTOCOL_ERROR)
    try:
        return code, body[2:].decode()
    except UnicodeDecodeError:
        raise BadCloseFrame("a Close frame whose reason is not UTF-8", INVALID_DATA) from None
