"""Records without memory management, bytes in, bytes out; and the same records by a second hand.

Theory of operation: `seal` and `open_record` run the library's ends; `inner_13`, `record_12` and `record_cbc` make
records from the RFCs' text with nothing but the ciphers of `cryptography`.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from trio_secure._keys12 import MasterSecret, WriteKey
from trio_secure._keys13 import TrafficSecret
from trio_secure._protection import Opener, Sealer
from trio_secure._protection12 import opener, sealer
from trio_secure._protection13 import Opener13, Sealer13
from trio_secure._suites import CIPHER_SUITES, SUITES_BY_NAME, Cbc, CipherSuite, KeyExchange
from trio_secure._versions import Version

SUITES_13 = [suite for suite in CIPHER_SUITES if suite.fits(Version.TLS13)]
#: The suites of TLS 1.2 with ECDHE and an AEAD.
SUITES_12 = [suite for suite in CIPHER_SUITES if suite.key_exchange is KeyExchange.ECDHE and suite.by_default]


class Protection(NamedTuple):
    """What decides how the records of a connection look."""

    suite: CipherSuite
    version: Version
    encrypt_then_mac: bool = False

    @property
    def name(self) -> str:
        """For the name of a test."""
        order = "-EtM" if self.encrypt_then_mac else ""
        return f"{self.version.label}-{self.suite.cipher.name}{order}".replace(" ", "")

    @property
    def cbc(self) -> Cbc:
        """The cipher's row, where it is CBC."""
        assert isinstance(self.suite.cipher, Cbc)
        return self.suite.cipher

    @property
    def explicit_iv(self) -> int:
        """How many bytes of each record are its IV."""
        return 0 if self.version == Version.TLS10 else 16


# One suite stands for all that have its cipher.
_CBC = {suite.cipher.name: suite for suite in CIPHER_SUITES if isinstance(suite.cipher, Cbc)}.values()
#: Each cipher with CBC, in each version that has it, in both orders of encryption and MAC.
CBC_PROTECTIONS = [
    Protection(suite, version, encrypt_then_mac)
    for suite in _CBC
    for version in Version
    if suite.fits(version)
    for encrypt_then_mac in (False, True)
]
#: Every protection there is.
PROTECTIONS = [
    *(Protection(suite, Version.TLS13) for suite in SUITES_13),
    *(Protection(suite, Version.TLS12) for suite in SUITES_12),
    *CBC_PROTECTIONS,
]


def traffic_secret(suite: CipherSuite = SUITES_BY_NAME["TLS_AES_128_GCM_SHA256"]) -> TrafficSecret:
    """The same TLS 1.3 secret every time."""
    return TrafficSecret(suite, bytes(range(suite.hash.length)))


def write_key(suite: CipherSuite, version: Version = Version.TLS12) -> WriteKey:
    """The same key of TLS 1.2 or older every time."""
    return MasterSecret(suite, version, bytes(range(48))).write_keys(bytes(32), bytes(32))[0]


def pair(protection: Protection) -> tuple[Sealer, Opener]:
    """Both ends of one key."""
    suite, version, encrypt_then_mac = protection
    if version == Version.TLS13:
        return Sealer13(traffic_secret(suite)), Opener13(traffic_secret(suite))
    key = write_key(suite, version)
    return sealer(key, encrypt_then_mac=encrypt_then_mac), opener(key, encrypt_then_mac=encrypt_then_mac)


def seal(sealer: Sealer, content_type: int, content: bytes) -> bytes:
    """One content."""
    out = memoryview(bytearray(len(content) + sealer.overhead))
    return bytes(out[: sealer.seal(content_type, content, out)])


def open_record(opener: Opener, record: bytes) -> tuple[int, bytes]:
    """The content type and the content of one record."""
    out = memoryview(bytearray(len(record)))
    content_type, length = opener.open(memoryview(record), out)
    return content_type, bytes(out[:length])


def framed(version: Version, content_type: int, fragment: bytes) -> bytes:
    """A fragment with a header before it."""
    return bytes([content_type]) + version.to_bytes(2, "big") + len(fragment).to_bytes(2, "big") + fragment


def _cipher(suite: CipherSuite, key: bytes) -> AESGCM | AESCCM | ChaCha20Poly1305:
    if "CCM" in suite.name:
        return AESCCM(key)
    return AESGCM(key) if "GCM" in suite.name else ChaCha20Poly1305(key)


def _exclusive_or(iv: bytes, sequence: int) -> bytes:
    return bytes(a ^ b for a, b in zip(iv, sequence.to_bytes(12, "big"), strict=True))


def inner_13(suite: CipherSuite, sequence: int, inner: bytes) -> bytes:
    """A record of TLS 1.3 around a TLSInnerPlaintext, by `cryptography` alone (RFC 9846 §5.2 [8446 §5.2])."""
    key, iv = traffic_secret(suite).key_and_iv()
    header = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2, "big")
    return header + _cipher(suite, key).encrypt(_exclusive_or(iv, sequence), inner, header)


def record_12(suite: CipherSuite, sequence: int, content_type: int, content: bytes) -> bytes:
    """A record of TLS 1.2, by `cryptography` alone (RFC 5246 §6.2.3.3, RFC 5288 §3, RFC 7905 §2)."""
    key = write_key(suite)
    number = sequence.to_bytes(8, "big")
    explicit = number if "GCM" in suite.name else b""
    nonce = key.iv + explicit if explicit else _exclusive_or(key.iv, sequence)
    additional = number + bytes([content_type]) + b"\x03\x03" + len(content).to_bytes(2, "big")
    fragment = explicit + _cipher(suite, key.key).encrypt(nonce, content, additional)
    return framed(Version.TLS12, content_type, fragment)


def minimal_padding(length: int) -> bytes:
    """The padding of so many bytes of plaintext, its length byte included (RFC 5246 §6.2.3.2)."""
    missing = 15 - length % 16
    return bytes([missing]) * (missing + 1)


def mac_cbc(protection: Protection, sequence: int, content_type: int, covered: bytes) -> bytes:
    """The MAC of a record (RFC 5246 §6.2.3.1, RFC 7366 §3)."""
    header = sequence.to_bytes(8, "big") + framed(protection.version, content_type, covered)
    mac_key = write_key(protection.suite, protection.version).mac_key
    return hmac.new(mac_key, header, getattr(hashlib, protection.cbc.mac)).digest()


def encrypted_cbc(protection: Protection, plain: bytes, iv: bytes) -> bytes:
    """Whole blocks under CBC, with the IV before them where it is sent."""
    key = write_key(protection.suite, protection.version).key
    encrypted = Cipher(AES(key), CBC(iv)).encryptor().update(plain)
    return iv + encrypted if protection.explicit_iv else encrypted


def record_cbc(
    protection: Protection,
    content: bytes,
    *,
    sequence: int = 0,
    content_type: int = 23,
    iv: bytes | None = None,
    padding: bytes | None = None,
) -> bytes:
    """A record with CBC, by `cryptography` and `hmac` alone (RFC 5246 §6.2.3.2, RFC 7366 §3).

    Args:
        iv: None for the one that the key block holds in TLS 1.0, and zeros after that.
        padding: all of it, with its length byte; None for the least there can be.
    """
    suite, version, encrypt_then_mac = protection
    iv = iv or (write_key(suite, version).iv or bytes(16))
    mac = b"" if encrypt_then_mac else mac_cbc(protection, sequence, content_type, content)
    plain = content + mac
    fragment = encrypted_cbc(
        protection, plain + (minimal_padding(len(plain)) if padding is None else padding), iv
    )
    if encrypt_then_mac:
        fragment += mac_cbc(protection, sequence, content_type, fragment)
    return framed(version, content_type, fragment)
