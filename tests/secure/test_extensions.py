from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.properties import bounded, survives
from support.refusals import check_damage_refused, refused
from trio_secure._codec import Reader
from trio_secure._errors import AlertDescription
from trio_secure._extensions import (
    ALPN,
    COOKIE,
    EXTENSION_TYPES,
    KEY_SHARE,
    SERVER_NAME,
    ExtensionType,
    Where,
    check_answers,
    check_requests,
    extension_name,
    read_extensions,
    write_extensions,
)

_CH, _SH, _HRR, _EE = (
    Where.CLIENT_HELLO,
    Where.SERVER_HELLO,
    Where.HELLO_RETRY_REQUEST,
    Where.ENCRYPTED_EXTENSIONS,
)
_CT, _CR, _NST = Where.CERTIFICATE, Where.CERTIFICATE_REQUEST, Where.NEW_SESSION_TICKET

# The table of RFC 9846 §4.3 [8446 §4.2], by IANA's numbers, for TLS 1.3's messages.
_RFC_TABLE = {
    0: ("server_name", _CH | _EE),
    1: ("max_fragment_length", _CH | _EE),
    5: ("status_request", _CH | _CR | _CT),
    10: ("supported_groups", _CH | _EE),
    13: ("signature_algorithms", _CH | _CR),
    16: ("application_layer_protocol_negotiation", _CH | _EE),
    18: ("signed_certificate_timestamp", _CH | _CR | _CT),
    21: ("padding", _CH),
    27: ("compress_certificate", _CH | _CR),
    28: ("record_size_limit", _CH | _EE),
    41: ("pre_shared_key", _CH | _SH),
    42: ("early_data", _CH | _EE | _NST),
    43: ("supported_versions", _CH | _SH | _HRR),
    44: ("cookie", _CH | _HRR),
    45: ("psk_key_exchange_modes", _CH),
    47: ("certificate_authorities", _CH | _CR),
    48: ("oid_filters", _CR),
    49: ("post_handshake_auth", _CH),
    50: ("signature_algorithms_cert", _CH | _CR),
    51: ("key_share", _CH | _SH | _HRR),
}
_UNKNOWN = 0x7A7A


@pytest.mark.parametrize("code", _RFC_TABLE)
def test_the_table_is_the_rfcs(code: int) -> None:
    name, allowed = _RFC_TABLE[code]
    row = EXTENSION_TYPES[code]
    assert (row.code, row.name) == (code, name)
    # server_name in a CertificateRequest is a reserved use that the table leaves open.
    assert row.allowed & ~Where.SERVER_HELLO_12 & ~(_CR if code == 0 else Where(0)) == allowed


def test_what_only_tls_1_2_answers() -> None:
    only_12 = {EXTENSION_TYPES[code].name for code in EXTENSION_TYPES.keys() - _RFC_TABLE.keys()}
    assert only_12 == {
        "ec_point_formats",
        "encrypt_then_mac",
        "extended_master_secret",
        "session_ticket",
        "renegotiation_info",
    }
    for code in EXTENSION_TYPES.keys() - _RFC_TABLE.keys():
        assert EXTENSION_TYPES[code].allowed == _CH | Where.SERVER_HELLO_12


def test_a_block_comes_back_in_order() -> None:
    extensions = [(SERVER_NAME, b"\0\1a"), (_UNKNOWN, b""), (ALPN, b"h2")]
    block = Reader(write_extensions(extensions), "block").vector16()
    assert list(read_extensions(block, "ClientHello").items()) == extensions


def test_the_bytes_of_a_block() -> None:
    assert write_extensions([(KEY_SHARE, b"ab")]) == bytes.fromhex("0006 0033 0002 6162")


def test_an_empty_block_holds_nothing() -> None:
    assert write_extensions([]) == b"\0\0"
    assert read_extensions(b"", "ServerHello") == {}


def test_a_damaged_block_is_refused() -> None:
    block = write_extensions([(SERVER_NAME, b"abc"), (ALPN, b"h2")])[2:]
    check_damage_refused(partial(read_extensions, message="ServerHello"), block, complete_at={0, 7})


@pytest.mark.parametrize(("code", "name"), [(SERVER_NAME, "server_name"), (_UNKNOWN, "extension 31354")])
def test_an_extension_that_comes_twice_is_refused(code: int, name: str) -> None:
    block = write_extensions([(code, b""), (ALPN, b""), (code, b"")])[2:]
    with refused(AlertDescription.ILLEGAL_PARAMETER, f"^ServerHello has two extensions {name}$"):
        read_extensions(block, "ServerHello")


def test_names() -> None:
    assert extension_name(KEY_SHARE) == "key_share"
    assert extension_name(_UNKNOWN) == "extension 31354"


def test_an_answer_to_an_offer_is_good() -> None:
    check_answers({ALPN: b"", SERVER_NAME: b""}, _EE, {ALPN, SERVER_NAME, KEY_SHARE}, "EncryptedExtensions")


@pytest.mark.parametrize("code", [ALPN, _UNKNOWN])
def test_an_answer_nobody_asked_for_is_refused(code: int) -> None:
    with refused(AlertDescription.UNSUPPORTED_EXTENSION, "which was not offered"):
        check_answers({code: b""}, _EE, {SERVER_NAME}, "EncryptedExtensions")


@pytest.mark.parametrize("offered", [set[int](), {KEY_SHARE}])
def test_an_answer_in_the_wrong_message_is_refused(offered: set[int]) -> None:
    with refused(AlertDescription.ILLEGAL_PARAMETER, "^key_share has no place in EncryptedExtensions$"):
        check_answers({KEY_SHARE: b""}, _EE, offered, "EncryptedExtensions")


@pytest.mark.parametrize(
    ("offered", "alert"),
    [(set[int](), AlertDescription.UNSUPPORTED_EXTENSION), ({KEY_SHARE}, AlertDescription.ILLEGAL_PARAMETER)],
)
def test_below_tls13_what_was_not_asked_for_is_told_first(offered: set[int], alert: AlertDescription) -> None:
    """RFC 5246 §7.4.1.4."""
    with refused(alert):
        check_answers({KEY_SHARE: b""}, Where.SERVER_HELLO_12, offered, "ServerHello")


@pytest.mark.parametrize("where", list(Where))
@pytest.mark.parametrize("row", EXTENSION_TYPES.values(), ids=lambda row: row.name)
def test_each_extension_stands_only_where_its_row_says(row: ExtensionType, where: Where) -> None:
    """Every cell of the table."""
    extensions = {row.code: b""}
    if where in row.allowed:
        check_answers(extensions, where, {row.code}, "message")
        check_requests(extensions, where, "message")
    else:
        with refused(AlertDescription.ILLEGAL_PARAMETER):
            check_answers(extensions, where, {row.code}, "message")
        with refused(AlertDescription.ILLEGAL_PARAMETER):
            check_requests(extensions, where, "message")


def test_an_unknown_request_is_passed_over() -> None:
    check_requests({_UNKNOWN: b"anything"}, _NST, "NewSessionTicket")


def test_a_request_in_the_wrong_message_is_refused() -> None:
    with refused(AlertDescription.ILLEGAL_PARAMETER, "^cookie has no place in NewSessionTicket$"):
        check_requests({_UNKNOWN: b"", COOKIE: b""}, _NST, "NewSessionTicket")


@bounded
@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(block: bytes) -> None:
    survives(partial(read_extensions, message="ServerHello"), block)
