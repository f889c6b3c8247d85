"""The certificates a user trusts, from DER or PEM.

Theory of operation: what the user gives is checked when it is given, not when the first server is met: it
must be certificates, whole and readable in outline. A PEM text may hold many, with comments and other
blocks between.
"""

from __future__ import annotations

from trio_certs._certificate import CertificateFacts
from trio_certs._der import DERError
from trio_certs._pem import PEM_BEGIN, pem_contents

MAX_ANCHOR_BYTES = 4 * 1024 * 1024
"""The largest single item that is read for anchors. All public CAs together take about 0.2 MiB of PEM."""


def parse_anchors(data: bytes) -> list[CertificateFacts]:
    """The certificates in `data`, which is one DER certificate or PEM text with at least one.

    Raises:
        ValueError: it is neither, or larger than `MAX_ANCHOR_BYTES`.
    """
    if len(data) > MAX_ANCHOR_BYTES:
        raise ValueError(
            f"{len(data)} bytes are more than a list of certificates has (at most {MAX_ANCHOR_BYTES})"
        )
    if PEM_BEGIN not in data:
        try:
            return [CertificateFacts.parse(data)]
        except DERError as error:
            raise ValueError(
                f"neither a certificate in DER ({error}) nor PEM text (no -----BEGIN CERTIFICATE-----)"
            ) from error
    return [_certificate(der, place) for place, der in enumerate(pem_certificates(data), 1)]


def pem_certificates(text: bytes) -> list[bytes]:
    """The DER of every CERTIFICATE block in a PEM text; blocks of other kinds are passed over.

    Raises:
        ValueError: there is none, or one is not Base64.
    """
    return pem_contents(text, "CERTIFICATE", "certificate")


def _certificate(der: bytes, place: int) -> CertificateFacts:
    try:
        return CertificateFacts.parse(der)
    except DERError as error:
        raise ValueError(f"certificate {place} in the PEM text is malformed: {error}") from error
