"""Asking sources until one of them leads to a verified path.

Theory of operation: sources are asked in order, and each one's certificates are tried before the next is asked, so
that a slow source is asked only for what the quick ones before it do not know. The first refusal is the one that
is told, because it is that of the source the user named first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from trio_certs._certificate import CertificateFacts
from trio_certs._chain import Chain
from trio_certs._errors import CertificateError
from trio_certs._path import PathFinder, VerifiedChain
from trio_certs._public import PublicCAs
from trio_certs._rules import Rules
from trio_certs._source import Found, LeftOut, Sought, Source, TierName
from trio_certs._store import Entry, Index
from trio_certs._text import describe_name


class FoundPath(NamedTuple):
    """A verified path, and the CA of the store that it ends at, if it is one."""

    path: tuple[CertificateFacts, ...]
    entry: Entry | None

    def verdict(self, ocsp_status: Literal["good"] | None) -> VerifiedChain:
        """What the user is told."""
        chain = tuple(certificate.der for certificate in self.path)
        if self.entry is None:
            return VerifiedChain(chain, None, describe_name(self.path[-1].subject), ocsp_status)
        return VerifiedChain(chain, self.entry.resource, self.entry.name, ocsp_status)


class Search:
    """The search for one chain's path.

    Args:
        sent: the chain.
        rules: what a path has to satisfy.
        public: the CAs that are held to the strictest rules wherever they come from.
    """

    def __init__(self, sent: Chain, rules: Rules, public: Index) -> None:
        self._sent = sent
        self._sought = Sought(sent.leaf, sent.issuers)
        self._finder = PathFinder(sent, rules)
        self._public = public
        self._refused: CertificateError | None = None
        self._left_out: list[LeftOut] = []

    async def run(self, sources: Iterable[Source]) -> FoundPath:
        """The path.

        Raises:
            CertificateError: there is none.
            ResourceNotFoundError: there would be one, to a CA that a manifest leaves out.
            SourceError: a source failed.
        """
        for source in sources:
            found = await source.find(self._sought)
            if found.left_out is not None:
                self._left_out.append(found.left_out)
            path = self._try(source.tier, found)
            if path is not None:
                return path
        for left_out in self._left_out:
            await self._explain(left_out)
        if self._refused is not None:
            raise self._refused
        from trio_certs._refusal import unknown_issuer  # mostly nobody is refused

        raise unknown_issuer(self._sent)

    def _try(self, tier: TierName, found: Found) -> FoundPath | None:
        for each, anchors in self._by_tier(tier, found):
            try:
                path = self._finder.find(each, anchors)
            except CertificateError as error:
                self._refused = self._refused or error
            else:
                return FoundPath(path, self._entry(path[-1], found))
        return None

    def _by_tier(self, tier: TierName, found: Found) -> Iterator[tuple[TierName, Sequence[CertificateFacts]]]:
        public = [one for one in found.certificates if self._entry(one, found) is not None]
        own = [one for one in found.certificates if one not in public]
        if self._sent.leaf in own:
            # A leaf that this, laxest policy refuses would be refused below a CA as well.
            yield ("web" if tier == "web" else "pinned"), [self._sent.leaf]
        elif own and tier != "pinned":
            yield tier, own
        if public and tier != "pinned":
            yield "web", public

    def _entry(self, anchor: CertificateFacts, found: Found) -> Entry | None:
        fingerprint = anchor.fingerprint
        if fingerprint in found.entries:
            return found.entries[fingerprint]
        number = self._public.by_fingerprint.get(fingerprint)
        return None if number is None else self._public.entries[number]

    async def _explain(self, left_out: LeftOut) -> None:
        """Raise the ResourceNotFoundError if one of those left out would have been the answer."""
        from trio_certs._resource import excluded

        source = PublicCAs(left_out.store)
        missing = self._try("web", await source.read([entry.number for entry in left_out.entries]))
        if missing is not None and missing.entry is not None:
            raise excluded(missing.entry, left_out.manifest) from self._refused
