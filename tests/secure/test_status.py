from __future__ import annotations

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from support.authority import self_signed
from support.der import element
from support.openssl_status import RESPONSE, stapling
from support.properties import bounded, survives
from support.refusals import check_damage_refused, refused
from trio_secure._codec import vector16, vector24
from trio_secure._errors import AlertDescription
from trio_secure._extensions import STATUS_REQUEST as EXTENSION
from trio_secure._messages import ServerHello
from trio_secure._messages12 import CertificateStatus
from trio_secure._status import STATUS_REQUEST, check_status_answer, read_ocsp, read_scts

_OCSP = b"\1"
_TIMESTAMPS = [
    # RFC 6962 §3.2: version, log, milliseconds, no extensions, and a signature (ecdsa with sha256).
    bytes([0])
    + bytes([log]) * 32
    + (1000 * log).to_bytes(8, "big")
    + b"\0\0"
    + b"\4\3"
    + vector16(b"signature")
    for log in (1, 2)
]
_LIST = vector16(b"".join(map(vector16, _TIMESTAMPS)))


def test_what_is_asked_for_is_what_openssl_asks_for() -> None:
    extension = EXTENSION.to_bytes(2, "big") + vector16(STATUS_REQUEST)
    assert extension in stapling().client_hello


def test_the_answer_of_openssl_is_empty() -> None:
    check_status_answer(ServerHello.parse(stapling().body(ServerHello.type)).extensions[EXTENSION])


@pytest.mark.parametrize("data", [b"\0", STATUS_REQUEST, _OCSP + vector24(b"response")])
def test_an_answer_that_is_not_empty_is_refused(data: bytes) -> None:
    with refused(AlertDescription.DECODE_ERROR, "^malformed status_request of ServerHello: "):
        check_status_answer(data)


def test_a_staple_in_tls13_is_what_openssl_sends_as_a_message_before() -> None:
    body = stapling().body(CertificateStatus.type)
    assert read_ocsp(body) == RESPONSE
    check_damage_refused(read_ocsp, body)


@pytest.mark.parametrize("status_type", [0, 2, 255])
def test_any_type_of_status_but_ocsp_is_refused(status_type: int) -> None:
    with refused(AlertDescription.DECODE_ERROR, f"the status type {status_type} is not ocsp"):
        read_ocsp(bytes([status_type]) + vector24(b"response"))


def test_an_empty_staple_is_refused() -> None:
    with refused(AlertDescription.DECODE_ERROR, r"outside <1\.\.16777215>"):
        read_ocsp(_OCSP + vector24(b""))


def test_timestamps_are_what_is_read_elsewhere() -> None:
    """A certificate has the same list in an extension (RFC 6962 §3.3), where `cryptography` reads it."""
    oid = x509.PrecertificateSignedCertificateTimestamps.oid
    value = element(0x04, _LIST)
    embedded = self_signed("h.test", extensions=[(x509.UnrecognizedExtension(oid, value), False)])
    certificate = x509.load_der_x509_certificate(embedded.certificate_der)
    theirs = certificate.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps)
    assert [sct.log_id for sct in theirs.value] == [sct[1:33] for sct in read_scts(_LIST)]


def test_timestamps_are_told_apart_and_not_looked_into() -> None:
    assert read_scts(_LIST) == tuple(_TIMESTAMPS)
    assert read_scts(vector16(vector16(b"?"))) == (b"?",)
    check_damage_refused(read_scts, _LIST)


@pytest.mark.parametrize(
    "data",
    [
        vector16(b""),
        vector16(vector16(b"")),
        vector16(b"\0"),
        vector16(b"\0\2a"),
        vector16(vector16(b"one") + b"\0"),
        vector16(vector16(b"one") + vector16(b"")),
    ],
)
def test_a_list_with_nothing_in_it_or_with_half_of_something_is_refused(data: bytes) -> None:
    with refused(AlertDescription.DECODE_ERROR, "^malformed .*signed_certificate_timestamp: "):
        read_scts(data)


@bounded
@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    survives(read_ocsp, data)
    survives(read_scts, data)
    survives(read_scts, vector16(data))
    survives(check_status_answer, data)
