"""Saying why no path was found.

Theory of operation: the path verifier explains itself in one sentence and has no codes. The sentence is
sorted into a `Reason` by its stable fragments; where the certificates themselves show the same fact (a
date, a missing issuer) the message is made from them. A sentence that is not known gives `Reason.POLICY`
with the sentence quoted, so that a new wording costs detail, never the refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from trio_certs._certificate import CertificateFacts
from trio_certs._chain import Chain
from trio_certs._errors import CertificateError, Reason
from trio_certs._leaf import check_dates
from trio_certs._text import describe_name, printable

_FRAGMENTS = (
    ("validation time", Reason.EXPIRED),
    ("no interior errors", Reason.UNKNOWN_ISSUER),
    ("signature does not match", Reason.BAD_SIGNATURE),
    ("mismatch between signatureAlgorithm", Reason.BAD_SIGNATURE),
    ("Forbidden signature algorithm", Reason.WEAK_SIGNATURE),
    ("Forbidden public key algorithm", Reason.WEAK_KEY),
    ("key is too weak", Reason.WEAK_KEY),
    ("path length constraint", Reason.CONSTRAINT),
    ("name constraint", Reason.CONSTRAINT),
    ("nameConstraints", Reason.CONSTRAINT),
    ("max depth", Reason.LIMIT),
    ("check limit", Reason.LIMIT),
    ("basicConstraints.cA must", Reason.WRONG_PURPOSE),
    ("keyCertSign", Reason.WRONG_PURPOSE),
    ("required EKU", Reason.WRONG_PURPOSE),
    ("Neither EKU nor anyEKU", Reason.WRONG_PURPOSE),
    ("no matching subjectAltName", Reason.WRONG_NAME),
)
_EXPLANATIONS = {
    Reason.BAD_SIGNATURE: "a certificate on its path was not signed by the issuer that it names",
    Reason.WEAK_SIGNATURE: "a certificate on its path is signed with an algorithm that is not accepted",
    Reason.WEAK_KEY: "a CA on its path has a key that is too small or of a kind that is not accepted",
    Reason.CONSTRAINT: "a CA on its path was not entitled to issue it",
    Reason.LIMIT: "finding a path through what the server sent exceeds a limit",
    Reason.WRONG_PURPOSE: "a certificate on its path is used for what it does not allow "
    "(a CA certificate on a server, or a server's certificate as a CA)",
    Reason.WRONG_NAME: "it is not valid for this name",
    Reason.POLICY: "a certificate on its path breaks a rule of the certificate profile",
}

_ADVICE = "The server needs another certificate or chain; until then it cannot be told from an impostor."


def refusal(
    sentence: str,
    chain: Chain,
    anchors: Sequence[CertificateFacts],
    now: datetime,
    at_fault: CertificateFacts | None = None,
) -> CertificateError:
    """The error for the verifier's `sentence` about `chain`, when `anchors` were trusted.

    Args:
        sentence: what the verifier said.
        chain: what the server sent.
        anchors: what was trusted.
        now: the moment, UTC.
        at_fault: the certificate that the sentence is about, if it is known.
    """
    # What follows is the certificate's own text, which `CertificateError` renders itself.
    core = sentence.partition(" (encountered processing")[0]
    core = core.removeprefix("validation failed: ").removeprefix("candidates exhausted: ")
    core = core.removeprefix("Python extension validator failed: ValueError: ")
    reason = next((reason for fragment, reason in _FRAGMENTS if fragment in core), Reason.POLICY)
    if _is_self_signed(chain.leaf) and chain.leaf not in anchors:
        # It may share its name with a trusted one, as the new certificate of a device does with the old.
        return unknown_issuer(chain)
    if reason is Reason.UNKNOWN_ISSUER:
        # A trusted certificate that is out of date is no candidate at all to the verifier.
        return _out_of_date([one for one in chain.path(anchors) if one in anchors], anchors, now) or (
            unknown_issuer(chain)
        )
    if reason is Reason.EXPIRED:
        return _out_of_date(chain.path(anchors), anchors, now) or CertificateError(
            reason, "A certificate on the server's path is out of date.", chain.leaf
        )
    return CertificateError(
        reason,
        f"The server's certificate is refused: {_EXPLANATIONS[reason]} ({printable(core)}). {_ADVICE}",
        at_fault or chain.leaf,
    )


def unknown_issuer(chain: Chain) -> CertificateError:
    """The error for a chain that leads to nothing that is trusted."""
    leaf = chain.leaf
    if _is_self_signed(leaf):
        return CertificateError(
            Reason.SELF_SIGNED,
            "The server's certificate is self-signed, and it is not one that is trusted. If it is the server "
            'you expect, trust this very certificate: secure={"certificate": …} with its bytes.',
            leaf,
        )
    last = chain.path()[-1]
    issuer = describe_name(last.issuer)
    if _is_self_signed(last):
        found = f"The server's chain ends in {issuer}, which is not a trusted CA."
    else:
        found = f"The server's chain ends at a certificate issued by {issuer}, which is not a trusted CA."
    return CertificateError(
        Reason.UNKNOWN_ISSUER,
        f"{found} If it is a private CA that you trust, give its certificate: "
        'secure={"certificate": …}. If it is an intermediate CA, the server should send its certificate too.',
        last,
    )


def _is_self_signed(certificate: CertificateFacts) -> bool:
    return certificate.issuer == certificate.subject


def _out_of_date(
    suspects: Iterable[CertificateFacts], anchors: Sequence[CertificateFacts], now: datetime
) -> CertificateError | None:
    """The error for the first of `suspects` that is expired or not yet valid."""
    for certificate in suspects:
        trusted = certificate in anchors
        what = "A trusted certificate above it" if trusted else "A CA certificate in the server's chain"
        try:
            check_dates(certificate, now, what)
        except CertificateError as error:
            return error
    return None
