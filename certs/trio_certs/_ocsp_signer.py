"""Who signed an OCSP response, and whether they may (RFC 6960 §4.2.2.2).

Theory of operation: two may speak about a certificate: its issuer, or a responder to whom that issuer has
given a certificate for the purpose, which the response then brings along. Those that the response's responder
ID fits are tried, the issuer first; a signature by one of them is enough.

Importing this module imports `cryptography.x509`.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from trio_certs._certificate import CertificateFacts
from trio_certs._chain import MAX_RSA_BITS, MAX_RSA_EXPONENT
from trio_certs._leaf import MIN_RSA_BITS
from trio_certs._ocsp_response import Response, UnusableResponse
from trio_certs._signed import ALGORITHMS
from trio_certs._text import printable
from trio_certs._verifier import PRIVATE, UNUSABLE, Unreadable, load


def check_signature(response: Response, issuer: CertificateFacts, now: datetime) -> None:
    """Check that somebody signed `response` who may speak about the certificates of `issuer`.

    Raises:
        DERError: a certificate in the response is malformed.
        UnusableResponse: nobody did.
    """
    verify = ALGORITHMS.get(response.signature_algorithm)
    if verify is None:
        raise UnusableResponse("its signature is of an algorithm that is not accepted")
    sent = [CertificateFacts.parse(der) for der in response.certificates]
    # RFC 6960 §4.2.2.3: "the information MUST correspond to the certificate that was used to sign the response."
    signers = [signer for signer in (issuer, *sent) if _is_responder(signer, response)]
    refused = UnusableResponse("it names a responder that is not the issuer and has no certificate in it")
    for signer in signers:
        try:
            # RFC 6960 §4.2.2.2: "They MUST reject the response if the certificate required to validate the
            # signature on the response does not meet at least one of the following criteria: [...] 2. Is the
            # certificate of the CA that issued the certificate in question, or 3. Includes a value of
            # id-kp-OCSPSigning in an extended key usage extension and is issued by the CA that issued the
            # certificate in question".
            if signer is not issuer:
                _check_delegate(signer, issuer, now)
            if not verify(load(signer).public_key(), response.signature, response.signed):
                raise UnusableResponse("the responder's key does not fit its signature's algorithm")
        except UnusableResponse as error:
            refused = error
        except InvalidSignature:
            refused = UnusableResponse("its signature is wrong")
        except (Unreadable, *UNUSABLE) as error:
            refused = UnusableResponse(f"its responder's certificate cannot be used: {printable(str(error))}")
        else:
            return
    raise refused


def _is_responder(certificate: CertificateFacts, response: Response) -> bool:
    if response.responder_name is not None:
        return certificate.subject == response.responder_name
    key_hash = hashlib.sha1(certificate.key_bits, usedforsecurity=False).digest()
    return key_hash == response.responder_key_hash


def _check_delegate(facts: CertificateFacts, issuer: CertificateFacts, now: datetime) -> None:
    """Check that `issuer` has made the holder of a certificate a responder, and that it still is one."""
    certificate = load(facts)
    # RFC 6960 §4.2.2.2: "This certificate MUST be issued directly by the CA that is identified in the request",
    # and it counts "only if the delegation certificate and the certificate being checked for revocation were
    # signed by the same key."
    if facts.issuer != issuer.subject:
        raise UnusableResponse("its responder's certificate was issued by somebody else")
    if not isinstance(certificate.signature_hash_algorithm, _HASHES):
        raise UnusableResponse("its responder's certificate is signed with an algorithm that is not accepted")
    try:
        certificate.verify_directly_issued_by(load(issuer))
    except InvalidSignature:
        raise UnusableResponse("its responder's certificate was signed by somebody else") from None
    if not facts.not_before <= now.replace(microsecond=0) <= facts.not_after:
        raise UnusableResponse(
            f"its responder's certificate is valid {facts.not_before:%Y-%m-%d %H:%M:%S} to "
            f"{facts.not_after:%Y-%m-%d %H:%M:%S} UTC, and this machine's clock says {now:%Y-%m-%d %H:%M:%S} UTC"
        )
    key = facts.key
    if key.kind not in PRIVATE.leaf_keys or (
        key.kind == "RSA"
        and not (MIN_RSA_BITS <= key.bits <= MAX_RSA_BITS and 3 <= key.exponent < MAX_RSA_EXPONENT)
    ):
        raise UnusableResponse(f"its responder's key ({key}) is not accepted")
    _check_purpose(certificate)


def _check_purpose(certificate: x509.Certificate) -> None:
    """Check that a certificate is for signing OCSP responses, and for no more than is understood here."""
    signs_ocsp = False
    for extension in certificate.extensions:
        value = extension.value
        if isinstance(value, x509.ExtendedKeyUsage):
            signs_ocsp = ExtendedKeyUsageOID.OCSP_SIGNING in value
        elif isinstance(value, x509.KeyUsage):
            # RFC 5280 §4.2.1.3: "The digitalSignature bit is asserted when the subject public key is used for
            # verifying digital signatures, other than signatures on certificates (bit 5) and CRLs (bit 6)".
            if not value.digital_signature:
                raise UnusableResponse("its responder's certificate is not for signatures")
        elif isinstance(value, x509.BasicConstraints):
            # A CA below the issuer is not meant to speak for it, whatever else its certificate says.
            if value.ca:
                raise UnusableResponse("its responder's certificate is a CA's")
        elif extension.critical and not isinstance(value, x509.OCSPNoCheck):
            # RFC 5280 §4.2: "A certificate-using system MUST reject the certificate if it encounters a critical
            # extension it does not recognize".
            raise UnusableResponse("its responder's certificate has an unknown critical extension")
    # RFC 6960 §4.2.2.2: "OCSP signing delegation SHALL be designated by the inclusion of id-kp-OCSPSigning in an
    # extended key usage certificate extension included in the OCSP response signer's certificate."
    if not signs_ocsp:
        raise UnusableResponse("its responder's certificate is not for signing OCSP responses")


# Edwards curves and ML-DSA have no hash to name.
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512, type(None))
