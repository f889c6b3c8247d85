"""What an OCSP response says, sliced out of its DER (RFC 6960 §4.2.1).

Theory of operation: a response is walked once, within limits, into plain values; nothing here is proof of
anything. `cryptography.x509.ocsp` is not used for it: of a response about several certificates it shows
neither the extensions of each nor the signature algorithm's parameters, and whether an extension is critical
decides whether the response may be used at all.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from trio_certs._certificate import read_extensions, read_time
from trio_certs._der import (
    BIT_STRING,
    GENERALIZED_TIME,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    DERError,
    Reader,
)

MAX_RESPONSE_BYTES = 64 * 1024
"""The size of a response. Real ones have one to five kilobytes."""
MAX_STATUSES = 64
"""The certificates that one response speaks of. Most speak of one."""
MAX_RESPONDERS = 4
"""The certificates in a response to check its signature with. Real ones have none or one."""

_ENUMERATED = 0x0A
# The context-specific tags of the structures below.
_0, _1, _2 = 0xA0, 0xA1, 0xA2
_GOOD, _REVOKED, _UNKNOWN = 0x80, 0xA1, 0x82

_BASIC = bytes.fromhex("2b0601050507300101")
_FAILURES = {
    1: "malformedRequest",
    2: "internalError",
    3: "tryLater",
    5: "sigRequired",
    6: "unauthorized",
}


StatusName = Literal["good", "revoked", "unknown"]


class UnusableResponse(ValueError):
    """A response that is well-formed, and cannot be used nevertheless."""


class Status(NamedTuple):
    """What a response says about one certificate (a SingleResponse)."""

    hash_algorithm: bytes
    """The content of the OID of the hash that names the issuer."""
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial: int
    status: StatusName
    revoked_at: datetime | None
    this_update: datetime
    next_update: datetime | None

    @classmethod
    def parse(cls, reader: Reader) -> Status:
        """Read the next SingleResponse of `reader`.

        Raises:
            DERError: it is malformed.
            UnusableResponse: it has a critical extension.
        """
        single = reader.enter(SEQUENCE, "a status")
        certificate = single.enter(SEQUENCE, "a certificate's identifier")
        algorithm = certificate.enter(SEQUENCE, "the identifier's hash")
        hash_algorithm = algorithm.content(OBJECT_IDENTIFIER, "the identifier's hash")
        name_hash = certificate.content(OCTET_STRING, "the hash of the issuer's name")
        key_hash = certificate.content(OCTET_STRING, "the hash of the issuer's key")
        serial = certificate.integer("the serial number")
        certificate.finish("the serial number")
        status, revoked_at = _certificate_status(single)
        this_update = _time(single)
        next_update: datetime | None = None
        if single.peek() == _0:
            explicit = single.enter(_0, "nextUpdate")
            next_update = _time(explicit)
            explicit.finish("nextUpdate")
        _refuse_critical_extensions(single)
        return cls(hash_algorithm, name_hash, key_hash, serial, status, revoked_at, this_update, next_update)


class Response(NamedTuple):
    """A successful response: a BasicOCSPResponse, not yet verified."""

    signed: bytes
    """What the signature covers: the ResponseData."""
    signature_algorithm: bytes
    """The AlgorithmIdentifier, raw."""
    signature: bytes
    certificates: tuple[bytes, ...]
    """What the responder sent to check the signature with, DER."""
    responder_name: bytes | None
    """The responder's Name, raw; `None` where it goes by its key."""
    responder_key_hash: bytes | None
    """The SHA-1 hash of the responder's key; `None` where it goes by its name."""
    produced_at: datetime
    statuses: tuple[Status, ...]

    @classmethod
    def parse(cls, der: bytes) -> Response:
        """Slice an OCSPResponse.

        Raises:
            DERError: it is malformed.
            UnusableResponse: it is not a basic response to a request that succeeded, exceeds a limit, or has
                a critical extension.
        """
        if len(der) > MAX_RESPONSE_BYTES:
            raise UnusableResponse(f"it has {len(der)} bytes; the limit is {MAX_RESPONSE_BYTES}")
        basic = _basic_response(der)
        signed = basic.raw(SEQUENCE, "the response data")
        algorithm = basic.raw(SEQUENCE, "the signature's algorithm")
        bits = basic.content(BIT_STRING, "the signature")
        if bits[:1] != b"\x00":
            raise DERError("the signature's bits are not whole octets")
        certificates: list[bytes] = []
        if basic.peek() == _0:
            explicit = basic.enter(_0, "the certificates")
            entries = explicit.enter(SEQUENCE, "the certificates")
            explicit.finish("the certificates")
            while entries.peek() is not None:
                certificates.append(entries.raw(SEQUENCE, "a certificate"))
        basic.finish("the certificates")
        if len(certificates) > MAX_RESPONDERS:
            raise UnusableResponse(f"it has {len(certificates)} certificates; the limit is {MAX_RESPONDERS}")
        data = Reader(signed).enter(SEQUENCE, "the response data")
        _check_version(data)
        name, key_hash = _responder(data)
        produced_at = _time(data)
        statuses = _statuses(data)
        _refuse_critical_extensions(data)
        return cls(signed, algorithm, bits[1:], tuple(certificates), name, key_hash, produced_at, statuses)


def _basic_response(der: bytes) -> Reader:
    """The content of the BasicOCSPResponse in an OCSPResponse that says it is successful."""
    whole = Reader(der)
    outer = whole.enter(SEQUENCE, "the response")
    whole.finish("the response")
    code = int.from_bytes(outer.content(_ENUMERATED, "the response's status"))
    if code != 0:
        raise UnusableResponse(f"it says only that the responder failed: {_FAILURES.get(code, code)}")
    explicit = outer.enter(_0, "the response bytes")
    outer.finish("the response bytes")
    response = explicit.enter(SEQUENCE, "the response bytes")
    explicit.finish("the response bytes")
    if response.content(OBJECT_IDENTIFIER, "the response's type") != _BASIC:
        raise UnusableResponse("it is not a basic response")
    content = Reader(response.content(OCTET_STRING, "the basic response"))
    response.finish("the basic response")
    basic = content.enter(SEQUENCE, "the basic response")
    content.finish("the basic response")
    return basic


def _check_version(data: Reader) -> None:
    if data.peek() != _0:
        return
    explicit = data.enter(_0, "the version")
    # RFC 6960 §4.2.2.3: "the version of the response syntax, which MUST be v1 (value is 0)".
    if explicit.integer("the version") != 0:
        raise UnusableResponse("it is of an unknown version")
    explicit.finish("the version")


def _responder(data: Reader) -> tuple[bytes | None, bytes | None]:
    """The responder's Name, or the hash of its key."""
    if data.peek() == _1:
        explicit = data.enter(_1, "the responder's name")
        name = explicit.raw(SEQUENCE, "the responder's name")
        explicit.finish("the responder's name")
        return name, None
    explicit = data.enter(_2, "the responder's key")
    key_hash = explicit.content(OCTET_STRING, "the responder's key")
    explicit.finish("the responder's key")
    return None, key_hash


def _statuses(data: Reader) -> tuple[Status, ...]:
    entries = data.enter(SEQUENCE, "the statuses")
    statuses: list[Status] = []
    while entries.peek() is not None:
        if len(statuses) == MAX_STATUSES:
            raise UnusableResponse(f"it is about more than {MAX_STATUSES} certificates")
        statuses.append(Status.parse(entries))
    return tuple(statuses)


def _refuse_critical_extensions(reader: Reader) -> None:
    """Read the extensions that `reader` may end with.

    RFC 6960 §4.4: "Support for all extensions is optional", and none is supported here. What critical means
    is said in RFC 5280 §4.2.
    """
    if reader.peek() == _1:
        explicit = reader.enter(_1, "the extensions")
        extensions = read_extensions(explicit)
        explicit.finish("the extensions")
        if any(extension.critical for extension in extensions.values()):
            raise UnusableResponse("it has an unknown critical extension")
    reader.finish("the extensions")


def _certificate_status(single: Reader) -> tuple[StatusName, datetime | None]:
    """A certificate's status, and when it was revoked if it was."""
    if single.peek() == _REVOKED:
        revocation = single.enter(_REVOKED, "the revocation")
        revoked_at = _time(revocation)
        if revocation.peek() == _0:
            revocation.raw(_0, "the reason of the revocation")
        revocation.finish("the revocation")
        return "revoked", revoked_at
    known = single.peek() != _UNKNOWN
    if single.content(_GOOD if known else _UNKNOWN, "the certificate's status"):
        raise DERError("the certificate's status is not empty")
    return "good" if known else "unknown", None


def _time(reader: Reader) -> datetime:
    if reader.peek() != GENERALIZED_TIME:
        raise DERError("a date is missing, or is not a GeneralizedTime")
    return read_time(reader)
