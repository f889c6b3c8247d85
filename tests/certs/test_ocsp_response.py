from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import OCSPNonce, ReasonFlags, ocsp
from hypothesis import given
from hypothesis import strategies as st

from support.authority import Authority, to_der
from support.der import element, integer
from support.ocsp import (
    BASIC,
    ECDSA_SHA256,
    GOOD,
    HOUR,
    NONCE,
    NOW,
    SHA1,
    SHA256,
    UNKNOWN,
    by_key,
    by_name,
    extension,
    extensions,
    respond,
    response_data,
    revoked,
    status,
    time,
    wrap,
)
from support.properties import bounded
from trio_certs._der import DERError
from trio_certs._ocsp_response import (
    MAX_RESPONDERS,
    MAX_RESPONSE_BYTES,
    MAX_STATUSES,
    Response,
    UnusableResponse,
)

CA = Authority.make(name="CA")
LEAF = CA.issue("h.test")
OTHER = CA.issue("other.test")
STATUS = status(LEAF, CA)
GOOD_RESPONSE = respond(STATUS, by=CA)


def raw(oid: bytes) -> bytes:
    """The content of a short OID."""
    return oid[2:]


@pytest.mark.parametrize(
    ("certificate_status", "theirs", "revoked_at"),
    [
        (GOOD, ocsp.OCSPCertStatus.GOOD, None),
        (UNKNOWN, ocsp.OCSPCertStatus.UNKNOWN, None),
        (revoked(), ocsp.OCSPCertStatus.REVOKED, NOW - HOUR),
        (revoked(reason=1), ocsp.OCSPCertStatus.REVOKED, NOW - HOUR),
    ],
)
@pytest.mark.parametrize("hash_oid", [SHA1, SHA256])
@pytest.mark.parametrize("next_update", [None, NOW + HOUR])
def test_a_response_is_read_as_cryptography_reads_it(
    certificate_status: bytes,
    theirs: ocsp.OCSPCertStatus,
    revoked_at: datetime | None,
    hash_oid: bytes,
    next_update: datetime | None,
) -> None:
    der = respond(
        status(LEAF, CA, certificate_status, hash_oid=hash_oid, next_update=next_update),
        by=CA,
        certificates=[CA.certificate, LEAF.certificate],
    )
    other, mine = ocsp.load_der_ocsp_response(der), Response.parse(der)
    assert mine.signed == other.tbs_response_bytes
    assert mine.signature == other.signature
    assert mine.signature_algorithm == ECDSA_SHA256
    assert mine.certificates == tuple(to_der(certificate) for certificate in other.certificates)
    assert mine.responder_name == CA.certificate.subject.public_bytes()
    assert other.responder_name == CA.certificate.subject
    assert mine.produced_at == other.produced_at_utc.replace(tzinfo=UTC)
    (about,) = mine.statuses
    assert about.hash_algorithm == raw(hash_oid)
    assert (about.issuer_name_hash, about.issuer_key_hash) == (other.issuer_name_hash, other.issuer_key_hash)
    assert about.serial == other.serial_number == LEAF.certificate.serial_number
    assert other.certificate_status is theirs
    assert about.status.upper() == theirs.name
    assert about.revoked_at == revoked_at == _aware(other.revocation_time_utc)
    assert about.this_update == _aware(other.this_update_utc)
    assert about.next_update == next_update == _aware(other.next_update_utc)


def _aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


@pytest.mark.parametrize("encoding", ocsp.OCSPResponderEncoding)
@pytest.mark.parametrize("reason", [None, ReasonFlags.key_compromise])
def test_what_cryptography_writes_is_read(
    encoding: ocsp.OCSPResponderEncoding, reason: ReasonFlags | None
) -> None:
    theirs = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            LEAF.certificate,
            CA.certificate,
            hashes.SHA256(),
            ocsp.OCSPCertStatus.REVOKED,
            NOW,
            None,
            NOW,
            reason,
        )
        .responder_id(encoding, CA.certificate)
        .certificates([CA.certificate])
        .add_extension(OCSPNonce(b"nonce"), critical=False)
        .sign(CA.key, hashes.SHA256())
    )
    der = theirs.public_bytes(Encoding.DER)
    mine = Response.parse(der)
    assert mine.signed == theirs.tbs_response_bytes
    assert mine.responder_key_hash == theirs.responder_key_hash
    assert (mine.responder_name is None) == (theirs.responder_name is None)
    assert mine.certificates == (CA.certificate_der,)
    assert [(each.serial, each.revoked_at) for each in mine.statuses] == [
        (LEAF.certificate.serial_number, NOW)
    ]


def test_a_responder_may_go_by_its_key() -> None:
    parsed = Response.parse(respond(STATUS, by=CA, responder=by_key(CA.certificate)))
    assert parsed.responder_name is None
    assert (
        parsed.responder_key_hash
        == ocsp.load_der_ocsp_response(
            respond(STATUS, by=CA, responder=by_key(CA.certificate))
        ).responder_key_hash
    )


def test_several_certificates_in_one_response() -> None:
    parsed = Response.parse(respond(STATUS, status(OTHER, CA, UNKNOWN), by=CA))
    assert [(each.serial, each.status) for each in parsed.statuses] == [
        (LEAF.certificate.serial_number, "good"),
        (OTHER.certificate.serial_number, "unknown"),
    ]


def test_extensions_that_are_not_critical_are_passed_over() -> None:
    more = extensions(extension(), extension(BASIC, critical=False))
    Response.parse(respond(status(LEAF, CA, more=more), by=CA, more=more, version=element(0xA0, integer(0))))


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (1, "malformedRequest"),
        (2, "internalError"),
        (3, "tryLater"),
        (5, "sigRequired"),
        (6, "unauthorized"),
        (4, "4"),
        (7, "7"),
    ],
)
def test_a_responder_that_failed_is_named_with_its_failure(code: int, name: str) -> None:
    for der in (element(0x30, element(0x0A, bytes([code]))), wrap(b"", code=code)):
        with pytest.raises(UnusableResponse, match=f"the responder failed: {name}$"):
            Response.parse(der)


@pytest.mark.parametrize(
    ("der", "match"),
    [
        (bytes(MAX_RESPONSE_BYTES + 1), f"it has {MAX_RESPONSE_BYTES + 1} bytes; the limit is"),
        (wrap(b"", kind=NONCE), "it is not a basic response"),
        (respond(STATUS, by=CA, version=element(0xA0, integer(1))), "it is of an unknown version"),
        (respond(STATUS, by=CA, more=extensions(extension(critical=True))), "an unknown critical extension"),
        (
            respond(status(LEAF, CA, more=extensions(extension(), extension(BASIC, critical=True))), by=CA),
            "an unknown critical extension",
        ),
        (
            respond(STATUS, by=CA, certificates=[CA.certificate] * (MAX_RESPONDERS + 1)),
            "it has 5 certificates; the limit is 4",
        ),
        (respond(*[STATUS] * (MAX_STATUSES + 1), by=CA), "it is about more than 64 certificates"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_response_that_cannot_be_used_is_refused(der: bytes, match: str) -> None:
    with pytest.raises(UnusableResponse, match=match):
        Response.parse(der)


def test_a_response_may_be_as_large_as_the_limits() -> None:
    der = respond(*[STATUS] * MAX_STATUSES, by=CA, certificates=[CA.certificate] * MAX_RESPONDERS)
    assert len(Response.parse(der).statuses) == MAX_STATUSES


def _basic(data: bytes = b"", *more: bytes, bits: bytes = b"\0bits") -> bytes:
    data = data or response_data(STATUS, responder=by_name(CA.certificate))
    return wrap(element(0x30, data, ECDSA_SHA256, element(0x03, bits), *more))


_DATA = response_data(STATUS, responder=by_name(CA.certificate))
_SUCCESSFUL = element(0x0A, b"\0")


@pytest.mark.parametrize(
    ("der", "match"),
    [
        (b"", "the response is missing"),
        (GOOD_RESPONSE + b"\0", "1 bytes are left over after the response"),
        (element(0x30, _SUCCESSFUL), "the response bytes is missing"),
        (element(0x30, element(0x02, b"\0")), "the response's status"),
        (
            element(0x30, _SUCCESSFUL, element(0xA0, element(0x30)), b"\0"),
            "left over after the response bytes",
        ),
        (
            element(0x30, _SUCCESSFUL, element(0xA0, element(0x30), b"\0")),
            "left over after the response bytes",
        ),
        (
            element(0x30, _SUCCESSFUL, element(0xA0, element(0x30, BASIC, element(0x04), b"\0"))),
            "left over after the basic response",
        ),
        (wrap(element(0x30) + b"\0"), "left over after the basic response"),
        (_basic(b"", element(0xA0, element(0x30), b"\0")), "left over after the certificates"),
        (_basic(b"", element(0xA0, element(0x30)), b"\0"), "left over after the certificates"),
        (_basic(b"", element(0xA0, element(0x30, element(0x31)))), "a certificate at byte"),
        (_basic(bits=b"\1bits"), "the signature's bits are not whole octets"),
        (_basic(bits=b""), "the signature's bits are not whole octets"),
        (_basic(response_data(STATUS, responder=element(0xA3))), "the responder's key at byte"),
        (
            _basic(response_data(STATUS, responder=element(0xA1, element(0x30), b"\0"))),
            "left over after the responder's name",
        ),
        (
            _basic(response_data(STATUS, responder=element(0xA2, element(0x04), b"\0"))),
            "left over after the responder's key",
        ),
        (
            _basic(response_data(STATUS, responder=b"", version=element(0xA0, integer(0), b"\0"))),
            "left over after the version",
        ),
        (
            _basic(
                element(0x30, by_name(CA.certificate), element(0x17, b"260101000000Z"), element(0x30, STATUS))
            ),
            "a date is missing, or is not a GeneralizedTime",
        ),
        (
            _basic(response_data(STATUS, responder=by_name(CA.certificate), more=b"\0")),
            "left over after the ext",
        ),
    ],
)
def test_a_malformed_response_is_refused(der: bytes, match: str) -> None:
    with pytest.raises(DERError, match=match):
        Response.parse(der)


@pytest.mark.parametrize(
    ("about", "match"),
    [
        (element(0x31), "a status at byte"),
        (element(0x30, element(0x30)), "the identifier's hash is missing"),
        (status(LEAF, CA, element(0x80, b"\0")), "the certificate's status is not empty"),
        (status(LEAF, CA, element(0x82, b"\0")), "the certificate's status is not empty"),
        (status(LEAF, CA, element(0x83)), "the certificate's status at byte"),
        (status(LEAF, CA, element(0xA1)), "a date is missing"),
        (status(LEAF, CA, element(0xA1, time(NOW), b"\0")), "left over after the revocation"),
        (
            status(LEAF, CA, next_update=None, more=element(0xA0, time(NOW), b"\0")),
            "left over after nextUpdate",
        ),
        (status(LEAF, CA, more=b"\0"), "left over after the extensions"),
        (status(LEAF, CA, more=element(0xA1, element(0x30), b"\0")), "left over after the extensions"),
        (status(LEAF, CA, more=extensions(element(0x30, NONCE))), "an extension's value is missing"),
        (
            status(LEAF, CA, more=extensions(element(0x30, NONCE, element(0x04), b"\0"))),
            "left over after an extension's value",
        ),
        (status(LEAF, CA, element(0x80) + element(0x18, b"20260101000000")), "a date is not in the form"),
    ],
)
def test_a_malformed_status_is_refused(about: bytes, match: str) -> None:
    with pytest.raises(DERError, match=match):
        Response.parse(respond(about, by=CA))


def test_a_response_that_is_cut_short_is_malformed() -> None:
    der = respond(STATUS, by=CA, certificates=[CA.certificate], more=extensions(extension()))
    for length in range(len(der)):
        with pytest.raises(DERError):
            Response.parse(der[:length])


WHOLE = respond(status(LEAF, CA, revoked(reason=1)), by=CA, more=extensions(extension()))


@bounded
@given(st.integers(0, 300), st.binary(min_size=1, max_size=4))
def test_any_bytes_are_parsed_or_refused(at: int, other: bytes) -> None:
    for der in (other, WHOLE[:at] + other + WHOLE[at + len(other) :]):
        with contextlib.suppress(DERError, UnusableResponse):
            Response.parse(der)
