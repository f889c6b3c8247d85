"""Handshake messages out of handshake records (RFC 9846 §5.1 [8446 §5.1]).

Theory of operation
-------------------
Messages may share a record and may span several. `begin` looks at a message's header before its body is there,
so that whoever expects messages refuses a wrong type or an excessive length before anything is buffered for it.
"""

from __future__ import annotations

from typing import NamedTuple

from ._errors import AlertDescription, PeerMisbehaved

_HEADER = 4


class MessageHeader(NamedTuple):
    """The type of a message and the length of its body."""

    type: int
    length: int


class Reassembly:
    """The handshake bytes received and not yet taken."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def __bool__(self) -> bool:
        """Whether there is anything, be it a part of a message."""
        return bool(self._buffer)

    def feed(self, fragment: bytes) -> None:
        """Append the content of a handshake record."""
        # RFC 9846 §5.1 [8446 §5.1]: "Implementations MUST NOT send zero-length fragments of Handshake types".
        if not fragment:
            raise PeerMisbehaved(AlertDescription.UNEXPECTED_MESSAGE, "an empty handshake record")
        self._buffer += fragment

    def begin(self) -> MessageHeader | None:
        """The header of the next message, or None when it is not there yet."""
        if len(self._buffer) < _HEADER:
            return None
        return MessageHeader(self._buffer[0], int.from_bytes(self._buffer[1:_HEADER], "big"))

    def take(self, length: int) -> bytes | None:
        """The next message, header included, given its body's length; None when it is not complete."""
        end = _HEADER + length
        if len(self._buffer) < end:
            return None
        message = bytes(self._buffer[:end])
        del self._buffer[:end]
        return message

    @staticmethod
    def body(message: bytes) -> bytes:
        """A message without its header."""
        return message[_HEADER:]
