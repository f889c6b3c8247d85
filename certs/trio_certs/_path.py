"""Finding a verified path from a server's certificate to a trusted one.

Theory of operation: a `PathFinder` holds one chain, loaded once, and tries it against one kind of anchor at
a time. It is synchronous: verifying takes 0.2 to 1.2 ms and holds the interpreter's lock, so that a thread
would gain nothing. This module imports `cryptography.x509`, by way of the verifier, when the first one is
made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from trio_certs._certificate import CertificateFacts
from trio_certs._chain import Chain, malformed
from trio_certs._constraints import permits
from trio_certs._errors import CertificateError, Reason
from trio_certs._leaf import check_key
from trio_certs._refusal import refusal
from trio_certs._server_name import ServerName, SubjectNames
from trio_certs._store import Entry
from trio_certs._text import describe_name, printable

if TYPE_CHECKING:
    from cryptography import x509

    from trio_certs._verifier import Tier


@dataclass(frozen=True, slots=True)
class VerifiedChain:
    """A path from a server's certificate to a trusted one, every step verified."""

    chain: tuple[bytes, ...]
    """The certificates as DER, from the leaf to the anchor; only one if the leaf is itself the anchor."""
    resource: str | None
    """The resource that the anchor is, such as `ca109.der`; `None` for an anchor of the user's."""
    authority: str
    """The anchor's name in words."""
    ocsp_status: Literal["good"] | None = None
    """What the OCSP response says that the server stapled: "good", or `None` where none was checked."""


class PathFinder:
    """Looks for paths from one chain.

    Raises:
        CertificateError: a certificate of the chain cannot be loaded.
    """

    def __init__(self, sent: Chain, server: ServerName, names: SubjectNames, now: datetime) -> None:
        # Here, because importing the verifier takes longer than the rest of a handshake.
        from trio_certs import _verifier

        self._verifier = _verifier
        self._sent = sent
        self._server = server
        self._names = names
        self._now = now
        self._loaded: list[x509.Certificate] = []
        for place, certificate in enumerate(sent.certificates, 1):
            try:
                self._loaded.append(_verifier.load(certificate))
            except _verifier.Unreadable as error:
                raise malformed(place, printable(str(error))) from error

    def through_own(self, anchors: Sequence[CertificateFacts]) -> VerifiedChain:
        """A path to one of the user's own anchors: the leaf itself, or a CA above it.

        Raises:
            CertificateError: there is none.
        """
        # A leaf that its own, laxer policy refuses would be refused below a CA as well.
        if self._sent.leaf in anchors:
            path = self._find(self._verifier.PINNED, [self._sent.leaf])
        else:
            path = self._find(self._verifier.PRIVATE, anchors)
        return VerifiedChain(path, None, describe_name(CertificateFacts.parse(path[-1]).subject))

    def through_store(self, roots: Mapping[Entry, bytes]) -> VerifiedChain:
        """A path to one of the store's CAs, given with their certificates.

        Raises:
            CertificateError: there is none.
        """
        left = {entry.fingerprint: (entry, CertificateFacts.parse(der)) for entry, der in roots.items()}
        constrained: list[Entry] = []
        while left:
            try:
                path = self._find(self._verifier.WEB, [certificate for _, certificate in left.values()])
            except CertificateError:
                if constrained:
                    break
                raise
            # A path may end at a root that may not vouch for this name while another path does not.
            root = hashlib.sha256(path[-1]).digest()
            entry, _ = left.pop(root)
            if permits(root, self._names, self._server):
                return VerifiedChain(path, entry.resource, entry.name)
            constrained.append(entry)
        raise CertificateError(
            Reason.CONSTRAINT,
            f"The server's certificate is refused: {constrained[0].name} may not vouch for all of its names "
            f"({self._names}).",
            self._sent.leaf,
        )

    def _find(self, tier: Tier, anchors: Sequence[CertificateFacts]) -> tuple[bytes, ...]:
        check_key(self._sent.leaf, tier.leaf_keys)
        try:
            return self._verifier.verify(tier, anchors, self._loaded, self._server, self._now)
        except self._verifier.PathError as error:
            raise refusal(str(error), self._sent, anchors, self._now) from error
        except self._verifier.Unreadable as error:
            raise CertificateError(
                Reason.MALFORMED,
                f"A trusted certificate cannot be used: {printable(str(error))}.",
                error.certificate,
            ) from error
