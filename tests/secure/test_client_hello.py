"""What a ClientHello says for each setting."""

from __future__ import annotations

import pytest

from support.scripted_flights import SeenHello, read_hello
from support.scripted_server import PLAIN
from support.sessions import session12, session13
from trio_secure import TLSConfig
from trio_secure import _extensions as ext
from trio_secure._client_hello import bound, bound_length, without
from trio_secure._grease import VALUES
from trio_secure._names import ServerName
from trio_secure._offer import Offer
from trio_secure._sessions import Session
from trio_secure._versions import Version

_NAME = ServerName.parse("scripted.test")
_CLIENT_OF_12 = TLSConfig(max_version=Version.TLS12)
_CLIENT_OF_13 = TLSConfig(min_version=Version.TLS13)


def _hello(config: TLSConfig, name: ServerName | None = _NAME, session: Session | None = None) -> SeenHello:
    return read_hello(Offer.fresh(config, name, session).hello.encode()[4:])


def test_a_hello_offers_both_versions_the_newer_first() -> None:
    hello = _hello(TLSConfig())
    assert hello.extensions[ext.SUPPORTED_VERSIONS] == b"\x04\x03\x04\x03\x03"
    assert list(hello.shares) == [0x11EC, 0x1D]
    assert len(hello.session_id) == 32
    assert hello.suites[:4] == (0x1301, 0x1302, 0x1303, 0x1304)
    assert ext.EXTENDED_MASTER_SECRET in hello.extensions
    assert ext.ALPN not in hello.extensions


def test_a_hello_of_tls12_has_nothing_of_tls13() -> None:
    hello = _hello(_CLIENT_OF_12)
    assert hello.session_id == b""
    assert hello.extensions.keys() == {
        ext.SERVER_NAME,
        ext.EXTENDED_MASTER_SECRET,
        ext.RENEGOTIATION_INFO,
        ext.EC_POINT_FORMATS,
        ext.SUPPORTED_GROUPS,
        ext.SIGNATURE_ALGORITHMS,
        ext.SESSION_TICKET,
        ext.STATUS_REQUEST,
    }
    assert hello.extensions[ext.RENEGOTIATION_INFO] == b"\x00"
    assert hello.extensions[ext.EC_POINT_FORMATS] == b"\x01\x00"
    assert b"\x11\xec" not in hello.extensions[ext.SUPPORTED_GROUPS]


def test_a_hello_of_tls13_has_nothing_of_tls12() -> None:
    hello = _hello(_CLIENT_OF_13)
    assert hello.extensions[ext.SUPPORTED_VERSIONS] == b"\x02\x03\x04"
    assert hello.suites == (0x1301, 0x1302, 0x1303, 0x1304)
    assert not hello.extensions.keys() & {
        ext.EXTENDED_MASTER_SECRET,
        ext.RENEGOTIATION_INFO,
        ext.EC_POINT_FORMATS,
    }


def test_a_hello_without_a_suite_of_tls13_says_nothing_of_it() -> None:
    hello = _hello(TLSConfig(cipher_suites=["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]))
    assert hello.session_id == b""
    assert not hello.extensions.keys() & {ext.SUPPORTED_VERSIONS, ext.KEY_SHARE, ext.PSK_KEY_EXCHANGE_MODES}
    assert b"\x11\xec" not in hello.extensions[ext.SUPPORTED_GROUPS]


def test_a_name_is_sent_and_an_address_is_not() -> None:
    assert _hello(PLAIN).extensions[ext.SERVER_NAME] == b"\x00\x10\x00\x00\x0dscripted.test"
    for name in (ServerName.parse("192.0.2.1"), ServerName.parse("::1"), None):
        assert ext.SERVER_NAME not in _hello(PLAIN, name).extensions


def test_protocols_are_offered_in_order() -> None:
    hello = _hello(PLAIN.replace(alpn=["h2", "http/1.1"]))
    assert hello.extensions[ext.ALPN] == b"\x00\x0c\x02h2\x08http/1.1"


@pytest.mark.parametrize(
    ("highest", "legacy"), [(0x0301, 0x0301), (0x0302, 0x0302), (0x0303, 0x0303), (0x0304, 0x0303)]
)
def test_the_highest_version_is_what_old_servers_see(highest: int, legacy: int) -> None:
    assert _hello(TLSConfig(min_version=0x0301, max_version=highest)).legacy_version == legacy


def test_a_hello_below_tls12_names_no_signature_algorithms() -> None:
    hello = _hello(TLSConfig(min_version=0x0301, max_version=0x0302))
    assert ext.SIGNATURE_ALGORITHMS not in hello.extensions
    assert hello.extensions[ext.ENCRYPT_THEN_MAC] == b""
    assert hello.extensions[ext.EC_POINT_FORMATS] == b"\x01\x00"


def test_encrypt_then_mac_is_for_cbc_and_point_formats_are_for_curves() -> None:
    assert ext.ENCRYPT_THEN_MAC not in _hello(TLSConfig()).extensions
    hello = _hello(TLSConfig(max_version=0x0303, cipher_suites=["TLS_RSA_WITH_AES_128_GCM_SHA256"]))
    assert ext.EC_POINT_FORMATS not in hello.extensions


def test_below_tls13_groups_are_listed_if_a_suite_has_a_use_for_them() -> None:
    """RFC 8422 §4, RFC 7919 §3."""
    groups = ["x25519", "secp256r1", "ffdhe2048"]
    ecdhe, dhe, transport = (
        f"TLS_{kind}_WITH_AES_128_GCM_SHA256" for kind in ("ECDHE_RSA", "DHE_RSA", "RSA")
    )
    for suites, listed in (
        ([ecdhe], b"\0\4\0\x1d\0\x17"),
        ([dhe], b"\0\2\1\0"),
        ([dhe, ecdhe], b"\0\6\0\x1d\0\x17\1\0"),
        ([transport], None),
        ([transport, "TLS_AES_128_GCM_SHA256"], b"\0\6\0\x1d\0\x17\1\0"),
    ):
        highest = Version.TLS13 if suites[-1].startswith("TLS_AES") else Version.TLS12
        hello = _hello(TLSConfig(max_version=highest, cipher_suites=suites, groups=groups))
        assert hello.extensions.get(ext.SUPPORTED_GROUPS) == listed


def test_every_version_accepted_is_listed() -> None:
    hello = _hello(TLSConfig(min_version=0x0301))
    assert hello.extensions[ext.SUPPORTED_VERSIONS] == bytes.fromhex("080304030303020301")


def test_schemes_of_certificates_are_listed_apart_when_named() -> None:
    config = TLSConfig(certificate_signature_algorithms=["ed25519", "rsa_pkcs1_sha256"])
    assert _hello(config).extensions[ext.SIGNATURE_ALGORITHMS_CERT] == b"\x00\x04\x08\x07\x04\x01"
    assert ext.SIGNATURE_ALGORITHMS_CERT not in _hello(TLSConfig()).extensions


def test_what_is_wanted_beside_the_certificate() -> None:
    asks = _hello(TLSConfig(signed_certificate_timestamps=True)).extensions
    assert asks[ext.STATUS_REQUEST] == b"\x01\x00\x00\x00\x00"
    assert asks[ext.SIGNED_CERTIFICATE_TIMESTAMP] == b""
    silent = _hello(TLSConfig(ocsp="ignore")).extensions
    assert not silent.keys() & {ext.STATUS_REQUEST, ext.SIGNED_CERTIFICATE_TIMESTAMP}


def test_limits_of_records() -> None:
    assert _hello(TLSConfig(max_fragment_length=2048)).extensions[ext.MAX_FRAGMENT_LENGTH] == b"\x03"
    assert _hello(TLSConfig(record_size_limit=16385)).extensions[ext.RECORD_SIZE_LIMIT] == b"\x40\x01"
    # Below TLS 1.3 there is a byte less to agree on (RFC 8449 §4).
    old = TLSConfig(record_size_limit=16385, max_version=0x0303)
    assert _hello(old).extensions[ext.RECORD_SIZE_LIMIT] == b"\x40\x00"
    assert not _hello(TLSConfig()).extensions.keys() & {ext.MAX_FRAGMENT_LENGTH, ext.RECORD_SIZE_LIMIT}


def test_extensions_of_tls13() -> None:
    config = TLSConfig(
        certificate_authorities=[b"one", b"two"], post_handshake_auth=True, certificate_compression=["zlib"]
    )
    hello = _hello(config)
    assert hello.extensions[ext.CERTIFICATE_AUTHORITIES] == b"\x00\x0a\x00\x03one\x00\x03two"
    assert hello.extensions[ext.POST_HANDSHAKE_AUTH] == b""
    assert hello.extensions[ext.COMPRESS_CERTIFICATE] == b"\x02\x00\x01"
    assert hello.extensions[ext.PSK_KEY_EXCHANGE_MODES] == b"\x01\x01"
    assert ext.COMPRESS_CERTIFICATE not in _hello(TLSConfig(certificate_compression=[])).extensions


def test_without_a_cache_nothing_is_said_of_sessions() -> None:
    hello = _hello(TLSConfig(cache=False))
    assert not hello.extensions.keys() & {ext.SESSION_TICKET, ext.PSK_KEY_EXCHANGE_MODES}


def test_a_session_is_offered_by_its_id() -> None:
    session = session12(session_id=b"i" * 32, ticket=b"")
    for config in (TLSConfig(), _CLIENT_OF_12):
        hello = _hello(config, session=session)
        assert hello.session_id == b"i" * 32
        assert hello.extensions[ext.SESSION_TICKET] == b""


def test_a_session_is_offered_by_its_ticket() -> None:
    hello = _hello(_CLIENT_OF_12, session=session12(session_id=b"", ticket=b"ticket"))
    assert len(hello.session_id) == 32
    assert hello.extensions[ext.SESSION_TICKET] == b"ticket"


def test_early_data_is_announced() -> None:
    hello = Offer.fresh(PLAIN, _NAME, session13(), early_data=True).hello
    assert (ext.EARLY_DATA, b"") in hello.extensions
    assert ext.EARLY_DATA not in _hello(PLAIN, session=session13()).extensions


@pytest.mark.parametrize("multiple", [2, 7, 64, 512, 4096])
def test_a_hello_may_be_padded(multiple: int) -> None:
    lengths = {
        len(Offer.fresh(PLAIN.replace(hello_padding=multiple, alpn="p" * n), _NAME).hello.encode())
        for n in range(1, 90)
    }
    assert all(length % multiple == 0 for length in lengths)


def test_padding_gives_way_to_what_fills_the_hello() -> None:
    full = PLAIN.replace(certificate_authorities=[b"n" * 32000], alpn=[b"p" * 250] * 65)
    session = session12(session_id=b"", ticket=bytes(14000), version=Version.TLS12)
    config = full.replace(hello_padding=4096, cache=True)
    hello = Offer.fresh(config, _NAME, session).hello
    assert 0 <= hello.room < 4100
    assert ext.PADDING not in dict(hello.extensions)
    assert hello.encode()


def test_it_is_known_how_much_a_bound_key_takes() -> None:
    session = session13()
    hello = Offer.fresh(PLAIN, _NAME).hello
    age, binder = 7, bytes(session.suite.hash.length)
    assert hello.room - bound(hello, session, age, binder).room == bound_length(session)


def test_grease_is_everywhere_and_the_same_twice() -> None:
    hello = _hello(TLSConfig(grease=True))
    extensions = list(hello.extensions)
    assert hello.suites[0] in VALUES
    assert extensions[0] in VALUES
    assert extensions[-1] in VALUES
    assert next(iter(hello.shares)) in VALUES
    assert next(iter(hello.shares.values())) == b"\0"
    for code, at in ((ext.SUPPORTED_GROUPS, 2), (ext.SIGNATURE_ALGORITHMS, 2), (ext.SUPPORTED_VERSIONS, 1)):
        data = hello.extensions[code]
        assert int.from_bytes(data[at : at + 2], "big") in VALUES
        assert int.from_bytes(data[:at], "big") == len(data) - at
    assert hello.extensions[ext.SUPPORTED_GROUPS][2:4] == next(iter(hello.shares)).to_bytes(2, "big")


def test_extensions_can_be_taken_out() -> None:
    hello = Offer.fresh(PLAIN, _NAME).hello
    assert dict(without(hello, [ext.KEY_SHARE]).extensions).keys() == dict(hello.extensions).keys() - {
        ext.KEY_SHARE
    }
