"""The transcript: a running hash over the handshake messages (RFC 9846 §4.1 [8446 §4.4.1]; RFC 5246 §7.4.9)."""

from __future__ import annotations

from ._suites import Hash, RunningHash, TranscriptHash

_MESSAGE_HASH = b"\xfe\x00\x00"


class Transcript:
    """Keeps messages as they are until the suite names the hash, then only their running hash."""

    __slots__ = ("_keeps", "_messages", "_running")

    def __init__(self) -> None:
        self._messages: list[bytes] = []
        self._keeps = True
        self._running: RunningHash | None = None

    def add(self, message: bytes) -> None:
        """Append one message, header included, exactly as it stood on the wire."""
        if self._keeps:
            self._messages.append(message)
        if self._running is not None:
            self._running.update(message)

    def use(self, algorithm: TranscriptHash, *, keep: bool = False) -> None:
        """Settle the hash; doing so again changes nothing but whether messages are kept.

        Args:
            algorithm: what `CipherSuite.transcript_hash` says.
            keep: go on keeping the messages as well, for a client that may have to sign them under a hash that it
                learns later (RFC 5246 §7.4.8). Otherwise they are let go.
        """
        if self._running is None:
            self._running = algorithm.new(self.messages)
        self._keeps = keep
        if not keep:
            self._messages.clear()

    def use_after_retry(self, algorithm: Hash) -> None:
        """Settle the hash after a first ClientHello and the HelloRetryRequest.

        RFC 9846 §4.1 [8446 §4.4.1]: "when the server responds to a ClientHello with a HelloRetryRequest, the
        value of ClientHello1 is replaced with a special synthetic handshake message of handshake type
        'message_hash' containing Hash(ClientHello1)."
        """
        first = algorithm.new(self._messages[0]).digest()
        self._messages[0] = _MESSAGE_HASH + bytes([algorithm.length]) + first
        self.use(algorithm)

    @property
    def messages(self) -> bytes:
        """The messages themselves, one after another, as long as they are kept."""
        return b"".join(self._messages)

    def digest(self) -> bytes:
        """The hash of everything added so far.

        Raises:
            RuntimeError: no hash is settled yet.
        """
        if self._running is None:
            raise RuntimeError("the hash of the transcript is not settled")
        return self._running.digest()

    def preview(self, algorithm: TranscriptHash, more: bytes = b"") -> bytes:
        """The hash of everything added so far and of `more`, which is not added; it need not be settled.

        Args:
            algorithm: the hash, which is the settled one if there is one (after a HelloRetryRequest).
            more: the beginning of a message to come, such as a ClientHello without its binders.
        """
        running = algorithm.new(self.messages) if self._running is None else self._running.copy()
        running.update(more)
        return running.digest()

    def copy(self) -> Transcript:
        """Another transcript of the same messages, for an exchange that branches off from them."""
        other = Transcript()
        other._messages, other._keeps = self._messages.copy(), self._keeps
        other._running = None if self._running is None else self._running.copy()
        return other
