"""A client's certificates, and what they say that decides where they may be shown.

Theory of operation
-------------------
The chain is parsed once, when an identity is made, so that what is wrong with it is told to whoever made it and
not to a server. What a CertificateRequest can ask about is kept: the leaf's key and its extensions, the names
of the issuers, and how each certificate is signed.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from cryptography.exceptions import UnsupportedAlgorithm

from ._certificate_key import CertificateKey, read_key
from ._client_keys import unusual_serials
from ._codec import Reader
from ._der import SEQUENCE, Element, read_content, read_elements
from ._errors import PeerMisbehaved
from ._frozen import frozen
from ._oid_filters import DIGITAL_SIGNATURE, KEY_USAGE, RECOGNIZED, Values
from ._signatures import SIGNATURE_SCHEMES, SignatureScheme, legacy_scheme
from ._suites import Authentication
from ._versions import Version

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

#: The certificates of one chain; real ones have one to three.
MAX_CERTIFICATES = 10
#: The bytes of all certificates of a chain together.
MAX_CHAIN_BYTES = 64 * 1024

# How certificates are signed, and the codes of the schemes that mean it (RFC 9846 §4.3.3 [8446 §4.2.3]; ML-DSA
# as in the registry). The curve that TLS 1.3 binds an ECDSA scheme to is the issuer's, which is not always
# known, and which peers do not compare.
_SIGNED_WITH: Mapping[str, frozenset[int]] = {
    "1.2.840.113549.1.1.5": frozenset({0x0201}),
    "1.2.840.113549.1.1.11": frozenset({0x0401}),
    "1.2.840.113549.1.1.12": frozenset({0x0501}),
    "1.2.840.113549.1.1.13": frozenset({0x0601}),
    "1.2.840.10045.4.1": frozenset({0x0203}),
    "1.2.840.10045.4.3.2": frozenset({0x0403}),
    "1.2.840.10045.4.3.3": frozenset({0x0503}),
    "1.2.840.10045.4.3.4": frozenset({0x0603}),
    "1.3.101.112": frozenset({0x0807}),
    "1.3.101.113": frozenset({0x0808}),
    "2.16.840.1.101.3.4.3.17": frozenset({0x0904}),
    "2.16.840.1.101.3.4.3.18": frozenset({0x0905}),
    "2.16.840.1.101.3.4.3.19": frozenset({0x0906}),
}
_RSASSA_PSS = "1.2.840.113549.1.1.10"
# With RSASSA-PSS the hash is a parameter; which of the two schemes it is depends on the issuer's key.
_PSS_WITH: Mapping[str, frozenset[int]] = {
    "sha256": frozenset({0x0804, 0x0809}),
    "sha384": frozenset({0x0805, 0x080A}),
    "sha512": frozenset({0x0806, 0x080B}),
}

# The tags of RFC 5280 §4.1 that tell the optional fields of a TBSCertificate from the others.
_VERSION = 0xA0
_EXTENSIONS = 0xA3


@dataclass(frozen=True, slots=True)
class ClientCertificates:
    """A client's certificates.

    Attributes:
        chain: the certificates in DER, the client's own first, each of the others certifying the one before it.
        subject: whose the first is, as text for people.
        key: the key of the first.
        schemes: what that key can sign with in some version, in order of preference.
        issuers: the issuers' names in DER, as they stand in the certificates.
        signatures: for each certificate that another one signs, the schemes that it may be signed with.
        extensions: the values of those of the first certificate's extensions that a server may ask about.
    """

    chain: tuple[bytes, ...]
    subject: str = field(compare=False)
    key: CertificateKey = field(compare=False, repr=False)
    schemes: tuple[SignatureScheme, ...] = field(compare=False, repr=False)
    issuers: frozenset[bytes] = field(compare=False, repr=False)
    signatures: tuple[frozenset[int], ...] = field(compare=False, repr=False)
    extensions: Mapping[bytes, Values] = field(compare=False, repr=False)

    @classmethod
    def parse(cls, certificates: Sequence[bytes]) -> Self:
        """The chain of certificates in DER.

        Raises:
            ValueError: one is malformed or out of place, or they exceed the limits.
        """
        _check_size(certificates)
        parts = [_Certificate.parse(der, place) for place, der in enumerate(certificates, 1)]
        # RFC 5246 §7.4.2: "Each following certificate MUST directly certify the one preceding it."
        for place, (below, above) in enumerate(itertools.pairwise(parts), 2):
            if not below.issued_by(above):
                raise ValueError(
                    f"client certificate {place} is not that of the issuer of the one before it: put the client's "
                    "own first, then its issuer's, and so on"
                )
        # RFC 9846 §4.5.1.2 [8446 §4.4.2.2]: "The certificate type MUST be X.509v3".
        for part in parts:
            if part.parsed.version.name != "v3":
                raise ValueError(
                    f"client certificate {part.place} is X.509 {part.parsed.version.name}, and TLS takes v3 only: "
                    "have it issued anew with extensions, or leave it out if it is a root's"
                )
        leaf, key = parts[0], parts[0].key()
        # The same clause: "the digitalSignature bit MUST be set if the Key Usage extension is present".
        if DIGITAL_SIGNATURE not in leaf.extensions.get(KEY_USAGE, {DIGITAL_SIGNATURE}):
            raise ValueError(
                f"the client certificate ({leaf.name}) does not allow its key to sign: TLS needs the usage "
                "digitalSignature, or no key usage at all"
            )
        return cls(
            tuple(certificates),
            leaf.name,
            key,
            _schemes(leaf.name, key),
            frozenset(part.issuer for part in parts),
            tuple(part.signed_with for part in parts if part.issuer != part.subject),
            leaf.extensions,
        )

    @classmethod
    def sort(cls, certificates: Sequence[bytes]) -> Self:
        """The chain that leads up from the first of certificates in any order; what is not part of it is left out.

        A root is left out too, unless it is the first. RFC 9846 §4.5.1 [8446 §4.4.2]: "a certificate that
        specifies a trust anchor MAY be omitted from the chain".

        Raises:
            ValueError: one is malformed, or those that are left exceed the limits.
        """
        rest = [_Certificate.parse(der, place) for place, der in enumerate(certificates, 1)]
        chain = [rest.pop(0)]
        for part in chain:
            above = [one for one in rest if part.issued_by(one) and one.subject != one.issuer]
            chain += above[:1]
            rest = [one for one in rest if one not in above]
        return cls.parse([part.der for part in chain])


def _check_size(certificates: Sequence[bytes]) -> None:
    if not certificates:
        raise ValueError(
            "there is no client certificate: the client's own must be there, its issuers' may be"
        )
    total = sum(map(len, certificates))
    if len(certificates) > MAX_CERTIFICATES or total > MAX_CHAIN_BYTES:
        raise ValueError(
            f"{len(certificates)} client certificates in {total} bytes: at most {MAX_CERTIFICATES} and "
            f"{MAX_CHAIN_BYTES} bytes can be sent; give the client's own and those between it and the root"
        )


# All that can sign in some version, those without a code at the end.
_SCHEMES = (*SIGNATURE_SCHEMES, *map(legacy_scheme, Authentication))
_CURVES = {scheme.curve for scheme in SIGNATURE_SCHEMES}


def _schemes(name: str, key: CertificateKey) -> tuple[SignatureScheme, ...]:
    """What a key can sign with in some version."""
    usable = [row for row in _SCHEMES if any(row.fits(key, version) for version in Version)]
    # In TLS 1.2 a scheme does not name the curve, but no server could be expected to know any other.
    if not usable or key.curve not in _CURVES:
        kind = key.curve or type(key.key).__name__.removesuffix("PublicKey")
        raise ValueError(
            f"the key of the client certificate ({name}) cannot sign in TLS: it is for {kind}; use RSA, P-256, "
            "P-384, P-521, Ed25519, Ed448 or ML-DSA"
        )
    # Only TLS 1.2 leaves a choice of hash with an EC key: the one that is as strong as the curve comes first.
    return tuple(sorted(usable, key=lambda row: row.curve != key.curve))


@frozen
class _Certificate:
    """One certificate, taken apart.

    Attributes:
        place: where it stands among those given, from 1 on.
        subject: its subject's name in DER.
        issuer: its issuer's name in DER.
    """

    place: int
    der: bytes
    parsed: Certificate
    subject: bytes
    issuer: bytes
    extensions: Mapping[bytes, Values]

    @classmethod
    def parse(cls, der: bytes, place: int) -> Self:
        # Imported when the first certificate is there: it costs more time than the whole rest of this package.
        from cryptography.x509 import InvalidVersion, load_der_x509_certificate

        try:
            with unusual_serials():
                parsed = load_der_x509_certificate(der)
            elements = _elements(parsed.tbs_certificate_bytes)
            # RFC 5280 §4.1: [0] version, serial number, algorithm, issuer, validity, subject, key, [1], [2] and
            # [3] extensions; the first and the last three may be absent.
            at = 1 if elements[0].tag == _VERSION else 0
            extensions = _extensions(elements[-1].content) if elements[-1].tag == _EXTENSIONS else {}
        except (ValueError, InvalidVersion, PeerMisbehaved) as error:
            raise ValueError(
                f"client certificate {place} cannot be read: it is neither DER nor PEM, or damaged ({error})"
            ) from error
        return cls(place, der, parsed, elements[at + 4].whole, elements[at + 2].whole, extensions)

    @property
    def name(self) -> str:
        """Whose it is, as text for people."""
        try:
            return self.parsed.subject.rfc4514_string()
        except ValueError:  # an encoding of text that `cryptography` does not read
            return f"serial number {self.parsed.serial_number:#x}"

    def issued_by(self, other: Self) -> bool:
        """Whether the other is its issuer's, going by the names."""
        if self.issuer == other.subject:
            return True
        try:
            # The same name, its text encoded in another way (RFC 5280 §7.1).
            return self.parsed.issuer == other.parsed.subject
        except ValueError:
            return False

    @property
    def signed_with(self) -> frozenset[int]:
        """The codes of the schemes that it may be signed with; none for one without a code."""
        oid = self.parsed.signature_algorithm_oid.dotted_string
        if oid != _RSASSA_PSS:
            return _SIGNED_WITH.get(oid, frozenset())
        try:
            algorithm = self.parsed.signature_hash_algorithm
        except (ValueError, UnsupportedAlgorithm):
            return frozenset()
        return _PSS_WITH.get(algorithm.name if algorithm else "", frozenset())

    def key(self) -> CertificateKey:
        """Its key."""
        try:
            return read_key(self.parsed)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ValueError(
                f"the key in client certificate {self.place} is of a kind that is not supported: {error}"
            ) from error


def _elements(der: bytes) -> list[Element]:
    """The elements of a SEQUENCE."""
    return read_elements(Reader(read_content(Reader(der, "certificate"), SEQUENCE), "certificate"))


def _extensions(der: bytes) -> dict[bytes, Values]:
    """The extensions that are recognized (RFC 5280 §4.1): an OID, perhaps whether it is critical, and a value."""
    found: dict[bytes, Values] = {}
    for extension in _elements(der):
        oid, *_, value = _elements(extension.whole)
        read = RECOGNIZED.get(oid.whole)
        if read is not None:
            found[oid.whole] = read(value.content)
    return found
