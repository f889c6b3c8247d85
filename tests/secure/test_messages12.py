from __future__ import annotations

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from support.openssl_status import RESPONSE, stapling
from support.openssl_tls12 import Connection12, connection12
from support.properties import bounded, survives
from support.record_keys import SUITES_12
from support.refusals import check_damage_refused, refused
from trio_secure._codec import vector8, vector16, vector24
from trio_secure._errors import AlertDescription
from trio_secure._identity import leaf_key
from trio_secure._messages import HelloRequest, Message
from trio_secure._messages12 import (
    Certificate,
    CertificateRequest,
    CertificateRequest11,
    CertificateStatus,
    CertificateVerify11,
    ClientKeyExchange,
    NewSessionTicket,
    ServerHelloDone,
    ServerKeyExchange,
    ServerKeyExchangeDHE,
    ServerKeyExchangeDHE11,
    ServerKeyExchangeECDHE,
    ServerKeyExchangeECDHE11,
)
from trio_secure._signatures import SCHEMES_BY_CODE, legacy_scheme
from trio_secure._suites import CIPHER_SUITES, CipherSuite, KeyExchange
from trio_secure._versions import Version

_RECORDED: list[type[Message]] = [
    CertificateRequest,
    ServerHelloDone,
    NewSessionTicket,
]
_KINDS = [
    *_RECORDED,
    Certificate,
    CertificateRequest11,
    CertificateStatus,
    HelloRequest,
    ServerKeyExchangeDHE,
    ServerKeyExchangeDHE11,
    ServerKeyExchangeECDHE,
    ServerKeyExchangeECDHE11,
]
_suites = pytest.mark.parametrize("suite", SUITES_12, ids=lambda suite: suite.name)
_CONNECTION = connection12(SUITES_12[0])


@_suites
@pytest.mark.parametrize("kind", _RECORDED)
def test_what_openssl_sends_parses_and_a_damaged_copy_is_refused(
    suite: CipherSuite, kind: type[Message]
) -> None:
    body = connection12(suite).body(kind.type)
    assert len(body) <= kind.max_length
    check_damage_refused(kind.parse, body)


def _server_certificate(suite: CipherSuite) -> bytes:
    return next(message for message in connection12(suite).messages if message[0] == Certificate.type)


@_suites
def test_a_certificate_comes_back(suite: CipherSuite) -> None:
    wire = _server_certificate(suite)
    certificate = Certificate.parse(wire[4:])
    x509.load_der_x509_certificate(certificate.certificate_list[0])
    assert certificate.encode() == wire
    check_damage_refused(Certificate.parse, wire[4:])


def test_no_certificate_is_what_openssl_sends_for_it() -> None:
    wire = [message for message in _CONNECTION.messages if message[0] == Certificate.type][1]
    assert Certificate(()).encode() == wire
    assert Certificate.parse(wire[4:]) == Certificate(())


@pytest.mark.parametrize("entries", [vector24(b""), b"\0", b"\0\0\2a", vector24(b"leaf") + b"\0"])
def test_a_damaged_entry_is_refused(entries: bytes) -> None:
    with refused(AlertDescription.DECODE_ERROR, "^malformed certificate_list of Certificate: "):
        Certificate.parse(vector24(entries))


def test_a_staple_of_openssl() -> None:
    body = stapling().body(CertificateStatus.type)
    assert CertificateStatus.parse(body) == CertificateStatus(RESPONSE)
    check_damage_refused(CertificateStatus.parse, body)


@pytest.mark.parametrize("body", [b"\2" + vector24(b"response"), b"\1" + vector24(b"")])
def test_a_status_that_is_not_an_ocsp_response_is_refused(body: bytes) -> None:
    with refused(AlertDescription.DECODE_ERROR, "^malformed CertificateStatus: "):
        CertificateStatus.parse(body)


def _exchange(connection: Connection12, suite: CipherSuite, version: Version) -> ServerKeyExchange:
    kinds: dict[tuple[KeyExchange, bool], type[ServerKeyExchange]] = {
        (KeyExchange.ECDHE, True): ServerKeyExchangeECDHE,
        (KeyExchange.ECDHE, False): ServerKeyExchangeECDHE11,
        (KeyExchange.DHE, True): ServerKeyExchangeDHE,
        (KeyExchange.DHE, False): ServerKeyExchangeDHE11,
    }
    assert suite.key_exchange is not None
    kind = kinds[suite.key_exchange, version >= Version.TLS12]
    body = connection.body(ServerKeyExchange.type)
    check_damage_refused(kind.parse, body)
    assert kind.title() == "ServerKeyExchange"
    return kind.parse(body)


_SIGNING = [
    (suite, version)
    for suite in CIPHER_SUITES
    for version in (Version.TLS10, Version.TLS11, Version.TLS12)
    if suite.fits(version) and suite.key_exchange in (KeyExchange.ECDHE, KeyExchange.DHE)
]


@pytest.mark.parametrize(("suite", "version"), _SIGNING, ids=lambda case: getattr(case, "name", None))
def test_what_a_server_key_exchange_signs_is_its_params(suite: CipherSuite, version: Version) -> None:
    connection = connection12(suite, version)
    exchange = _exchange(connection, suite, version)
    if isinstance(exchange, ServerKeyExchangeECDHE):
        params = b"\3" + exchange.named_curve.to_bytes(2, "big") + vector8(exchange.point)
    else:
        assert isinstance(exchange, ServerKeyExchangeDHE)
        params = b"".join(map(vector16, (exchange.dh_p, exchange.dh_g, exchange.dh_ys)))
    assert exchange.params == params
    leaf = next(message for message in connection.messages if message[0] == Certificate.type)
    key = leaf_key(Certificate.parse(leaf[4:]).certificate_list[0])
    signed = connection.client_random + connection.server_random + exchange.params
    if exchange.algorithm is None:
        assert suite.authentication is not None
        scheme = legacy_scheme(suite.authentication)
    else:
        scheme = SCHEMES_BY_CODE[exchange.algorithm]
    scheme.verify(key, exchange.signature, signed, version)


@pytest.mark.parametrize("curve_type", [0, 1, 2, 4, 255])
def test_any_curve_but_a_named_one_is_refused(curve_type: int) -> None:
    body = bytes([curve_type]) + _CONNECTION.body(ServerKeyExchange.type)[1:]
    with refused(AlertDescription.ILLEGAL_PARAMETER, f"curve type {curve_type}, not a named curve"):
        ServerKeyExchangeECDHE.parse(body)


def test_an_empty_point_is_refused() -> None:
    with refused(AlertDescription.DECODE_ERROR, r"outside <1\.\.255>"):
        ServerKeyExchangeECDHE.parse(b"\3\0\x17" + vector8(b"") + b"\4\3" + vector16(b"signature"))


def test_a_certificate_request_of_openssl() -> None:
    request = CertificateRequest.parse(_CONNECTION.body(CertificateRequest.type))
    assert 64 in request.certificate_types
    assert request.algorithms is not None
    assert 0x0403 in request.algorithms
    assert request.authorities == ()


def test_below_tls12_a_certificate_request_names_no_algorithms() -> None:
    suite = next(row for row in CIPHER_SUITES if row.fits(Version.TLS11))
    body = connection12(suite, Version.TLS11).body(CertificateRequest.type)
    request = CertificateRequest11.parse(body)
    assert request.algorithms is None
    assert 64 in request.certificate_types
    check_damage_refused(CertificateRequest11.parse, body)
    assert CertificateRequest11.title() == "CertificateRequest"


def test_the_authorities_of_a_certificate_request_are_kept() -> None:
    names = vector16(b"one") + vector16(b"two")
    body = vector8(b"\x40") + vector16(b"\4\3") + vector16(names)
    assert CertificateRequest.parse(body) == CertificateRequest(b"\x40", (0x0403,), (b"one", b"two"))


@pytest.mark.parametrize(
    "body",
    [
        vector8(b"") + vector16(b"\4\3") + vector16(b""),
        vector8(b"\x40") + vector16(b"") + vector16(b""),
        vector8(b"\x40") + vector16(b"\4\3\4") + vector16(b""),
        vector8(b"\x40") + vector16(b"\4\3") + vector16(b"name"),
        vector8(b"\x40") + vector16(b"\4\3") + vector16(vector16(b"")),
    ],
)
def test_a_certificate_request_that_asks_for_nothing_is_refused(body: bytes) -> None:
    with refused(AlertDescription.DECODE_ERROR, "malformed"):
        CertificateRequest.parse(body)


def test_a_ticket_of_openssl() -> None:
    ticket = NewSessionTicket.parse(_CONNECTION.body(NewSessionTicket.type))
    assert ticket.lifetime_hint == 7200
    assert len(ticket.ticket) > 100


def test_a_ticket_may_be_empty() -> None:
    """RFC 5077 §3.3: a server that issues none after all sends one of zero length."""
    assert NewSessionTicket.parse(bytes(6)) == NewSessionTicket(0, b"")


def test_the_end_of_the_servers_flight_is_empty() -> None:
    assert ServerHelloDone.parse(b"") == ServerHelloDone()
    with refused(AlertDescription.DECODE_ERROR, "^malformed ServerHelloDone: 1 bytes too many$"):
        ServerHelloDone.parse(b"\0")


def test_the_client_key_exchange_is_what_openssl_sends() -> None:
    body = _CONNECTION.body(ClientKeyExchange.type)
    assert ClientKeyExchange(body).encode() == bytes([16]) + vector24(body)


def test_a_signature_without_an_algorithm() -> None:
    assert CertificateVerify11(b"signed").encode() == b"\x0f" + vector24(vector16(b"signed"))


@bounded
@given(st.sampled_from(_KINDS), st.binary(max_size=96), st.integers(0, 64), st.binary(max_size=3))
def test_any_bytes_are_parsed_or_refused(kind: type[Message], body: bytes, at: int, other: bytes) -> None:
    survives(kind.parse, body)
    for message in _CONNECTION.messages:
        if message[0] == kind.type:
            recorded = message[4:]
            survives(kind.parse, recorded[:at] + other + recorded[at + len(other) :])
