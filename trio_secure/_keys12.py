"""The key derivation of TLS 1.2 (RFC 5246 §5, §6.3, §8.1; RFC 7627), and of TLS 1.0 and 1.1 (RFC 2246, RFC 4346).

Theory of operation
-------------------
The versions differ in the PRF, and in what the key block holds. TLS 1.2 has one P_hash with the hash of the suite;
before it, P_MD5 and P_SHA-1 each expand one half of the secret and are exclusive-ored. Everything else is a label.
"""

from __future__ import annotations

import hmac

from ._frozen import frozen
from ._suites import BLOCK_LENGTH, Aead, CipherSuite
from ._versions import Version

#: RFC 5246 §7.4.9: the length of verify_data for every suite here.
VERIFY_DATA_LENGTH = 12
_MASTER_SECRET_LENGTH = 48


def prf(suite: CipherSuite, version: Version, secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """The PRF of a connection of `version` with `suite`: `length` bytes."""
    seed = label + seed
    if version >= Version.TLS12:
        return _p_hash(suite.hash.name, secret, seed, length)
    # RFC 2246 §5, RFC 4346 §5: "S1 and S2 are the two halves of the secret"; of an odd number of bytes they share
    # the one in the middle.
    half = (len(secret) + 1) // 2
    md5 = _p_hash("md5", secret[:half], seed, length)
    sha1 = _p_hash("sha1", secret[len(secret) - half :], seed, length)
    return (int.from_bytes(md5, "big") ^ int.from_bytes(sha1, "big")).to_bytes(length, "big")


def _p_hash(name: str, secret: bytes, seed: bytes, length: int) -> bytes:
    """P_hash of RFC 5246 §5."""
    a, output = seed, b""
    while len(output) < length:
        a = hmac.digest(secret, a, name)
        output += hmac.digest(secret, a + seed, name)
    return output[:length]


@frozen(repr=False)
class WriteKey:
    """One direction's keys.

    Attributes:
        mac_key: the key of the HMAC; empty with an AEAD.
        iv: the part of an AEAD's nonces that is not sent; in TLS 1.0 the first IV of CBC, and empty after that.
    """

    suite: CipherSuite
    version: Version
    mac_key: bytes
    key: bytes
    iv: bytes


@frozen(repr=False)
class MasterSecret:
    """The master secret, and what comes from it."""

    suite: CipherSuite
    version: Version
    secret: bytes

    @classmethod
    def from_randoms(
        cls,
        suite: CipherSuite,
        version: Version,
        premaster: bytes,
        client_random: bytes,
        server_random: bytes,
    ) -> MasterSecret:
        """RFC 5246 §8.1: bound to the two random values only."""
        return cls._make(suite, version, premaster, b"master secret", client_random + server_random)

    @classmethod
    def extended(
        cls, suite: CipherSuite, version: Version, premaster: bytes, session_hash: bytes
    ) -> MasterSecret:
        """RFC 7627 §4: bound to the whole handshake up to the ClientKeyExchange, by the transcript's hash."""
        return cls._make(suite, version, premaster, b"extended master secret", session_hash)

    @classmethod
    def _make(
        cls, suite: CipherSuite, version: Version, premaster: bytes, label: bytes, seed: bytes
    ) -> MasterSecret:
        return cls(suite, version, prf(suite, version, premaster, label, seed, _MASTER_SECRET_LENGTH))

    def write_keys(self, client_random: bytes, server_random: bytes) -> tuple[WriteKey, WriteKey]:
        """The client's and the server's keys (RFC 5246 §6.3)."""
        lengths = mac, key, iv = self._key_lengths()
        block = self._prf(b"key expansion", server_random + client_random, 2 * sum(lengths))
        macs, keys, ivs = block[: 2 * mac], block[2 * mac : 2 * (mac + key)], block[2 * (mac + key) :]
        client = WriteKey(self.suite, self.version, macs[:mac], keys[:key], ivs[:iv])
        server = WriteKey(self.suite, self.version, macs[mac:], keys[key:], ivs[iv:])
        return client, server

    def _key_lengths(self) -> tuple[int, int, int]:
        """Bytes of MAC key, key and IV in the key block, for one direction."""
        cipher = self.suite.cipher
        if isinstance(cipher, Aead):
            return 0, cipher.key_length, cipher.implicit_iv
        # RFC 5246 §6.3: IVs "are only generated for implicit nonce techniques"; of the versions with CBC, only TLS
        # 1.0 does not send its IVs (RFC 2246 §6.3, RFC 4346 §6.2.3.2).
        return cipher.mac_length, cipher.key_length, BLOCK_LENGTH if self.version == Version.TLS10 else 0

    def client_finished(self, transcript: bytes) -> bytes:
        """The verify_data of the client's Finished."""
        return self._prf(b"client finished", transcript, VERIFY_DATA_LENGTH)

    def server_finished(self, transcript: bytes) -> bytes:
        """The verify_data the server's Finished must have."""
        return self._prf(b"server finished", transcript, VERIFY_DATA_LENGTH)

    def exporter(self, client_random: bytes, server_random: bytes) -> Exporter:
        """What other protocols may have of this secret."""
        return Exporter(self, client_random + server_random)

    def _prf(self, label: bytes, seed: bytes, length: int) -> bytes:
        return prf(self.suite, self.version, self.secret, label, seed, length)


# RFC 5705 §4: labels "that have already been used" by TLS itself.
_RESERVED_LABELS = frozenset(
    (b"client finished", b"server finished", b"master secret", b"extended master secret", b"key expansion")
)


@frozen(repr=False)
class Exporter:
    """Keying material for other protocols, below TLS 1.3 (RFC 5705 §4)."""

    master: MasterSecret
    randoms: bytes

    def export(self, label: bytes, context: bytes | None, length: int) -> bytes:
        """`length` bytes that are this connection's own, and this label's and this context's.

        Args:
            label: says what they are for; the registered ones begin with "EXPORTER".
            context: what else they shall depend on; none at all is not the same as an empty one.
            length: how many bytes.

        Raises:
            ValueError: the label is one of TLS's own, or a length is out of range.
        """
        if label in _RESERVED_LABELS:
            raise ValueError(f"the label {label!r} is TLS's own")
        if length < 1:
            raise ValueError(f"an exporter gives 1 byte or more, not {length}")
        seed = self.randoms
        if context is not None:
            if len(context) >= 2**16:
                raise ValueError(f"an exporter's context has at most 65535 bytes, not {len(context)}")
            seed += len(context).to_bytes(2, "big") + context
        return prf(self.master.suite, self.master.version, self.master.secret, label, seed, length)
