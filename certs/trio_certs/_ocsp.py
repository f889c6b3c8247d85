"""Whether a certificate is revoked, as the OCSP response says that its server stapled to it (RFC 6960).

Theory of operation: the response comes from the server, which may be lying; it is believed because the issuer
of the certificate, or a responder appointed by that issuer, has signed it. So it is checked when the path is
verified and the issuer therefore known, and whoever can be refused for less is refused before.

A certificate that is itself the trusted one has no issuer on its path whose word would count. Where it is not
its own issuer, a staple to it says nothing, and is passed over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from trio_certs._certificate import CertificateFacts
from trio_certs._der import DERError
from trio_certs._errors import CertificateError, Reason
from trio_certs._leaf import must_staple
from trio_certs._ocsp_response import Response, Status, UnusableResponse
from trio_certs._text import describe_name

OCSPPolicy = Literal["ignore", "if_present", "require"]
"""What to do with a stapled OCSP response: nothing; check it, and miss it only where the certificate promises
one; or insist on one."""
OCSP_POLICIES: tuple[OCSPPolicy, ...] = ("ignore", "if_present", "require")

SKEW = timedelta(minutes=5)
"""How far this machine's clock may be behind the responder's."""
MAX_AGE_WITHOUT_NEXT_UPDATE = timedelta(days=1)
"""How long a response counts that does not say until when. Newer information "is available all the time"
(RFC 6960 §4.2.2.1), so the responder meant it for now; but its server can staple it for ever."""

# By OID. They tell issuers apart and protect nothing, so SHA-1, which most responders use, will do.
_HASHES = {bytes.fromhex("2b0e03021a"): "sha1", bytes.fromhex("608648016503040201"): "sha256"}


def check_staple(
    policy: OCSPPolicy, path: Sequence[CertificateFacts], response: bytes | None, now: datetime
) -> Literal["good"] | None:
    """Check what a server stapled to the first certificate of a verified path.

    Returns:
        "good" if it shows that the certificate is not revoked; `None` if there is nothing to check.

    Raises:
        CertificateError: the certificate is revoked, or the response is missing or cannot be relied on.
    """
    if policy == "ignore":
        return None
    # The leaf's issuer is the next on its path, or itself.
    leaf, issuer = path[0], path[:2][-1]
    if issuer.subject != leaf.issuer:
        if policy == "if_present":
            return None
        raise CertificateError(
            Reason.NO_STAPLE,
            "The server's certificate is trusted by itself, so no issuer can vouch that it is not revoked.",
            leaf,
        )
    if response is None:
        # RFC 7633: a certificate is invalid where its server does not do what both the certificate, in its TLS
        # feature extension, and the ClientHello name. Any policy but "ignore" has the ClientHello name it.
        promised = must_staple(leaf)
        if policy == "if_present" and not promised:
            return None
        promise = "its certificate promises one" if promised else "one is required"
        raise CertificateError(
            Reason.NO_STAPLE,
            f"The server stapled no OCSP response to its certificate, and {promise}. "
            "It may have had none yet: try again, or have OCSP stapling configured.",
            leaf,
        )
    try:
        parsed = Response.parse(response)
        statuses = [status for status in parsed.statuses if _is_about(status, leaf, issuer)]
        # RFC 6960 §3.2: "The certificate identified in a received response corresponds to the certificate that was
        # identified in the corresponding request".
        if not statuses:
            raise UnusableResponse("it is not about this certificate")
        _check_signature(parsed, issuer, now)
        # Before all else: a revocation does not lapse.
        for status in statuses:
            _refuse_revoked(status, leaf)
        for status in statuses:
            _check_status(status, parsed.produced_at, now)
    except (DERError, UnusableResponse) as error:
        raise CertificateError(
            Reason.BAD_STAPLE,
            f"The OCSP response that the server stapled to its certificate is refused: {error}.",
            leaf,
        ) from error
    return "good"


def _is_about(status: Status, leaf: CertificateFacts, issuer: CertificateFacts) -> bool:
    name = _HASHES.get(status.hash_algorithm)
    if name is None or status.serial != leaf.serial:
        return False
    hashed = [hashlib.new(name, data, usedforsecurity=False) for data in (leaf.issuer, issuer.key_bits)]
    return [status.issuer_name_hash, status.issuer_key_hash] == [each.digest() for each in hashed]


def _check_signature(response: Response, issuer: CertificateFacts, now: datetime) -> None:
    # Here, because it imports `cryptography.x509`; by now the path verifier has done so.
    from trio_certs._ocsp_signer import check_signature

    check_signature(response, issuer, now)


def _refuse_revoked(status: Status, leaf: CertificateFacts) -> None:
    if status.revoked_at is not None:
        raise CertificateError(
            Reason.REVOKED,
            f"The server's certificate was revoked on {status.revoked_at:%Y-%m-%d %H:%M:%S} UTC by its issuer, "
            f"{describe_name(leaf.issuer)}. The server needs another certificate.",
            leaf,
        )


def _check_status(status: Status, produced_at: datetime, now: datetime) -> None:
    if status.status == "unknown":
        raise UnusableResponse("its responder does not know this certificate")
    clock = f"and this machine's clock says {now:%Y-%m-%d %H:%M:%S} UTC"
    # RFC 6960 §4.2.2.1: "Responses whose thisUpdate time is later than the local system time SHOULD be considered
    # unreliable."
    latest = max(status.this_update, produced_at)
    if latest > now + SKEW:
        raise UnusableResponse(f"it is from {latest:%Y-%m-%d %H:%M:%S} UTC, {clock}")
    next_update = status.next_update or status.this_update + MAX_AGE_WITHOUT_NEXT_UPDATE
    # RFC 6960 §3.2: "the time at or before which newer information will be available about the status of the
    # certificate (nextUpdate) is greater than the current time."
    if next_update <= now:
        raise UnusableResponse(f"it counted until {next_update:%Y-%m-%d %H:%M:%S} UTC, {clock}")
    if next_update < status.this_update:
        raise UnusableResponse("it ends before it begins")
