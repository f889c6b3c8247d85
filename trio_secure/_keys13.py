"""The key schedule of TLS 1.3, as stages (RFC 9846 §7 [8446 §7]).

Theory of operation
-------------------
Each stage holds only what the next one needs, and is made from the stage before it:

::

    PSK -> Extract = Early Secret                -> EarlySecrets: binder, early traffic
           | Derive-Secret(., "derived", "")        (no PSK: zeros, and the same secret every time)
    shared secret -> Extract = Handshake Secret  -> HandshakeSecrets: client and server traffic, Finished keys
           | Derive-Secret(., "derived", "")
    0 -> Extract = Main Secret                   -> ApplicationSecrets: client and server traffic, exporter
                                                 -> ResumptionSecret: a PSK for each ticket

The Main Secret goes along with the HandshakeSecrets, and so is gone with them when the handshake ends:

    RFC 9846 §7.1 [8446 §7.1]: "Once all the values which are to be derived from a given secret have been computed,
    that secret SHOULD be erased."
"""

from __future__ import annotations

import functools
import hashlib
import hmac

from ._codec import vector8
from ._errors import AlertDescription, PeerMisbehaved
from ._frozen import frozen
from ._suites import CIPHER_SUITES, NONCE_LENGTH, CipherSuite, Hash

#: The label and the value of a line of a key log, as NSS made them known.
KeyLogEntry = tuple[str, bytes]


def hkdf_expand_label(algorithm: Hash, secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """RFC 9846 §7.1 [8446 §7.1], for up to 255 blocks of output."""
    # HKDF-Expand (RFC 5869 §2.3) of one block is one HMAC, and a handshake needs about twenty.
    info = _label_info(label, length, len(context)) + context
    output = block = hmac.digest(secret, info + b"\x01", algorithm.name)
    if length == algorithm.length:
        return output
    while len(output) < length:
        counter = len(output) // algorithm.length + 1
        block = hmac.digest(secret, block + info + counter.to_bytes(1, "big"), algorithm.name)
        output += block
    return output[:length]


# Bounded, because the labels of exporters are the user's.
@functools.lru_cache(maxsize=64)
def _label_info(label: bytes, length: int, context_length: int) -> bytes:
    return length.to_bytes(2, "big") + vector8(b"tls13 " + label) + context_length.to_bytes(1, "big")


def _extract(algorithm: Hash, salt: bytes, key_material: bytes) -> bytes:
    """RFC 5869 §2.2: HKDF-Extract is one HMAC."""
    return hmac.digest(salt, key_material, algorithm.name)


def _derive(algorithm: Hash, secret: bytes, label: bytes, transcript: bytes) -> bytes:
    return hkdf_expand_label(algorithm, secret, label, transcript, algorithm.length)


def _next_stage(algorithm: Hash, secret: bytes, key_material: bytes) -> bytes:
    return _extract(algorithm, _salt(algorithm, secret), key_material)


def _salt(algorithm: Hash, secret: bytes) -> bytes:
    return _derive(algorithm, secret, b"derived", algorithm.empty)


# RFC 9846 §7.1 [8446 §7.1]: "if PSK is not in use, Early Secret will still be HKDF-Extract(0, 0)". So what comes
# of it is known beforehand.
_SALTS_WITHOUT_PSK = {
    algorithm.name: _salt(algorithm, _extract(algorithm, b"", bytes(algorithm.length)))
    for algorithm in {row.hash.name: row.hash for row in CIPHER_SUITES}.values()
}


def _finished(algorithm: Hash, secret: bytes, transcript: bytes) -> bytes:
    key = hkdf_expand_label(algorithm, secret, b"finished", b"", algorithm.length)
    return hmac.digest(key, transcript, algorithm.name)


@frozen(repr=False)
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
        return _finished(self.suite.hash, self.secret, transcript)

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


@frozen(repr=False)
class EarlySecrets:
    """The stage before the ServerHello, of a client that offers to resume with `psk`."""

    hash: Hash
    secret: bytes

    @classmethod
    def derive(cls, algorithm: Hash, psk: bytes) -> EarlySecrets:
        """From a PSK and the hash that belongs to it."""
        return cls(algorithm, _extract(algorithm, bytes(algorithm.length), psk))

    def binder(self, transcript: bytes) -> bytes:
        """The proof that the client has the PSK (RFC 9846 §4.3.11.2 [8446 §4.2.11.2]).

        Args:
            transcript: the hash of everything up to and with the identities of the ClientHello's pre_shared_key,
                whose lengths are those of the whole message.
        """
        key = _derive(self.hash, self.secret, b"res binder", self.hash.empty)
        return _finished(self.hash, key, transcript)

    def client_early_traffic(self, suite: CipherSuite, transcript: bytes) -> TrafficSecret:
        """The secret of 0-RTT data, in a key log CLIENT_EARLY_TRAFFIC_SECRET.

        Args:
            suite: the one of the session: RFC 9846 §4.3.10 [8446 §4.2.10]: "the associated values are those which
                were negotiated in the connection which established the PSK".
            transcript: the hash of the ClientHello, binders included.
        """
        return TrafficSecret(suite, _derive(self.hash, self.secret, b"c e traffic", transcript))


@frozen(repr=False)
class HandshakeSecrets:
    """The stage between the hellos and the server's Finished.

    Attributes:
        main: the Main Secret, from which the stages after this one are made.
    """

    suite: CipherSuite
    main: bytes
    client: TrafficSecret
    server: TrafficSecret

    @classmethod
    def derive(
        cls, suite: CipherSuite, shared_secret: bytes, transcript: bytes, early: EarlySecrets | None = None
    ) -> HandshakeSecrets:
        """From the key exchange.

        Args:
            suite: what the server chose.
            shared_secret: what the key exchange agreed on.
            transcript: the hash up to the ServerHello.
            early: the stage of the PSK that the server took, whose hash is the suite's; None without one.
        """
        algorithm = suite.hash
        salt = _SALTS_WITHOUT_PSK[algorithm.name] if early is None else _salt(algorithm, early.secret)
        secret = _extract(algorithm, salt, shared_secret)
        client = _derive(algorithm, secret, b"c hs traffic", transcript)
        server = _derive(algorithm, secret, b"s hs traffic", transcript)
        main = _next_stage(algorithm, secret, bytes(algorithm.length))
        return cls(suite, main, TrafficSecret(suite, client), TrafficSecret(suite, server))

    @property
    def key_log(self) -> tuple[KeyLogEntry, KeyLogEntry]:
        """What a key log holds of this stage."""
        return (
            ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", self.client.secret),
            ("SERVER_HANDSHAKE_TRAFFIC_SECRET", self.server.secret),
        )


@frozen(repr=False)
class ApplicationSecrets:
    """The stage from the server's Finished on."""

    client: TrafficSecret
    server: TrafficSecret
    exporter: bytes

    @classmethod
    def derive(cls, handshake: HandshakeSecrets, transcript: bytes) -> ApplicationSecrets:
        """With the transcript up to the server's Finished."""
        suite = handshake.suite
        client = _derive(suite.hash, handshake.main, b"c ap traffic", transcript)
        server = _derive(suite.hash, handshake.main, b"s ap traffic", transcript)
        exporter = _derive(suite.hash, handshake.main, b"exp master", transcript)
        return cls(TrafficSecret(suite, client), TrafficSecret(suite, server), exporter)

    def export(self, label: bytes, context: bytes | None, length: int) -> bytes:
        """Keying material for an application (RFC 9846 §7.5 [8446 §7.5]).

        Args:
            label: up to 249 bytes, as registered for the purpose.
            context: what the material is bound to besides; an empty one is the same as none.
            length: 1 to 255 times the length of the suite's hash, in bytes.

        Raises:
            ValueError: a length is out of range.
        """
        algorithm = self.client.suite.hash
        # RFC 9846 §7.1 [8446 §7.1]: "opaque label<7..255> = 'tls13 ' + Label". An empty label is one byte short of
        # that; every other implementation takes it, and some peers use it.
        if len(label) > 255 - len("tls13 "):
            raise ValueError(f"an exporter's label has at most 249 bytes, not {len(label)}")
        context = context or b""
        # RFC 5705 §4: the context's length is a uint16, and RFC 9846 §7.5: "The exporter interface remains the
        # same".
        if len(context) >= 2**16:
            raise ValueError(f"an exporter's context has at most 65535 bytes, not {len(context)}")
        # RFC 5869 §2.3: "length of output keying material in octets (<= 255*HashLen)".
        if not 1 <= length <= 255 * algorithm.length:
            raise ValueError(f"an exporter gives 1 to {255 * algorithm.length} bytes, not {length}")
        secret = _derive(algorithm, self.exporter, label, algorithm.empty)
        hashed = hashlib.new(algorithm.name, context).digest()
        return hkdf_expand_label(algorithm, secret, b"exporter", hashed, length)

    @property
    def key_log(self) -> tuple[KeyLogEntry, KeyLogEntry, KeyLogEntry]:
        """What a key log holds of this stage."""
        return (
            ("CLIENT_TRAFFIC_SECRET_0", self.client.secret),
            ("SERVER_TRAFFIC_SECRET_0", self.server.secret),
            ("EXPORTER_SECRET", self.exporter),
        )


@frozen(repr=False)
class ResumptionSecret:
    """What a finished handshake leaves for tickets that come after it."""

    suite: CipherSuite
    secret: bytes

    @classmethod
    def derive(cls, handshake: HandshakeSecrets, transcript: bytes) -> ResumptionSecret:
        """With the transcript up to the client's Finished."""
        suite = handshake.suite
        return cls(suite, _derive(suite.hash, handshake.main, b"res master", transcript))

    def psk(self, nonce: bytes) -> bytes:
        """The PSK of the ticket with `nonce`, 0 to 255 bytes (RFC 9846 §4.7.1 [8446 §4.6.1])."""
        algorithm = self.suite.hash
        return hkdf_expand_label(algorithm, self.secret, b"resumption", nonce, algorithm.length)
