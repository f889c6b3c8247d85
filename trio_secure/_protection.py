"""Record protection: how one record is sealed and opened (RFC 9846 §5.2-5.4 [8446 §5.2-5.4]; RFC 5246 §6.2.3.3).

Theory of operation
-------------------
An `Opener` reads a whole record, header included, and writes its content into memory it is given; a `Sealer`
does the reverse. Both count records themselves, and count only those that succeeded. There are three kinds:

* `PlainOpener`, `PlainSealer`: before keys exist.
* `Opener13`, `Sealer13`: the content type travels inside, behind it optional zeros; the nonce is the IV
  exclusive-or the record's number.
* `Opener12`, `Sealer12`: the content type stays outside and is authenticated together with the record's number;
  AES-GCM sends eight bytes of its nonce, ChaCha20-Poly1305 builds it as TLS 1.3 does.
"""

from __future__ import annotations

import enum
import threading
from typing import NamedTuple, Protocol

from cryptography.exceptions import InvalidTag

from ._errors import AlertDescription, PeerMisbehaved
from ._keys12 import WriteKey
from ._keys13 import TrafficSecret
from ._suites import NONCE_LENGTH, TAG_LENGTH, Buffer

HEADER_LENGTH = 5
#: RFC 9846 §5.1 [8446 §5.1]: the longest content of a record.
MAX_CONTENT = 2**14
_VERSION = b"\x03\x03"
_EXPLICIT_NONCE = 8


class ContentType(enum.IntEnum):
    """RFC 9846 §5.1 [8446 §5.1]."""

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23


class Opened(NamedTuple):
    """What was in a record: its content type and how many bytes were written."""

    content_type: int
    length: int


class Opener(Protocol):
    """The reading side of a key."""

    #: The longest fragment a header may announce.
    max_fragment: int

    def open(self, record: memoryview, out: memoryview) -> Opened:
        """Write the content of `record` (header included) to the front of `out`."""
        ...


class Sealer(Protocol):
    """The writing side of a key."""

    #: Bytes that sealing adds to a content, header included.
    overhead: int

    @property
    def remaining(self) -> int:
        """How many more records this key may protect."""
        ...

    def seal(self, content_type: int, content: Buffer, out: memoryview) -> int:
        """Write one record to the front of `out` and say how long it is."""
        ...


def _undecipherable() -> PeerMisbehaved:
    # RFC 9846 §5.2 [8446 §5.2]: "If the decryption fails, the receiver MUST terminate the connection with a
    # 'bad_record_mac' alert."
    return PeerMisbehaved(
        AlertDescription.BAD_RECORD_MAC, "a record does not decrypt: it was altered on the way"
    )


def _too_long(length: int) -> PeerMisbehaved:
    return PeerMisbehaved(
        AlertDescription.RECORD_OVERFLOW, f"a record holds {length} bytes, more than {MAX_CONTENT}"
    )


class PlainOpener:
    """Before the first key."""

    max_fragment = MAX_CONTENT

    def open(self, record: memoryview, out: memoryview) -> Opened:
        """Copy the fragment."""
        length = len(record) - HEADER_LENGTH
        out[:length] = record[HEADER_LENGTH:]
        return Opened(record[0], length)


class PlainSealer:
    """Before the first key; `version` is the record version to write."""

    overhead = HEADER_LENGTH
    remaining = 2**64

    def __init__(self, version: int) -> None:
        self._version = version.to_bytes(2, "big")

    def seal(self, content_type: int, content: Buffer, out: memoryview) -> int:
        """Put a header before the content."""
        length = HEADER_LENGTH + len(content)
        out[:HEADER_LENGTH] = bytes([content_type]) + self._version + len(content).to_bytes(2, "big")
        out[HEADER_LENGTH:length] = content
        return length


class Opener13:
    """Records of TLS 1.3."""

    # RFC 9846 §5.2 [8446 §5.2]: "The length MUST NOT exceed 2^14 + 256 bytes."
    max_fragment = MAX_CONTENT + 256

    def __init__(self, secret: TrafficSecret) -> None:
        key, iv = secret.key_and_iv()
        self._decrypt_into = secret.suite.aead.new(key).decrypt_into
        self._iv = int.from_bytes(iv, "big")
        self._sequence = 0

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
            raise _undecipherable()
        inner = out[:length]
        nonce = (self._iv ^ self._sequence).to_bytes(NONCE_LENGTH, "big")
        try:
            self._decrypt_into(nonce, record[HEADER_LENGTH:], record[:HEADER_LENGTH], inner)
        except InvalidTag:
            raise _undecipherable() from None
        # "the full encoded TLSInnerPlaintext MUST NOT exceed 2^14 + 1 octets" (RFC 9846 §5.4 [8446 §5.4]).
        if length > MAX_CONTENT + 1:
            raise _too_long(length - 1)
        opened = Opened(inner[-1], length - 1) if length and inner[-1] else self._unpad(inner)
        self._sequence += 1
        return opened

    @staticmethod
    def _unpad(inner: memoryview) -> Opened:
        # RFC 9846 §5.4 [8446 §5.4]: "If a receiving implementation does not find a non-zero octet in the
        # cleartext, it MUST terminate the connection with an 'unexpected_message' alert."
        stripped = inner.tobytes().rstrip(b"\0")
        if not stripped:
            raise PeerMisbehaved(AlertDescription.UNEXPECTED_MESSAGE, "a record holds nothing but padding")
        return Opened(stripped[-1], len(stripped) - 1)


# Where TLS 1.3 puts the content type behind the content before sealing both: sealing never waits, so the threads
# that may run Trio are all that has to be told apart.
_scratch = threading.local()


def _inner_plaintext(content: Buffer, content_type: int) -> memoryview:
    try:
        view: memoryview = _scratch.view
    except AttributeError:
        view = _scratch.view = memoryview(bytearray(MAX_CONTENT + 1))
    length = len(content)
    view[:length] = content
    view[length] = content_type
    return view[: length + 1]


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

    def seal(self, content_type: int, content: Buffer, out: memoryview) -> int:
        """Encrypt the content together with its type."""
        fragment = len(content) + 1 + TAG_LENGTH
        length = HEADER_LENGTH + fragment
        header = out[:HEADER_LENGTH]
        header[:] = b"\x17\x03\x03" + fragment.to_bytes(2, "big")
        nonce = (self._iv ^ self._sequence).to_bytes(NONCE_LENGTH, "big")
        inner = _inner_plaintext(content, content_type)
        self._encrypt_into(nonce, inner, header, out[HEADER_LENGTH:length])
        self._sequence += 1
        return length


class _Nonce12:
    """How TLS 1.2 makes nonces: the implicit part, and how much is sent."""

    def __init__(self, key: WriteKey) -> None:
        self._iv = key.iv
        self._iv_number = int.from_bytes(key.iv, "big")
        self.explicit = NONCE_LENGTH - len(key.iv)

    def full(self, sequence: int, explicit: Buffer) -> bytes:
        if self.explicit:
            return self._iv + bytes(explicit)
        # RFC 7905 §2: the record's number, padded, exclusive-or the IV.
        return (self._iv_number ^ sequence).to_bytes(NONCE_LENGTH, "big")


def _additional_data(sequence: int, content_type: int, length: int) -> bytes:
    # RFC 5246 §6.2.3.3: seq_num + TLSCompressed.type + TLSCompressed.version + TLSCompressed.length
    return sequence.to_bytes(8, "big") + bytes([content_type]) + _VERSION + length.to_bytes(2, "big")


class Opener12:
    """AEAD records of TLS 1.2."""

    # RFC 5246 §6.2.3: "The length MUST NOT exceed 2^14 + 2048."
    max_fragment = MAX_CONTENT + 2048

    def __init__(self, key: WriteKey) -> None:
        self._decrypt_into = key.suite.aead.new(key.key).decrypt_into
        self._nonce = _Nonce12(key)
        self._sequence = 0

    def open(self, record: memoryview, out: memoryview) -> Opened:
        """Decrypt one record."""
        content_type, explicit = record[0], self._nonce.explicit
        length = len(record) - HEADER_LENGTH - explicit - TAG_LENGTH
        if length < 0:
            raise _undecipherable()
        start = HEADER_LENGTH + explicit
        nonce = self._nonce.full(self._sequence, record[HEADER_LENGTH:start])
        try:
            additional = _additional_data(self._sequence, content_type, length)
            self._decrypt_into(nonce, record[start:], additional, out[:length])
        except InvalidTag:
            raise _undecipherable() from None
        # RFC 5246 §6.2.1: "The length MUST NOT exceed 2^14."
        if length > MAX_CONTENT:
            raise _too_long(length)
        self._sequence += 1
        return Opened(content_type, length)


class Sealer12:
    """AEAD records of TLS 1.2."""

    def __init__(self, key: WriteKey) -> None:
        self._encrypt_into = key.suite.aead.new(key.key).encrypt_into
        self._nonce = _Nonce12(key)
        self._sequence = 0
        self._limit = key.suite.aead.record_limit
        self.overhead = HEADER_LENGTH + self._nonce.explicit + TAG_LENGTH

    @property
    def remaining(self) -> int:
        """How many more records this key may protect."""
        return self._limit - self._sequence

    def seal(self, content_type: int, content: Buffer, out: memoryview) -> int:
        """Encrypt one content."""
        explicit, start = self._nonce.explicit, HEADER_LENGTH + self._nonce.explicit
        length = self.overhead + len(content)
        out[:HEADER_LENGTH] = bytes([content_type]) + _VERSION + (length - HEADER_LENGTH).to_bytes(2, "big")
        # RFC 5288 §3: "The nonce_explicit MAY be the 64-bit sequence number", which can never repeat.
        sent = self._sequence.to_bytes(_EXPLICIT_NONCE, "big")[:explicit]
        out[HEADER_LENGTH:start] = sent
        additional = _additional_data(self._sequence, content_type, len(content))
        self._encrypt_into(self._nonce.full(self._sequence, sent), content, additional, out[start:length])
        self._sequence += 1
        return length
