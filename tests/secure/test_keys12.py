from __future__ import annotations

import hashlib
import hmac

import pytest

from support.openssl_exporter import SUITE, exported_by_openssl
from support.openssl_tls12 import connection12
from support.record_keys import CBC_PROTECTIONS, SUITES_12, Protection, open_record
from trio_secure._keys12 import VERIFY_DATA_LENGTH, Exporter, MasterSecret, prf
from trio_secure._protection12 import opener
from trio_secure._suites import SUITES_BY_NAME, Cbc
from trio_secure._versions import Version

_AEADS = [Protection(suite, Version.TLS12) for suite in SUITES_12]
_protections = pytest.mark.parametrize("protection", _AEADS + CBC_PROTECTIONS, ids=lambda row: row.name)
_keys = pytest.mark.parametrize(
    "protection",
    _AEADS + [protection for protection in CBC_PROTECTIONS if not protection.encrypt_then_mac],
    ids=lambda row: row.name,
)
_RANDOMS = bytes(range(32)), bytes(range(32, 64))
_SHA256_SUITE = SUITES_BY_NAME["TLS_RSA_WITH_AES_128_CBC_SHA"]
_SHA384_SUITE = SUITES_BY_NAME["TLS_RSA_WITH_AES_256_GCM_SHA384"]

# The first two are the vectors published on the TLS working group's mailing list in 2009, the third is the one of
# 1998 that implementations of TLS 1.0 share; OpenSSL's `kdf TLS1-PRF` gives the same for them, and gave the last,
# where the secret has an odd length.
_PUBLISHED = [
    pytest.param(
        Version.TLS12,
        _SHA256_SUITE.name,
        "9bbe436ba940f017b17652849a71db35",
        b"test label",
        "a0ba9f936cda311827a6f796ffd5198c",
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"
        "6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab"
        "4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701"
        "87347b66",
        id="P_SHA256",
    ),
    pytest.param(
        Version.TLS12,
        _SHA384_SUITE.name,
        "b80b733d6ceefcdc71566ea48e5567df",
        b"test label",
        "cd665cf6a8447dd6ff8b27555edb7465",
        "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cd"
        "e9ca0faa60be9fe34f82b1233c9146a0e534cb400fed2700884f9dc236f80edd"
        "8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d918425"
        "9b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee6"
        "91c8f3a26854308d5eaa3be85e0990703d73e56f",
        id="P_SHA384",
    ),
    pytest.param(
        Version.TLS10,
        _SHA256_SUITE.name,
        "ab" * 48,
        b"PRF Testvector",
        "cd" * 64,
        "d3d4d1e349b5d515044666d51de32bab258cb521b6b053463e354832fd976754"
        "443bcf9a296519bc289abcbc1187e4ebd31e602353776c408aafb74cbc85eff6"
        "9255f9788faa184cbb957a9819d84a5d7eb006eb459d3ae8de9810454b8b2d8f"
        "1afbc655a8c9a013",
        id="P_MD5-P_SHA1",
    ),
    pytest.param(
        Version.TLS11,
        _SHA256_SUITE.name,
        bytes(range(33)).hex(),
        b"test label",
        bytes(range(64)).hex(),
        "20c0aa9a14347fd030150ac1959969de2a881a13bb03712a74f3b6bc079d758f"
        "4a53f53cefc54c9a2d39b2d7cccc5cbddb6f1fa3cbbf10cd90f8e82109684d9a"
        "094c2e8faa8f0f2bfa332e4f7c9b094cf4536588b30e371020c2e04b81343de8"
        "3f1e67f5",
        id="P_MD5-P_SHA1-odd",
    ),
]


@pytest.mark.parametrize(("version", "suite", "secret", "label", "seed", "output"), _PUBLISHED)
def test_the_published_vectors(
    version: Version, suite: str, secret: str, label: bytes, seed: str, output: str
) -> None:
    expected = bytes.fromhex(output)
    row = SUITES_BY_NAME[suite]
    for length in (len(expected), 48, 33, 32, 12, 1, 0):
        result = prf(row, version, bytes.fromhex(secret), label, bytes.fromhex(seed), length)
        assert result == expected[:length]


def _p_hash(name: str, secret: bytes, seed: bytes, length: int) -> bytes:
    """RFC 5246 §5, as it is written there: A(i) by recursion."""

    def a(i: int) -> bytes:
        return hmac.new(secret, a(i - 1), name).digest() if i else seed

    blocks = -(-length // hashlib.new(name).digest_size)
    return b"".join(hmac.new(secret, a(i) + seed, name).digest() for i in range(1, blocks + 1))[:length]


def _prf(protection: Protection, secret: bytes, seed: bytes, length: int) -> bytes:
    """RFC 5246 §5, or RFC 2246 §5 for a secret of an even or odd number of bytes."""
    if protection.version == Version.TLS12:
        return _p_hash(protection.suite.hash.name, secret, seed, length)
    half = len(secret) // 2 + len(secret) % 2
    md5 = _p_hash("md5", secret[:half], seed, length)
    sha1 = _p_hash("sha1", secret[-half:], seed, length)
    return bytes(a ^ b for a, b in zip(md5, sha1, strict=True))


@_keys
def test_the_master_secret_from_the_randoms(protection: Protection) -> None:
    """RFC 5246 §8.1."""
    client_random, server_random = _RANDOMS
    suite, version, _ = protection
    master = MasterSecret.from_randoms(suite, version, b"premaster", client_random, server_random)
    seed = b"master secret" + client_random + server_random
    assert master.secret == _prf(protection, b"premaster", seed, 48)
    assert (master.suite, master.version) == (suite, version)


@_keys
def test_the_extended_master_secret(protection: Protection) -> None:
    """RFC 7627 §4; below TLS 1.2, the session hash is that of MD5 and SHA-1."""
    suite, version, _ = protection
    session_hash = suite.transcript_hash(version).new(b"messages").digest()
    master = MasterSecret.extended(suite, version, b"premaster", session_hash)
    seed = b"extended master secret" + session_hash
    assert master.secret == _prf(protection, b"premaster", seed, 48)


@_keys
def test_the_key_block_is_cut_in_the_order_of_the_rfc(protection: Protection) -> None:
    """RFC 5246 §6.3: client before server, MAC keys, keys, IVs; the randoms the other way round."""
    client_random, server_random = _RANDOMS
    suite, version, _ = protection
    client, server = MasterSecret(suite, version, b"m" * 48).write_keys(client_random, server_random)
    if isinstance(suite.cipher, Cbc):
        mac, iv = suite.cipher.mac_length, 16 if version == Version.TLS10 else 0
    else:
        mac, iv = 0, suite.cipher.implicit_iv
    key = suite.cipher.key_length
    seed = b"key expansion" + server_random + client_random
    block = _prf(protection, b"m" * 48, seed, 2 * (mac + key + iv))
    pieces = [client.mac_key, server.mac_key, client.key, server.key, client.iv, server.iv]
    assert b"".join(pieces) == block
    assert [len(piece) for piece in pieces] == [mac, mac, key, key, iv, iv]
    assert client.suite is server.suite is suite
    assert client.version == server.version == version


@_protections
def test_the_keys_and_finisheds_of_a_connection_of_openssl(protection: Protection) -> None:
    suite, version, encrypt_then_mac = protection
    connection = connection12(suite, version, encrypt_then_mac=encrypt_then_mac)
    master = MasterSecret(suite, version, connection.master_secret)
    client, server = (
        opener(key, encrypt_then_mac=encrypt_then_mac)
        for key in master.write_keys(connection.client_random, connection.server_random)
    )

    _, client_finished = open_record(client, connection.client[0])
    transcript = suite.transcript_hash(version).new(b"".join(connection.messages))
    expected = master.client_finished(transcript.digest())
    assert client_finished == b"\x14\0\0\x0c" + expected
    assert len(expected) == VERIFY_DATA_LENGTH

    transcript.update(client_finished + connection.ticket)
    _, server_finished = open_record(server, connection.server[0])
    assert server_finished == b"\x14\0\0\x0c" + master.server_finished(transcript.digest())


@pytest.mark.parametrize("version", [Version.TLS10, Version.TLS11, Version.TLS12], ids=lambda row: row.label)
@pytest.mark.parametrize("context", [None, b"", b"context"])
@pytest.mark.parametrize("length", [1, 32, 100])
def test_what_is_exported_is_what_openssl_exports(
    version: Version, context: bytes | None, length: int
) -> None:
    """RFC 5705 §4: no context is not the same as an empty one."""
    label = b"EXPORTER-Test"
    session = exported_by_openssl(version, label, context, length)
    master = MasterSecret(SUITE, version, session.master_secret)
    exporter = master.exporter(session.client_random, session.server_random)
    assert exporter.export(label, context, length) == session.exported


def _exporter() -> Exporter:
    return MasterSecret(SUITES_12[0], Version.TLS12, b"m" * 48).exporter(*_RANDOMS)


@pytest.mark.parametrize(
    "label",
    [b"client finished", b"server finished", b"master secret", b"extended master secret", b"key expansion"],
)
def test_the_labels_of_tls_are_not_exported_under(label: bytes) -> None:
    with pytest.raises(ValueError, match="is TLS's own"):
        _exporter().export(label, None, 32)


def test_lengths_that_make_no_sense_are_refused() -> None:
    assert len(_exporter().export(b"EXPORTER-x", bytes(65535), 1)) == 1
    with pytest.raises(ValueError, match="at most 65535 bytes, not 65536"):
        _exporter().export(b"EXPORTER-x", bytes(65536), 1)
    with pytest.raises(ValueError, match="1 byte or more, not 0"):
        _exporter().export(b"EXPORTER-x", None, 0)


def test_no_secret_shows_in_a_traceback() -> None:
    master = MasterSecret(SUITES_12[0], Version.TLS12, b"m" * 48)
    client, _ = master.write_keys(*_RANDOMS)
    for shown in (repr(master), repr(client), repr(_exporter())):
        assert "mmm" not in shown
        assert repr(client.key) not in shown
