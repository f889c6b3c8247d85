from __future__ import annotations

import hashlib

import pytest

from trio_secure_cli._demo_content import PIECE, pieces, sha256


@pytest.mark.parametrize("size", [0, 1, PIECE, 3 * PIECE + 5])
def test_the_content_has_its_size_and_its_digest(size: int) -> None:
    content = b"".join(pieces(size))
    assert len(content) == size
    assert hashlib.sha256(content).hexdigest() == sha256(size)


def test_the_content_is_always_the_same_and_no_two_pieces_are() -> None:
    assert sha256(3 * PIECE) == "c19a11fb604dc1eafb5669f29d205c0ee90fe6467f8cf2bd09b65ff41f057a44"
    assert len(set(pieces(20 * PIECE))) == 20
