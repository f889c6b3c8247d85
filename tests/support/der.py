"""Writing DER, for tests that need what no certificate builder makes."""

from __future__ import annotations


def element(tag: int, *contents: bytes) -> bytes:
    """One element with the concatenation of `contents` in it."""
    content = b"".join(contents)
    size = len(content)
    octets = size.to_bytes((size.bit_length() + 7) // 8)
    length = bytes([size]) if size < 0x80 else bytes([0x80 | len(octets)]) + octets
    return bytes([tag]) + length + content


def integer(value: int) -> bytes:
    """An INTEGER, for a value that is not negative."""
    return element(0x02, value.to_bytes(value.bit_length() // 8 + 1))
