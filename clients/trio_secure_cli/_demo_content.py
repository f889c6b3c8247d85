"""The large file of the demonstration, made up the same way on both sides.

Theory of operation: each piece is the output of SHAKE-128 over its number, so the file cannot be compressed,
no two pieces are alike (one lost, repeated or out of place changes the digest), and nothing has to be stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

PIECE = 1 << 16
SIZE = 64 << 20


def pieces(size: int) -> Iterator[bytes]:
    """The file's bytes, `PIECE` at a time; `size` is its length in bytes."""
    for start in range(0, size, PIECE):
        yield hashlib.shake_128(start.to_bytes(8, "big")).digest(min(PIECE, size - start))


def sha256(size: int) -> str:
    """The SHA-256 of the file, in hexadecimal."""
    digest = hashlib.sha256()
    for piece in pieces(size):
        digest.update(piece)
    return digest.hexdigest()
