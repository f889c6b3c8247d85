"""Whether a certificate on a verified path is on a list of revoked ones that the user gave.

Theory of operation: nothing is fetched. A list speaks of the certificates of the issuer it names; those of issuers
without a list are not checked. Where there is a list, it has to count: signed by the very key that issued the
certificate, that key's owner entitled to sign lists, and not out of date. A list that does not count is never the
same as one that is not there.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from trio_certs._certificate import CertificateFacts
from trio_certs._crl import CRL
from trio_certs._der import DERError
from trio_certs._errors import CertificateError, Reason
from trio_certs._leaf import key_usages
from trio_certs._text import describe_name

SKEW = timedelta(minutes=5)
"""How far this machine's clock may be behind the issuer's."""
_CRL_SIGN = 0x02


def check_revocation(crls: Sequence[CRL], path: Sequence[CertificateFacts], now: datetime) -> None:
    """Check a verified path, leaf first, against the lists of its issuers.

    Raises:
        CertificateError: a certificate on it is revoked, or its issuer's list does not count.
    """
    for certificate, issuer in pairwise(path):
        try:
            about = [
                crl for crl in crls if crl.issuer == certificate.issuer and crl.scope.covers(certificate)
            ]
            if about:
                _check(certificate, issuer, about, now)
        except DERError as error:
            raise CertificateError(
                Reason.MALFORMED, f"A certificate on the server's path is malformed: {error}.", certificate
            ) from error


def _check(
    certificate: CertificateFacts, issuer: CertificateFacts, about: Sequence[CRL], now: datetime
) -> None:
    name = describe_name(certificate.issuer)
    # RFC 5280 §6.3.3 (f): "If a key usage extension is present in the CRL issuer's certificate, verify that the
    # cRLSign bit is set."
    usages = key_usages(issuer)
    if usages is not None and not usages & _CRL_SIGN:
        raise _useless(f"{name} may not sign it: its certificate's keyUsage lacks cRLSign", certificate)
    # (g): "Validate the signature on the complete CRL". Another CA may have the same name and another key.
    signed = [crl for crl in about if is_signed_by(crl, issuer)]
    if not signed:
        raise _useless(f"it is not signed by the key of {name}", certificate)
    current = [crl for crl in signed if crl.this_update <= now + SKEW and now < crl.next_update]
    for crl in current or signed:
        at = crl.revoked.get(certificate.serial)
        if at is not None:
            raise CertificateError(
                Reason.REVOKED,
                f"A certificate on the server's path was revoked on {at:%Y-%m-%d %H:%M:%S} UTC by its issuer, "
                f"{name}. The server needs another certificate.",
                certificate,
            )
    if not current:
        newest = max(signed, key=lambda crl: crl.this_update)
        raise _useless(
            f"it counts from {newest.this_update:%Y-%m-%d %H:%M:%S} to {newest.next_update:%Y-%m-%d %H:%M:%S} "
            f"UTC, and this machine's clock says {now:%Y-%m-%d %H:%M:%S} UTC",
            certificate,
        )


def _useless(why: str, certificate: CertificateFacts) -> CertificateError:
    return CertificateError(
        Reason.BAD_CRL,
        "The list of revoked certificates (CRL) that was given for the issuer of this certificate does not "
        f"count: {why}. Give its current list.",
        certificate,
    )


# A list is signed once and asked about often.
@functools.lru_cache(maxsize=16)
def is_signed_by(crl: CRL, issuer: CertificateFacts) -> bool:
    """Whether the key of `issuer`, a certificate on a verified path, has signed `crl`."""
    # Here, because it imports `cryptography.x509`; by now the path verifier has done so.
    from cryptography.exceptions import InvalidSignature

    from trio_certs._signed import ALGORITHMS
    from trio_certs._verifier import load

    verify = ALGORITHMS.get(crl.algorithm)
    try:
        return verify is not None and verify(load(issuer).public_key(), crl.signature, crl.signed)
    except InvalidSignature:
        return False
