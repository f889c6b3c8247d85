"""Turning what a peer wrote into text that is safe to print.

Theory of operation: names in certificates are chosen by whoever made the certificate. Before one is put
into a message, everything that is not a plain printable character (line breaks, terminal escapes,
bidirectional overrides) is escaped and the text is cut to a length that leaves the rest of the message
readable.
"""

from __future__ import annotations

import functools

from trio_certs._der import OBJECT_IDENTIFIER, SEQUENCE, SET, DERError, Reader

MAX_TEXT = 160
"""Characters of a peer's text that a message quotes."""

COMMON_NAME = b"\x55\x04\x03"
ORGANIZATION = b"\x55\x04\x0a"
ORGANIZATIONAL_UNIT = b"\x55\x04\x0b"
_SHORT_NAMES = {
    COMMON_NAME: "CN",
    b"\x55\x04\x05": "serialNumber",
    b"\x55\x04\x06": "C",
    b"\x55\x04\x07": "L",
    b"\x55\x04\x08": "ST",
    ORGANIZATION: "O",
    ORGANIZATIONAL_UNIT: "OU",
    b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19": "DC",
}
# X.520 DirectoryString and its relatives, by tag. T61String is in practice Latin-1.
_ENCODINGS = {
    0x0C: "utf-8",
    0x12: "ascii",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}


def printable(text: str, limit: int = MAX_TEXT) -> str:
    """`text` with everything unprintable escaped, and at most `limit` characters of it."""
    cut = text[:limit]
    safe = "".join(
        character
        if character.isprintable() and character != "\\"
        else character.encode("unicode_escape").decode()
        for character in cut
    )
    return safe if len(cut) == len(text) else safe + "…"


def name_attributes(name: bytes) -> list[tuple[bytes, str]]:
    """The attributes of a raw Name in order, as pairs of type (the OID's content) and value.

    Raises:
        DERError: `name` is not a Name (RFC 5280 §4.1.2.4).
    """
    found: list[tuple[bytes, str]] = []
    outer = Reader(name)
    relative_names = outer.enter(SEQUENCE, "a name")
    outer.finish("a name")
    while relative_names.peek() is not None:
        attributes = relative_names.enter(SET, "a relative name")
        while attributes.peek() is not None:
            attribute = attributes.enter(SEQUENCE, "a name's attribute")
            oid = attribute.content(OBJECT_IDENTIFIER, "an attribute's type")
            tag = attribute.peek() or 0
            value = attribute.content(tag, "an attribute's value")
            found.append((oid, value.decode(_ENCODINGS.get(tag, "latin-1"), "backslashreplace")))
    return found


@functools.lru_cache(maxsize=32)
def describe_name(name: bytes) -> str:
    """A raw Name for people: `CN=ISRG Root X1, O=Internet Security Research Group`. Never raises.

    The most telling attributes come first; the others are shown by their short names or left out.
    """
    try:
        attributes = name_attributes(name)
    except DERError:
        return "an unreadable name"
    order = list(_SHORT_NAMES)
    known = sorted(
        (pair for pair in attributes if pair[0] in _SHORT_NAMES), key=lambda pair: order.index(pair[0])
    )
    text = ", ".join(f"{_SHORT_NAMES[oid]}={value[: MAX_TEXT + 1]}" for oid, value in known)
    return printable(text) if text else "an empty name"


def authority_name(name: bytes) -> str:
    """A CA's raw subject Name as people call it: `ISRG Root X1 (Internet Security Research Group)`.

    Raises:
        DERError: `name` is not a Name.
    """
    attributes = dict(name_attributes(name))
    organization = attributes.get(ORGANIZATION, "")
    common = attributes.get(COMMON_NAME, "")
    unit = attributes.get(ORGANIZATIONAL_UNIT, "")
    # Some CAs put their company's name into the CommonName of each root and tell them apart by the unit.
    title = common if common and common != organization else unit or common or organization
    suffix = f" ({organization})" if organization and organization not in title else ""
    return printable(title + suffix) or "a CA without a name"
