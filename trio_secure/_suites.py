"""The cipher suites: one row each, holding what it does and how long its keys may be used.

Theory of operation
-------------------
A TLS 1.3 suite names an AEAD and a hash (RFC 9846 §B.4 [8446 §B.4]). An older one also names how keys are
exchanged and how the server proves itself, and its cipher may be AES in CBC mode with a MAC (RFC 5246 §A.5,
RFC 5288, RFC 5289, RFC 7905, RFC 8422 §6). The order of the table is the order of preference in which suites are
offered. Adding a suite is adding a row.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Callable
from typing import Protocol, Self

from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

from ._frozen import frozen
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


@frozen(eq=False)
class Aead:
    """A way to protect records that encrypts and authenticates in one.

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


#: Every AEAD here appends a tag of this many bytes.
TAG_LENGTH = 16
#: ... and take a nonce of this many.
NONCE_LENGTH = 12

# RFC 9846 §5.5 [8446 §5.5]: "For AES-GCM, up to 2^24.5 full-size records (about 24 million) may be encrypted
# under a given set of keys"; half of it leaves room for the KeyUpdate itself.
_GCM_RECORDS = 2**23
# RFC 9846 §5.5 has no figure for AES-CCM. RFC 9147 §4.5.3: "the analysis in Appendix B shows that a limit of 2^23
# packets can be used to obtain the same confidentiality protection as the limits specified in TLS". It is lower
# because CCM runs AES twice over every block; half of it again leaves room.
_CCM_RECORDS = 2**22
# RFC 9846 §5.5 again: "For ChaCha20/Poly1305, the record sequence number would wrap before the safety limit is
# reached", so the sequence number is the limit.
_CHACHA_RECORDS = 2**64 - 2**16

# RFC 5288 §3: a four-byte salt is derived, eight bytes are sent.
AES_128_GCM = Aead("AES-128-GCM", AESGCM, 16, 4, _GCM_RECORDS)
AES_256_GCM = Aead("AES-256-GCM", AESGCM, 32, 4, _GCM_RECORDS)
# RFC 7905 §2: all twelve bytes are derived.
CHACHA20_POLY1305 = Aead("CHACHA20-POLY1305", ChaCha20Poly1305, 32, 12, _CHACHA_RECORDS)
# TLS 1.2 derives as much of CCM's nonce as of GCM's (RFC 6655 §3); its suites are not here.
AES_128_CCM = Aead("AES-128-CCM", AESCCM, 16, 4, _CCM_RECORDS)


@frozen
class Cbc:
    """A way to protect records with AES in CBC mode and, apart from it, an HMAC (RFC 5246 §6.2.3.2).

    Attributes:
        key_length: bytes of encryption key.
        mac: the hash of the HMAC, as `hashlib` names it.
        mac_length: bytes of MAC, and of MAC key.
        record_limit: how many records one key may protect.
    """

    name: str
    key_length: int
    mac: str
    mac_length: int
    record_limit: int


#: Bytes of a block of AES, and of the IV that CBC takes.
BLOCK_LENGTH = 16

# No RFC limits CBC. What may not happen is that two blocks of ciphertext are alike; among 2^n blocks, the odds are
# 2^(2n-129). A record is 2^10 blocks and a few, so 2^22 records are 2^32 blocks, 64 GiB, and the odds 2^-65.
_CBC_RECORDS = 2**22

AES_128_CBC_SHA = Cbc("AES-128-CBC-SHA", 16, "sha1", 20, _CBC_RECORDS)
AES_256_CBC_SHA = Cbc("AES-256-CBC-SHA", 32, "sha1", 20, _CBC_RECORDS)
AES_128_CBC_SHA256 = Cbc("AES-128-CBC-SHA256", 16, "sha256", 32, _CBC_RECORDS)
AES_256_CBC_SHA256 = Cbc("AES-256-CBC-SHA256", 32, "sha256", 32, _CBC_RECORDS)
AES_256_CBC_SHA384 = Cbc("AES-256-CBC-SHA384", 32, "sha384", 48, _CBC_RECORDS)


class RunningHash(Protocol):
    """A hash that more can be added to."""

    def update(self, data: Buffer, /) -> None:
        """Add `data`."""
        ...

    def digest(self) -> bytes:
        """The hash of everything added so far."""
        ...

    def copy(self) -> Self:
        """Another that has had the same added, and goes its own way."""
        ...


class TranscriptHash(Protocol):
    """What a transcript may be hashed with."""

    def new(self, data: Buffer = b"", /) -> RunningHash:
        """A hash that has had `data` added."""
        ...


@frozen(eq=False)
class Hash:
    """A hash, as `hashlib` and `hmac` name it.

    Attributes:
        empty: the hash of nothing, which the key schedule uses between stages.
    """

    name: str
    length: int
    empty: bytes

    def new(self, data: Buffer = b"", /) -> RunningHash:
        """A running hash that has had `data` added."""
        running: RunningHash = getattr(hashlib, self.name)(data)
        return running


SHA256 = Hash("sha256", 32, hashlib.sha256().digest())
SHA384 = Hash("sha384", 48, hashlib.sha384().digest())


class Md5Sha1:
    """MD5 and SHA-1 side by side, one after the other in the digest: the transcript hash below TLS 1.2.

    RFC 2246 §7.4.9, RFC 4346 §7.4.9: "MD5(handshake_messages) + SHA-1(handshake_messages)".
    """

    __slots__ = ("_halves",)

    def __init__(self, halves: tuple[RunningHash, RunningHash] | None = None) -> None:
        # The protocol is as it is; neither hash has to withstand collisions by itself here.
        self._halves = halves or (hashlib.md5(), hashlib.sha1())  # noqa: S324

    def update(self, data: Buffer, /) -> None:
        """Add `data` to both."""
        for half in self._halves:
            half.update(data)

    def digest(self) -> bytes:
        """The 16 bytes of MD5 and the 20 of SHA-1."""
        return b"".join(half.digest() for half in self._halves)

    def copy(self) -> Md5Sha1:
        """Another that has had the same added."""
        md5, sha1 = self._halves
        return Md5Sha1((md5.copy(), sha1.copy()))

    @classmethod
    def new(cls, data: Buffer = b"", /) -> Md5Sha1:
        """Both hashes of `data`, and of what is added."""
        both = cls()
        both.update(data)
        return both


class KeyExchange(enum.Enum):
    """How a suite below TLS 1.3 makes its premaster secret."""

    ECDHE = "ECDHE"
    DHE = "DHE"
    #: The client chooses it and encrypts it to the server's key.
    RSA = "RSA"


class Authentication(enum.Enum):
    """The kind of key with which a server proves itself below TLS 1.3."""

    RSA = "RSA"
    ECDSA = "ECDSA"


@frozen(eq=False)
class CipherSuite:
    """One row of the table.

    Attributes:
        since: the first version that has the suite.
        until: the last one.
        hash: what TLS 1.3 derives keys with, and TLS 1.2; below it, every suite uses MD5 and SHA-1 together.
        key_exchange: None in TLS 1.3, which negotiates it elsewhere.
        authentication: the same.
    """

    code: int
    name: str
    since: Version
    until: Version
    cipher: Aead | Cbc
    hash: Hash
    key_exchange: KeyExchange | None = None
    authentication: Authentication | None = None

    def fits(self, version: Version) -> bool:
        """Whether `version` has this suite."""
        return self.since <= version <= self.until

    def transcript_hash(self, version: Version) -> TranscriptHash:
        """What the handshake messages of a connection of `version` with this suite are hashed with."""
        return self.hash if version >= Version.TLS12 else Md5Sha1

    @property
    def kind(self) -> str | None:
        """How keys are exchanged and the server proves itself, as in "DHE_RSA"; None in TLS 1.3."""
        if self.key_exchange is None or self.authentication is None:
            return None
        return f"{self.key_exchange.value}_{self.authentication.value}"

    @property
    def aead(self) -> Aead:
        """The cipher, where it must be an AEAD, as in TLS 1.3.

        Raises:
            TypeError: it is CBC.
        """
        if isinstance(self.cipher, Aead):
            return self.cipher
        raise TypeError(f"{self.name} has no AEAD")

    @property
    def by_default(self) -> bool:
        """Whether the suite is offered to whoever does not ask for it: an AEAD, and keys that are forgotten."""
        return isinstance(self.cipher, Aead) and self.key_exchange is not KeyExchange.RSA


_13, _12, _10 = Version.TLS13, Version.TLS12, Version.TLS10
_ECDHE, _DHE, _KEY_TRANSPORT = KeyExchange.ECDHE, KeyExchange.DHE, KeyExchange.RSA
_RSA, _ECDSA = Authentication.RSA, Authentication.ECDSA

# RFC 5246 §5: suites defined before TLS 1.2 use its default PRF there, with SHA-256; those of RFC 5289 that end in
# SHA384 use SHA-384.
# fmt: off
CIPHER_SUITES: tuple[CipherSuite, ...] = (
    CipherSuite(0x1301, "TLS_AES_128_GCM_SHA256", _13, _13, AES_128_GCM, SHA256),
    CipherSuite(0x1302, "TLS_AES_256_GCM_SHA384", _13, _13, AES_256_GCM, SHA384),
    CipherSuite(0x1303, "TLS_CHACHA20_POLY1305_SHA256", _13, _13, CHACHA20_POLY1305, SHA256),
    CipherSuite(0x1304, "TLS_AES_128_CCM_SHA256", _13, _13, AES_128_CCM, SHA256),
    CipherSuite(0xC02B, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", _12, _12, AES_128_GCM, SHA256, _ECDHE, _ECDSA),
    CipherSuite(0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", _12, _12, AES_128_GCM, SHA256, _ECDHE, _RSA),
    CipherSuite(0xC02C, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", _12, _12, AES_256_GCM, SHA384, _ECDHE, _ECDSA),
    CipherSuite(0xC030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", _12, _12, AES_256_GCM, SHA384, _ECDHE, _RSA),
    CipherSuite(0xCCA9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", _12, _12, CHACHA20_POLY1305, SHA256, _ECDHE, _ECDSA),  # noqa: E501
    CipherSuite(0xCCA8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", _12, _12, CHACHA20_POLY1305, SHA256, _ECDHE, _RSA),  # noqa: E501
    CipherSuite(0x009E, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", _12, _12, AES_128_GCM, SHA256, _DHE, _RSA),
    CipherSuite(0x009F, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", _12, _12, AES_256_GCM, SHA384, _DHE, _RSA),
    CipherSuite(0xCCAA, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", _12, _12, CHACHA20_POLY1305, SHA256, _DHE, _RSA),  # noqa: E501
    CipherSuite(0xC023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", _12, _12, AES_128_CBC_SHA256, SHA256, _ECDHE, _ECDSA),  # noqa: E501
    CipherSuite(0xC027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", _12, _12, AES_128_CBC_SHA256, SHA256, _ECDHE, _RSA),  # noqa: E501
    CipherSuite(0xC024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", _12, _12, AES_256_CBC_SHA384, SHA384, _ECDHE, _ECDSA),  # noqa: E501
    CipherSuite(0xC028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", _12, _12, AES_256_CBC_SHA384, SHA384, _ECDHE, _RSA),  # noqa: E501
    CipherSuite(0xC009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", _10, _12, AES_128_CBC_SHA, SHA256, _ECDHE, _ECDSA),
    CipherSuite(0xC013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", _10, _12, AES_128_CBC_SHA, SHA256, _ECDHE, _RSA),
    CipherSuite(0xC00A, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", _10, _12, AES_256_CBC_SHA, SHA256, _ECDHE, _ECDSA),
    CipherSuite(0xC014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", _10, _12, AES_256_CBC_SHA, SHA256, _ECDHE, _RSA),
    CipherSuite(0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", _12, _12, AES_128_CBC_SHA256, SHA256, _DHE, _RSA),
    CipherSuite(0x006B, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", _12, _12, AES_256_CBC_SHA256, SHA256, _DHE, _RSA),
    CipherSuite(0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", _10, _12, AES_128_CBC_SHA, SHA256, _DHE, _RSA),
    CipherSuite(0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA", _10, _12, AES_256_CBC_SHA, SHA256, _DHE, _RSA),
    CipherSuite(0x009C, "TLS_RSA_WITH_AES_128_GCM_SHA256", _12, _12, AES_128_GCM, SHA256, _KEY_TRANSPORT, _RSA),
    CipherSuite(0x009D, "TLS_RSA_WITH_AES_256_GCM_SHA384", _12, _12, AES_256_GCM, SHA384, _KEY_TRANSPORT, _RSA),
    CipherSuite(0x003C, "TLS_RSA_WITH_AES_128_CBC_SHA256", _12, _12, AES_128_CBC_SHA256, SHA256, _KEY_TRANSPORT, _RSA),  # noqa: E501
    CipherSuite(0x003D, "TLS_RSA_WITH_AES_256_CBC_SHA256", _12, _12, AES_256_CBC_SHA256, SHA256, _KEY_TRANSPORT, _RSA),  # noqa: E501
    CipherSuite(0x002F, "TLS_RSA_WITH_AES_128_CBC_SHA", _10, _12, AES_128_CBC_SHA, SHA256, _KEY_TRANSPORT, _RSA),
    CipherSuite(0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA", _10, _12, AES_256_CBC_SHA, SHA256, _KEY_TRANSPORT, _RSA),
)
# fmt: on

SUITES_BY_NAME = {suite.name: suite for suite in CIPHER_SUITES}
