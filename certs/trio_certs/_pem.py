"""PEM text taken apart (RFC 7468).

Theory of operation: the boundaries of blocks are found in one pass, and a block ends at the first end of its kind.
So the work grows with the text and no faster, whatever it holds: a regular expression for whole blocks looks
through all that is left of the text for each beginning without an end.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

PEM_BEGIN = b"-----BEGIN "
"""What a text in PEM has, and DER has not."""

_BOUNDARY = re.compile(rb"-----(BEGIN|END) ([A-Z0-9 ]{1,40})-----")


def pem_blocks(text: bytes) -> list[tuple[str, bytes]]:
    """The blocks of a PEM text in order, as pairs of label and what is encoded; text between them is passed over.

    Raises:
        ValueError: one is not Base64.
    """
    blocks: list[tuple[str, bytes]] = []
    for label, body in _blocks(text):
        blocks.append((label, _decoded(body, f"block {len(blocks) + 1}, {label},")))
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
    blocks = list(_blocks(text))
    wanted = [body for kind, body in blocks if kind == label]
    if not wanted:
        kinds = ", ".join(sorted({kind for kind, _ in blocks})) or "no complete block"
        raise ValueError(f"no {what} in the PEM text; it has {kinds}")
    return [_decoded(body, f"{what} {place} in the PEM text") for place, body in enumerate(wanted, 1)]


def _blocks(text: bytes) -> Iterator[tuple[str, bytes]]:
    """The blocks, each with its label and what stands between its boundaries."""
    boundaries = list(_BOUNDARY.finditer(text))
    ends: dict[bytes, list[re.Match[bytes]]] = {}
    for boundary in reversed(boundaries):
        if boundary[1] == b"END":
            ends.setdefault(boundary[2], []).append(boundary)
    at = 0
    for begin in boundaries:
        if begin[1] == b"END" or begin.start() < at:
            continue
        ahead = ends.get(begin[2], [])
        while ahead and ahead[-1].start() < begin.end():
            ahead.pop()
        if ahead:
            end = ahead.pop()
            at = end.end()
            yield begin[2].decode("ascii"), text[begin.end() : end.start()]


def _decoded(body: bytes, what: str) -> bytes:
    try:
        return binascii.a2b_base64(b"".join(body.split()), strict_mode=True)
    except binascii.Error as error:
        raise ValueError(f"{what} is not Base64: {error}") from error
