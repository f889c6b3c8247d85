"""The signature schemes: one row each, holding how a handshake is signed and checked, and where that is allowed.

Theory of operation
-------------------
A row knows the versions it is for and the kind of key that fits it, so `fits` answers for both sides: whether
the key in a server's certificate may sign as it says it did, and with which scheme a client's key can. `verify`
asks that first (illegal_parameter when it does not fit), then whether the signature is right (decrypt_error when
it is not).

    RFC 9846 §4.5.2 [8446 §4.4.3]: "If the CertificateVerify message is sent by a server, the signature algorithm
    MUST be one offered in the client's 'signature_algorithms' extension", "the signature algorithm MUST be
    compatible with the key in the sender's end-entity certificate" and "If the verification fails, the receiver
    MUST terminate the handshake with a 'decrypt_error' alert."

Below TLS 1.2 nothing names an algorithm on the wire: the suite decides, by `legacy_scheme`. Those two rows hash
with SHA-1. They stand outside the table, and so are never offered and never found by a code or a name:

    RFC 9846 §4.5.2 [8446 §4.4.3]: "The SHA-1 algorithm MUST NOT be used in any signatures of CertificateVerify
    messages."
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo

from ._backend import supports
from ._certificate_key import CertificateKey, KeyKind
from ._errors import AlertDescription, PeerMisbehaved
from ._frozen import frozen
from ._suites import Authentication
from ._versions import Version


class Algorithm(NamedTuple):
    """How a scheme signs and checks.

    The keys are of the type that goes with the row's kind, which `fits` has compared; hence Any.

    Attributes:
        verify: (public key, signature, data); InvalidSignature when the signature is wrong.
        sign: (private key, data) -> signature.
        digest: the hash that an RSASSA-PSS key may be bound to, which is also as long as the salt.
    """

    verify: Callable[[Any, bytes, bytes], None]
    sign: Callable[[Any, bytes], bytes]
    digest: hashes.HashAlgorithm | None = None


@frozen(eq=False)
class SignatureScheme:
    """One row of the table.

    Attributes:
        kind: the kind of key that fits.
        authentication: the suites below TLS 1.3 whose key exchange it may sign; None for none.
        since: the first version in which it may sign a handshake.
        until: the last one.
        curve: the curve that TLS 1.3 binds the scheme to.
    """

    code: int
    name: str
    kind: KeyKind
    algorithm: Algorithm
    authentication: Authentication | None
    since: Version = Version.TLS12
    until: Version = Version.TLS13
    curve: str | None = None

    def allows(self, version: Version) -> bool:
        """Whether the scheme may sign a handshake of this version."""
        return self.since <= version <= self.until

    def fits(self, key: CertificateKey, version: Version) -> bool:
        """Whether the scheme and a certificate's key may be used together in this version."""
        if not self.allows(version) or key.kind is not self.kind:
            return False
        # RFC 9846 §4.3.3 [8446 §4.2.3]: the curve is bound to the hash from TLS 1.3 on; in TLS 1.2 the two are
        # independent (RFC 5246 §7.4.1.4.1), so any curve offered fits an ecdsa scheme there.
        if version >= Version.TLS13 and self.curve not in (None, key.curve):
            return False
        digest = self.algorithm.digest
        if digest is None:
            return True
        # EMSA-PSS puts digest, salt and two bytes into one bit less than the modulus has.
        if key.bits < 8 * (2 * digest.digest_size + 1) + 2:
            return False
        return key.pss is None or key.pss.allow(digest.name, digest.digest_size)

    def verify(self, key: CertificateKey, signature: bytes, data: bytes, version: Version) -> None:
        """Check that `key` signed `data`, or raise what tells the peer."""
        if not self.fits(key, version):
            raise self._unfit(version)
        try:
            self.algorithm.verify(key.key, signature, data)
        except InvalidSignature as error:
            raise PeerMisbehaved(
                AlertDescription.DECRYPT_ERROR,
                f"the server's {self.name} signature over the handshake is wrong",
            ) from error
        except (ValueError, UnsupportedAlgorithm) as error:
            # An RSA key too small for the digest, or the like.
            raise self._unfit(version) from error

    def sign(self, key: object, data: bytes) -> bytes:
        """Sign `data` with the private key that belongs to a certificate's key that `fits`."""
        return self.algorithm.sign(key, data)

    def _unfit(self, version: Version) -> PeerMisbehaved:
        return PeerMisbehaved(
            AlertDescription.ILLEGAL_PARAMETER,
            f"the key in the server's certificate does not fit {self.name} in {version.label}",
        )


def _ecdsa(digest: hashes.HashAlgorithm) -> Algorithm:
    scheme = ec.ECDSA(digest)

    def verify(key: ec.EllipticCurvePublicKey, signature: bytes, data: bytes) -> None:
        key.verify(signature, data, scheme)

    def sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
        return key.sign(data, scheme)

    return Algorithm(verify, sign)


_PKCS1 = padding.PKCS1v15()


def _pkcs1(digest: hashes.HashAlgorithm) -> Algorithm:
    def verify(key: rsa.RSAPublicKey, signature: bytes, data: bytes) -> None:
        key.verify(signature, data, _PKCS1, digest)

    def sign(key: rsa.RSAPrivateKey, data: bytes) -> bytes:
        return key.sign(data, _PKCS1, digest)

    return Algorithm(verify, sign)


def _pss(digest: hashes.HashAlgorithm) -> Algorithm:
    # RFC 9846 §4.3.3 [8446 §4.2.3]: "The length of the Salt MUST be equal to the length of the digest algorithm."
    pad = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)

    def verify(key: rsa.RSAPublicKey, signature: bytes, data: bytes) -> None:
        key.verify(signature, data, pad, digest)

    def sign(key: rsa.RSAPrivateKey, data: bytes) -> bytes:
        return key.sign(data, pad, digest)

    return Algorithm(verify, sign, digest)


class _Public(Protocol):
    """A public key that leaves nothing to choose: of EdDSA, or of ML-DSA."""

    def verify(self, signature: bytes, data: bytes, /) -> None: ...


class _Private(Protocol):
    """The private key that belongs to it."""

    def sign(self, data: bytes, /) -> bytes: ...


# RFC 8422 §5.10: "The context parameter for Ed448 MUST be set to the empty string", and so is that of ML-DSA
# (draft-ietf-tls-mldsa): it is the default.
def _verify_pure(key: _Public, signature: bytes, data: bytes) -> None:
    key.verify(signature, data)


def _sign_pure(key: _Private, data: bytes) -> bytes:
    return key.sign(data)


def _md5_sha1(data: bytes) -> bytes:
    # RFC 4346 §4.7: "In RSA signing, a 36-byte structure of two hashes (one SHA and one MD5) is signed [...] It is
    # encoded with PKCS #1 block type 1", without naming a hash.
    return (
        hashlib.md5(data, usedforsecurity=False).digest() + hashlib.sha1(data, usedforsecurity=False).digest()
    )


def _verify_md5_sha1(key: rsa.RSAPublicKey, signature: bytes, data: bytes) -> None:
    if key.recover_data_from_signature(signature, _PKCS1, None) != _md5_sha1(data):
        raise InvalidSignature


def _sign_md5_sha1(key: rsa.RSAPrivateKey, data: bytes) -> bytes:
    return key.sign(_md5_sha1(data), _PKCS1, NoDigestInfo())


_PURE = Algorithm(_verify_pure, _sign_pure)
_MD5_SHA1 = Algorithm(_verify_md5_sha1, _sign_md5_sha1)
_SHA1 = hashes.SHA1()  # noqa: S303 - what ECDSA signs with below TLS 1.2
_256, _384, _512 = hashes.SHA256(), hashes.SHA384(), hashes.SHA512()
_RSA, _ECDSA = Authentication.RSA, Authentication.ECDSA
_12, _13 = Version.TLS12, Version.TLS13

# In order of preference.
_ROWS = (
    SignatureScheme(0x0403, "ecdsa_secp256r1_sha256", KeyKind.EC, _ecdsa(_256), _ECDSA, curve="secp256r1"),
    SignatureScheme(0x0503, "ecdsa_secp384r1_sha384", KeyKind.EC, _ecdsa(_384), _ECDSA, curve="secp384r1"),
    SignatureScheme(0x0603, "ecdsa_secp521r1_sha512", KeyKind.EC, _ecdsa(_512), _ECDSA, curve="secp521r1"),
    # RFC 8422 §2.1: "In ECDHE_ECDSA, the server's certificate MUST contain an ECDSA- or EdDSA-capable public
    # key." RFC 8422 §5.9: "EdDSA keys using the Ed25519 algorithm MUST use the ed25519 signature algorithm, and
    # Ed448 keys MUST use the ed448 signature algorithm."
    SignatureScheme(0x0807, "ed25519", KeyKind.ED25519, _PURE, _ECDSA),
    SignatureScheme(0x0808, "ed448", KeyKind.ED448, _PURE, _ECDSA),
    # RFC 9846 §4.3.3 [8446 §4.2.3]: "Implementations that advertise support for RSASSA-PSS [...] MUST be prepared
    # to accept a signature using that scheme even when TLS 1.2 is negotiated."
    SignatureScheme(0x0804, "rsa_pss_rsae_sha256", KeyKind.RSA, _pss(_256), _RSA),
    SignatureScheme(0x0805, "rsa_pss_rsae_sha384", KeyKind.RSA, _pss(_384), _RSA),
    SignatureScheme(0x0806, "rsa_pss_rsae_sha512", KeyKind.RSA, _pss(_512), _RSA),
    SignatureScheme(0x0809, "rsa_pss_pss_sha256", KeyKind.RSA_PSS, _pss(_256), _RSA),
    SignatureScheme(0x080A, "rsa_pss_pss_sha384", KeyKind.RSA_PSS, _pss(_384), _RSA),
    SignatureScheme(0x080B, "rsa_pss_pss_sha512", KeyKind.RSA_PSS, _pss(_512), _RSA),
    # draft-ietf-tls-mldsa: from TLS 1.3 on.
    SignatureScheme(0x0904, "mldsa44", KeyKind.ML_DSA_44, _PURE, None, since=_13),
    SignatureScheme(0x0905, "mldsa65", KeyKind.ML_DSA_65, _PURE, None, since=_13),
    SignatureScheme(0x0906, "mldsa87", KeyKind.ML_DSA_87, _PURE, None, since=_13),
    # RFC 9846 §4.3.3 [8446 §4.2.3]: the PKCS#1 schemes "are not defined for use in signed TLS handshake messages"
    # from TLS 1.3 on; they are offered there for signatures in certificates.
    SignatureScheme(0x0401, "rsa_pkcs1_sha256", KeyKind.RSA, _pkcs1(_256), _RSA, until=_12),
    SignatureScheme(0x0501, "rsa_pkcs1_sha384", KeyKind.RSA, _pkcs1(_384), _RSA, until=_12),
    SignatureScheme(0x0601, "rsa_pkcs1_sha512", KeyKind.RSA, _pkcs1(_512), _RSA, until=_12),
)

# Ed448 and ML-DSA are not in every build of `cryptography`: a public key to load, and the kinds it speaks for.
_PROBES = (
    (Ed448PublicKey.from_public_bytes, 57, {KeyKind.ED448}),
    (MLDSA44PublicKey.from_public_bytes, 1312, {KeyKind.ML_DSA_44, KeyKind.ML_DSA_65, KeyKind.ML_DSA_87}),
)
_MISSING = {kind for load, length, kinds in _PROBES if not supports(load, length) for kind in kinds}

SIGNATURE_SCHEMES: tuple[SignatureScheme, ...] = tuple(row for row in _ROWS if row.kind not in _MISSING)

SCHEMES_BY_CODE = {scheme.code: scheme for scheme in SIGNATURE_SCHEMES}
SCHEMES_BY_NAME = {scheme.name: scheme for scheme in SIGNATURE_SCHEMES}

_10, _11 = Version.TLS10, Version.TLS11
_LEGACY = {
    # The pair of hashes has no code; this one is for private use.
    _RSA: SignatureScheme(0xFF01, "rsa_pkcs1_md5_sha1", KeyKind.RSA, _MD5_SHA1, _RSA, _10, _11),
    # RFC 8422 §5.10: "SHA-1 is used in TLS 1.1 and earlier".
    _ECDSA: SignatureScheme(0x0203, "ecdsa_sha1", KeyKind.EC, _ecdsa(_SHA1), _ECDSA, _10, _11),
}


def legacy_scheme(authentication: Authentication) -> SignatureScheme:
    """The scheme that a suite implies below TLS 1.2, for the server's signature and for the client's."""
    return _LEGACY[authentication]
