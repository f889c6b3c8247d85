"""Frames for the wire: a header, and a payload under its mask (RFC 6455 §5.2).

Theory of operation: purely bytes in, bytes out, and no state: which frame may come next is for the sender to
know. wsproto is not used in this direction, since it copies a payload four times and masks it slowly; the
other direction, where the bytes come from somebody else, is wsproto's (see `_decoder`).
"""

from __future__ import annotations

from typing import TypeAlias

from wsproto.frame_protocol import Opcode

from ._close_codes import MAX_REASON_BYTES, NO_STATUS
from ._masking import masked

Binary: TypeAlias = bytes | bytearray | memoryview
Data: TypeAlias = str | Binary
"""What a message is sent from: `str` for a text message, the others for a binary one."""

MAX_CONTROL_PAYLOAD = 125
_FINAL = 0x80
_COMPRESSED = 0x40  # RFC 7692 §6: the first reserved bit, RSV1
_MASKED = 0x80


def data_frame(opcode: Opcode, payload: Binary, *, final: bool = True, compressed: bool = False) -> Binary:
    """One frame of a message, or of a control frame's payload of at most 125 bytes."""
    first = opcode | (_FINAL if final else 0) | (_COMPRESSED if compressed else 0)
    size = payload.nbytes if isinstance(payload, memoryview) else len(payload)
    if size < 126:
        head = bytes((first, _MASKED | size))
    elif size < 1 << 16:
        head = bytes((first, _MASKED | 126)) + size.to_bytes(2)
    else:
        head = bytes((first, _MASKED | 127)) + size.to_bytes(8)
    return masked(head, payload)


def ping_frame(payload: bytes) -> Binary:
    """A Ping frame."""
    return data_frame(Opcode.PING, payload)


def pong_frame(payload: bytes) -> Binary:
    """A Pong frame."""
    return data_frame(Opcode.PONG, payload)


def close_frame(code: int, reason: str = "") -> Binary:
    """A Close frame; with code 1005, one without a body. A reason that is too long is cut."""
    if code == NO_STATUS:
        return data_frame(Opcode.CLOSE, b"")
    text = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")  # never in the middle of a character
    return data_frame(Opcode.CLOSE, code.to_bytes(2) + text.encode())


def contiguous(data: Binary) -> Binary:
    """The same bytes without gaps between them; copied only if there are any."""
    if isinstance(data, memoryview) and not data.c_contiguous:
        return data.tobytes()
    return data
