"""What a newer list of CAs would change in a store.

Theory of operation: a CA is identified by the SHA-256 of its certificate. One that the store knows, or knew,
has its number; one that is new gets the next number that was never given out, in the order of the list. A store
that is compared is only read.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from trio_certs._anchors import pem_certificates
from trio_certs._store import Entry, read_entries
from trio_certs._store_build import INDEX, RETIRED, StoreChange, entry_of


def compare_store(folder: Path, bundle: bytes) -> StoreChange:
    """What making the store in `folder` anew from the PEM text `bundle` would add, retire and leave.

    Raises:
        ValueError: the bundle is not PEM text with certificates.
        StoreError: the store's index cannot be read.
    """
    certificates = {hashlib.sha256(der).digest(): der for der in pem_certificates(bundle)}
    before = _by_fingerprint(folder / INDEX)
    numbers = {fingerprint: entry.number for fingerprint, entry in _by_fingerprint(folder / RETIRED).items()}
    numbers.update((fingerprint, entry.number) for fingerprint, entry in before.items())
    following = max(numbers.values(), default=-1) + 1
    added: list[Entry] = []
    for fingerprint, der in certificates.items():
        if fingerprint not in before:
            number = numbers.get(fingerprint, following)
            following = max(following, number + 1)
            added.append(entry_of(number, der))
    return StoreChange(
        added=tuple(added),
        retired=tuple(entry for fingerprint, entry in before.items() if fingerprint not in certificates),
        unchanged=tuple(entry for fingerprint, entry in before.items() if fingerprint in certificates),
    )


def _by_fingerprint(path: Path) -> dict[bytes, Entry]:
    return {entry.fingerprint: entry for entry in read_entries(path)} if path.exists() else {}
