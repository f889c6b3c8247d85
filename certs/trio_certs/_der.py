"""Reading DER, as much of it as certificates need.

Theory of operation: a `Reader` is a window on a byte string that moves forward over the elements in it. It
is strict where X.690 §10 is: lengths are definite and minimal, nothing may be left over, nothing may point
outside the window. Each read names what it expects, so that an error says what was being read and at which
byte.

This exists beside `cryptography.x509` because importing that costs about as much as the rest of a
handshake, and because looking up an issuer needs nothing but two byte ranges.
"""

from __future__ import annotations

INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06
BOOLEAN = 0x01
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31


class DERError(ValueError):
    """The bytes are not the DER that was expected."""


class Reader:
    """A forward-only window on the elements of `data` between `start` and `end`."""

    __slots__ = ("_data", "_end", "_position")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self._data = data
        self._position = start
        self._end = len(data) if end is None else end

    def _advance(self, tag: int, what: str) -> int:
        """Check the next element's header, move past the element, and return where its content starts."""
        data, start, end = self._data, self._position, self._end
        if end - start < 2:
            raise DERError(f"{what} is missing at byte {start}")
        if data[start] != tag:
            raise DERError(f"{what} at byte {start} has the tag 0x{data[start]:02x}, not 0x{tag:02x}")
        length = data[start + 1]
        content = start + 2
        if length >= 0x80:
            octets = length & 0x7F
            # Zero octets is BER's indefinite form; four hold more than any certificate.
            if not 1 <= octets <= 4:
                raise DERError(f"{what} at byte {start} has a length that is not DER")
            content += octets
            length = int.from_bytes(data[start + 2 : min(content, end)])
            if content > end or length < 0x80 or length >> 8 * (octets - 1) == 0:
                raise DERError(f"{what} at byte {start} has a length that is not DER")
        if length > end - content:
            raise DERError(f"{what} at byte {start} is cut off: {end - content} of {length} bytes are there")
        self._position = content + length
        return content

    def peek(self) -> int | None:
        """The tag of the next element; `None` at the end."""
        return self._data[self._position] if self._position < self._end else None

    def enter(self, tag: int, what: str) -> Reader:
        """A reader of the next element's content."""
        content = self._advance(tag, what)
        return Reader(self._data, content, self._position)

    def content(self, tag: int, what: str) -> bytes:
        """The content of the next element."""
        content = self._advance(tag, what)
        return self._data[content : self._position]

    def raw(self, tag: int, what: str) -> bytes:
        """The next element whole, with its header."""
        start = self._position
        self._advance(tag, what)
        return self._data[start : self._position]

    def integer(self, what: str) -> int:
        """The next element, an INTEGER in its shortest form."""
        octets = self.content(INTEGER, what)
        redundant = len(octets) > 1 and (octets[0], octets[1] >> 7) in ((0x00, 0), (0xFF, 1))
        if not octets or redundant:
            raise DERError(f"{what} is not an INTEGER in DER")
        return int.from_bytes(octets, signed=True)

    def finish(self, what: str) -> None:
        """Refuse anything left over after `what`."""
        if self._position != self._end:
            raise DERError(f"{self._end - self._position} bytes are left over after {what}")
