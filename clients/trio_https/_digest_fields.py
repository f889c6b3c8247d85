"""Digests that a server gives of what it sends: the Repr-Digest field of RFC 9530.

Theory of operation: the field is a dictionary of structured fields (RFC 9651) from algorithms to byte
sequences. Of the registered algorithms only those count that nobody can forge; a field that is not such a
dictionary says nothing.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

_MEMBER = re.compile(r"([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/=]*):((?:;[^,;]*)*)")
_SIZES = {"sha-256": 32, "sha-512": 64}


def repr_digests(values: Iterable[str]) -> dict[str, bytes]:
    """The digests by algorithm, `sha-256` or `sha-512`, in the values of a Repr-Digest field."""
    found: dict[str, bytes] = {}
    for member in ",".join(values).split(","):
        if not member.strip(" \t"):
            continue
        parsed = _MEMBER.fullmatch(member.strip(" \t"))
        if parsed is None:
            return {}
        try:
            digest = base64.b64decode(parsed[2], validate=True)
        except binascii.Error:
            return {}
        # RFC 9651 §4.2.2: "when duplicate Dictionary keys are encountered, all but the last instance are ignored".
        if len(digest) == _SIZES.get(parsed[1]):
            found[parsed[1]] = digest
    return found
