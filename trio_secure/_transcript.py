"""The transcript: a running hash over the handshake messages (RFC 9846 §4.1 [8446 §4.4.1]; RFC 5246 §7.4.9)."""

from __future__ import annotations

import hashlib

from ._suites import Hash

_MESSAGE_HASH = b"\xfe\x00\x00"


class Transcript:
    """Keeps messages as they are until the suite names the hash, then only their running hash."""

    __slots__ = ("_hash", "_messages", "_running")

    def __init__(self) -> None:
        self._messages: list[bytes] = []
        self._running = hashlib.sha256()
        self._hash: Hash | None = None

    def add(self, message: bytes) -> None:
        """Append one message, header included, exactly as it stood on the wire."""
        if self._hash is None:
            self._messages.append(message)
        else:
            self._running.update(message)

    def use(self, algorithm: Hash) -> None:
        """Settle the hash; doing so again with the same one changes nothing."""
        if self._hash is None:
            self._hash = algorithm
            self._running = hashlib.new(algorithm.name, b"".join(self._messages))
            self._messages.clear()

    def use_after_retry(self, algorithm: Hash) -> None:
        """Settle the hash after a first ClientHello and the HelloRetryRequest.

        RFC 9846 §4.1 [8446 §4.4.1]: "when the server responds to a ClientHello with a HelloRetryRequest, the
        value of ClientHello1 is replaced with a special synthetic handshake message of handshake type
        'message_hash' containing Hash(ClientHello1)."
        """
        first = hashlib.new(algorithm.name, self._messages[0]).digest()
        self._messages[0] = _MESSAGE_HASH + bytes([algorithm.length]) + first
        self.use(algorithm)

    def digest(self) -> bytes:
        """The hash of everything added so far."""
        return self._running.digest()
