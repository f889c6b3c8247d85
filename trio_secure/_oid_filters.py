"""What a server asks of the extensions of a client's certificate: the oid_filters of a CertificateRequest.

Theory of operation
-------------------
RFC 9846 §4.3.5 [8446 §4.2.5] defines how two extensions are matched, KeyUsage and ExtendedKeyUsage, and both in
the same way: all that the request names must be in the certificate. So the value of either extension, in a
request or in a certificate, is read into a set, and a filter matches when its set is a subset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Self

from ._codec import Reader
from ._der import BIT_STRING, OBJECT_IDENTIFIER, SEQUENCE, read_content
from ._errors import AlertDescription, PeerMisbehaved
from ._frozen import frozen

# RFC 5280 §4.2.1.3 and §4.2.1.12, as OBJECT IDENTIFIERs in DER.
KEY_USAGE = bytes.fromhex("0603551d0f")
EXTENDED_KEY_USAGE = bytes.fromhex("0603551d25")
_ANY_EXTENDED_KEY_USAGE = bytes.fromhex("551d2500")

#: The bit of KeyUsage that lets a key sign a handshake (RFC 5280 §4.2.1.3).
DIGITAL_SIGNATURE = 0

Values = frozenset[int] | frozenset[bytes]


def key_usage(value: bytes) -> frozenset[int]:
    """The bits that the value of a KeyUsage extension asserts (RFC 5280 §4.2.1.3), by their numbers."""
    reader = Reader(value, "KeyUsage")
    bits = Reader(read_content(reader, BIT_STRING), "KeyUsage")
    reader.finish()
    unused, octets = bits.uint8(), bits.rest()
    # X.690 §8.6.2: the last 0 to 7 bits are unused; without any octet there is none that could be.
    if unused > (7 if octets else 0):
        raise bits.malformed(f"{unused} unused bits in {len(octets)} bytes")
    count = 8 * len(octets) - unused
    return frozenset(bit for bit in range(count) if octets[bit // 8] & 0x80 >> bit % 8)


def extended_key_usage(value: bytes) -> frozenset[bytes]:
    """The purposes in the value of an ExtendedKeyUsage extension (RFC 5280 §4.2.1.12), as OIDs without header."""
    reader = Reader(value, "ExtendedKeyUsage")
    purposes = reader.inner(read_content(reader, SEQUENCE), "purposes")
    reader.finish()
    found: set[bytes] = set()
    while len(purposes):
        found.add(read_content(purposes, OBJECT_IDENTIFIER))
    return frozenset(found)


#: The extensions that are recognized, and how their values are read. RFC 9846 §4.3.5 [8446 §4.2.5]: "This
#: document defines matching rules for two standard certificate extensions".
RECOGNIZED: Mapping[bytes, Callable[[bytes], Values]] = {
    KEY_USAGE: key_usage,
    EXTENDED_KEY_USAGE: extended_key_usage,
}


@frozen
class OIDFilters:
    """The filters that this client knows how to apply.

    Attributes:
        required: what each extension must at least have, by the extension's OID in DER.
    """

    required: tuple[tuple[bytes, Values], ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The extension's body: `OIDFilter filters<0..2^16-1>`."""
        reader = Reader(data, "oid_filters")
        filters = reader.inner(reader.vector16(), "filters")
        reader.finish()
        seen: set[bytes] = set()
        required: list[tuple[bytes, Values]] = []
        while len(filters):
            oid, value = filters.vector8(1), filters.vector16()
            # RFC 9846 §4.3.5 [8446 §4.2.5]: "Any given OID MUST NOT appear more than once in the filters list."
            if oid in seen:
                raise PeerMisbehaved(
                    AlertDescription.ILLEGAL_PARAMETER, f"oid_filters has the OID {oid.hex()} twice"
                )
            seen.add(oid)
            # The same clause: "the client MUST ignore and skip any unrecognized certificate extension OIDs."
            read = RECOGNIZED.get(oid)
            if read is not None:
                required.append((oid, read(value) if value else frozenset[int]()))
        # The same clause: "The special anyExtendedKeyUsage OID MUST NOT be used in the request."
        if any(_ANY_EXTENDED_KEY_USAGE in values for _, values in required):
            raise PeerMisbehaved(
                AlertDescription.ILLEGAL_PARAMETER, "oid_filters asks for the purpose anyExtendedKeyUsage"
            )
        return cls(tuple(required))

    def match(self, extensions: Mapping[bytes, Values]) -> bool:
        """Whether a certificate with these extensions satisfies every filter.

        RFC 9846 §4.3.5 [8446 §4.2.5]: "the client certificate included in the response MUST contain all of the
        specified extension OIDs that the client recognizes. For each extension OID recognized by the client,
        all of the specified values MUST be present in the client certificate".
        """
        return all(oid in extensions and values <= extensions[oid] for oid, values in self.required)
