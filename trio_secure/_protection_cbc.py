"""Record protection of TLS 1.0 to 1.2 with CBC and an HMAC (RFC 5246 §6.2.3.2), and encrypt-then-MAC (RFC 7366).

Theory of operation
-------------------
There are two orders. By the older one the MAC is taken of the content and encrypted along with it and the padding:
whoever opens a record has to decrypt, and to believe a padding, before anything is authentic. Every attack on CBC
in TLS asks how far a forged record got. So there is one answer to all that can be wrong, and the way to it is the
same: padding and MAC are both looked at in any case, the padding over all bytes it might have, and the MAC's hash
runs over as many blocks as it would with the shortest padding. What Python cannot make even is in
`docs/attacks.md`.

By the newer order the MAC is taken of the ciphertext, and a record that fails it is not decrypted.

TLS 1.0 takes the last block of one record as the IV of the next, so whoever sees a record knows the next IV
before the content is chosen. There, application data goes out as a record of one byte and a record of the rest:
the MAC in the first makes the IV of the second unpredictable.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from ._keys12 import WriteKey
from ._protection import (
    HEADER_LENGTH,
    MAX_CONTENT,
    ContentType,
    Opened,
    OpenedData,
    open_data_in_turn,
    other_version,
    pseudo_header,
    seal_in_turn,
    too_long,
    undecipherable,
)
from ._suites import BLOCK_LENGTH, Buffer, Cbc
from ._versions import Version

#: The most padding a record can have, its length byte included.
MAX_PADDING = 256
# What padding of each length looks like: RFC 5246 §6.2.3.2: "Each uint8 in the padding data vector MUST be filled
# with the padding length value", and so is the length byte behind it.
_PADDINGS = tuple(bytes([length]) * (length + 1) for length in range(MAX_PADDING))
# More than a hash can have to make up for MAX_PADDING bytes of padding.
_IDLE = memoryview(bytes(2 * MAX_PADDING))


class _Half:
    """What both directions need of a key: cipher, IVs, MAC, and the number of the record."""

    def __init__(self, key: WriteKey, cipher: Cbc) -> None:
        self.version = key.version.to_bytes(2, "big")
        self.mac_length = cipher.mac_length
        self.sequence = 0
        # RFC 4346 §6.2.3.2, RFC 5246 §6.2.3.2: from TLS 1.1 on each record has its own IV in front.
        self.explicit = BLOCK_LENGTH if key.version >= Version.TLS11 else 0
        #: The last block of the record before, which is the IV where none is sent.
        self.residue = key.iv
        self._aes = AES(key.key)
        self._hmac = hmac.new(key.mac_key, digestmod=cipher.mac)

    def mac(self, content_type: int, covered: Buffer) -> bytes:
        """The MAC of `covered` as a part of this record (RFC 5246 §6.2.3.1; RFC 7366 §3)."""
        mac = self._hmac.copy()
        mac.update(pseudo_header(self.sequence, content_type, self.version, len(covered)))
        mac.update(covered)
        return mac.digest()

    def decrypt(self, encrypted: memoryview) -> bytes:
        """Undo `encrypt`."""
        iv = encrypted[:BLOCK_LENGTH] if self.explicit else self.residue
        return Cipher(self._aes, CBC(iv)).decryptor().update(encrypted[self.explicit :])

    def encrypt(self, plain: bytes) -> bytes:
        """Encrypt whole blocks, with the IV in front where there is one."""
        # RFC 5246 §6.2.3.2: "The Initialization Vector (IV) SHOULD be chosen at random, and MUST be
        # unpredictable."
        iv = os.urandom(BLOCK_LENGTH) if self.explicit else self.residue
        encrypted = Cipher(self._aes, CBC(iv)).encryptor().update(plain)
        return iv + encrypted if self.explicit else encrypted

    def done(self, encrypted: Buffer) -> None:
        """A record has been opened or sealed."""
        self.sequence += 1
        self.residue = bytes(encrypted[-BLOCK_LENGTH:])


class OpenerCBC:
    """Records of TLS 1.0 to 1.2 with CBC."""

    def __init__(self, key: WriteKey, cipher: Cbc, *, encrypt_then_mac: bool) -> None:
        self._half = _Half(key, cipher)
        self._version = key.version
        self._encrypt_then_mac = encrypt_then_mac
        self._idle = hashlib.new(cipher.mac)
        # RFC 5246 §6.2.1: "The length MUST NOT exceed 2^14."
        self._max_content = MAX_CONTENT
        # RFC 5246 §6.2.3: "The length MUST NOT exceed 2^14 + 2048."
        self.max_fragment = MAX_CONTENT + 2048

    def limit(self, content: int) -> None:
        """Refuse longer contents."""
        self._max_content = content
        # RFC 6066 §4 counts it up: the content, "256 bytes of padding", the MAC, and from TLS 1.1 on an IV.
        self.max_fragment = self._half.explicit + content + self._half.mac_length + MAX_PADDING

    def open(self, record: memoryview, out: memoryview) -> Opened:
        """Decrypt and check one record."""
        if record[1] << 8 | record[2] != self._version:
            raise other_version(record)
        fragment = record[HEADER_LENGTH:]
        if self._encrypt_then_mac:
            encrypted = fragment[: max(0, len(fragment) - self._half.mac_length)]
            content = self._check_and_decrypt(record[0], encrypted, fragment[len(encrypted) :])
        else:
            encrypted = fragment
            content = self._decrypt_and_check(record[0], encrypted)
        length = len(content)
        if length > self._max_content:
            raise too_long(length, self._max_content)
        out[:length] = content
        self._half.done(encrypted)
        return Opened(record[0], length)

    def open_data(
        self, view: memoryview, start: int, end: int, out: memoryview, limit: int, empty: int
    ) -> OpenedData:
        """As `Opener.open_data`."""
        return open_data_in_turn(self, view, start, end, out, limit, empty)

    def _check_and_decrypt(self, content_type: int, encrypted: memoryview, mac: memoryview) -> memoryview:
        """Encrypt-then-MAC."""
        half = self._half
        _check_length(len(encrypted), half.explicit + 1)
        # RFC 7366 §3: "The MAC SHALL be evaluated before any further processing such as decryption is performed,
        # and if the MAC verification fails, then processing SHALL terminate immediately. For TLS, a fatal
        # bad_record_mac MUST be generated".
        if not hmac.compare_digest(half.mac(content_type, encrypted), mac):
            raise undecipherable()
        plain = half.decrypt(encrypted)
        longest = len(plain) - 1
        padding, good = _padding(plain, longest)
        if not good:
            raise undecipherable()
        return memoryview(plain)[: longest - padding]

    def _decrypt_and_check(self, content_type: int, encrypted: memoryview) -> memoryview:
        """MAC-then-encrypt."""
        half = self._half
        _check_length(len(encrypted), half.explicit + half.mac_length + 1)
        plain = half.decrypt(encrypted)
        longest = len(plain) - half.mac_length - 1
        padding, good = _padding(plain, longest)
        length = longest - padding
        content = memoryview(plain)[:length]
        mac = half.mac(content_type, content)
        missing = missing_blocks(self._idle.block_size, longest, length)
        self._idle.copy().update(_IDLE[: missing * self._idle.block_size])
        # RFC 5246 §6.2.3.2: "The receiver MUST check this padding and MUST use the bad_record_mac alert to
        # indicate padding errors."
        if not hmac.compare_digest(mac, plain[length : length + half.mac_length]) & good:
            raise undecipherable()
        return content


def _check_length(length: int, least: int) -> None:
    """Refuse what cannot be blocks with something in them; lengths are no secret."""
    if length % BLOCK_LENGTH or length < least:
        raise undecipherable()


def _padding(plain: bytes, longest: int) -> tuple[int, bool]:
    """How many bytes of padding stand before the last byte, and whether they are what they must be.

    Padding that is not, or that would reach into the MAC, counts as none: RFC 5246 §6.2.3.2: "if the pad
    appears to be incorrect, the implementation might assume a zero-length pad and then compute the MAC".
    """
    claimed = plain[-1] * (plain[-1] <= longest)
    window = plain[-MAX_PADDING:]
    good = hmac.compare_digest(window, window[: len(window) - claimed - 1] + _PADDINGS[claimed])
    return claimed * good, good


def missing_blocks(block_length: int, longest: int, length: int) -> int:
    """How many blocks fewer a hash takes for the MAC of `length` bytes than of `longest`."""
    return _blocks(block_length, longest) - _blocks(block_length, length)


def _blocks(block_length: int, length: int) -> int:
    # Before the content the thirteen bytes of the pseudo-header, behind it a byte and the hash's own length
    # field of an eighth of a block; all of it rounded up.
    return -(-(13 + length + 1 + block_length // 8) // block_length)


class SealerCBC:
    """Records of TLS 1.0 to 1.2 with CBC."""

    def __init__(self, key: WriteKey, cipher: Cbc, *, encrypt_then_mac: bool) -> None:
        self._half = _Half(key, cipher)
        self._encrypt_then_mac = encrypt_then_mac
        self._splits = key.version == Version.TLS10
        self._limit = cipher.record_limit
        single = HEADER_LENGTH + self._half.explicit + cipher.mac_length + BLOCK_LENGTH
        self.overhead = 2 * single if self._splits else single

    @property
    def remaining(self) -> int:
        """How many more records this key may protect."""
        return self._limit - self._half.sequence

    def seal(self, content_type: int, content: Buffer, out: memoryview) -> int:
        """Encrypt one content."""
        if not self._splits or content_type != ContentType.APPLICATION_DATA or len(content) < 2:
            return self._seal(content_type, content, out)
        start = self._seal(content_type, content[:1], out)
        return start + self._seal(content_type, content[1:], out[start:])

    def seal_all(self, content_type: int, content: memoryview, size: int, out: memoryview) -> int:
        """As `Sealer.seal_all`."""
        return seal_in_turn(self, content_type, content, size, out)

    def _seal(self, content_type: int, content: Buffer, out: memoryview) -> int:
        half = self._half
        if self._encrypt_then_mac:
            encrypted = half.encrypt(b"".join((content, self._pad(len(content)))))
            fragment = encrypted + half.mac(content_type, encrypted)
        else:
            mac = half.mac(content_type, content)
            fragment = encrypted = half.encrypt(b"".join((content, mac, self._pad(len(content) + len(mac)))))
        length = HEADER_LENGTH + len(fragment)
        out[:HEADER_LENGTH] = bytes([content_type]) + half.version + len(fragment).to_bytes(2, "big")
        out[HEADER_LENGTH:length] = fragment
        half.done(encrypted)
        return length

    @staticmethod
    def _pad(length: int) -> bytes:
        """The least padding behind `length` bytes."""
        return _PADDINGS[-(length + 1) % BLOCK_LENGTH]
