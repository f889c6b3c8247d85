"""Record protection of TLS 1.3 (RFC 9846 §5.2-5.4 [8446 §5.2-5.4]).

Theory of operation: the content type travels inside, behind it optional zeros; the nonce is the IV exclusive-or
the record's number, which begins anew with every key:

    RFC 9846 §5.3 [8446 §5.3]: "the first record transmitted under a particular traffic key MUST use sequence
    number 0."
"""

from __future__ import annotations

import threading

from cryptography.exceptions import InvalidTag

from ._errors import AlertDescription, PeerMisbehaved
from ._keys13 import TrafficSecret
from ._protection import (
    HEADER_LENGTH,
    MAX_CONTENT,
    MAX_EMPTY,
    ContentType,
    Opened,
    OpenedData,
    too_long,
    undecipherable,
)
from ._suites import NONCE_LENGTH, TAG_LENGTH, Buffer

_DATA = int(ContentType.APPLICATION_DATA)


class Opener13:
    """Records of TLS 1.3."""

    def __init__(self, secret: TrafficSecret) -> None:
        key, iv = secret.key_and_iv()
        self._decrypt_into = secret.suite.aead.new(key).decrypt_into
        self._iv = int.from_bytes(iv, "big")
        self._sequence = 0
        # "the full encoded TLSInnerPlaintext MUST NOT exceed 2^14 + 1 octets" (RFC 9846 §5.4 [8446 §5.4]).
        self._max_inner = MAX_CONTENT + 1
        # RFC 9846 §5.2 [8446 §5.2]: "The length MUST NOT exceed 2^14 + 256 bytes."
        self.max_fragment = MAX_CONTENT + 256

    def limit(self, content: int) -> None:
        """Refuse longer contents, counting padding."""
        # RFC 9846 §5.4 [8446 §5.4]: "the reduced limit applies to the full plaintext, including the content type
        # and padding".
        self._max_inner = content + 1
        self.max_fragment = self._max_inner + TAG_LENGTH

    def open(self, record: memoryview, out: memoryview) -> Opened:
        """Decrypt, and take the content type off the end."""
        # RFC 9846 §5.2 [8446 §5.2]: "The outer opaque_type field of a TLSCiphertext record is always set to the
        # value 23 (application_data)".
        if record[0] != ContentType.APPLICATION_DATA:
            raise PeerMisbehaved(
                AlertDescription.UNEXPECTED_MESSAGE,
                f"an unprotected record of type {record[0]} among protected ones",
            )
        length = len(record) - HEADER_LENGTH - TAG_LENGTH
        if length < 0:
            raise undecipherable()
        inner = out[:length]
        nonce = (self._iv ^ self._sequence).to_bytes(NONCE_LENGTH, "big")
        try:
            self._decrypt_into(nonce, record[HEADER_LENGTH:], record[:HEADER_LENGTH], inner)
        except InvalidTag:
            raise undecipherable() from None
        if length > self._max_inner:
            raise too_long(length - 1, self._max_inner - 1)
        opened = Opened(inner[-1], length - 1) if length and inner[-1] else self._unpad(inner)
        self._sequence += 1
        return opened

    def open_data(
        self, view: memoryview, start: int, end: int, out: memoryview, limit: int, empty: int
    ) -> OpenedData:
        """As `Opener.open_data`."""
        # The hot loop. Each record is opened onto the content type of the one before, so the contents come out
        # side by side; nothing is made for a record but its nonce and three views. What is not plainly data is
        # left for `open`, as if it had not been looked at.
        decrypt_into, iv, sequence = self._decrypt_into, self._iv, self._sequence
        least, most = 1 + TAG_LENGTH, self._max_inner + TAG_LENGTH
        filled = 0
        try:
            while filled < limit and end - start >= HEADER_LENGTH and empty <= MAX_EMPTY:
                fragment = view[start + 3] << 8 | view[start + 4]
                body = start + HEADER_LENGTH
                stop = body + fragment
                if stop > end or not least <= fragment <= most or view[start] != _DATA:
                    break
                last = filled + fragment - TAG_LENGTH - 1
                nonce = (iv ^ sequence).to_bytes(NONCE_LENGTH, "big")
                decrypt_into(nonce, view[body:stop], view[start:body], out[filled : last + 1])
                if out[last] != _DATA:
                    last = filled + len(out[filled : last + 1].tobytes().rstrip(b"\0")) - 1
                    if last < filled or out[last] != _DATA:
                        break
                empty = 0 if last > filled else empty + 1
                sequence += 1
                filled, start = last, stop
        except InvalidTag:
            pass
        self._sequence = sequence
        return OpenedData(start, filled, empty)

    @staticmethod
    def _unpad(inner: memoryview) -> Opened:
        # RFC 9846 §5.4 [8446 §5.4]: "If a receiving implementation does not find a non-zero octet in the
        # cleartext, it MUST terminate the connection with an 'unexpected_message' alert."
        stripped = inner.tobytes().rstrip(b"\0")
        if not stripped:
            raise PeerMisbehaved(AlertDescription.UNEXPECTED_MESSAGE, "a record holds nothing but padding")
        return Opened(stripped[-1], len(stripped) - 1)


# Where TLS 1.3 puts the content type and padding behind the content before sealing all three: sealing never waits,
# so the threads that may run Trio are all that has to be told apart.
_scratch = threading.local()


def _inner_plaintext() -> memoryview:
    try:
        view: memoryview = _scratch.view
    except AttributeError:
        view = _scratch.view = memoryview(bytearray(MAX_CONTENT + 1))
    return view


class Sealer13:
    """Records of TLS 1.3."""

    overhead = HEADER_LENGTH + 1 + TAG_LENGTH

    def __init__(self, secret: TrafficSecret) -> None:
        key, iv = secret.key_and_iv()
        self._encrypt_into = secret.suite.aead.new(key).encrypt_into
        self._iv = int.from_bytes(iv, "big")
        self._sequence = 0
        self._limit = secret.suite.aead.record_limit

    @property
    def remaining(self) -> int:
        """How many more records this key may protect."""
        return self._limit - self._sequence

    def seal(self, content_type: int, content: Buffer, out: memoryview, padding: int = 0) -> int:
        """Encrypt the content together with its type, and so many zeros behind it (RFC 9846 §5.4 [8446 §5.4])."""
        inner = b"".join((content, bytes((content_type,)), bytes(padding)))
        length = len(inner) + TAG_LENGTH
        header = _header(length)
        out[:HEADER_LENGTH] = header
        nonce = (self._iv ^ self._sequence).to_bytes(NONCE_LENGTH, "big")
        self._encrypt_into(nonce, inner, header, out[HEADER_LENGTH : HEADER_LENGTH + length])
        self._sequence += 1
        return HEADER_LENGTH + length

    def seal_all(self, content_type: int, content: memoryview, size: int, out: memoryview) -> int:
        """As `Sealer.seal_all`."""
        at, total = 0, len(content)
        full = total - total % size
        if full:
            # The hot loop of sending: what full records have in common is made once.
            encrypt_into, iv, sequence = self._encrypt_into, self._iv, self._sequence
            inner = _inner_plaintext()[: size + 1]
            inner[size] = content_type
            place, length = inner[:size], len(inner) + TAG_LENGTH
            header = _header(length)
            for start in range(0, full, size):
                place[:] = content[start : start + size]
                body = at + HEADER_LENGTH
                out[at:body] = header
                at = body + length
                encrypt_into((iv ^ sequence).to_bytes(NONCE_LENGTH, "big"), inner, header, out[body:at])
                sequence += 1
            self._sequence = sequence
        if full < total or not total:
            at += self.seal(content_type, content[full:], out[at:])
        return at


def _header(length: int) -> bytes:
    """That of a record whose fragment has `length` bytes."""
    return b"\x17\x03\x03" + length.to_bytes(2, "big")
