"""The signature schemes: one row each, holding how a handshake signature is checked and where it is allowed.

Theory of operation
-------------------
A row knows the kind of key that fits it. `verify` first asks whether the key in the certificate fits the scheme
(illegal_parameter when it does not), then whether the signature is right (decrypt_error when it is not).

    RFC 9846 §4.5.2 [8446 §4.4.3]: "If the CertificateVerify message is sent by a server, the signature algorithm
    MUST be one offered in the client's 'signature_algorithms' extension" and "If the verification fails, the
    receiver MUST terminate the handshake with a 'decrypt_error' alert."
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ._errors import AlertDescription, PeerMisbehaved
from ._suites import Authentication
from ._versions import Version

Verify = Callable[[object, bytes, bytes], bool]


@dataclass(frozen=True, slots=True)
class SignatureScheme:
    """One row of the table.

    Attributes:
        check: (public key, signature, data) -> whether the key fits the scheme; InvalidSignature when it fits
            but the signature is wrong.
        authentication: the TLS 1.2 suites whose key exchange it may sign.
        until: the last version in which it may sign a handshake.
        curve: the curve that TLS 1.3 binds the scheme to.
    """

    code: int
    name: str
    check: Verify
    authentication: Authentication
    until: Version = Version.TLS13
    curve: type[ec.EllipticCurve] | None = None

    def verify(self, key: object, signature: bytes, data: bytes, version: Version) -> None:
        """Check that `key` signed `data`, or raise what tells the peer."""
        # RFC 9846 §4.3.3 [8446 §4.2.3]: the curve is bound to the hash from TLS 1.3 on; in TLS 1.2 the two are
        # independent (RFC 5246 §7.4.1.4.1), so any curve offered fits an ecdsa scheme there.
        if version >= Version.TLS13 and self.curve is not None and not _is_on(self.curve, key):
            raise self._unfit()
        try:
            fits = self.check(key, signature, data)
        except InvalidSignature as error:
            raise PeerMisbehaved(
                AlertDescription.DECRYPT_ERROR,
                f"the server's {self.name} signature over the handshake is wrong",
            ) from error
        except (ValueError, UnsupportedAlgorithm) as error:
            # An RSA key too small for the digest and salt, or the like.
            raise self._unfit() from error
        if not fits:
            raise self._unfit()

    def _unfit(self) -> PeerMisbehaved:
        return PeerMisbehaved(
            AlertDescription.ILLEGAL_PARAMETER,
            f"the key in the server's certificate does not fit {self.name}",
        )


def _is_on(curve: type[ec.EllipticCurve], key: object) -> bool:
    return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, curve)


def _ecdsa(algorithm: hashes.HashAlgorithm) -> Verify:
    scheme = ec.ECDSA(algorithm)

    def check(key: object, signature: bytes, data: bytes) -> bool:
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        key.verify(signature, data, scheme)
        return True

    return check


def _rsa(algorithm: hashes.HashAlgorithm, pad: padding.AsymmetricPadding) -> Verify:
    def check(key: object, signature: bytes, data: bytes) -> bool:
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        key.verify(signature, data, pad, algorithm)
        return True

    return check


def _pss(algorithm: hashes.HashAlgorithm) -> Verify:
    # RFC 9846 §4.3.3 [8446 §4.2.3]: "The length of the Salt MUST be equal to the length of the digest algorithm."
    return _rsa(algorithm, padding.PSS(padding.MGF1(algorithm), padding.PSS.DIGEST_LENGTH))


def _ed25519(key: object, signature: bytes, data: bytes) -> bool:
    if not isinstance(key, Ed25519PublicKey):
        return False
    key.verify(signature, data)
    return True


_256, _384, _512 = hashes.SHA256(), hashes.SHA384(), hashes.SHA512()
_PKCS1 = padding.PKCS1v15()
_RSA, _ECDSA = Authentication.RSA, Authentication.ECDSA

# In order of preference. RSA-PSS with an rsaPSS key (the pss_pss schemes) is not offered: `cryptography` loads
# such a key as a plain RSA key and loses the restriction it carries.
SIGNATURE_SCHEMES: tuple[SignatureScheme, ...] = (
    SignatureScheme(0x0403, "ecdsa_secp256r1_sha256", _ecdsa(_256), _ECDSA, curve=ec.SECP256R1),
    SignatureScheme(0x0503, "ecdsa_secp384r1_sha384", _ecdsa(_384), _ECDSA, curve=ec.SECP384R1),
    SignatureScheme(0x0603, "ecdsa_secp521r1_sha512", _ecdsa(_512), _ECDSA, curve=ec.SECP521R1),
    SignatureScheme(0x0807, "ed25519", _ed25519, _ECDSA),
    SignatureScheme(0x0804, "rsa_pss_rsae_sha256", _pss(_256), _RSA),
    SignatureScheme(0x0805, "rsa_pss_rsae_sha384", _pss(_384), _RSA),
    SignatureScheme(0x0806, "rsa_pss_rsae_sha512", _pss(_512), _RSA),
    # RFC 9846 §4.3.3 [8446 §4.2.3]: the PKCS#1 schemes "are not defined for use in signed TLS handshake messages"
    # from TLS 1.3 on; they are offered there for signatures in certificates.
    SignatureScheme(0x0401, "rsa_pkcs1_sha256", _rsa(_256, _PKCS1), _RSA, Version.TLS12),
    SignatureScheme(0x0501, "rsa_pkcs1_sha384", _rsa(_384, _PKCS1), _RSA, Version.TLS12),
    SignatureScheme(0x0601, "rsa_pkcs1_sha512", _rsa(_512, _PKCS1), _RSA, Version.TLS12),
)

SCHEMES_BY_CODE = {scheme.code: scheme for scheme in SIGNATURE_SCHEMES}
SCHEMES_BY_NAME = {scheme.name: scheme for scheme in SIGNATURE_SCHEMES}
