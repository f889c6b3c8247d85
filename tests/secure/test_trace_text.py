from __future__ import annotations

import zlib

import pytest

from support import rfc8448
from trio_secure import _extensions as ext
from trio_secure import _messages12 as m12
from trio_secure import _messages13 as m13
from trio_secure._codec import vector16
from trio_secure._messages import (
    RETRY_RANDOM,
    CertificateVerify,
    ClientHello,
    Finished,
    HelloRetryRequest,
    ServerHello,
)
from trio_secure._trace_extensions import TraceExtension
from trio_secure._trace_text import details, extensions, fields, printable, summary, title, words

_RANDOM = bytes(range(32))
_STAPLE = bytes.fromhex("01 000002 3000")
_CHAIN = m13.Certificate(
    b"", (m13.CertificateEntry(b"123", {ext.STATUS_REQUEST: _STAPLE}), m13.CertificateEntry(b"12", {}))
)


def client_hello(*more: tuple[int, bytes]) -> ClientHello:
    return ClientHello(0x0303, _RANDOM, b"\x01\x02", (0x1301, 0x2A2A, 0xC0FE), more)


def server_hello(extensions: dict[int, bytes]) -> ServerHello:
    return ServerHello(0x0303, _RANDOM, b"", 0x1301, 0, extensions)


def compressed(data: bytes, length: int) -> m13.CompressedCertificate:
    return m13.CompressedCertificate(1, length, data)


def one_line(message: object) -> str:
    return summary(title(message), fields(message), extensions(message))


# Fields


def test_the_fields_of_a_hello_are_plain_values() -> None:
    assert fields(client_hello((ext.ALPN, b""))) == {
        "legacy_version": "TLS 1.2",
        "random": _RANDOM.hex(),
        "session_id": "0102",
        "cipher_suites": ("TLS_AES_128_GCM_SHA256", "GREASE 0x2a2a", "0xc0fe"),
    }
    assert fields(server_hello({})) == {
        "legacy_version": "TLS 1.2",
        "random": _RANDOM.hex(),
        "session_id": "",
        "cipher_suite": "TLS_AES_128_GCM_SHA256",
        "compression_method": 0,
    }


def test_certificates_are_der() -> None:
    assert fields(_CHAIN) == {"context": "", "certificate_list": (b"123", b"12")}
    assert fields(m12.Certificate((b"123",))) == {"certificate_list": (b"123",)}


def test_a_compressed_certificate_is_looked_into() -> None:
    plain = m13.Certificate(b"", (m13.CertificateEntry(b"123", {}),)).encode()[4:]
    message = compressed(zlib.compress(plain), len(plain))
    found = fields(message)
    assert found["algorithm"] == "zlib"
    assert found["uncompressed_length"] == len(plain)
    assert found["certificate_list"] == (b"123",)
    assert extensions(message) == ()
    assert one_line(message) == "zlib, 1 certificate of 3 bytes"


def test_what_cannot_be_decompressed_is_told_all_the_same() -> None:
    message = compressed(b"nothing of the kind", 10)
    assert "certificate_list" not in fields(message)
    assert extensions(message) == ()
    assert one_line(message) == "zlib, what cannot be decompressed"


def test_long_and_private_bytes_are_only_lengths() -> None:
    found = fields(m13.NewSessionTicket(60, 7, b"\x01", b"secret ticket", {}))
    assert found == {"lifetime": 60, "age_add": 7, "nonce": "01", "ticket": 13}
    assert fields(CertificateVerify(0x0403, bytes(8))) == {
        "algorithm": "ecdsa_secp256r1_sha256",
        "signature": 8,
    }
    assert fields(Finished(bytes(64)))["verify_data"] == "00" * 64
    assert fields(Finished(bytes(65)))["verify_data"] == 65


def test_the_fields_of_a_certificate_request_of_tls12() -> None:
    message = m12.CertificateRequest(b"\x01\x40\x09", (0x0403,), (b"0\0", b"0\x01\0"))
    assert fields(message) == {
        "certificate_types": ("rsa_sign", "ecdsa_sign", "9"),
        "algorithms": ("ecdsa_secp256r1_sha256",),
        "authorities": (2, 3),
    }
    assert details(fields(message), ()) == (
        "certificate_types          rsa_sign, ecdsa_sign, 9",
        "algorithms                 ecdsa_secp256r1_sha256",
        "authorities                2 bytes, 3 bytes",
    )


def test_all_forms_of_a_message_have_its_name() -> None:
    assert title(m12.ServerKeyExchangeDHE11(b"", None, b"", b"", b"", b"")) == "ServerKeyExchange"
    assert title(m12.CertificateVerify11(b"")) == "CertificateVerify"
    assert title(m12.CertificateRequest11(b"", None, ())) == "CertificateRequest"
    assert title(client_hello()) == "ClientHello"


def test_what_is_no_message_has_no_fields_and_no_extensions() -> None:
    assert fields(object()) == {}
    assert extensions(object()) == ()


# Extensions


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (client_hello((ext.SUPPORTED_VERSIONS, b"\x02\x03\x04")), ("TLS 1.3",)),
        (server_hello({ext.SUPPORTED_VERSIONS: b"\x03\x04"}), "TLS 1.3"),
        (HelloRetryRequest(0x0303, RETRY_RANDOM, b"", 0x1301, 0, {ext.KEY_SHARE: b"\x00\x1d"}), "x25519"),
        (m13.EncryptedExtensions({ext.RECORD_SIZE_LIMIT: b"\x10\x00"}), 4096),
        (m13.CertificateRequest(b"", {ext.CERTIFICATE_AUTHORITIES: vector16(vector16(b"0\0"))}), (2,)),
        (m13.NewSessionTicket(1, 0, b"", b"", {ext.EARLY_DATA: bytes(4)}), 0),
        (_CHAIN, {"ocsp": 2}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_message_has_its_extensions_decoded_for_where_they_stand(
    message: object, expected: object
) -> None:
    (extension,) = extensions(message)
    assert extension.value == expected


# Words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (b"\x00\xff", "2 bytes, 00ff"),
        (bytes(17), f"17 bytes, {'00' * 16}..."),
        (("a", 1), "a, 1"),
        ({"x25519": 32, "ages": (1, 2)}, "x25519 (32), ages (1, 2)"),
        ("x", "x"),
    ],
)
def test_values_in_words(value: object, text: str) -> None:
    assert words(value) == text


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (m13.KeyUpdate(update_requested=True), "and asks for ours"),
        (m13.KeyUpdate(update_requested=False), ""),
        (client_hello(), ""),
        (client_hello((ext.SUPPORTED_VERSIONS, b"\x04\x03\x04\x03\x03")), "TLS 1.3, TLS 1.2"),
        (server_hello({}), "TLS 1.2, TLS_AES_128_GCM_SHA256"),
        (
            server_hello({ext.SUPPORTED_VERSIONS: b"\x03\x04", ext.KEY_SHARE: b"\x00\x1d\x00\x01\xff"}),
            "TLS 1.3, TLS_AES_128_GCM_SHA256, x25519",
        ),
        (
            HelloRetryRequest(0x0303, RETRY_RANDOM, b"", 0x1301, 0, {ext.KEY_SHARE: b"\x00\x17"}),
            "TLS 1.2, TLS_AES_128_GCM_SHA256, secp256r1",
        ),
        (m13.EncryptedExtensions({ext.ALPN: b"\x00\x03\x02h2", ext.SERVER_NAME: b""}), "h2"),
        (m13.Certificate(b"", ()), "no certificate"),
        (m12.Certificate((b"1",)), "1 certificate of 1 bytes"),
        (_CHAIN, "2 certificates of 3, 2 bytes"),
        (CertificateVerify(0x0403, b""), "ecdsa_secp256r1_sha256"),
        (m13.NewSessionTicket(60, 0, b"", b"1234", {}), "4 bytes, good for 60 s"),
        (m12.NewSessionTicket(7200, b"1"), "1 byte, good for 7200 s"),
        (Finished(bytes(12)), ""),
        (m12.CertificateStatus(bytes(471)), "471 bytes"),
        (m12.ServerKeyExchangeECDHE(b"", 0x0804, b"", 0x001D, b""), "x25519, rsa_pss_rsae_sha256"),
        (m12.ServerKeyExchangeDHE11(b"", None, b"", bytes(256), b"\x02", b""), "a group of 2048 bits"),
        (object(), ""),
    ],
)
def test_a_message_in_one_line(message: object, line: str) -> None:
    assert one_line(message) == line


def test_lists_and_extensions_have_a_line_each_and_long_ones_more() -> None:
    groups = bytes.fromhex("001d 0017 0018 0019 001e 0100 0101 0102 0103 0104 1a1a 2a2a")
    message = client_hello(
        (ext.EXTENDED_MASTER_SECRET, b""), (ext.SUPPORTED_GROUPS, vector16(groups)), (0x1234, bytes(40))
    )
    lines = details(fields(message), extensions(message))
    assert lines[:2] == (
        "cipher_suites              TLS_AES_128_GCM_SHA256, GREASE 0x2a2a, 0xc0fe",
        "extended_master_secret",
    )
    assert lines[2].startswith("supported_groups           x25519, secp256r1, ")
    assert lines[2].endswith(",")
    assert lines[3].startswith(" " * 27)
    assert lines[3].endswith("GREASE 0x2a2a")
    assert lines[4] == f"extension 4660             40 bytes, {'00' * 16}..."
    assert len(lines) == 5
    assert max(map(len, lines)) <= 27 + 64 + 1


def test_a_value_too_long_for_a_line_stands_behind_its_name() -> None:
    alpn = TraceExtension("application_layer_protocol_negotiation", 16, ("x" * 255, "h2"))
    lines = details({"certificate_list": (), "verify_data": "00"}, [alpn])
    assert lines == (
        f"application_layer_protocol_negotiation {'x' * 255},",
        " " * 27 + "h2",
    )


@pytest.mark.parametrize("trace", rfc8448.TRACES, ids=lambda trace: trace.name)
def test_no_ticket_and_no_key_material_is_in_what_is_shown(trace: rfc8448.Trace) -> None:
    for sent in trace.messages:
        if sent.name == "NewSessionTicket":
            ticket = m13.NewSessionTicket.parse(sent.body)
            shown = "\n".join(details(fields(ticket), extensions(ticket))) + one_line(ticket)
            assert ticket.ticket[:4].hex() not in shown
        if sent.name == "ServerHello":
            hello = ServerHello.parse(sent.body)
            assert hello.extensions[ext.KEY_SHARE][4:].hex() not in "".join(
                details(fields(hello), extensions(hello))
            )


def test_unprintable_characters_are_escaped() -> None:
    assert printable("plain, é, 好") == "plain, é, 好"
    assert printable("a\x1b[2J\n\u202e\udcff") == "a\\x1b[2J\\n\\u202e\\udcff"
