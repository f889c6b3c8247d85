"""A certificate store with a single CA, the demonstration's own.

Theory of operation: without the internet there is no server whose chain ends in a CA of the real store. A
store of the same layout, made on the spot, takes its place; everything that looks things up in it is the real
thing.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from trio_certs import CertificateFacts, Store

AUTHORITY_NAME = "the demonstration's own CA"


def make_store(folder: Path, authority: bytes) -> Store:
    """A store in `folder` whose `ca0.der` is the certificate `authority`, DER."""
    facts = CertificateFacts.parse(authority)
    entry = (
        "0",
        hashlib.sha256(facts.subject).hexdigest(),
        facts.fingerprint.hex(),
        f"{facts.not_after:%Y-%m-%d}",
        AUTHORITY_NAME,
    )
    header = "trio-certs store, version 1\n"
    (folder / "ca0.der").write_bytes(authority)
    (folder / "index").write_text(header + "\t".join(entry) + "\n", encoding="utf-8")
    (folder / "retired").write_text(header, encoding="utf-8")
    return Store(folder)
