"""How WebSocket messages are written where the command reads and writes them.

Theory of operation: a message is text or bytes; a line of input is bytes. Four notations lead from one to the
other: text as it is, bytes as they are, and bytes as hexadecimal digits or in Base64. Three framings say where
one message ends and the next begins.
"""

from __future__ import annotations

import base64
import binascii
import enum


class Framing(enum.Enum):
    """Where messages end, on standard input and output; the value is what stands between them."""

    LINES = b"\n"
    NULLS = b"\0"
    WHOLE = b""
    """Nowhere: all of the input is one message."""


class Notation(enum.Enum):
    """How a message is written; the value is the option that asks for it."""

    TEXT = "text"
    BINARY = "binary"
    HEX = "hex"
    BASE64 = "base64"

    def read(self, written: bytes) -> str | bytes:
        """The message: `str` for a text message, `bytes` for a binary one.

        Raises:
            ValueError: nothing in this notation; it says what is wrong and where.
        """
        if self is Notation.TEXT:
            return _utf8(written)
        if self is Notation.HEX:
            return _hex(_utf8(written))
        if self is Notation.BASE64:
            try:
                return base64.b64decode(b"".join(written.split()), validate=True)
            except binascii.Error as error:
                raise ValueError(f"not Base64: {error}") from None
        return written

    def write(self, message: bytes) -> bytes:
        """A binary message. In the notation for text it is marked as what it is."""
        if self is Notation.BINARY:
            return message
        if self is Notation.HEX:
            return message.hex().encode()
        if self is Notation.BASE64:
            return base64.b64encode(message)
        return f"(binary, {len(message)} bytes) {message.hex()}".encode()


def _utf8(written: bytes) -> str:
    try:
        return written.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: byte {error.start + 1} is {written[error.start]:#04x}") from None


def _hex(written: str) -> bytes:
    try:
        return bytes.fromhex(written)  # which skips white space
    except ValueError as error:
        raise ValueError(f"not hexadecimal digits in pairs: {error}") from None
