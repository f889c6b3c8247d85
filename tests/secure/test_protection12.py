from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from support.many_records import check_many_records
from support.openssl_tls12 import REQUEST, RESPONSE, connection12
from support.record_keys import (
    CBC_PROTECTIONS,
    SUITES_12,
    Protection,
    framed,
    open_record,
    record_12,
    seal,
    write_key,
)
from support.refusals import refused
from trio_secure._errors import AlertDescription
from trio_secure._keys12 import MasterSecret
from trio_secure._protection import MAX_CONTENT, ContentType
from trio_secure._protection12 import Opener12, Sealer12, opener, sealer
from trio_secure._protection_cbc import OpenerCBC, SealerCBC
from trio_secure._suites import CipherSuite
from trio_secure._versions import Version

APPLICATION_DATA, HANDSHAKE = ContentType.APPLICATION_DATA, ContentType.HANDSHAKE
_suites = pytest.mark.parametrize("suite", SUITES_12, ids=lambda suite: suite.name)


@_suites
@pytest.mark.parametrize("encrypt_then_mac", [False, True])
def test_an_aead_has_its_own_protection_whatever_was_agreed(
    suite: CipherSuite, encrypt_then_mac: bool
) -> None:
    """RFC 7366 §3: encrypt-then-MAC is not for AEADs."""
    assert type(opener(write_key(suite), encrypt_then_mac=encrypt_then_mac)) is Opener12
    assert type(sealer(write_key(suite), encrypt_then_mac=encrypt_then_mac)) is Sealer12


@pytest.mark.parametrize("protection", CBC_PROTECTIONS, ids=lambda row: row.name)
def test_cbc_is_another_protection(protection: Protection) -> None:
    suite, version, encrypt_then_mac = protection
    key = write_key(suite, version)
    assert type(opener(key, encrypt_then_mac=encrypt_then_mac)) is OpenerCBC
    assert type(sealer(key, encrypt_then_mac=encrypt_then_mac)) is SealerCBC


@_suites
def test_the_records_of_openssl_open(suite: CipherSuite) -> None:
    connection = connection12(suite)
    keys = MasterSecret(suite, Version.TLS12, connection.master_secret).write_keys(
        connection.client_random, connection.server_random
    )
    flows = (connection.client, REQUEST), (connection.server, RESPONSE)
    for key, (records, content) in zip(keys, flows, strict=True):
        ours = Opener12(key)
        opened = [open_record(ours, record) for record in records]
        assert opened[0][0] == HANDSHAKE
        assert opened[1:] == [(APPLICATION_DATA, content), (ContentType.ALERT, b"\1\0")]


@_suites
@pytest.mark.parametrize("content", [b"", b"abc", bytes(MAX_CONTENT)])
def test_records_are_what_cryptography_makes(suite: CipherSuite, content: bytes) -> None:
    ours, theirs = Sealer12(write_key(suite)), Opener12(write_key(suite))
    for sequence in range(3):
        record = record_12(suite, sequence, HANDSHAKE, content)
        assert seal(ours, HANDSHAKE, content) == record
        assert open_record(theirs, record) == (HANDSHAKE, content)


@_suites
def test_the_nonces_that_are_sent_differ(suite: CipherSuite) -> None:
    """RFC 5288 §3; RFC 7905 §2 sends none."""
    ours = Sealer12(write_key(suite))
    first, second = (seal(ours, APPLICATION_DATA, b"a") for _ in range(2))
    assert ours.overhead == (29 if "GCM" in suite.name else 21)
    if "GCM" in suite.name:
        assert first[5:13] != second[5:13]


def test_the_explicit_nonce_is_the_peers_choice() -> None:
    """RFC 5288 §3: only the sender has to know how it makes them unique."""
    key, explicit = write_key(SUITES_12[0]), b"anything"
    additional = bytes(8) + b"\x17\x03\x03\0\3"
    fragment = explicit + AESGCM(key.key).encrypt(key.iv + explicit, b"abc", additional)
    record = framed(Version.TLS12, APPLICATION_DATA, fragment)
    assert open_record(Opener12(key), record) == (APPLICATION_DATA, b"abc")


@_suites
def test_a_content_that_is_too_long_is_refused_each_time(suite: CipherSuite) -> None:
    ours = Opener12(write_key(suite))
    assert ours.max_fragment == 2**14 + 2048
    for _ in range(2):
        with refused(AlertDescription.RECORD_OVERFLOW, f"a record holds {MAX_CONTENT + 1} bytes"):
            open_record(ours, record_12(suite, 0, APPLICATION_DATA, bytes(MAX_CONTENT + 1)))


@_suites
def test_a_limit_holds_exactly(suite: CipherSuite) -> None:
    """RFC 6066 §4, RFC 8449 §4."""
    ours, theirs = Sealer12(write_key(suite)), Opener12(write_key(suite))
    theirs.limit(64)
    assert theirs.max_fragment == 64 + ours.overhead - 5
    assert open_record(theirs, seal(ours, HANDSHAKE, bytes(64))) == (HANDSHAKE, bytes(64))
    with refused(AlertDescription.RECORD_OVERFLOW, "a record holds 65 bytes, more than 64"):
        open_record(theirs, seal(ours, HANDSHAKE, bytes(65)))


@_suites
def test_what_is_short_altered_or_of_another_version_is_refused(suite: CipherSuite) -> None:
    ours, theirs = Sealer12(write_key(suite)), Opener12(write_key(suite))
    record = seal(ours, HANDSHAKE, b"")
    assert ours.remaining == suite.cipher.record_limit - 1
    for bad in (framed(Version.TLS12, HANDSHAKE, record[5:-1]), record[:-1] + bytes([record[-1] ^ 1])):
        with refused(AlertDescription.BAD_RECORD_MAC):
            open_record(theirs, bad)
    with refused(AlertDescription.PROTOCOL_VERSION, "of version 0x0301"):
        open_record(theirs, framed(Version.TLS10, HANDSHAKE, record[5:]))
    assert open_record(theirs, record) == (HANDSHAKE, b"")


@_suites
def test_many_records_at_once_are_as_one_by_one(suite: CipherSuite) -> None:
    check_many_records(Protection(suite, Version.TLS12))


@_suites
def test_a_record_of_another_version_is_not_taken_among_others(suite: CipherSuite) -> None:
    """The version that is authenticated is the connection's, so the one in the header has to be looked at."""
    ours, theirs = Opener12(write_key(suite)), Sealer12(write_key(suite))
    good, bad = (bytearray(seal(theirs, APPLICATION_DATA, b"data")) for _ in range(2))
    bad[1:3] = b"\3\1"
    view = memoryview(bytes(good + bad))
    assert ours.open_data(view, 0, len(view), memoryview(bytearray(100)), 100, 0) == (len(good), 4, 0)
    with refused(AlertDescription.PROTOCOL_VERSION, "of version 0x0301"):
        open_record(ours, bytes(bad))
