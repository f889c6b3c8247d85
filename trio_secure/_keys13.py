"""The key schedule of TLS 1.3, as stages (RFC 9846 §7 [8446 §7]).

Theory of operation
-------------------
Each stage holds only what the next one needs, and is made from the stage before it:

::

    0 -> Extract = Early Secret                  (no PSK: the input is zeros)
           | Derive-Secret(., "derived", "")
    shared secret -> Extract = Handshake Secret  -> HandshakeSecrets: client and server traffic, Finished keys
           | Derive-Secret(., "derived", "")
    0 -> Extract = Main Secret                   -> ApplicationSecrets: client and server traffic, exporter
"""

from __future__ import annotations

import functools
import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ._codec import vector8
from ._errors import AlertDescription, PeerMisbehaved
from ._suites import NONCE_LENGTH, CipherSuite, Hash


def hkdf_expand_label(algorithm: Hash, secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """RFC 9846 §7.1 [8446 §7.1], for the lengths of keys and secrets: one block of output."""
    # HKDF-Expand (RFC 5869 §2.3) of one block is one HMAC, and a handshake needs about twenty.
    info = _label_info(label, length) + vector8(context)
    return hmac.digest(secret, info + b"\x01", algorithm.name)[:length]


@functools.cache
def _label_info(label: bytes, length: int) -> bytes:
    return length.to_bytes(2, "big") + vector8(b"tls13 " + label)


def _derive(algorithm: Hash, secret: bytes, label: bytes, transcript: bytes) -> bytes:
    return hkdf_expand_label(algorithm, secret, label, transcript, algorithm.length)


def _next_stage(algorithm: Hash, secret: bytes, key_material: bytes) -> bytes:
    salt = _derive(algorithm, secret, b"derived", algorithm.empty)
    return HKDF.extract(algorithm.algorithm, salt, key_material)


@dataclass(frozen=True, slots=True, repr=False)
class TrafficSecret:
    """One direction's secret, and the keys that come from it (RFC 9846 §7.3 [8446 §7.3])."""

    suite: CipherSuite
    secret: bytes

    def key_and_iv(self) -> tuple[bytes, bytes]:
        """The record protection key and the per-connection IV."""
        key = self._expand(b"key", self.suite.aead.key_length)
        return key, self._expand(b"iv", NONCE_LENGTH)

    def next(self) -> TrafficSecret:
        """The secret after a KeyUpdate (RFC 9846 §7.2 [8446 §7.2])."""
        return TrafficSecret(self.suite, self._expand(b"traffic upd", self.suite.hash.length))

    def finished(self, transcript: bytes) -> bytes:
        """The verify_data of a Finished sent under this secret (RFC 9846 §4.5.3 [8446 §4.4.4])."""
        key = self._expand(b"finished", self.suite.hash.length)
        return hmac.digest(key, transcript, self.suite.hash.name)

    def check_finished(self, verify_data: bytes, transcript: bytes) -> None:
        """Refuse a Finished that does not bind the handshake.

        RFC 9846 §4.5.3 [8446 §4.4.4]: "Recipients of Finished messages MUST verify that the contents are correct
        and if incorrect MUST terminate the connection with a 'decrypt_error' alert."
        """
        check_verify_data(self.finished(transcript), verify_data)

    def _expand(self, label: bytes, length: int) -> bytes:
        return hkdf_expand_label(self.suite.hash, self.secret, label, b"", length)


def check_verify_data(expected: bytes, verify_data: bytes) -> None:
    """Compare a Finished in constant time, for every version."""
    # A wrong length is a message that does not parse; a wrong value is one that does not verify.
    if len(verify_data) != len(expected):
        raise PeerMisbehaved(
            AlertDescription.DECODE_ERROR,
            f"malformed Finished: {len(verify_data)} bytes of verify_data instead of {len(expected)}",
        )
    if not hmac.compare_digest(verify_data, expected):
        raise PeerMisbehaved(
            AlertDescription.DECRYPT_ERROR, "the server's Finished does not match the handshake"
        )


@dataclass(frozen=True, slots=True, repr=False)
class HandshakeSecrets:
    """The stage between the hellos and the server's Finished."""

    suite: CipherSuite
    secret: bytes
    client: TrafficSecret
    server: TrafficSecret

    @classmethod
    def derive(cls, suite: CipherSuite, shared_secret: bytes, transcript: bytes) -> HandshakeSecrets:
        """From the key exchange, with the transcript up to the ServerHello."""
        zeros = bytes(suite.hash.length)
        early = HKDF.extract(suite.hash.algorithm, zeros, zeros)
        secret = _next_stage(suite.hash, early, shared_secret)
        client = _derive(suite.hash, secret, b"c hs traffic", transcript)
        server = _derive(suite.hash, secret, b"s hs traffic", transcript)
        return cls(suite, secret, TrafficSecret(suite, client), TrafficSecret(suite, server))


@dataclass(frozen=True, slots=True, repr=False)
class ApplicationSecrets:
    """The stage from the server's Finished on."""

    client: TrafficSecret
    server: TrafficSecret
    exporter: bytes

    @classmethod
    def derive(cls, handshake: HandshakeSecrets, transcript: bytes) -> ApplicationSecrets:
        """With the transcript up to the server's Finished."""
        suite = handshake.suite
        secret = _next_stage(suite.hash, handshake.secret, bytes(suite.hash.length))
        client = _derive(suite.hash, secret, b"c ap traffic", transcript)
        server = _derive(suite.hash, secret, b"s ap traffic", transcript)
        exporter = _derive(suite.hash, secret, b"exp master", transcript)
        return cls(TrafficSecret(suite, client), TrafficSecret(suite, server), exporter)
