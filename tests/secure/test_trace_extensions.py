from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import rfc8448
from trio_secure import _extensions as ext
from trio_secure._codec import Reader
from trio_secure._extensions import EXTENSION_TYPES, Where, read_extensions
from trio_secure._trace_extensions import (
    Size,
    TraceExtension,
    compression_name,
    decode_extensions,
    group_name,
    scheme_name,
    suite_name,
    version_name,
)

_CH, _SH, _HRR = Where.CLIENT_HELLO, Where.SERVER_HELLO, Where.HELLO_RETRY_REQUEST


def value(code: int, where: Where, data: bytes) -> object:
    (extension,) = decode_extensions([(code, data)], where)
    return extension.value


def test_a_size_is_a_number_that_reads_as_bytes() -> None:
    assert f"{Size(1)}, {Size(2)}" == "1 byte, 2 bytes"
    assert json.dumps([Size(7), Size(1) + Size(2)]) == "[7, 3]"


def test_codes_have_their_registered_names() -> None:
    assert suite_name(0x1301) == "TLS_AES_128_GCM_SHA256"
    assert group_name(0x001D) == "x25519"
    assert scheme_name(0x0807) == "ed25519"
    assert version_name(0x0303) == "TLS 1.2"
    assert compression_name(2) == "brotli"


@pytest.mark.parametrize("name", [suite_name, group_name, scheme_name, version_name, compression_name])
def test_codes_without_a_name_stay_numbers_and_grease_is_called_so(name: object) -> None:
    assert callable(name)
    assert name(0xC0FE) == "0xc0fe"
    assert name(0x0A0A) == "GREASE 0x0a0a"
    assert name(0xFAFA) == "GREASE 0xfafa"
    assert name(0x0A1A) == "0x0a1a"


def test_extensions_keep_their_order_and_their_codes() -> None:
    found = decode_extensions([(0x2A2A, b""), (23, b""), (0x1234, b"\0")], _CH)
    assert found == (
        TraceExtension("GREASE 0x2a2a", 0x2A2A, None),
        TraceExtension("extended_master_secret", 23, None),
        TraceExtension("extension 4660", 0x1234, b"\0"),
    )


@pytest.mark.parametrize(
    ("code", "where", "data", "expected"),
    [
        (ext.SERVER_NAME, _CH, "000e 00 000b 6578616d706c652e636f6d", "example.com"),
        (ext.MAX_FRAGMENT_LENGTH, _CH, "01", 512),
        (ext.MAX_FRAGMENT_LENGTH, Where.ENCRYPTED_EXTENSIONS, "04", 4096),
        (ext.MAX_FRAGMENT_LENGTH, Where.SERVER_HELLO_12, "ff", 255),
        (ext.STATUS_REQUEST, _CH, "01 0000 0000", "ocsp"),
        (ext.STATUS_REQUEST, Where.CERTIFICATE_REQUEST, "07 0000 0000", "status type 7"),
        (ext.STATUS_REQUEST, Where.CERTIFICATE, "01 000003 308201", {"ocsp": 3}),
        (ext.SUPPORTED_GROUPS, _CH, "0006 001d 3a3a fefe", ("x25519", "GREASE 0x3a3a", "0xfefe")),
        (ext.EC_POINT_FORMATS, _CH, "02 00 07", ("uncompressed", "7")),
        (ext.SIGNATURE_ALGORITHMS, _CH, "0004 0403 0804", ("ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256")),
        (ext.SIGNATURE_ALGORITHMS_CERT, _CH, "0002 0807", ("ed25519",)),
        (ext.ALPN, _CH, "000c 02 6832 08 687474702f312e31", ("h2", "http/1.1")),
        (ext.ALPN, Where.ENCRYPTED_EXTENSIONS, "0003 02 ff0a", ("\udcff\n",)),
        (ext.SIGNED_CERTIFICATE_TIMESTAMP, Where.CERTIFICATE, "0007 0002 0102 0001 03", (2, 1)),
        (ext.PADDING, _CH, "000000", 3),
        (ext.COMPRESS_CERTIFICATE, _CH, "04 0001 0002", ("zlib", "brotli")),
        (ext.RECORD_SIZE_LIMIT, _CH, "4001", 16385),
        (ext.SESSION_TICKET, _CH, "0102030405", 5),
        (ext.PRE_SHARED_KEY, _SH, "0000", {"selected_identity": 0}),
        (ext.EARLY_DATA, Where.NEW_SESSION_TICKET, "00004000", 16384),
        (ext.SUPPORTED_VERSIONS, _CH, "06 7a7a 0304 0301", ("GREASE 0x7a7a", "TLS 1.3", "TLS 1.0")),
        (ext.SUPPORTED_VERSIONS, _SH, "0304", "TLS 1.3"),
        (ext.SUPPORTED_VERSIONS, _HRR, "7f1c", "0x7f1c"),
        (ext.COOKIE, _HRR, "0002 0102", 2),
        (ext.PSK_KEY_EXCHANGE_MODES, _CH, "03 01 e4 02", ("psk_dhe_ke", "GREASE 0xe4", "2")),
        (ext.CERTIFICATE_AUTHORITIES, Where.CERTIFICATE_REQUEST, "0005 0003 300100", (3,)),
        (ext.OID_FILTERS, Where.CERTIFICATE_REQUEST, "000a 05 0603551d0f 0002 0303", ("0603551d0f",)),
        (ext.KEY_SHARE, _CH, "000a 4a4a 0001 00 001d 0001 ff", {"GREASE 0x4a4a": 1, "x25519": 1}),
        (ext.KEY_SHARE, _SH, "001d 0002 ffff", {"x25519": 2}),
        (ext.KEY_SHARE, _HRR, "0017", "secp256r1"),
        (ext.RENEGOTIATION_INFO, _CH, "00", 0),
        # Nothing is known of these where they stand.
        (ext.PRE_SHARED_KEY, Where.CERTIFICATE, "0000", b"\0\0"),
        (ext.SERVER_NAME, _SH, "0000", b"\0\0"),
    ],
)
def test_an_extension_is_put_into_values(code: int, where: Where, data: str, expected: object) -> None:
    assert value(code, where, bytes.fromhex(data)) == expected


@pytest.mark.parametrize(
    ("code", "where", "data"),
    [
        (ext.SUPPORTED_VERSIONS, _SH, "030400"),
        (ext.SUPPORTED_VERSIONS, _SH, "03"),
        (ext.SUPPORTED_GROUPS, _CH, "0003 001d00"),
        (ext.ALPN, _CH, "0003 056832"),
        (ext.STATUS_REQUEST, Where.CERTIFICATE, "01 ffffff 30"),
    ],
)
def test_what_is_malformed_stays_the_bytes_it_is(code: int, where: Where, data: str) -> None:
    assert value(code, where, bytes.fromhex(data)) == bytes.fromhex(data)


@given(
    code=st.sampled_from([*EXTENSION_TYPES, 0x1234]),
    where=st.sampled_from(list(Where)),
    data=st.binary(max_size=40),
)
def test_nothing_a_peer_sends_makes_it_fail(code: int, where: Where, data: bytes) -> None:
    assert (value(code, where, data) is None) == (not data)


@pytest.mark.parametrize("trace", [*rfc8448.TRACES, rfc8448.RESUMED], ids=lambda trace: trace.name)
def test_every_extension_of_the_traces_of_rfc_8448_is_understood(trace: rfc8448.Trace) -> None:
    places = {"ClientHello": _CH, "ServerHello": _SH, "HelloRetryRequest": _HRR}
    for hello in trace.hellos:
        extensions = _extensions_of_hello(hello)
        found = decode_extensions(extensions.items(), places[hello.name])
        assert [extension.code for extension in found] == list(extensions)
        assert not [extension.name for extension in found if isinstance(extension.value, bytes)]


def _extensions_of_hello(hello: rfc8448.Sent) -> dict[int, bytes]:
    reader = Reader(hello.body, hello.name)
    reader.opaque(34)
    reader.vector8()
    if hello.name == "ClientHello":
        reader.vector16()
        reader.vector8()
    else:
        reader.opaque(3)
    return read_extensions(reader.vector16(), hello.name)


def test_of_a_pre_shared_key_only_numbers_are_told() -> None:
    hello = rfc8448.RESUMED.hellos[0]
    told = value(ext.PRE_SHARED_KEY, _CH, _extensions_of_hello(hello)[ext.PRE_SHARED_KEY])
    # RFC 8448 §4: a ticket of 178 bytes, and one binder of SHA-256.
    assert told == {"identities": (178,), "obfuscated_ticket_ages": (0xFAD6AACB,), "binders": (32,)}
