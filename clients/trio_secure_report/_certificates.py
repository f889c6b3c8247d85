"""What stands in a certificate, for people and programs.

Theory of operation: everything in a certificate was written by strangers, and nothing here is proof of anything:
who verified it says so. What cannot be read is said to be unreadable, in a value of the same kind.
"""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import AuthorityInformationAccessOID

T_Extension = TypeVar("T_Extension", bound=x509.ExtensionType)

_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_MOST_NAMES = 100


@dataclass(frozen=True, slots=True)
class CertificateView:
    """A certificate as it is shown.

    Attributes:
        der: the certificate.
        problem: why it cannot be read; None if it can, else what follows is empty.
        subject: whom it names, as RFC 4514 writes it.
        issuer: who signed it.
        names: the first hundred of its subject alternative names.
        more_names: how many there are besides.
        not_before: the first moment of its validity, UTC.
        not_after: the last moment.
        key: the kind and size of its key, "RSA, 2048 bits".
        key_bits: bits of an RSA modulus or an elliptic curve; 0 for others.
        is_rsa: whether it is an RSA key.
        signature: the name of the hash it is signed with, or of the algorithm where that says all.
        ocsp_url: whether it names somebody who says whether it was revoked.
        must_staple: whether it promises a staple (RFC 7633).
    """

    der: bytes
    problem: str | None = None
    subject: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()
    more_names: int = 0
    not_before: datetime | None = None
    not_after: datetime | None = None
    key: str = ""
    key_bits: int = 0
    is_rsa: bool = False
    signature: str = ""
    ocsp_url: bool = False
    must_staple: bool = False

    @property
    def sha256(self) -> str:
        """Its fingerprint, in hexadecimal."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def self_signed(self) -> bool:
        """Whether it names itself as its issuer."""
        return self.problem is None and self.subject == self.issuer

    @classmethod
    def of(cls, der: bytes) -> CertificateView:
        """What stands in a certificate."""
        try:
            with warnings.catch_warnings():
                # Some public roots have the serial number 0, of which `cryptography` warns.
                warnings.simplefilter("ignore", CryptographyDeprecationWarning)
                return _read(der, x509.load_der_x509_certificate(der))
        except _UNREADABLE as error:
            return cls(der, problem=str(error) or type(error).__name__)


def _read(der: bytes, certificate: x509.Certificate) -> CertificateView:
    key, bits, is_rsa = _key(certificate)
    names = [str(name.value) for name in _extension(certificate, x509.SubjectAlternativeName) or ()]
    features = _extension(certificate, x509.TLSFeature) or ()
    access = _extension(certificate, x509.AuthorityInformationAccess) or ()
    return CertificateView(
        der,
        subject=certificate.subject.rfc4514_string() or "(empty)",
        issuer=certificate.issuer.rfc4514_string() or "(empty)",
        names=tuple(names[:_MOST_NAMES]),
        more_names=max(0, len(names) - _MOST_NAMES),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        key=key,
        key_bits=bits,
        is_rsa=is_rsa,
        signature=_signature(certificate),
        ocsp_url=any(one.access_method == AuthorityInformationAccessOID.OCSP for one in access),
        must_staple=x509.TLSFeatureType.status_request in features,
    )


def _extension(certificate: x509.Certificate, kind: type[T_Extension]) -> T_Extension | None:
    with contextlib.suppress(x509.ExtensionNotFound):
        return certificate.extensions.get_extension_for_class(kind).value
    return None


def _key(certificate: x509.Certificate) -> tuple[str, int, bool]:
    try:
        key = certificate.public_key()
    except _UNREADABLE:
        return f"of a kind unknown here, {certificate.public_key_algorithm_oid.dotted_string}", 0, False
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA, {key.key_size} bits", key.key_size, True
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC, {key.curve.name}", key.key_size, False
    return type(key).__name__.removeprefix("_").removesuffix("PublicKey"), 0, False


def _signature(certificate: x509.Certificate) -> str:
    try:
        digest = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return certificate.signature_algorithm_oid.dotted_string
    if digest is None:
        return {"1.3.101.112": "Ed25519", "1.3.101.113": "Ed448"}.get(
            certificate.signature_algorithm_oid.dotted_string,
            certificate.signature_algorithm_oid.dotted_string,
        )
    return digest.name.upper()


def views(chain: tuple[bytes, ...]) -> Iterator[CertificateView]:
    """What stands in each certificate of a chain."""
    return map(CertificateView.of, chain)
