"""The cipher suites: one row each, holding what it does and how long its keys may be used.

Theory of operation
-------------------
A TLS 1.3 suite names an AEAD and a hash; a TLS 1.2 suite also names how keys are exchanged and how the server
proves itself (RFC 9846 §B.4 [8446 §B.4]; RFC 5246 §A.5, RFC 5289, RFC 7905). The order of the table is the order
of preference in which suites are offered. Adding a suite is adding a row.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from ._versions import Version

Buffer = bytes | bytearray | memoryview


class AeadCipher(Protocol):
    """What record protection asks of a keyed AEAD."""

    def encrypt_into(
        self, nonce: Buffer, data: Buffer, associated_data: Buffer | None, buf: Buffer, /
    ) -> int:
        """Write the ciphertext and tag of `data` into `buf`, which has exactly their length."""
        ...

    def decrypt_into(
        self, nonce: Buffer, data: Buffer, associated_data: Buffer | None, buf: Buffer, /
    ) -> int:
        """Write the plaintext into `buf`, which has exactly its length; InvalidTag when `data` was altered."""
        ...


@dataclass(frozen=True, slots=True)
class Aead:
    """A way to protect records.

    Attributes:
        new: makes the keyed cipher.
        key_length: bytes of key.
        implicit_iv: bytes of IV that TLS 1.2 derives and never sends; the rest of the twelve are sent with each
            record. TLS 1.3 derives all twelve whatever stands here.
        record_limit: how many records one key may protect.
    """

    name: str
    new: Callable[[bytes], AeadCipher]
    key_length: int
    implicit_iv: int
    record_limit: int


#: Both AEAD families here append a tag of this many bytes.
TAG_LENGTH = 16
#: ... and take a nonce of this many.
NONCE_LENGTH = 12

# RFC 9846 §5.5 [8446 §5.5]: "For AES-GCM, up to 2^24.5 full-size records (about 24 million) may be encrypted
# under a given set of keys"; half of it leaves room for the KeyUpdate itself.
_GCM_RECORDS = 2**23
# The same clause: "For ChaCha20/Poly1305, the record sequence number would wrap before the safety limit is
# reached", so the sequence number is the limit.
_CHACHA_RECORDS = 2**64 - 2**16

# RFC 5288 §3: a four-byte salt is derived, eight bytes are sent.
AES_128_GCM = Aead("AES-128-GCM", AESGCM, 16, 4, _GCM_RECORDS)
AES_256_GCM = Aead("AES-256-GCM", AESGCM, 32, 4, _GCM_RECORDS)
# RFC 7905 §2: all twelve bytes are derived.
CHACHA20_POLY1305 = Aead("CHACHA20-POLY1305", ChaCha20Poly1305, 32, 12, _CHACHA_RECORDS)


@dataclass(frozen=True, slots=True)
class Hash:
    """A hash as both libraries name it: hashlib for transcripts and MACs, `cryptography` for HKDF.

    Attributes:
        empty: the hash of nothing, which the key schedule uses between stages.
    """

    name: str
    length: int
    algorithm: hashes.HashAlgorithm
    empty: bytes


SHA256 = Hash("sha256", 32, hashes.SHA256(), hashlib.sha256().digest())
SHA384 = Hash("sha384", 48, hashes.SHA384(), hashlib.sha384().digest())


class KeyExchange(enum.Enum):
    """How a TLS 1.2 suite makes its premaster secret."""

    ECDHE = "ECDHE"


class Authentication(enum.Enum):
    """The kind of key with which a TLS 1.2 server proves itself."""

    RSA = "RSA"
    ECDSA = "ECDSA"


@dataclass(frozen=True, slots=True)
class CipherSuite:
    """One row of the table; the last two are None in TLS 1.3, which negotiates them elsewhere."""

    code: int
    name: str
    version: Version
    aead: Aead
    hash: Hash
    key_exchange: KeyExchange | None = None
    authentication: Authentication | None = None


_13, _12 = Version.TLS13, Version.TLS12
_ECDHE, _RSA, _ECDSA = KeyExchange.ECDHE, Authentication.RSA, Authentication.ECDSA

# fmt: off
CIPHER_SUITES: tuple[CipherSuite, ...] = (
    CipherSuite(0x1301, "TLS_AES_128_GCM_SHA256", _13, AES_128_GCM, SHA256),
    CipherSuite(0x1302, "TLS_AES_256_GCM_SHA384", _13, AES_256_GCM, SHA384),
    CipherSuite(0x1303, "TLS_CHACHA20_POLY1305_SHA256", _13, CHACHA20_POLY1305, SHA256),
    CipherSuite(0xC02B, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", _12, AES_128_GCM, SHA256, _ECDHE, _ECDSA),
    CipherSuite(0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", _12, AES_128_GCM, SHA256, _ECDHE, _RSA),
    CipherSuite(0xC02C, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", _12, AES_256_GCM, SHA384, _ECDHE, _ECDSA),
    CipherSuite(0xC030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", _12, AES_256_GCM, SHA384, _ECDHE, _RSA),
    CipherSuite(0xCCA9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", _12, CHACHA20_POLY1305, SHA256, _ECDHE, _ECDSA),  # noqa: E501
    CipherSuite(0xCCA8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", _12, CHACHA20_POLY1305, SHA256, _ECDHE, _RSA),  # noqa: E501
)
# fmt: on

SUITES_BY_NAME = {suite.name: suite for suite in CIPHER_SUITES}
