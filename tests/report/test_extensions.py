from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.properties import bounded
from trio_secure import TraceExtension
from trio_secure import _extensions as ext
from trio_secure._codec import vector8, vector16, vector24
from trio_secure._extensions import EXTENSION_TYPES, Where, write_extensions
from trio_secure._trace_extensions import decode_extensions
from trio_secure_report._extensions import extension_block
from trio_secure_report._parts import Cursor, Part, taken_apart

CH, SH = "ClientHello", "ServerHello"
PLACES = {
    CH: Where.CLIENT_HELLO,
    SH: Where.SERVER_HELLO,
    "HelloRetryRequest": Where.HELLO_RETRY_REQUEST,
    "Certificate": Where.CERTIFICATE,
    "CertificateRequest": Where.CERTIFICATE_REQUEST,
    "EncryptedExtensions": Where.ENCRYPTED_EXTENSIONS,
    "NewSessionTicket": Where.NEW_SESSION_TICKET,
}


def block(message: str, pairs: Sequence[tuple[int, bytes]]) -> Part:
    decoded = decode_extensions(pairs, PLACES[message])
    (part,) = taken_apart(
        write_extensions(pairs), lambda cursor: extension_block(cursor, message, iter(decoded))
    )
    return part


def flat(part: Part) -> list[tuple[str, str, str]]:
    """Name, bytes and value of a part and of all within."""
    inside = [row for one in part.parts for row in flat(one)]
    return [(part.name, part.data.hex(), part.value), *inside]


def data_of(part: Part) -> bytes:
    return part.data + b"".join(map(data_of, part.parts))


@pytest.mark.parametrize(
    ("message", "code", "data", "expected"),
    [
        (CH, ext.SERVER_NAME, vector16(b"\0" + vector16(b"h.example")), ("host_name", "h.example")),
        (CH, ext.MAX_FRAGMENT_LENGTH, b"\x02", ("length", "1024 bytes")),
        (CH, ext.STATUS_REQUEST, b"\x01\0\0\0\0", ("status_type", "ocsp")),
        ("Certificate", ext.STATUS_REQUEST, b"\x01" + vector24(b"OCSP"), ("status_type", "ocsp")),
        (CH, ext.SUPPORTED_GROUPS, vector16(b"\0\x1d\0\x17"), ("group", "x25519")),
        (CH, ext.EC_POINT_FORMATS, vector8(b"\0"), ("format", "uncompressed")),
        (CH, ext.SIGNATURE_ALGORITHMS, vector16(b"\x08\x04"), ("scheme", "rsa_pss_rsae_sha256")),
        (CH, ext.ALPN, vector16(vector8(b"h2") + vector8(b"x")), ("protocol", "h2")),
        ("Certificate", ext.SIGNED_CERTIFICATE_TIMESTAMP, vector16(vector16(b"SCT")), ("SCT", "3 bytes")),
        (
            "CertificateRequest",
            ext.CERTIFICATE_AUTHORITIES,
            vector16(vector16(b"DN")),
            ("authority", "2 bytes"),
        ),
        (CH, ext.COMPRESS_CERTIFICATE, vector8(b"\0\x01"), ("algorithm", "zlib")),
        (CH, ext.RECORD_SIZE_LIMIT, b"\x40\x01", ("limit", "16385 bytes")),
        ("NewSessionTicket", ext.EARLY_DATA, b"\0\0\x40\0", ("max_early_data_size", "16384 bytes")),
        (CH, ext.SUPPORTED_VERSIONS, vector8(b"\x03\x04\x03\x03"), ("version", "TLS 1.3")),
        (SH, ext.SUPPORTED_VERSIONS, b"\x03\x04", ("selected_version", "TLS 1.3")),
        ("HelloRetryRequest", ext.COOKIE, vector16(b"crumbs"), ("cookie", "6 bytes")),
        (CH, ext.PSK_KEY_EXCHANGE_MODES, vector8(b"\x01"), ("mode", "psk_dhe_ke")),
        (CH, ext.KEY_SHARE, vector16(b"\0\x1d" + vector16(bytes(32))), ("group", "x25519")),
        (SH, ext.KEY_SHARE, b"\0\x1d" + vector16(bytes(32)), ("key_exchange", "32 bytes")),
        ("HelloRetryRequest", ext.KEY_SHARE, b"\0\x17", ("selected_group", "secp256r1")),
        (SH, ext.PRE_SHARED_KEY, b"\0\0", ("selected_identity", "0")),
        (CH, ext.RENEGOTIATION_INFO, b"\0", ("renegotiated_connection", "0 bytes")),
        (CH, 0x1234, b"odd", ("data", "")),
        (CH, ext.EXTENDED_MASTER_SECRET, b"", ("extended_master_secret", "empty")),
    ],
)
def test_an_extension_is_taken_apart_and_keeps_all_its_bytes(
    message: str, code: int, data: bytes, expected: tuple[str, str]
) -> None:
    part = block(message, [(code, data)])
    assert expected in [(name, value) for name, _, value in flat(part)]
    assert data_of(part) == write_extensions([(code, data)])


def test_what_is_not_in_its_form_is_shown_as_it_came() -> None:
    part = block(CH, [(ext.SUPPORTED_VERSIONS, b"\x09\x03\x04"), (0x0A0A, b"")])
    assert flat(part)[1:] == [
        ("supported_versions", "002b0003", "3 bytes"),
        ("data", "090304", ""),
        ("GREASE 0x0a0a", "0a0a0000", "empty"),
    ]
    assert part.parts[1].means == "GREASE"


def test_what_would_resume_a_session_is_marked_as_secret() -> None:
    identity = vector16(vector16(b"ticket") + bytes(4)) + vector16(vector8(bytes(32)))
    part = block(CH, [(ext.PRE_SHARED_KEY, identity), (ext.SESSION_TICKET, b"old ticket")])

    def secrets(part: Part) -> list[bytes]:
        return ([part.data] if part.secret else []) + [one for inner in part.parts for one in secrets(inner)]

    assert secrets(part) == [b"\0\x06ticket", b"old ticket"]


def test_extensions_may_be_left_out_altogether() -> None:
    assert taken_apart(b"", lambda cursor: extension_block(cursor, SH, iter(()))) == ()


def test_more_extensions_than_were_decoded_are_shown_by_number() -> None:
    def layout(cursor: Cursor) -> None:
        extension_block(cursor, CH, iter([TraceExtension("cookie", 44, None)]))

    (part,) = taken_apart(write_extensions([(44, b""), (7, b"")]), layout)
    assert [one.name for one in part.parts] == ["cookie", "extension 7"]


@bounded
@given(
    message=st.sampled_from(sorted(PLACES)),
    code=st.sampled_from(sorted(EXTENSION_TYPES)),
    data=st.binary(max_size=200),
)
def test_whatever_stands_in_an_extension_is_shown_to_its_last_byte(
    message: str, code: int, data: bytes
) -> None:
    assert data_of(block(message, [(code, data)])) == write_extensions([(code, data)])
