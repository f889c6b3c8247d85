"""The hash of a name under which OpenSSL looks for a certificate in a folder.

Theory of operation: in a folder that `c_rehash` or `openssl rehash` made, a certificate's file is called by the
first four octets of a SHA-1 hash of its subject, and a number: `607986c7.0`. What is hashed is not the Name as it
stands, but one in which texts are all UTF8String, in lower case, with single spaces, and without the outermost
header; the rules are those of `x509_name_canon` in OpenSSL 1.0.0 and later. The hash only finds files: which
certificate is used is decided by the name in it.
"""

from __future__ import annotations

import hashlib
import re

from trio_certs._der import OBJECT_IDENTIFIER, SEQUENCE, SET, DERError, Reader

_UTF8 = 0x0C
#: By tag, the texts that are written anew, as what they are read. T61String is in practice Latin-1.
_TEXTS = {
    _UTF8: "utf-8",
    0x13: "latin-1",
    0x14: "latin-1",
    0x16: "latin-1",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}
# What C's isspace and tolower change, and only that: the rest of Unicode stays as it is.
_SPACES = re.compile(rb"[ \t\n\v\f\r]+")


def name_hash(name: bytes) -> str:
    """The hash of a raw Name, eight hexadecimal digits.

    Raises:
        DERError: it is not a Name.
    """
    outer = Reader(name)
    relative_names = outer.enter(SEQUENCE, "a name")
    outer.finish("a name")
    canonical = b""
    while relative_names.peek() is not None:
        attributes = relative_names.enter(SET, "a relative name")
        encoded: list[bytes] = []
        while attributes.peek() is not None:
            attribute = attributes.enter(SEQUENCE, "a name's attribute")
            oid = attribute.raw(OBJECT_IDENTIFIER, "an attribute's type")
            encoded.append(_element(SEQUENCE, oid + _value(attribute)))
            attribute.finish("an attribute's value")
        canonical += _element(SET, b"".join(sorted(encoded)))
    digest = hashlib.sha1(canonical, usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}"


def _value(attribute: Reader) -> bytes:
    tag = attribute.peek() or 0
    encoding = _TEXTS.get(tag)
    if encoding is None:
        return attribute.raw(tag, "an attribute's value")
    try:
        text = attribute.content(tag, "an attribute's value").decode(encoding).encode()
    except UnicodeError as error:
        raise DERError(f"an attribute's value is not what it says: {error}") from None
    return _element(_UTF8, _SPACES.sub(b" ", text).strip(b" ").lower())


def _element(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(octets))) + octets + content
