"""Records without memory management, bytes in, bytes out; and the same records by a second hand.

Theory of operation: `seal` and `open_record` run the library's ends; `inner_13` and `record_12` make records from
the RFCs' text with nothing but the AEADs of `cryptography`.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from trio_secure._keys12 import MasterSecret, WriteKey
from trio_secure._keys13 import TrafficSecret
from trio_secure._protection import Opener, Opener12, Opener13, Sealer, Sealer12, Sealer13
from trio_secure._suites import CIPHER_SUITES, SUITES_BY_NAME, CipherSuite
from trio_secure._versions import Version

SUITES_13 = [suite for suite in CIPHER_SUITES if suite.version == Version.TLS13]
SUITES_12 = [suite for suite in CIPHER_SUITES if suite.version == Version.TLS12]


def traffic_secret(suite: CipherSuite = SUITES_BY_NAME["TLS_AES_128_GCM_SHA256"]) -> TrafficSecret:
    """The same TLS 1.3 secret every time."""
    return TrafficSecret(suite, bytes(range(suite.hash.length)))


def write_key(suite: CipherSuite) -> WriteKey:
    """The same TLS 1.2 key every time."""
    return MasterSecret(suite, bytes(range(48))).write_keys(bytes(32), bytes(32))[0]


def pair(suite: CipherSuite) -> tuple[Sealer, Opener]:
    """Both ends of one key."""
    if suite.version == Version.TLS13:
        return Sealer13(traffic_secret(suite)), Opener13(traffic_secret(suite))
    return Sealer12(write_key(suite)), Opener12(write_key(suite))


def seal(sealer: Sealer, content_type: int, content: bytes) -> bytes:
    """One record."""
    out = memoryview(bytearray(len(content) + sealer.overhead))
    return bytes(out[: sealer.seal(content_type, content, out)])


def open_record(opener: Opener, record: bytes) -> tuple[int, bytes]:
    """The content type and the content of one record."""
    out = memoryview(bytearray(len(record)))
    content_type, length = opener.open(memoryview(record), out)
    return content_type, bytes(out[:length])


def _cipher(suite: CipherSuite, key: bytes) -> AESGCM | ChaCha20Poly1305:
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
    return bytes([content_type]) + b"\x03\x03" + len(fragment).to_bytes(2, "big") + fragment
