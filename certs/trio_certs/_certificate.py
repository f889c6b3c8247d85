"""What a certificate says about itself, sliced out of its DER.

Theory of operation: `CertificateFacts.parse` walks the TBSCertificate once and keeps the byte ranges and
values that lookup, limits and error messages need; nothing here is proof of anything. The path and every
signature on it are checked by `cryptography.x509.verification` on the same bytes. Extensions are walked
only when asked for, which is for the leaf.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from trio_certs._der import (
    BIT_STRING,
    BOOLEAN,
    GENERALIZED_TIME,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    UTC_TIME,
    DERError,
    Reader,
)
from trio_certs._text import describe_name

# A client meets the same few certificates again and again; slicing one takes as long as a hash over it.
REMEMBERED = 32

_VERSION = 0xA0
_ISSUER_UNIQUE_ID = 0x81
_SUBJECT_UNIQUE_ID = 0x82
_EXTENSIONS = 0xA3

_RSA_KEYS = (
    bytes.fromhex("2a864886f70d010101"),  # rsaEncryption
    bytes.fromhex("2a864886f70d01010a"),  # id-RSASSA-PSS
)
_EC_KEY = bytes.fromhex("2a8648ce3d0201")
_CURVES = {
    bytes.fromhex("2a8648ce3d030107"): "P-256",
    bytes.fromhex("2b81040022"): "P-384",
    bytes.fromhex("2b81040023"): "P-521",
}
#: Those whose algorithm says all, without a size or a curve beside it.
_OTHER_KEYS = {
    bytes.fromhex("2b6570"): "Ed25519",
    bytes.fromhex("2b6571"): "Ed448",
    bytes.fromhex("608648016503040311"): "ML-DSA-44",
    bytes.fromhex("608648016503040312"): "ML-DSA-65",
    bytes.fromhex("608648016503040313"): "ML-DSA-87",
}


class PublicKeyFacts(NamedTuple):
    """The kind and size of a public key."""

    kind: str
    """`RSA`, `P-256`, `P-384`, `P-521`, `Ed25519`, `Ed448`, `ML-DSA-44`, `ML-DSA-65`, `ML-DSA-87`, or `other`."""
    bits: int = 0
    """The length of an RSA modulus; 0 for the other kinds."""
    exponent: int = 0
    """An RSA public exponent; 0 for the other kinds."""

    @classmethod
    @functools.lru_cache(maxsize=REMEMBERED)
    def parse(cls, spki: bytes) -> PublicKeyFacts:
        """Read a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).

        Raises:
            ValueError: it is malformed.
        """
        outer = Reader(spki).enter(SEQUENCE, "the public key")
        algorithm = outer.enter(SEQUENCE, "the public key's algorithm")
        oid = algorithm.content(OBJECT_IDENTIFIER, "the public key's algorithm")
        bits = outer.content(BIT_STRING, "the public key's bits")
        if oid in _RSA_KEYS:
            if bits[:1] != b"\x00":
                raise DERError("the public key's bits are not whole octets")
            numbers = Reader(bits, 1).enter(SEQUENCE, "the RSA public key")
            modulus = numbers.integer("the RSA modulus")
            return cls("RSA", modulus.bit_length(), numbers.integer("the RSA exponent"))
        if oid == _EC_KEY and algorithm.peek() == OBJECT_IDENTIFIER:
            return cls(_CURVES.get(algorithm.content(OBJECT_IDENTIFIER, "the key's curve"), "other"))
        return cls(_OTHER_KEYS.get(oid, "other"))

    def __str__(self) -> str:
        return f"RSA, {self.bits} bits" if self.kind == "RSA" else self.kind


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says about itself; none of it is verified by being here.

    Two are equal if their bytes are.
    """

    der: bytes = field(repr=False)
    """The certificate as sent."""
    serial: int = field(compare=False)
    issuer: bytes = field(repr=False, compare=False)
    """The raw DER of the issuer's Name: what lookup compares, byte for byte."""
    subject: bytes = field(repr=False, compare=False)
    """The raw DER of the subject's Name."""
    not_before: datetime = field(compare=False)
    """Start of validity, UTC."""
    not_after: datetime = field(compare=False)
    """Last moment of validity, UTC."""
    spki: bytes = field(repr=False, compare=False)
    """The raw DER of the SubjectPublicKeyInfo."""
    _extensions: bytes = field(repr=False, compare=False)

    @classmethod
    @functools.lru_cache(maxsize=REMEMBERED)
    def parse(cls, der: bytes) -> CertificateFacts:
        """Slice a DER certificate (RFC 5280 §4.1).

        Raises:
            ValueError: `der` is not the outline of a certificate.
        """
        outer = Reader(der)
        certificate = outer.enter(SEQUENCE, "the certificate")
        outer.finish("the certificate")
        tbs = certificate.enter(SEQUENCE, "the TBSCertificate")
        certificate.raw(SEQUENCE, "the signature's algorithm")
        certificate.raw(BIT_STRING, "the signature")
        certificate.finish("the signature")
        if tbs.peek() == _VERSION:
            tbs.raw(_VERSION, "the version")
        serial = tbs.integer("the serial number")
        tbs.raw(SEQUENCE, "the signature's algorithm")
        issuer = tbs.raw(SEQUENCE, "the issuer")
        validity = tbs.enter(SEQUENCE, "the validity")
        not_before = read_time(validity)
        not_after = read_time(validity)
        validity.finish("the validity")
        subject = tbs.raw(SEQUENCE, "the subject")
        spki = tbs.raw(SEQUENCE, "the public key")
        for tag in (_ISSUER_UNIQUE_ID, _SUBJECT_UNIQUE_ID):
            if tbs.peek() == tag:
                tbs.raw(tag, "a unique identifier")
        extensions = tbs.content(_EXTENSIONS, "the extensions") if tbs.peek() == _EXTENSIONS else b""
        tbs.finish("the extensions")
        return cls(der, serial, issuer, subject, not_before, not_after, spki, extensions)

    def extensions(self) -> dict[bytes, bytes]:
        """The extensions' values by the content of their OID.

        Raises:
            ValueError: they are malformed, or one occurs twice (RFC 5280 §4.2 forbids it).
        """
        if not self._extensions:
            return {}
        found = read_extensions(Reader(self._extensions))
        return {oid: extension.value for oid, extension in found.items()}

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the certificate."""
        return _sha256(self.der)

    @property
    def key(self) -> PublicKeyFacts:
        """The subject's public key.

        Raises:
            ValueError: it is malformed.
        """
        return PublicKeyFacts.parse(self.spki)

    @property
    def key_bits(self) -> bytes:
        """The subject's public key without what says of which kind it is: what identifiers of keys hash.

        Raises:
            ValueError: it is malformed.
        """
        outer = Reader(self.spki).enter(SEQUENCE, "the public key")
        outer.raw(SEQUENCE, "the public key's algorithm")
        return outer.content(BIT_STRING, "the public key's bits")[1:]

    def __str__(self) -> str:
        serial = f"{self.serial:#x}"
        return (
            f"{describe_name(self.subject)}; issued by {describe_name(self.issuer)}; "
            f"serial {serial if len(serial) <= 48 else serial[:48] + '…'}; "
            f"valid {self.not_before:%Y-%m-%d %H:%M:%S} to {self.not_after:%Y-%m-%d %H:%M:%S} UTC"
        )


@functools.lru_cache(maxsize=REMEMBERED)  # of the same few CAs
def _sha256(der: bytes) -> bytes:
    return hashlib.sha256(der).digest()


class Extension(NamedTuple):
    """An extension without its type."""

    critical: bool
    value: bytes


def read_extensions(reader: Reader) -> dict[bytes, Extension]:
    """Read Extensions (RFC 5280 §4.1.2.9): each by the content of its OID.

    Raises:
        ValueError: they are malformed, or one occurs twice (RFC 5280 §4.2 forbids it).
    """
    found: dict[bytes, Extension] = {}
    entries = reader.enter(SEQUENCE, "the extensions")
    while entries.peek() is not None:
        entry = entries.enter(SEQUENCE, "an extension")
        oid = entry.content(OBJECT_IDENTIFIER, "an extension's type")
        critical = entry.peek() == BOOLEAN and any(entry.content(BOOLEAN, "an extension's criticality"))
        if oid in found:
            raise DERError("an extension occurs twice")
        found[oid] = Extension(critical, entry.content(OCTET_STRING, "an extension's value"))
        entry.finish("an extension's value")
    return found


def read_time(reader: Reader) -> datetime:
    """Read a Time (RFC 5280 §4.1.2.5): always in UTC, always with seconds, ending in Z."""
    if reader.peek() == GENERALIZED_TIME:
        text = reader.content(GENERALIZED_TIME, "a date")
        digits = text[:-1]
    else:
        text = reader.content(UTC_TIME, "a date")
        # RFC 5280 §4.1.2.5.1: "Where YY is greater than or equal to 50, the year SHALL be interpreted as
        # 19YY".
        digits = (b"19" if text[:1] >= b"5" else b"20") + text[:-1]
    if text[-1:] != b"Z" or len(digits) != 14 or not digits.isdigit():
        raise DERError("a date is not in the form YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ")
    year, rest = int(digits[:4]), [int(digits[i : i + 2]) for i in range(4, 14, 2)]
    try:
        return datetime(year, rest[0], rest[1], rest[2], rest[3], rest[4], tzinfo=UTC)
    except ValueError as error:
        raise DERError(f"a date does not exist: {error}") from None
