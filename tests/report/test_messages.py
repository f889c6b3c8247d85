from __future__ import annotations

import dataclasses
import ssl

import pytest

from support.reports import traced, traced_message
from trio_secure import TraceMessage
from trio_secure import _messages12 as m12
from trio_secure import _messages13 as m13
from trio_secure._codec import vector8, vector16, vector24
from trio_secure._messages import RETRY_RANDOM, CertificateVerify, HelloRetryRequest, Message
from trio_secure_report._messages import certificates_of, message_parts
from trio_secure_report._parts import Part


def data_of(parts: tuple[Part, ...]) -> bytes:
    return b"".join(part.data + data_of(part.parts) for part in parts)


def names(parts: tuple[Part, ...]) -> list[str]:
    return [part.name for part in parts]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2])
async def test_every_message_of_a_connection_is_taken_apart_to_its_last_byte(version: int) -> None:
    messages = [event for event in await traced(version) if isinstance(event, TraceMessage)]
    assert len(messages) >= 8
    for event in messages:
        parts = message_parts(event)
        assert data_of(parts) == event.raw, event.name
        assert "left over" not in names(parts), event.name


_SHARE = b"\x03\0\x1d" + vector8(bytes(32))
_DHE = vector16(b"\xff" * 256) + vector16(b"\x02") + vector16(b"\x07" * 256)


@pytest.mark.parametrize(
    ("kind", "body", "fields"),
    [
        (
            HelloRetryRequest,
            b"\x03\x03" + RETRY_RANDOM + b"\0\x13\x01\0" + vector16(b"\0\x33\0\x02\0\x17"),
            ["legacy_version", "random", "session_id", "cipher_suite", "compression_method", "extensions"],
        ),
        (m13.CertificateRequest, b"\0" + vector16(b""), ["certificate_request_context", "extensions"]),
        (
            m12.CertificateRequest,
            vector8(b"\x01\x40") + vector16(b"\x04\x03") + vector16(vector16(b"DN")),
            ["certificate_types", "supported_signature_algorithms", "certificate_authorities"],
        ),
        (
            m12.CertificateRequest11,
            vector8(b"\x01") + vector16(b""),
            ["certificate_types", "certificate_authorities"],
        ),
        (m12.CertificateStatus, b"\x01" + vector24(b"OCSP"), ["status_type", "response"]),
        (
            m12.ServerKeyExchangeECDHE,
            _SHARE + b"\x04\x03" + vector16(b"sig"),
            ["curve_type", "named_curve", "public", "algorithm", "signature"],
        ),
        (
            m12.ServerKeyExchangeDHE11,
            _DHE + vector16(b"sig"),
            ["dh_p", "dh_g", "dh_Ys", "signature"],
        ),
        (
            m13.CompressedCertificate,
            b"\0\x01\0\0\x08" + vector24(b"nonsense"),
            ["algorithm", "uncompressed_length", "compressed_certificate_message"],
        ),
        (CertificateVerify, b"\x04\x03" + vector16(b"sig"), ["algorithm", "signature"]),
        (m13.KeyUpdate, b"\0", ["request_update"]),
        (m12.ServerHelloDone, b"", []),
    ],
)
def test_a_message_has_the_fields_of_its_version(kind: type[Message], body: bytes, fields: list[str]) -> None:
    event = traced_message(kind.parse(body), body)
    parts = message_parts(event)
    assert names(parts) == ["type", "length", *fields]
    assert data_of(parts) == event.raw


def test_tickets_are_secret_in_both_versions() -> None:
    new = bytes(4) + b"\1\2\3\4" + vector8(b"n") + vector16(b"TICKET") + vector16(b"")
    old = bytes(4) + vector16(b"TICKET")
    for kind, body, secret in (
        (m13.NewSessionTicket, new, ["ticket_age_add", "ticket_nonce", "ticket"]),
        (m12.NewSessionTicket, old, ["ticket"]),
    ):
        parts = message_parts(traced_message(kind.parse(body), body))
        assert [part.name for part in parts if part.secret] == secret


async def test_a_message_of_another_form_than_its_name_says_is_shown_whole() -> None:
    hello = next(e for e in await traced() if isinstance(e, TraceMessage))
    event = dataclasses.replace(hello, raw=hello.raw[:20])
    assert message_parts(event) == (Part("message", hello.raw[:20]),)


async def test_the_certificates_are_those_of_the_message() -> None:
    events = [event for event in await traced() if isinstance(event, TraceMessage)]
    found = {event.name: certificates_of(event) for event in events}
    assert [len(chain) for name, chain in found.items() if name == "Certificate"] == [1]
    assert found["ClientHello"] == ()
