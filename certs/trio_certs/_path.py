"""Finding a verified path from a server's certificate to a trusted one.

Theory of operation: a `PathFinder` holds one chain, loaded once, and tries it against the anchors of one tier at a
time. A path that breaks one of the user's or the root programmes' rules is not the last word: without the
certificate at fault another one may be found. It is synchronous: verifying takes 0.1 to 1.2 ms and holds the
interpreter's lock, so that a thread would gain nothing. This module imports `cryptography.x509`, by way of the
verifier, when the first one is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trio_certs._certificate import CertificateFacts
from trio_certs._chain import Chain, malformed
from trio_certs._errors import CertificateError, Reason
from trio_certs._leaf import check_key
from trio_certs._rules import Rules
from trio_certs._source import TierName
from trio_certs._text import printable

MAX_PATHS = 8
"""The paths that are looked at in one tier, each without the certificate at fault in the one before."""


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

    def __init__(self, sent: Chain, rules: Rules) -> None:
        # Here, because importing the verifier takes longer than the rest of a handshake.
        import trio_certs._verifier as verifier

        self._verifier = verifier
        self._sent = sent
        self._rules = rules
        for place, certificate in enumerate(sent.certificates, 1):
            try:
                verifier.load(certificate)
            except verifier.Unreadable as error:
                raise malformed(place, printable(str(error))) from error

    def find(self, tier: TierName, anchors: Sequence[CertificateFacts]) -> tuple[CertificateFacts, ...]:
        """A path to one of `anchors` that keeps to the rules.

        Raises:
            CertificateError: there is none; if one was found that broke a rule, the first such says why.
        """
        sent, left = list(self._sent.certificates), list(anchors)
        broken: CertificateError | None = None
        for _ in range(MAX_PATHS):
            if not left:
                break
            try:
                path = self._search(tier, left, sent)
            except CertificateError:
                if broken is None:
                    raise
                break
            try:
                self._rules.check(path)
            except CertificateError as error:
                broken = broken or error
                at_fault = error.certificate
            else:
                return path
            if at_fault in path[1:-1]:
                sent = [certificate for certificate in sent if certificate != at_fault]
            else:
                left.remove(path[-1])
        if broken is not None:
            raise broken
        from trio_certs._refusal import unknown_issuer

        raise unknown_issuer(self._sent)

    def _search(
        self, tier: TierName, anchors: Sequence[CertificateFacts], sent: Sequence[CertificateFacts]
    ) -> tuple[CertificateFacts, ...]:
        policy = self._verifier.TIERS[tier]
        check_key(self._sent.leaf, policy.leaf_keys)
        try:
            return self._verifier.verify(policy, anchors, sent, self._rules.server, self._rules.now)
        except self._verifier.PathError as error:
            from trio_certs._refusal import refusal

            raise refusal(str(error), self._sent, anchors, self._rules.now, error.certificate) from error
        except self._verifier.Unreadable as error:
            raise CertificateError(
                Reason.MALFORMED,
                f"A trusted certificate cannot be used: {printable(str(error))}.",
                error.certificate,
            ) from error
