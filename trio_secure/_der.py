"""The little DER that TLS itself carries: the elements of an encoding, one after another.

Theory of operation
-------------------
X.509 belongs to `cryptography` and to `trio_certs`. What is left for TLS are names of authorities, which are
compared byte for byte as they stand in a certificate, and filters for certificates, which a server writes as
extension values. Both need no more than to step from element to element. Refusals are those of `Reader`,
decode_error: the encodings of X.690 §10.1 that are not definite and minimal have no place in either.
"""

from __future__ import annotations

from typing import NamedTuple

from ._codec import Reader

BIT_STRING = 0x03
OBJECT_IDENTIFIER = 0x06
SEQUENCE = 0x30

# Four octets of length would be an element of more than 16 MiB, which no handshake message can hold.
_MAX_LENGTH_OCTETS = 3


class Element(NamedTuple):
    """One element.

    Attributes:
        whole: its bytes with the header.
    """

    tag: int
    content: bytes
    whole: bytes


def read_element(reader: Reader) -> Element:
    """The next element."""
    header = reader.opaque(2)
    tag, length = header
    if length >= 0x80:
        octets = reader.opaque(length & 0x7F)
        length = int.from_bytes(octets, "big")
        if not 1 <= len(octets) <= _MAX_LENGTH_OCTETS or length < 0x80 or octets[0] == 0:
            raise reader.malformed("a length that is not DER")
        header += octets
    content = reader.opaque(length)
    return Element(tag, content, header + content)


def read_elements(reader: Reader) -> list[Element]:
    """The elements that are left."""
    found: list[Element] = []
    while len(reader):
        found.append(read_element(reader))
    return found


def content_bounds(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at `at` begins and ends, in DER that is known to be well-formed."""
    length, begin = data[at + 1], at + 2
    if length >= 0x80:
        begin += length & 0x7F
        length = int.from_bytes(data[at + 2 : begin], "big")
    return begin, begin + length


def read_content(reader: Reader, tag: int) -> bytes:
    """The content of the next element, which must have this tag."""
    element = read_element(reader)
    if element.tag != tag:
        raise reader.malformed(f"an element of DER tagged 0x{element.tag:02x} in place of 0x{tag:02x}")
    return element.content
