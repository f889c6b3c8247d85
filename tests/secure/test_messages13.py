from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.properties import bounded, survives
from support.refusals import check_damage_refused, refused
from support.rfc8448 import TRACES
from trio_secure._codec import vector8, vector16, vector24
from trio_secure._compression import ALGORITHMS_BY_NAME
from trio_secure._errors import AlertDescription
from trio_secure._extensions import write_extensions
from trio_secure._messages import Message
from trio_secure._messages13 import (
    Certificate,
    CertificateEntry,
    CertificateRequest,
    CompressedCertificate,
    EncryptedExtensions,
    KeyUpdate,
    NewSessionTicket,
)

_KINDS: dict[str, type[Message]] = {
    kind.__name__: kind
    for kind in (
        EncryptedExtensions,
        CertificateRequest,
        Certificate,
        CompressedCertificate,
        NewSessionTicket,
        KeyUpdate,
    )
}
_RECORDED = [
    pytest.param(_KINDS[message.name], message.wire, id=f"{trace.name}-{message.who}-{message.name}")
    for trace in TRACES
    for message in trace.messages
    if message.name in _KINDS
]
_HAND_MADE = [
    pytest.param(KeyUpdate, b"\x18\0\0\1\0", id="KeyUpdate-not-requested"),
    pytest.param(KeyUpdate, b"\x18\0\0\1\1", id="KeyUpdate-requested"),
    pytest.param(CompressedCertificate, b"\x19\0\0\x0b\0\1\0\0\7\0\0\3zip", id="CompressedCertificate"),
]


@pytest.mark.parametrize(("kind", "wire"), _RECORDED + _HAND_MADE)
def test_a_recorded_message_parses_and_a_damaged_one_is_refused(kind: type[Message], wire: bytes) -> None:
    assert wire[0] == kind.type
    assert len(wire) - 4 <= kind.max_length
    assert kind.admits(wire[4:])
    check_damage_refused(kind.parse, wire[4:])


def _bodies(name: str) -> list[bytes]:
    return [message.body for trace in TRACES for message in trace.messages if message.name == name]


def test_the_traces_hold_every_message_but_two() -> None:
    assert [name for name in _KINDS if not _bodies(name)] == ["CompressedCertificate", "KeyUpdate"]


def test_encrypted_extensions() -> None:
    assert EncryptedExtensions.parse(_bodies("EncryptedExtensions")[0]) == EncryptedExtensions(
        {
            10: bytes.fromhex("0012 001d 0017 0018 0019 0100 0101 0102 0103 0104"),
            28: b"\x40\x01",
            0: b"",
        }
    )


def test_a_certificate_request() -> None:
    (body,) = _bodies("CertificateRequest")
    request = CertificateRequest.parse(body)
    assert request.context == b""
    assert request.extensions.keys() == {13}
    assert request.extensions[13][:4] == bytes.fromhex("001e 0403")


def test_a_certificate_comes_back() -> None:
    for body in _bodies("Certificate"):
        certificate = Certificate.parse(body)
        (entry,) = certificate.certificate_list
        assert entry.cert_data[:2] == b"\x30\x82"
        assert entry.extensions == {}
        assert certificate.encode()[4:] == body


def test_a_chain_comes_back_with_its_context() -> None:
    chain = Certificate(b"context", (CertificateEntry(b"leaf", {}), CertificateEntry(b"issuer", {})))
    assert Certificate.parse(chain.encode()[4:]) == chain


def test_no_certificate_comes_back() -> None:
    nothing = Certificate(b"", ())
    assert nothing.encode() == bytes.fromhex("0b 000004 00 000000")
    assert Certificate.parse(nothing.encode()[4:]) == nothing


def _certificate(entries: bytes) -> bytes:
    return vector8(b"") + vector24(entries)


def test_the_extensions_of_an_entry_are_kept() -> None:
    body = _certificate(vector24(b"leaf") + write_extensions([(5, b"response")]))
    assert Certificate.parse(body).certificate_list == (CertificateEntry(b"leaf", {5: b"response"}),)


@pytest.mark.parametrize(
    "entries",
    [
        vector24(b"") + b"\0\0",
        vector24(b"leaf"),
        vector24(b"leaf") + b"\0",
        vector24(b"leaf") + b"\0\0" + b"\0",
        vector24(b"leaf") + vector16(b"\0"),
    ],
)
def test_a_damaged_entry_is_refused(entries: bytes) -> None:
    with refused(AlertDescription.DECODE_ERROR, "malformed"):
        Certificate.parse(_certificate(entries))


_TWICE = write_extensions([(0, b""), (0, b"")])


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (EncryptedExtensions, _TWICE),
        (CertificateRequest, b"\0" + _TWICE),
        (Certificate, _certificate(vector24(b"leaf") + _TWICE)),
        (NewSessionTicket, bytes(8) + b"\0" + b"\0\1t" + _TWICE),
    ],
)
def test_an_extension_that_comes_twice_is_refused(kind: type[Message], body: bytes) -> None:
    with refused(AlertDescription.ILLEGAL_PARAMETER, f"{kind.__name__} has two extensions server_name"):
        kind.parse(body)


_ZLIB = ALGORITHMS_BY_NAME["zlib"]


def _compressed(body: bytes, length: int | None = None) -> CompressedCertificate:
    return CompressedCertificate(_ZLIB.code, len(body) if length is None else length, zlib.compress(body))


def test_a_compressed_certificate() -> None:
    body = b"\0\2" + b"\0\0\7" + vector24(b"\x78\xda!")
    assert CompressedCertificate.parse(body) == CompressedCertificate(2, 7, b"\x78\xda!")


def test_a_compressed_certificate_of_nothing_is_refused() -> None:
    with refused(AlertDescription.DECODE_ERROR, r"outside <1\.\.16777215>"):
        CompressedCertificate.parse(b"\0\1" + b"\0\0\7" + vector24(b""))


def test_a_compressed_certificate_is_the_certificate_that_was_compressed() -> None:
    for body in _bodies("Certificate"):
        assert _compressed(body).decompress([ALGORITHMS_BY_NAME["brotli"], _ZLIB]) == Certificate.parse(body)


def test_a_compression_that_was_not_offered_is_refused() -> None:
    with refused(AlertDescription.ILLEGAL_PARAMETER, "compressed with algorithm 1, which was not offered"):
        _compressed(_certificate(b"")).decompress([ALGORITHMS_BY_NAME["brotli"]])


@pytest.mark.parametrize("length", [0, 3, 5, Certificate.max_length])
def test_a_compressed_certificate_of_another_length_is_refused(length: int) -> None:
    with refused(AlertDescription.BAD_CERTIFICATE, "the certificate compressed with zlib"):
        _compressed(_certificate(b""), length).decompress([_ZLIB])


def test_a_compressed_certificate_may_be_as_long_as_one_that_is_not() -> None:
    longest = _certificate(vector24(bytes(Certificate.max_length - 9)) + b"\0\0")
    assert _compressed(longest).decompress([_ZLIB]) == Certificate.parse(longest)
    with refused(AlertDescription.BAD_CERTIFICATE, "a compressed Certificate of 131073 bytes, above 131072"):
        _compressed(longest, Certificate.max_length + 1).decompress([_ZLIB])


def test_what_was_compressed_is_held_to_the_same_rules() -> None:
    with refused(AlertDescription.DECODE_ERROR, "^malformed Certificate: "):
        _compressed(_certificate(b"") + b"\0").decompress([_ZLIB])


def test_a_ticket() -> None:
    (body,) = _bodies("NewSessionTicket")
    ticket = NewSessionTicket.parse(body)
    assert ticket.lifetime == 30
    assert ticket.age_add == 0xFAD6AAC5
    assert ticket.nonce == b"\0\0"
    assert len(ticket.ticket) == 178
    assert ticket.extensions == {42: b"\0\0\4\0"}


def test_an_empty_ticket_is_refused() -> None:
    with refused(AlertDescription.DECODE_ERROR, r"outside <1\.\.65535>"):
        NewSessionTicket.parse(bytes(8) + b"\0" + b"\0\0" + b"\0\0")


def test_an_unknown_extension_of_a_ticket_is_passed_over() -> None:
    body = bytes(8) + b"\0" + b"\0\1t" + write_extensions([(0x7A7A, b"x")])
    assert NewSessionTicket.parse(body).extensions == {0x7A7A: b"x"}


def test_a_known_extension_has_no_place_in_a_ticket() -> None:
    with refused(AlertDescription.ILLEGAL_PARAMETER, "^server_name has no place in NewSessionTicket$"):
        NewSessionTicket.parse(bytes(8) + b"\0" + b"\0\1t" + write_extensions([(0, b"")]))


@pytest.mark.parametrize("requested", [False, True])
def test_a_key_update_comes_back(requested: bool) -> None:
    update = KeyUpdate(requested)
    assert update.encode() == bytes([24, 0, 0, 1, requested])
    assert KeyUpdate.parse(update.encode()[4:]) == update


@pytest.mark.parametrize("value", [2, 255])
def test_a_key_update_that_asks_for_something_else_is_refused(value: int) -> None:
    with refused(AlertDescription.ILLEGAL_PARAMETER, f"request_update is {value}"):
        KeyUpdate.parse(bytes([value]))


@bounded
@given(
    st.sampled_from(list(_KINDS.values())), st.binary(max_size=96), st.integers(0, 64), st.binary(max_size=3)
)
def test_any_bytes_are_parsed_or_refused(kind: type[Message], body: bytes, at: int, other: bytes) -> None:
    survives(kind.parse, body)
    for recorded in _bodies(kind.__name__):
        survives(kind.parse, recorded[:at] + other + recorded[at + len(other) :])
