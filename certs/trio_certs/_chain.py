"""The certificates a server sent, within limits.

Theory of operation: nothing about a chain is verified yet when it arrives, and verifying costs time that
the sender chooses: so the number of certificates, their size and the size of their RSA keys are capped
here, before the first signature is looked at. What is within the limits can be sent in any order and with
superfluous certificates; names lead from one to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trio_certs._certificate import CertificateFacts
from trio_certs._der import DERError
from trio_certs._errors import CertificateError, Reason

MAX_CERTIFICATES = 10
"""The certificates of one chain. Real chains have two to four."""
MAX_CHAIN_BYTES = 64 * 1024
"""The size of all certificates of a chain together."""
MAX_RSA_BITS = 8192
"""The largest RSA key, as in Go's crypto/tls. Above it one signature takes milliseconds."""
MAX_RSA_EXPONENT = 2**32
"""RSA public exponents are below this. A large one makes each signature many times slower to check."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The certificates as sent, the server's own first."""

    certificates: tuple[CertificateFacts, ...]

    @classmethod
    def parse(cls, ders: Sequence[bytes]) -> Chain:
        """Slice the certificates and apply the limits.

        Raises:
            CertificateError: the list is empty, exceeds a limit, or has something in it that is no
            certificate.
        """
        if not ders:
            raise CertificateError(Reason.MALFORMED, "The server sent no certificate.")
        total = sum(len(der) for der in ders)
        if len(ders) > MAX_CERTIFICATES or total > MAX_CHAIN_BYTES:
            raise CertificateError(
                Reason.LIMIT,
                f"The server sent {len(ders)} certificates in {total} bytes; the limits are "
                f"{MAX_CERTIFICATES} certificates and {MAX_CHAIN_BYTES} bytes. "
                "Configure it to send its certificate and the intermediates only.",
            )
        return cls(tuple(_slice(bytes(der), place) for place, der in enumerate(ders, 1)))

    @property
    def leaf(self) -> CertificateFacts:
        """The server's own certificate."""
        return self.certificates[0]

    @property
    def issuers(self) -> tuple[bytes, ...]:
        """The raw issuer Name of every certificate, each once, the leaf's first."""
        return tuple(dict.fromkeys(certificate.issuer for certificate in self.certificates))

    def path(self, anchors: Iterable[CertificateFacts] = ()) -> list[CertificateFacts]:
        """What following issuer names from the leaf reaches, nearest first, through `anchors` as well."""
        rest = [*self.certificates[1:], *anchors]
        found = [self.leaf]
        for certificate in found:
            found += [other for other in rest if other.subject == certificate.issuer]
            rest = [other for other in rest if other.subject != certificate.issuer]
        return found


def _slice(der: bytes, place: int) -> CertificateFacts:
    try:
        certificate = CertificateFacts.parse(der)
        key = certificate.key
    except DERError as error:
        raise malformed(place, str(error)) from error
    if key.kind == "RSA":
        if key.bits > MAX_RSA_BITS or key.exponent >= MAX_RSA_EXPONENT:
            raise CertificateError(
                Reason.LIMIT,
                f"Certificate {place} of the chain has an RSA key of {key.bits} bits with an exponent of "
                f"{key.exponent.bit_length()} bits; the limits are {MAX_RSA_BITS} and 32.",
                certificate,
            )
        if key.exponent < 3 or key.exponent % 2 == 0:
            raise CertificateError(
                Reason.WEAK_KEY,
                f"Certificate {place} of the chain has an RSA key that protects nothing: its exponent is "
                f"{key.exponent}.",
                certificate,
            )
    return certificate


def malformed(place: int, detail: str) -> CertificateError:
    """The error for certificate number `place` of the chain, counted from 1, that cannot be read."""
    return CertificateError(
        Reason.MALFORMED,
        f"Certificate {place} of the server's chain is malformed: {detail}. "
        "The server is misconfigured, or something between it and this machine altered its answer.",
    )
