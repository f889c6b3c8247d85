from __future__ import annotations

import hashlib
import ssl
from contextlib import suppress

import pytest
from OpenSSL import SSL

from trio_secure._codec import Reader
from trio_secure._suites import (
    BLOCK_LENGTH,
    CIPHER_SUITES,
    NONCE_LENGTH,
    SHA256,
    SHA384,
    SUITES_BY_NAME,
    TAG_LENGTH,
    Aead,
    Authentication,
    Cbc,
    CipherSuite,
    Hash,
    KeyExchange,
    Md5Sha1,
)
from trio_secure._versions import Version

_suites = pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
_AEADS = tuple(suite for suite in CIPHER_SUITES if isinstance(suite.cipher, Aead))
_aeads = pytest.mark.parametrize("suite", _AEADS, ids=lambda suite: suite.name)
_cbcs = pytest.mark.parametrize(
    "suite", [suite for suite in CIPHER_SUITES if suite not in _AEADS], ids=lambda suite: suite.name
)


def _openssl_rows() -> dict[int, str]:
    context = ssl.create_default_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    # The suites of TLS 1.3 are not chosen by set_ciphers, and CCM is not among those that are there by default.
    ccm = "TLS_AES_128_CCM_SHA256 TLSv1.3 Kx=any Au=any Enc=AESCCM(128) Mac=AEAD"
    return {_code_of_ccm(): ccm} | {row["id"] & 0xFFFF: row["description"] for row in context.get_ciphers()}


def _code_of_ccm() -> int:
    """What pyOpenSSL offers that is to offer nothing else."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_tls13_ciphersuites(b"TLS_AES_128_CCM_SHA256")
    connection = SSL.Connection(context)
    connection.set_connect_state()
    with suppress(SSL.WantReadError):
        connection.do_handshake()
    reader = Reader(connection.bio_read(2**14)[5 + 4 + 34 :], "ClientHello")
    reader.vector8()
    return Reader(reader.vector16(2), "cipher_suites").uint16()


_OPENSSL = _openssl_rows()
# OpenSSL's word for the first version that has a suite; what SSL 3.0 had, TLS 1.0 has.
_SINCE = {"TLSv1.3": Version.TLS13, "TLSv1.2": Version.TLS12, "TLSv1": Version.TLS10, "SSLv3": Version.TLS10}


def _openssl_words(suite: CipherSuite) -> dict[str, str]:
    """The second opinion: "Kx=ECDH Au=RSA Enc=AESGCM(128) Mac=AEAD" of the suite with this code."""
    words = _OPENSSL[suite.code].split()
    return {"since": words[1]} | dict(word.split("=") for word in words[2:])


@_suites
def test_openssl_knows_the_code_and_means_the_same_by_it(suite: CipherSuite) -> None:
    words = _openssl_words(suite)
    assert _SINCE[words.pop("since")] == suite.since
    exchanges = {None: "any", KeyExchange.ECDHE: "ECDH", KeyExchange.DHE: "DH", KeyExchange.RSA: "RSA"}
    proofs = {None: "any", Authentication.RSA: "RSA", Authentication.ECDSA: "ECDSA"}
    families = {"AES-128-GCM": "AESGCM", "AES-256-GCM": "AESGCM", "AES-128-CCM": "AESCCM"}
    is_cbc = isinstance(suite.cipher, Cbc)
    family = families.get(suite.cipher.name, "AES" if is_cbc else "CHACHA20/POLY1305")
    assert words == {
        "Kx": exchanges[suite.key_exchange],
        "Au": proofs[suite.authentication],
        "Enc": f"{family}({8 * suite.cipher.key_length})",
        "Mac": suite.cipher.mac.upper() if isinstance(suite.cipher, Cbc) else "AEAD",
    }


@_suites
def test_the_name_says_what_the_row_holds(suite: CipherSuite) -> None:
    cipher = suite.cipher.name.replace("-", "_")
    if isinstance(suite.cipher, Aead):
        cipher += f"_{suite.hash.name.upper()}"
    method = ""
    if suite.key_exchange is not None and suite.authentication is not None:
        methods = dict.fromkeys((suite.key_exchange.value, suite.authentication.value))
        method = "_".join(methods) + "_WITH_"
    assert suite.name == f"TLS_{method}{cipher}"
    assert SUITES_BY_NAME[suite.name] is suite


@_suites
def test_only_tls_1_3_settles_the_rest_elsewhere(suite: CipherSuite) -> None:
    missing = (suite.key_exchange is None, suite.authentication is None)
    assert missing == ((True, True) if suite.fits(Version.TLS13) else (False, False))


@_suites
def test_the_hash_of_the_prf(suite: CipherSuite) -> None:
    """RFC 5246 §5 and RFC 5289 §3: SHA-256, but where the name ends in SHA384."""
    assert suite.hash is (SHA384 if suite.name.endswith("SHA384") else SHA256)


def test_the_versions_of_a_suite() -> None:
    """RFC 5246 §A.5: the suites with AEADs or with SHA-2 are for TLS 1.2 alone."""
    for suite in CIPHER_SUITES:
        fits = [version.label for version in Version if suite.fits(version)]
        if suite.code >> 8 == 0x13:
            assert fits == ["TLS 1.3"]
        elif suite.name.endswith("SHA"):
            assert fits == ["TLS 1.0", "TLS 1.1", "TLS 1.2"]
        else:
            assert fits == ["TLS 1.2"]


@_aeads
def test_the_aead_takes_the_keys_and_nonces_of_the_row(suite: CipherSuite) -> None:
    cipher = suite.aead.new(bytes(suite.aead.key_length))
    sealed = bytearray(3 + TAG_LENGTH)
    assert cipher.encrypt_into(bytes(NONCE_LENGTH), b"abc", b"header", sealed) == len(sealed)
    plain = bytearray(3)
    assert cipher.decrypt_into(bytes(NONCE_LENGTH), sealed, b"header", plain) == 3
    assert plain == b"abc"


@_cbcs
def test_a_suite_with_cbc_has_no_aead(suite: CipherSuite) -> None:
    with pytest.raises(TypeError, match=f"{suite.name} has no AEAD"):
        _ = suite.aead


@_cbcs
def test_the_mac_of_a_suite_with_cbc(suite: CipherSuite) -> None:
    """RFC 5246 §A.5, §C: HMAC with keys as long as the hash's output."""
    assert isinstance(suite.cipher, Cbc)
    assert suite.cipher.mac_length == hashlib.new(suite.cipher.mac).digest_size


def test_the_order_of_preference() -> None:
    """TLS 1.3; then AEADs before CBC, elliptic curves before finite fields; RSA key transport last."""

    def rank(suite: CipherSuite) -> tuple[int, int, int]:
        exchange = suite.key_exchange
        old = 0 if exchange is None else 1
        transport = int(exchange is KeyExchange.RSA)
        return old + transport, int(suite not in _AEADS), int(exchange is KeyExchange.DHE)

    assert sorted(CIPHER_SUITES, key=rank) == list(CIPHER_SUITES)
    assert CIPHER_SUITES[3].name == "TLS_AES_128_CCM_SHA256"
    assert len({suite.code for suite in CIPHER_SUITES}) == len(CIPHER_SUITES) == 31


def test_what_is_offered_by_default() -> None:
    offered = [suite for suite in CIPHER_SUITES if suite.by_default]
    assert all(suite in _AEADS for suite in offered)
    exchanges = [suite.key_exchange for suite in offered]
    assert exchanges == [None] * 4 + [KeyExchange.ECDHE] * 6 + [KeyExchange.DHE] * 3


@_suites
def test_no_key_outlives_what_is_sound(suite: CipherSuite) -> None:
    """RFC 9846 §5.5 [8446 §5.5] for GCM and ChaCha20, RFC 9147 §4.5.3 for CCM; CBC is held to 2^32 blocks."""
    limit = suite.cipher.record_limit
    if isinstance(suite.cipher, Cbc):
        assert limit * 2**14 <= 2**32 * BLOCK_LENGTH
    elif "GCM" in suite.name:
        assert limit <= 2**24.5
    elif "CCM" in suite.name:
        assert limit <= 2**23
    else:
        assert limit < 2**64


@_aeads
def test_how_much_of_the_nonce_tls_1_2_derives(suite: CipherSuite) -> None:
    """RFC 5288 §3, RFC 6655 §3 and RFC 7905 §2."""
    assert suite.aead.implicit_iv == (12 if "CHACHA20" in suite.name else 4)


@pytest.mark.parametrize("row", [SHA256, SHA384], ids=lambda row: row.name)
def test_a_hash_is_what_its_name_says(row: Hash) -> None:
    assert row.empty == row.new().digest() == hashlib.new(row.name).digest()
    assert row.length == len(row.empty)


@pytest.mark.parametrize("row", [SHA256, SHA384], ids=lambda row: row.name)
def test_a_running_hash_may_branch(row: Hash) -> None:
    running = row.new(b"ab")
    branch = running.copy()
    running.update(b"c")
    assert running.digest() == hashlib.new(row.name, b"abc").digest()
    assert branch.digest() == hashlib.new(row.name, b"ab").digest()


def test_both_hashes_of_old_versions() -> None:
    """RFC 2246 §7.4.9: MD5(handshake_messages) + SHA-1(handshake_messages)."""

    def expected(data: bytes) -> bytes:
        return hashlib.md5(data).digest() + hashlib.sha1(data).digest()  # noqa: S324  # as the RFC says

    assert Md5Sha1.new().digest() == expected(b"")
    running = Md5Sha1.new(b"ab")
    branch = running.copy()
    running.update(b"c")
    assert running.digest() == expected(b"abc")
    assert branch.digest() == expected(b"ab")


@_suites
def test_the_transcript_hash_of_a_version(suite: CipherSuite) -> None:
    for version in Version:
        expected = suite.hash.new(b"x") if version >= Version.TLS12 else Md5Sha1.new(b"x")
        assert suite.transcript_hash(version).new(b"x").digest() == expected.digest()


def test_the_kind_of_a_suite() -> None:
    kinds = {suite.kind for suite in CIPHER_SUITES}
    assert kinds == {None, "ECDHE_ECDSA", "ECDHE_RSA", "DHE_RSA", "RSA_RSA"}
