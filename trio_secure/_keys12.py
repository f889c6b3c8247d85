"""The key derivation of TLS 1.2 (RFC 5246 §5, §6.3, §8.1; RFC 7627)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from ._suites import CipherSuite, Hash

#: RFC 5246 §7.4.9: the length of verify_data for every suite here.
VERIFY_DATA_LENGTH = 12
_MASTER_SECRET_LENGTH = 48


def prf(algorithm: Hash, secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """P_hash of RFC 5246 §5 over `label` and `seed`."""
    seed = label + seed
    a, output = seed, b""
    while len(output) < length:
        a = hmac.digest(secret, a, algorithm.name)
        output += hmac.digest(secret, a + seed, algorithm.name)
    return output[:length]


@dataclass(frozen=True, slots=True, repr=False)
class WriteKey:
    """One direction's key and the part of its nonces that is not sent."""

    suite: CipherSuite
    key: bytes
    iv: bytes


@dataclass(frozen=True, slots=True, repr=False)
class MasterSecret:
    """The master secret, and what comes from it."""

    suite: CipherSuite
    secret: bytes

    @classmethod
    def from_randoms(
        cls, suite: CipherSuite, premaster: bytes, client_random: bytes, server_random: bytes
    ) -> MasterSecret:
        """RFC 5246 §8.1: bound to the two random values only."""
        seed = client_random + server_random
        return cls(suite, prf(suite.hash, premaster, b"master secret", seed, _MASTER_SECRET_LENGTH))

    @classmethod
    def extended(cls, suite: CipherSuite, premaster: bytes, session_hash: bytes) -> MasterSecret:
        """RFC 7627 §4: bound to the whole handshake up to the ClientKeyExchange."""
        label = b"extended master secret"
        return cls(suite, prf(suite.hash, premaster, label, session_hash, _MASTER_SECRET_LENGTH))

    def write_keys(self, client_random: bytes, server_random: bytes) -> tuple[WriteKey, WriteKey]:
        """The client's and the server's keys (RFC 5246 §6.3)."""
        key, iv = self.suite.aead.key_length, self.suite.aead.implicit_iv
        block = self._prf(b"key expansion", server_random + client_random, 2 * (key + iv))
        keys, ivs = block[: 2 * key], block[2 * key :]
        client = WriteKey(self.suite, keys[:key], ivs[:iv])
        server = WriteKey(self.suite, keys[key:], ivs[iv:])
        return client, server

    def client_finished(self, transcript: bytes) -> bytes:
        """The verify_data of the client's Finished."""
        return self._prf(b"client finished", transcript, VERIFY_DATA_LENGTH)

    def server_finished(self, transcript: bytes) -> bytes:
        """The verify_data the server's Finished must have."""
        return self._prf(b"server finished", transcript, VERIFY_DATA_LENGTH)

    def _prf(self, label: bytes, seed: bytes, length: int) -> bytes:
        return prf(self.suite.hash, self.secret, label, seed, length)
