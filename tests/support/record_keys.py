"""Records without memory management: bytes in, bytes out."""

from __future__ import annotations

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
