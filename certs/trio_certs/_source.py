"""Where trusted certificates come from: what every source has in common.

Theory of operation: a source is asked once for each chain, with the names of all issuers in it, and answers with
the certificates it trusts that the chain could lead to. It may take its time, and it can be cancelled. It
vouches for nothing but that these certificates are trusted; whether a path leads to one is for the verifier, and
how strict that is depends on the source's tier:

- *web*: as strict as for a public CA.
- *private*: what company CAs and `openssl req` leave out may be missing.
- *pinned*: a certificate is trusted as a server's own, never as a CA.

In a web or private source a server's own certificate counts as well, and then as in a pinned one.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from trio_certs._certificate import CertificateFacts

if TYPE_CHECKING:  # the store is itself a source
    from trio_certs._manifest import Manifest
    from trio_certs._store import Entry, Store

TierName = Literal["web", "private", "pinned"]
TIER_NAMES: tuple[TierName, ...] = ("web", "private", "pinned")


_NO_ENTRIES: Mapping[bytes, Entry] = MappingProxyType({})


class Sought(NamedTuple):
    """What a server sent, as far as a source needs to know."""

    leaf: CertificateFacts
    issuers: tuple[bytes, ...]
    """The raw Name of every issuer in the chain, each once, the leaf's first."""

    def fits(self, certificate: CertificateFacts) -> bool:
        """Whether a path could end at `certificate`: it is an issuer by name, or the leaf itself."""
        return certificate.subject in self.issuers or certificate == self.leaf


class LeftOut(NamedTuple):
    """CAs of a store that a chain could lead to, and that a manifest does not include."""

    store: Store
    manifest: Manifest
    entries: tuple[Entry, ...]


class Found(NamedTuple):
    """A source's answer."""

    certificates: Sequence[CertificateFacts] = ()
    entries: Mapping[bytes, Entry] = _NO_ENTRIES
    """By fingerprint, what those that are CAs of a store are called."""
    left_out: LeftOut | None = None


class Source(abc.ABC):
    """Certificates that are trusted, and how far."""

    tier: TierName = "private"
    #: What messages call it.
    label: ClassVar[str] = "a source"

    @abc.abstractmethod
    async def find(self, sought: Sought, /) -> Found:
        """The certificates trusted here that `sought` could lead to; a checkpoint only if it waits.

        Raises:
            SourceError: the source failed.
        """
        ...


class Anchors:
    """Certificates in memory, found by subject."""

    def __init__(self, certificates: Iterable[CertificateFacts]) -> None:
        self._by_subject: dict[bytes, list[CertificateFacts]] = {}
        for certificate in dict.fromkeys(certificates):
            self._by_subject.setdefault(certificate.subject, []).append(certificate)

    def __len__(self) -> int:
        return sum(len(same) for same in self._by_subject.values())

    def find(self, sought: Sought) -> list[CertificateFacts]:
        """Those that `sought` could lead to."""
        names = dict.fromkeys((*sought.issuers, sought.leaf.subject))
        near = [one for name in names for one in self._by_subject.get(name, ())]
        return [one for one in near if sought.fits(one)]


def check_tier(tier: str) -> None:
    """Refuse what is not the name of a tier, with a `ValueError`."""
    if tier not in TIER_NAMES:
        raise ValueError(f"tier must be one of {', '.join(TIER_NAMES)}, not {tier!r}")
