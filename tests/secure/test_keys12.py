from __future__ import annotations

import hashlib
import hmac

import pytest

from support.openssl_tls12 import connection12
from support.record_keys import SUITES_12, open_record
from trio_secure._keys12 import VERIFY_DATA_LENGTH, MasterSecret, prf
from trio_secure._protection import Opener12
from trio_secure._suites import SHA256, SHA384, CipherSuite, Hash

_suites = pytest.mark.parametrize("suite", SUITES_12, ids=lambda suite: suite.name)
_RANDOMS = bytes(range(32)), bytes(range(32, 64))

# The vectors published on the TLS working group's mailing list in 2009; OpenSSL's `kdf TLS1-PRF` gives the same.
_PUBLISHED = [
    pytest.param(
        SHA256,
        "9bbe436ba940f017b17652849a71db35",
        "a0ba9f936cda311827a6f796ffd5198c",
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"
        "6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab"
        "4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701"
        "87347b66",
        id="P_SHA256",
    ),
    pytest.param(
        SHA384,
        "b80b733d6ceefcdc71566ea48e5567df",
        "cd665cf6a8447dd6ff8b27555edb7465",
        "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cd"
        "e9ca0faa60be9fe34f82b1233c9146a0e534cb400fed2700884f9dc236f80edd"
        "8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d918425"
        "9b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee6"
        "91c8f3a26854308d5eaa3be85e0990703d73e56f",
        id="P_SHA384",
    ),
]


@pytest.mark.parametrize(("algorithm", "secret", "seed", "output"), _PUBLISHED)
def test_the_published_vectors(algorithm: Hash, secret: str, seed: str, output: str) -> None:
    expected = bytes.fromhex(output)
    for length in (len(expected), 48, 33, 32, 12, 1, 0):
        result = prf(algorithm, bytes.fromhex(secret), b"test label", bytes.fromhex(seed), length)
        assert result == expected[:length]


def _p_hash(name: str, secret: bytes, seed: bytes, length: int) -> bytes:
    """RFC 5246 §5, as it is written there: A(i) by recursion."""

    def a(i: int) -> bytes:
        return hmac.new(secret, a(i - 1), name).digest() if i else seed

    blocks = -(-length // hashlib.new(name).digest_size)
    return b"".join(hmac.new(secret, a(i) + seed, name).digest() for i in range(1, blocks + 1))[:length]


@_suites
def test_the_master_secret_from_the_randoms(suite: CipherSuite) -> None:
    """RFC 5246 §8.1."""
    client_random, server_random = _RANDOMS
    master = MasterSecret.from_randoms(suite, b"premaster", client_random, server_random)
    seed = b"master secret" + client_random + server_random
    assert master.secret == _p_hash(suite.hash.name, b"premaster", seed, 48)


@_suites
def test_the_extended_master_secret(suite: CipherSuite) -> None:
    """RFC 7627 §4."""
    session_hash = hashlib.new(suite.hash.name, b"messages").digest()
    master = MasterSecret.extended(suite, b"premaster", session_hash)
    seed = b"extended master secret" + session_hash
    assert master.secret == _p_hash(suite.hash.name, b"premaster", seed, 48)


@_suites
def test_the_key_block_is_cut_in_the_order_of_the_rfc(suite: CipherSuite) -> None:
    """RFC 5246 §6.3: client key, server key, client IV, server IV; the randoms the other way round."""
    client_random, server_random = _RANDOMS
    client, server = MasterSecret(suite, b"m" * 48).write_keys(client_random, server_random)
    seed = b"key expansion" + server_random + client_random
    key, iv = suite.aead.key_length, suite.aead.implicit_iv
    block = _p_hash(suite.hash.name, b"m" * 48, seed, 2 * (key + iv))
    assert client.key + server.key + client.iv + server.iv == block
    assert [len(part) for part in (client.key, client.iv)] == [key, iv]
    assert client.suite is server.suite is suite


@_suites
def test_the_keys_and_finisheds_of_a_connection_of_openssl(suite: CipherSuite) -> None:
    connection = connection12(suite)
    master = MasterSecret(suite, connection.master_secret)
    client, server = master.write_keys(connection.client_random, connection.server_random)

    _, client_finished = open_record(Opener12(client), connection.client[0])
    transcript = hashlib.new(suite.hash.name, b"".join(connection.messages))
    expected = master.client_finished(transcript.digest())
    assert client_finished == b"\x14\0\0\x0c" + expected
    assert len(expected) == VERIFY_DATA_LENGTH

    transcript.update(client_finished + connection.ticket)
    _, server_finished = open_record(Opener12(server), connection.server[0])
    assert server_finished == b"\x14\0\0\x0c" + master.server_finished(transcript.digest())


def test_no_secret_shows_in_a_traceback() -> None:
    master = MasterSecret(SUITES_12[0], b"m" * 48)
    client, _ = master.write_keys(*_RANDOMS)
    for shown in (repr(master), repr(client)):
        assert "mmm" not in shown
        assert repr(client.key) not in shown
