"""The public key in a certificate, with what the certificate says it is for.

Theory of operation
-------------------
Which signature schemes fit a key is decided by more than the key. An RSA key may be named rsaEncryption or
RSASSA-PSS, and the latter may be bound to one digest; `cryptography` loads all of them as the same plain RSA key.
So the name is read beside the key, from the algorithm identifier of the SubjectPublicKeyInfo:

    RFC 9846 §4.3.3 [8446 §4.2.3]: "RSASSA-PSS RSAE algorithms: [...] If the public key is carried in an X.509
    certificate, it MUST use the rsaEncryption OID" and "RSASSA-PSS PSS algorithms: [...] it MUST use the
    RSASSA-PSS OID".

A key of a kind that no scheme is for, a DSA key say, has no `kind` and fits nothing.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ._codec import Reader
from ._der import OBJECT_IDENTIFIER, SEQUENCE, content_bounds, read_content, read_elements
from ._errors import PeerMisbehaved
from ._frozen import frozen
from ._oid_filters import DIGITAL_SIGNATURE, KEY_USAGE, key_usage

if TYPE_CHECKING:  # importing it costs more time than the whole rest of this package
    from cryptography import x509


class KeyKind(enum.Enum):
    """What a key is for, by its object identifier."""

    RSA = "1.2.840.113549.1.1.1"
    RSA_PSS = "1.2.840.113549.1.1.10"
    EC = "1.2.840.10045.2.1"
    ED25519 = "1.3.101.112"
    ED448 = "1.3.101.113"
    ML_DSA_44 = "2.16.840.1.101.3.4.3.17"
    ML_DSA_65 = "2.16.840.1.101.3.4.3.18"
    ML_DSA_87 = "2.16.840.1.101.3.4.3.19"


_KINDS = {kind.value: kind for kind in KeyKind}


@frozen
class PssParameters:
    """What an RSASSA-PSS key is bound to (RSASSA-PSS-params, RFC 4055 §3.1).

    Attributes:
        digest: the name of the hash; None for one that no scheme uses.
        mask_digest: the same of MGF1's hash.
        salt_length: the least length of the salt in bytes.
    """

    digest: str | None
    mask_digest: str | None
    salt_length: int

    def allow(self, digest: str, salt_length: int) -> bool:
        """Whether the key may sign over `digest` with such a salt."""
        # RFC 4055 §3.3: "All parameters in the signature structure algorithm identifier MUST match the parameters
        # in the key structure algorithm identifier except the saltLength field. The saltLength field in the
        # signature parameters MUST be greater or equal to that in the key parameters field."
        return self.digest == self.mask_digest == digest and self.salt_length <= salt_length


@frozen
class CertificateKey:
    """A public key as its certificate presents it.

    Attributes:
        key: the key, as `cryptography` loads it.
        kind: what it is for; None if no signature scheme is for it.
        pss: what an RSASSA-PSS key is bound to; None if to nothing.
        may_sign: whether the certificate lets the key sign a handshake.
        may_encipher: whether it lets a secret be encrypted to the key.
    """

    key: object
    kind: KeyKind | None
    pss: PssParameters | None = None
    may_sign: bool = True
    may_encipher: bool = True

    @property
    def bits(self) -> int:
        """The size of an RSA key's modulus; 0 for other keys."""
        return self.key.key_size if isinstance(self.key, rsa.RSAPublicKey) else 0

    @property
    def exponent(self) -> int:
        """An RSA key's public exponent; 0 for other keys."""
        return self.key.public_numbers().e if isinstance(self.key, rsa.RSAPublicKey) else 0

    @property
    def curve(self) -> str | None:
        """The name of an EC key's curve, which for those of TLS is the name of the group; None for other keys."""
        return self.key.curve.name if isinstance(self.key, ec.EllipticCurvePublicKey) else None


def read_key(certificate: x509.Certificate) -> CertificateKey:
    """The key in a certificate.

    Raises:
        ValueError: the key is malformed.
        cryptography.exceptions.UnsupportedAlgorithm: the key is of a kind that `cryptography` does not have.
    """
    key = certificate.public_key()
    kind = _KINDS.get(certificate.public_key_algorithm_oid.dotted_string)
    key_info, extensions = _parts(certificate.tbs_certificate_bytes)
    pss = _pss_parameters(key_info) if kind is KeyKind.RSA_PSS else None
    usages = _usages(extensions)
    return CertificateKey(key, kind, pss, DIGITAL_SIGNATURE in usages, _KEY_ENCIPHERMENT in usages)


_VERSION, _EXTENSIONS = 0xA0, 0xA3


def _parts(tbs_certificate: bytes) -> tuple[Reader, bytes]:
    """The SubjectPublicKeyInfo of a TBSCertificate that `cryptography` has parsed, and the Extensions, if any."""
    at, _ = content_bounds(tbs_certificate, 0)
    # Version 1 is not written.
    before = ["serialNumber", "signature", "issuer", "validity", "subject"]
    if tbs_certificate[at] == _VERSION:
        before.append("version")
    for _ in before:
        _, at = content_bounds(tbs_certificate, at)
    begin, end = content_bounds(tbs_certificate, at)
    key_info = Reader(tbs_certificate[begin:end], "SubjectPublicKeyInfo")
    # Unique identifiers may stand before the extensions.
    while end < len(tbs_certificate):
        tag = tbs_certificate[end]
        begin, end = content_bounds(tbs_certificate, end)
        if tag == _EXTENSIONS:
            return key_info, tbs_certificate[begin:end]
    return key_info, b""


#: The bit of a keyUsage that lets a secret be encrypted to the key (RFC 5280 §4.2.1.3).
_KEY_ENCIPHERMENT = 2


def _usages(extensions: bytes) -> frozenset[int]:
    """The bits of the keyUsage; where there is none, those that are asked for here."""
    end, _ = content_bounds(extensions, 0) if extensions else (0, 0)
    while end < len(extensions):
        begin, end = content_bounds(extensions, end)
        # An Extension begins with its identifier, and ends with its value.
        if extensions.startswith(KEY_USAGE, begin):
            value = read_elements(Reader(extensions[begin:end], "Extension"))[-1]
            try:
                return key_usage(value.content)
            except PeerMisbehaved as error:
                raise ValueError(f"the keyUsage is malformed: {error}") from error
    return frozenset({DIGITAL_SIGNATURE, _KEY_ENCIPHERMENT})


_HASHES = {
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}
_MGF1 = bytes.fromhex("2a864886f70d010108")
_HASH, _MASK, _SALT_LENGTH = 0xA0, 0xA1, 0xA2
_DEFAULT_SALT_LENGTH = 20
_INTEGER = 0x02


def _pss_parameters(key_info: Reader) -> PssParameters | None:
    """The parameters of a SubjectPublicKeyInfo, which `cryptography` has found to be well-formed."""
    algorithm = Reader(read_content(key_info, SEQUENCE), "AlgorithmIdentifier")
    read_content(algorithm, OBJECT_IDENTIFIER)
    # RFC 4055 §3.3: for a key without parameters, none are compared.
    if not len(algorithm):
        return None
    elements = read_elements(Reader(read_content(algorithm, SEQUENCE), "RSASSA-PSS-params"))
    given = {element.tag: element.content for element in elements}
    # What is not written is SHA-1, with which TLS signs nothing, and a salt of 20 bytes.
    return PssParameters(
        digest=_hash(given[_HASH]) if _HASH in given else None,
        mask_digest=_mask_hash(given[_MASK]) if _MASK in given else None,
        salt_length=_salt_length(given[_SALT_LENGTH]) if _SALT_LENGTH in given else _DEFAULT_SALT_LENGTH,
    )


def _hash(content: bytes) -> str | None:
    algorithm = Reader(read_content(Reader(content, "hashAlgorithm"), SEQUENCE), "hashAlgorithm")
    return _HASHES.get(read_content(algorithm, OBJECT_IDENTIFIER))


def _mask_hash(content: bytes) -> str | None:
    algorithm = Reader(read_content(Reader(content, "maskGenAlgorithm"), SEQUENCE), "maskGenAlgorithm")
    return _hash(algorithm.rest()) if read_content(algorithm, OBJECT_IDENTIFIER) == _MGF1 else None


def _salt_length(content: bytes) -> int:
    return int.from_bytes(read_content(Reader(content, "saltLength"), _INTEGER), "big")
