"""The public CAs of a store as a source: all of them, or those that a manifest includes.

Theory of operation: the issuer named in a certificate leads through the store's index to numbers, and only those
files are read. What a manifest leaves out is remembered by name, so that its absence can be explained where it
would have been the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_certs._certificate import CertificateFacts
from trio_certs._source import Found, LeftOut, Sought, Source
from trio_certs._store import BUNDLED, Entry, Store

if TYPE_CHECKING:
    from trio_certs._manifest import Manifest


class PublicCAs(Source):
    """The CAs of a store, as far as they are included."""

    tier = "web"
    label = "the certificate store"

    def __init__(self, store: Store, manifest: Manifest | None = None) -> None:
        # Of the one that comes with the package, one index in memory is enough.
        self.store = BUNDLED if store.is_bundled else store
        self.manifest = manifest

    async def find(self, sought: Sought, /) -> Found:
        """The CAs that `sought` could lead to."""
        index = await self.store.fetch_index()
        included: list[int] = []
        left_out: list[Entry] = []
        for issuer in sought.issuers:
            for number in index.with_subject(issuer):
                entry = index.entries[number]
                if self.manifest is None or self.manifest.includes(entry.resource):
                    included.append(number)
                else:
                    left_out.append(entry)
        missing = LeftOut(self.store, self.manifest, tuple(left_out)) if self.manifest and left_out else None
        return await self.read(included, missing)

    async def read(self, numbers: list[int], left_out: LeftOut | None = None) -> Found:
        """The CAs of these numbers, included or not."""
        ders = await self.store.fetch(numbers)
        return Found(
            [CertificateFacts.parse(der) for der in ders.values()],
            {entry.fingerprint: entry for entry in ders},
            left_out,
        )
