"""Record protection of TLS 1.2 with an AEAD (RFC 5246 §6.2.3.3), and the way to that of any older key.

Theory of operation
-------------------
The content type stays outside and is authenticated together with the record's number. AES-GCM sends eight bytes of
its nonce, ChaCha20-Poly1305 builds it as TLS 1.3 does.

`opener` and `sealer` give the protection of a key of TLS 1.2 or older, which the key's suite decides.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag

from ._keys12 import WriteKey
from ._protection import (
    HEADER_LENGTH,
    MAX_CONTENT,
    MAX_EMPTY,
    ContentType,
    Opened,
    OpenedData,
    Opener,
    Sealer,
    other_version,
    pseudo_header,
    seal_in_turn,
    too_long,
    undecipherable,
)
from ._protection_cbc import OpenerCBC, SealerCBC
from ._suites import NONCE_LENGTH, TAG_LENGTH, Aead, Buffer
from ._versions import Version

_VERSION = Version.TLS12.to_bytes(2, "big")
_MAJOR, _MINOR = _VERSION
_EXPLICIT_NONCE = 8
_DATA = int(ContentType.APPLICATION_DATA)
_DATA_12 = bytes([_DATA]) + _VERSION


def opener(key: WriteKey, *, encrypt_then_mac: bool) -> Opener:
    """What opens the records of `key`; `encrypt_then_mac` says whether that was agreed, and matters for CBC."""
    if isinstance(key.suite.cipher, Aead):
        return Opener12(key)
    return OpenerCBC(key, key.suite.cipher, encrypt_then_mac=encrypt_then_mac)


def sealer(key: WriteKey, *, encrypt_then_mac: bool) -> Sealer:
    """What seals records with `key`; `encrypt_then_mac` says whether that was agreed, and matters for CBC."""
    if isinstance(key.suite.cipher, Aead):
        return Sealer12(key)
    return SealerCBC(key, key.suite.cipher, encrypt_then_mac=encrypt_then_mac)


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


class Opener12:
    """AEAD records of TLS 1.2."""

    def __init__(self, key: WriteKey) -> None:
        self._decrypt_into = key.suite.aead.new(key.key).decrypt_into
        self._nonce = _Nonce12(key)
        self._sequence = 0
        # RFC 5246 §6.2.1: "The length MUST NOT exceed 2^14."
        self._max_content = MAX_CONTENT
        # RFC 5246 §6.2.3: "The length MUST NOT exceed 2^14 + 2048."
        self.max_fragment = MAX_CONTENT + 2048

    def limit(self, content: int) -> None:
        """Refuse longer contents."""
        self._max_content = content
        self.max_fragment = self._nonce.explicit + content + TAG_LENGTH

    def open(self, record: memoryview, out: memoryview) -> Opened:
        """Decrypt one record."""
        if record[2] != _MINOR or record[1] != _MAJOR:
            raise other_version(record)
        content_type, explicit = record[0], self._nonce.explicit
        length = len(record) - HEADER_LENGTH - explicit - TAG_LENGTH
        if length < 0:
            raise undecipherable()
        start = HEADER_LENGTH + explicit
        nonce = self._nonce.full(self._sequence, record[HEADER_LENGTH:start])
        try:
            additional = pseudo_header(self._sequence, content_type, _VERSION, length)
            self._decrypt_into(nonce, record[start:], additional, out[:length])
        except InvalidTag:
            raise undecipherable() from None
        if length > self._max_content:
            raise too_long(length, self._max_content)
        self._sequence += 1
        return Opened(content_type, length)

    def open_data(
        self, view: memoryview, start: int, end: int, out: memoryview, limit: int, empty: int
    ) -> OpenedData:
        """As `Opener.open_data`."""
        # The hot loop, as in TLS 1.3.
        decrypt_into, nonce, sequence = self._decrypt_into, self._nonce.full, self._sequence
        explicit = self._nonce.explicit
        least, most = explicit + TAG_LENGTH, explicit + self._max_content + TAG_LENGTH
        filled = 0
        try:
            while filled < limit and end - start >= HEADER_LENGTH and empty <= MAX_EMPTY:
                fragment = view[start + 3] << 8 | view[start + 4]
                body = start + HEADER_LENGTH
                stop, content = body + fragment, body + explicit
                if stop > end or not least <= fragment <= most or bytes(view[start : start + 3]) != _DATA_12:
                    break
                last = filled + fragment - explicit - TAG_LENGTH
                # `pseudo_header`, of which all but two numbers is the same for every record.
                additional = sequence.to_bytes(8, "big") + _DATA_12 + (last - filled).to_bytes(2, "big")
                decrypt_into(
                    nonce(sequence, view[body:content]), view[content:stop], additional, out[filled:last]
                )
                empty = 0 if last > filled else empty + 1
                sequence += 1
                filled, start = last, stop
        except InvalidTag:
            pass
        self._sequence = sequence
        return OpenedData(start, filled, empty)


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
        additional = pseudo_header(self._sequence, content_type, _VERSION, len(content))
        self._encrypt_into(self._nonce.full(self._sequence, sent), content, additional, out[start:length])
        self._sequence += 1
        return length

    def seal_all(self, content_type: int, content: memoryview, size: int, out: memoryview) -> int:
        """As `Sealer.seal_all`."""
        return seal_in_turn(self, content_type, content, size, out)
