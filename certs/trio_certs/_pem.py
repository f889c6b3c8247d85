"""PEM text taken apart (RFC 7468)."""

from __future__ import annotations

import binascii
import re

PEM_BEGIN = b"-----BEGIN "
"""What a text in PEM has, and DER has not."""

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----(.*?)-----END \1-----", re.DOTALL)


def pem_blocks(text: bytes) -> list[tuple[str, bytes]]:
    """The blocks of a PEM text in order, as pairs of label and what is encoded; text between them is passed over.

    Raises:
        ValueError: one is not Base64.
    """
    blocks: list[tuple[str, bytes]] = []
    for match in _BLOCK.finditer(text):
        label = match[1].decode("ascii")
        blocks.append((label, _decoded(match[2], f"block {len(blocks) + 1}, {label},")))
    return blocks


def pem_contents(text: bytes, label: str, what: str) -> list[bytes]:
    """What the blocks with `label` hold, in order; blocks of other kinds are not looked into.

    Args:
        text: the PEM text.
        label: the kind of block.
        what: what messages call one.

    Raises:
        ValueError: there is none, or one is not Base64.
    """
    blocks = [(match[1].decode("ascii"), match[2]) for match in _BLOCK.finditer(text)]
    wanted = [body for kind, body in blocks if kind == label]
    if not wanted:
        kinds = ", ".join(sorted({kind for kind, _ in blocks})) or "no complete block"
        raise ValueError(f"no {what} in the PEM text; it has {kinds}")
    return [_decoded(body, f"{what} {place} in the PEM text") for place, body in enumerate(wanted, 1)]


def _decoded(body: bytes, what: str) -> bytes:
    try:
        return binascii.a2b_base64(b"".join(body.split()), strict_mode=True)
    except binascii.Error as error:
        raise ValueError(f"{what} is not Base64: {error}") from error
