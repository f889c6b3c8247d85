"""PEM text taken apart (RFC 7468)."""

from __future__ import annotations

import binascii
import re

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----(.*?)-----END \1-----", re.DOTALL)


def pem_blocks(text: bytes) -> list[tuple[str, bytes]]:
    """The blocks of a PEM text in order, as pairs of label and what is encoded; text between them is passed over.

    Raises:
        ValueError: one is not Base64.
    """
    blocks: list[tuple[str, bytes]] = []
    for match in _BLOCK.finditer(text):
        label = match[1].decode("ascii")
        try:
            blocks.append((label, binascii.a2b_base64(b"".join(match[2].split()), strict_mode=True)))
        except binascii.Error as error:
            raise ValueError(f"block {len(blocks) + 1}, {label}, is not Base64: {error}") from error
    return blocks
