from __future__ import annotations

import hashlib
import ssl

import pytest

from trio_secure._suites import (
    CIPHER_SUITES,
    NONCE_LENGTH,
    SHA256,
    SHA384,
    SUITES_BY_NAME,
    TAG_LENGTH,
    Authentication,
    CipherSuite,
    Hash,
    KeyExchange,
)
from trio_secure._versions import Version

_suites = pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)


def _openssl_rows() -> dict[int, str]:
    context = ssl.create_default_context()
    context.set_ciphers("ALL")
    return {row["id"] & 0xFFFF: row["description"] for row in context.get_ciphers()}


_OPENSSL = _openssl_rows()


def _openssl_words(suite: CipherSuite) -> dict[str, str]:
    """The second opinion: "Kx=ECDH Au=RSA Enc=AESGCM(128) Mac=AEAD" of the suite with this code."""
    words = _OPENSSL[suite.code].split()
    return {"version": words[1]} | dict(word.split("=") for word in words[2:])


@_suites
def test_openssl_knows_the_code_and_means_the_same_by_it(suite: CipherSuite) -> None:
    is_gcm = "GCM" in suite.aead.name
    cipher = f"AESGCM({8 * suite.aead.key_length})" if is_gcm else "CHACHA20/POLY1305(256)"
    exchange = {None: "any", KeyExchange.ECDHE: "ECDH"}[suite.key_exchange]
    proof = {None: "any", Authentication.RSA: "RSA", Authentication.ECDSA: "ECDSA"}[suite.authentication]
    assert _openssl_words(suite) == {
        "version": suite.version.label.replace("TLS ", "TLSv"),
        "Kx": exchange,
        "Au": proof,
        "Enc": cipher,
        "Mac": "AEAD",
    }


@_suites
def test_the_name_says_what_the_row_holds(suite: CipherSuite) -> None:
    cipher = suite.aead.name.replace("-", "_")
    if suite.version == Version.TLS13:
        assert suite.name == f"TLS_{cipher}_{suite.hash.name.upper()}"
        assert suite.key_exchange is None
        assert suite.authentication is None
    else:
        assert suite.key_exchange is not None
        assert suite.authentication is not None
        method = f"{suite.key_exchange.value}_{suite.authentication.value}"
        assert suite.name == f"TLS_{method}_WITH_{cipher}_{suite.hash.name.upper()}"
    assert SUITES_BY_NAME[suite.name] is suite


@_suites
def test_the_aead_takes_the_keys_and_nonces_of_the_row(suite: CipherSuite) -> None:
    cipher = suite.aead.new(bytes(suite.aead.key_length))
    sealed = bytearray(3 + TAG_LENGTH)
    assert cipher.encrypt_into(bytes(NONCE_LENGTH), b"abc", b"header", sealed) == len(sealed)
    plain = bytearray(3)
    assert cipher.decrypt_into(bytes(NONCE_LENGTH), sealed, b"header", plain) == 3
    assert plain == b"abc"


def test_codes_are_unique_and_tls_1_3_comes_first() -> None:
    assert len({suite.code for suite in CIPHER_SUITES}) == len(CIPHER_SUITES)
    versions = [suite.version for suite in CIPHER_SUITES]
    assert versions == sorted(versions, reverse=True)


@_suites
def test_no_key_outlives_what_the_rfc_allows(suite: CipherSuite) -> None:
    """RFC 9846 §5.5 [8446 §5.5]: 2^24.5 records under AES-GCM; elsewhere the sequence number is the limit."""
    assert suite.aead.record_limit <= (2**24.5 if "GCM" in suite.aead.name else 2**64 - 1)


@_suites
def test_how_much_of_the_nonce_tls_1_2_derives(suite: CipherSuite) -> None:
    """RFC 5288 §3 and RFC 7905 §2."""
    assert suite.aead.implicit_iv == (4 if "GCM" in suite.aead.name else 12)


@pytest.mark.parametrize("row", [SHA256, SHA384], ids=lambda row: row.name)
def test_a_hash_is_the_same_in_both_libraries(row: Hash) -> None:
    assert row.empty == hashlib.new(row.name).digest()
    assert row.length == row.algorithm.digest_size == len(row.empty)
    assert row.algorithm.name == row.name
