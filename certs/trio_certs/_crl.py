"""What a certificate revocation list says, sliced out of its DER (RFC 5280 §5).

Theory of operation: a list is walked once, when the user gives it; nothing here is proof of anything. What it may
not be used for is refused at once, with its reason: a delta list, an indirect one, a critical extension that is
not understood. `cryptography.x509` is not used for it, because importing that takes longer than the walk, and
because it does not tell which serial numbers have critical extensions without making an object of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from trio_certs._certificate import CertificateFacts, Extension, read_extensions, read_time
from trio_certs._der import (
    BIT_STRING,
    GENERALIZED_TIME,
    INTEGER,
    SEQUENCE,
    UTC_TIME,
    DERError,
    Reader,
)
from trio_certs._pem import PEM_BEGIN, pem_contents

MAX_CRL_BYTES = 32 * 1024 * 1024
"""The size of a list. It has 40 bytes for each certificate revoked."""

_EXTENSIONS = 0xA0
_DELTA, _ISSUING_POINT = b"\x55\x1d\x1b", b"\x55\x1d\x1c"
_POINTS, _BASIC_CONSTRAINTS = b"\x55\x1d\x1f", b"\x55\x1d\x13"
# The context-specific tags of an IssuingDistributionPoint.
_POINT, _USERS, _CAS, _REASONS, _INDIRECT, _ATTRIBUTES = 0xA0, 0x81, 0x82, 0x83, 0x84, 0x85
_FULL_NAME = 0xA0


@dataclass(frozen=True, slots=True)
class Scope:
    """Which certificates of its issuer a list is about: an IssuingDistributionPoint (RFC 5280 §5.2.5)."""

    points: frozenset[bytes] = frozenset()
    """The names of the place it is to be had from, raw GeneralNames; empty if it is about all places."""
    users: bool = False
    """Whether it is about certificates of others than CAs only."""
    cas: bool = False
    """Whether it is about certificates of CAs only."""

    def covers(self, certificate: CertificateFacts) -> bool:
        """Whether the list is about `certificate`.

        Raises:
            DERError: its extensions are malformed.
        """
        extensions = certificate.extensions()
        if self.users or self.cas:
            is_ca = _is_ca(extensions.get(_BASIC_CONSTRAINTS))
            if self.cas != is_ca:
                return False
        # RFC 5280 §6.3.3 (b)(2)(i): "one of the names in the IDP matches one of the names in the DP".
        return not self.points or not self.points.isdisjoint(_point_names(extensions.get(_POINTS)))


@dataclass(frozen=True, slots=True)
class CRL:
    """A certificate revocation list, not yet verified."""

    signed: bytes = field(repr=False)
    """What the signature covers: the TBSCertList."""
    algorithm: bytes = field(repr=False, compare=False)
    """The signature's AlgorithmIdentifier, raw."""
    signature: bytes = field(repr=False)
    issuer: bytes = field(repr=False, compare=False)
    """The raw DER of the issuer's Name."""
    this_update: datetime = field(compare=False)
    next_update: datetime = field(compare=False)
    revoked: Mapping[int, datetime] = field(repr=False, compare=False)
    """By serial number, when it was revoked."""
    scope: Scope = field(compare=False)

    @classmethod
    def parse(cls, der: bytes) -> CRL:
        """Slice a CertificateList.

        Raises:
            ValueError: it is malformed, or a list that cannot be used; the message says which.
        """
        if len(der) > MAX_CRL_BYTES:
            raise ValueError(f"it has {len(der)} bytes; the limit is {MAX_CRL_BYTES}")
        whole = Reader(der)
        outer = whole.enter(SEQUENCE, "the list")
        whole.finish("the list")
        signed = outer.raw(SEQUENCE, "the TBSCertList")
        algorithm = outer.raw(SEQUENCE, "the signature's algorithm")
        bits = outer.content(BIT_STRING, "the signature")
        outer.finish("the signature")
        if bits[:1] != b"\x00":
            raise DERError("the signature's bits are not whole octets")
        tbs = Reader(signed).enter(SEQUENCE, "the TBSCertList")
        if tbs.peek() == INTEGER and tbs.integer("the version") != 1:
            raise ValueError("it is of an unknown version")
        # RFC 5280 §5.1.1.2: "This field MUST contain the same algorithm identifier as the signature field in the
        # sequence tbsCertList".
        if tbs.raw(SEQUENCE, "the signature's algorithm") != algorithm:
            raise DERError("it names two algorithms for its signature")
        issuer = tbs.raw(SEQUENCE, "the issuer")
        this_update = read_time(tbs)
        # RFC 5280 §5.1.2.5: "Conforming CRL issuers MUST include the nextUpdate field in all CRLs."
        if tbs.peek() not in (UTC_TIME, GENERALIZED_TIME):
            raise ValueError("it does not say when the next one is due (nextUpdate)")
        next_update = read_time(tbs)
        revoked = _entries(tbs) if tbs.peek() == SEQUENCE else {}
        extensions: dict[bytes, Extension] = {}
        if tbs.peek() == _EXTENSIONS:
            explicit = tbs.enter(_EXTENSIONS, "the extensions")
            extensions = read_extensions(explicit)
            explicit.finish("the extensions")
        tbs.finish("the extensions")
        return cls(signed, algorithm, bits[1:], issuer, this_update, next_update, revoked, _scope(extensions))


def parse_crls(data: bytes) -> list[CRL]:
    """The lists in `data`, which is one in DER or PEM text with at least one.

    Raises:
        ValueError: it is neither, or one of them cannot be used.
    """
    if PEM_BEGIN not in data:
        return [CRL.parse(data)]
    return [CRL.parse(der) for der in pem_contents(data, "X509 CRL", "list of revoked certificates")]


def _entries(tbs: Reader) -> dict[int, datetime]:
    """The serial numbers of the certificates revoked."""
    found: dict[int, datetime] = {}
    entries = tbs.enter(SEQUENCE, "the certificates revoked")
    while entries.peek() is not None:
        entry = entries.enter(SEQUENCE, "a certificate revoked")
        serial = entry.integer("the serial number")
        found[serial] = read_time(entry)
        if entry.peek() is not None:
            # RFC 5280 §5.3: "If a CRL contains a critical CRL entry extension that the application cannot process,
            # then the application MUST NOT use that CRL to determine the status of any certificates."
            if any(extension.critical for extension in read_extensions(entry).values()):
                raise ValueError(f"what it says of certificate {serial:#x} has an unknown critical extension")
            entry.finish("the extensions")
    return found


def _scope(extensions: Mapping[bytes, Extension]) -> Scope:
    if _DELTA in extensions:
        raise ValueError("it is a delta list, which only says what has changed: give the complete one")
    # RFC 5280 §5.2: "If a CRL contains a critical extension that the application cannot process, then the
    # application MUST NOT use that CRL to determine the status of certificates."
    if any(extension.critical for oid, extension in extensions.items() if oid != _ISSUING_POINT):
        raise ValueError("it has an unknown critical extension")
    if _ISSUING_POINT not in extensions:
        return Scope()
    whole = Reader(extensions[_ISSUING_POINT].value)
    point = whole.enter(SEQUENCE, "the issuing distribution point")
    whole.finish("the issuing distribution point")
    names: frozenset[bytes] = frozenset()
    if point.peek() == _POINT:
        names = _full_name(point.enter(_POINT, "the distribution point"))
        if not names:
            raise ValueError("the place it is to be had from is named relative to its issuer, or not at all")
    flags: set[int] = set()
    while (tag := point.peek()) in (_USERS, _CAS, _REASONS, _INDIRECT, _ATTRIBUTES):
        value = point.content(tag, "a part of the issuing distribution point")
        if tag == _REASONS or any(value):
            flags.add(tag)
    point.finish("the issuing distribution point")
    if flags & {_REASONS, _INDIRECT, _ATTRIBUTES} or flags == {_USERS, _CAS}:
        raise ValueError(
            "it is indirect, or about some reasons or attribute certificates only: "
            "give the issuer's own, complete list"
        )
    return Scope(names, _USERS in flags, _CAS in flags)


def _full_name(point: Reader) -> frozenset[bytes]:
    """The raw GeneralNames of a DistributionPointName; none if it is a name relative to the issuer's."""
    if point.peek() != _FULL_NAME:
        return frozenset()
    names = point.enter(_FULL_NAME, "the distribution point's names")
    point.finish("the distribution point's names")
    found: set[bytes] = set()
    while (tag := names.peek()) is not None:
        found.add(names.raw(tag, "a distribution point's name"))
    return frozenset(found)


def _point_names(extension: bytes | None) -> set[bytes]:
    """The raw GeneralNames of all points in a CRLDistributionPoints extension (RFC 5280 §4.2.1.13)."""
    found: set[bytes] = set()
    if extension is None:
        return found
    points = Reader(extension).enter(SEQUENCE, "cRLDistributionPoints")
    while points.peek() is not None:
        point = points.enter(SEQUENCE, "a distribution point")
        if point.peek() == _POINT:
            found |= _full_name(point.enter(_POINT, "a distribution point's name"))
    return found


def _is_ca(extension: bytes | None) -> bool:
    if extension is None:
        return False
    constraints = Reader(extension).enter(SEQUENCE, "basicConstraints")
    return constraints.peek() == 0x01 and any(constraints.content(0x01, "cA"))
