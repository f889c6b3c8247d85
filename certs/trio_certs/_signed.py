"""Signatures on what is no certificate: OCSP responses and CRLs.

Theory of operation: one row for each algorithm that is accepted, found by the whole AlgorithmIdentifier, so that a
parameter counts as much as a name; MD5 and SHA-1 have none.

Importing this module imports `cryptography`'s primitives, though not `cryptography.x509`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, padding, rsa

Verify = Callable[[object, bytes, bytes], bool]
"""(public key, signature, data) -> whether the key fits the algorithm; InvalidSignature when it fits and the
signature is wrong."""


def _rsa(algorithm: hashes.HashAlgorithm, pad: padding.AsymmetricPadding) -> Verify:
    def verify(key: object, signature: bytes, data: bytes) -> bool:
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        key.verify(signature, data, pad, algorithm)
        return True

    return verify


def _ecdsa(algorithm: hashes.HashAlgorithm) -> Verify:
    def verify(key: object, signature: bytes, data: bytes) -> bool:
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        key.verify(signature, data, ec.ECDSA(algorithm))
        return True

    return verify


_SelfContained = (
    ed25519.Ed25519PublicKey
    | ed448.Ed448PublicKey
    | mldsa.MLDSA44PublicKey
    | mldsa.MLDSA65PublicKey
    | mldsa.MLDSA87PublicKey
)


def _alone(kind: type[_SelfContained]) -> Verify:
    """An algorithm that leaves nothing to choose."""

    def verify(key: object, signature: bytes, data: bytes) -> bool:
        if not isinstance(key, kind):
            return False
        key.verify(signature, data)
        return True

    return verify


def _rows() -> Mapping[bytes, Verify]:
    """The algorithms by AlgorithmIdentifier: its parameters count, and are compared byte for byte."""
    rows: dict[bytes, Verify] = {
        bytes.fromhex("3005 0603 2b6570"): _alone(ed25519.Ed25519PublicKey),
        bytes.fromhex("3005 0603 2b6571"): _alone(ed448.Ed448PublicKey),
        bytes.fromhex("300b 0609 608648016503040311"): _alone(mldsa.MLDSA44PublicKey),
        bytes.fromhex("300b 0609 608648016503040312"): _alone(mldsa.MLDSA65PublicKey),
        bytes.fromhex("300b 0609 608648016503040313"): _alone(mldsa.MLDSA87PublicKey),
    }
    for algorithm, rsa_arc, ec_arc, hash_arc in (
        (hashes.SHA256(), "0b", "02", "01"),
        (hashes.SHA384(), "0c", "03", "02"),
        (hashes.SHA512(), "0d", "04", "03"),
    ):
        pkcs1 = _rsa(algorithm, padding.PKCS1v15())
        # RFC 4055 §5: the parameters are NULL, and may be absent.
        rows[bytes.fromhex(f"300d 0609 2a864886f70d0101{rsa_arc} 0500")] = pkcs1
        rows[bytes.fromhex(f"300b 0609 2a864886f70d0101{rsa_arc}")] = pkcs1
        rows[bytes.fromhex(f"300a 0608 2a8648ce3d0403{ec_arc}")] = _ecdsa(algorithm)
        # RFC 4055 §3.1, with the same hash throughout and a salt as long as it.
        digest = f"300d 0609 6086480165030402{hash_arc} 0500"
        mgf1 = f"301a 0609 2a864886f70d010108 {digest}"
        pss = f"3041 0609 2a864886f70d01010a 3034 a00f {digest} a11c {mgf1} a203 0201"
        rows[bytes.fromhex(pss) + bytes([algorithm.digest_size])] = _rsa(
            algorithm, padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
        )
    return rows


ALGORITHMS = _rows()
