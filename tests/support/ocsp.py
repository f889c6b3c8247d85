"""OCSP responses, element by element, so that any part of one can be wrong.

Theory of operation: `status` writes a SingleResponse, `respond` puts some of them under a signature. What comes
out by default is what a CA answers about a good certificate; every deviation is a keyword.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from support.authority import Authority, Leaf, PrivateKey, to_der
from support.der import element, integer

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)

SHA1 = bytes.fromhex("06052b0e03021a")
SHA256 = bytes.fromhex("0609608648016503040201")
SHA512 = bytes.fromhex("0609608648016503040203")
_HASHES = {SHA1: "sha1", SHA256: "sha256", SHA512: "sha512"}
BASIC = bytes.fromhex("06092b0601050507300101")
NONCE = bytes.fromhex("06092b0601050507300102")

GOOD = element(0x80)
UNKNOWN = element(0x82)

ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
ECDSA_SHA1 = bytes.fromhex("300906072a8648ce3d0401")
RSA_SHA256 = bytes.fromhex("300d06092a864886f70d01010b0500")


def time(moment: datetime) -> bytes:
    """A GeneralizedTime."""
    return element(0x18, f"{moment:%Y%m%d%H%M%SZ}".encode())


def revoked(at: datetime = NOW - HOUR, reason: int | None = None) -> bytes:
    """The status of a certificate that was revoked."""
    return element(0xA1, time(at), b"" if reason is None else element(0xA0, element(0x0A, bytes([reason]))))


def extension(oid: bytes = NONCE, *, critical: bool | None = None) -> bytes:
    """An Extension whose value is a nonce."""
    flag = b"" if critical is None else element(0x01, b"\xff" if critical else b"\0")
    return element(0x30, oid, flag, element(0x04, element(0x04, b"nonce")))


def extensions(*each: bytes) -> bytes:
    """The extensions of a response, or of what it says about one certificate."""
    return element(0xA1, element(0x30, *each))


def key_bits(certificate: x509.Certificate) -> bytes:
    """What OCSP hashes of a public key."""
    digest = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    # The end of the SubjectPublicKeyInfo whose SHA-1 is the identifier.
    return next(
        spki[at:]
        for at in range(len(spki))
        if hashlib.sha1(spki[at:]).digest() == digest.digest  # noqa: S324
    )


def certificate_id(leaf: Leaf, issuer: Authority, hash_oid: bytes = SHA1, serial: int | None = None) -> bytes:
    """The CertID of `leaf`."""
    digest = _HASHES[hash_oid]
    name = leaf.certificate.issuer.public_bytes()
    return element(
        0x30,
        element(0x30, hash_oid, element(0x05)),
        element(0x04, hashlib.new(digest, name).digest()),
        element(0x04, hashlib.new(digest, key_bits(issuer.certificate)).digest()),
        integer(leaf.certificate.serial_number if serial is None else serial),
    )


def status(
    leaf: Leaf,
    issuer: Authority,
    certificate_status: bytes = GOOD,
    *,
    hash_oid: bytes = SHA1,
    serial: int | None = None,
    this_update: datetime = NOW - HOUR,
    next_update: datetime | None = NOW + HOUR,
    more: bytes = b"",
) -> bytes:
    """What a response says about `leaf`, with `more` behind it."""
    return element(
        0x30,
        certificate_id(leaf, issuer, hash_oid, serial),
        certificate_status,
        time(this_update),
        b"" if next_update is None else element(0xA0, time(next_update)),
        more,
    )


def by_name(certificate: x509.Certificate) -> bytes:
    """A ResponderID."""
    return element(0xA1, certificate.subject.public_bytes())


def by_key(certificate: x509.Certificate) -> bytes:
    """A ResponderID."""
    return element(0xA2, element(0x04, hashlib.sha1(key_bits(certificate)).digest()))  # noqa: S324


def sign(key: PrivateKey, data: bytes, algorithm: bytes) -> bytes:
    """A signature by the key's usual algorithm, or for ECDSA_SHA1 by that."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(hashes.SHA1() if algorithm == ECDSA_SHA1 else hashes.SHA256()))  # noqa: S303
    raise TypeError("another kind of key")


def wrap(basic: bytes, *, code: int = 0, kind: bytes = BASIC) -> bytes:
    """The OCSPResponse around a BasicOCSPResponse."""
    return element(
        0x30, element(0x0A, bytes([code])), element(0xA0, element(0x30, kind, element(0x04, basic)))
    )


def response_data(
    *statuses: bytes,
    responder: bytes,
    produced_at: datetime = NOW - HOUR,
    version: bytes = b"",
    more: bytes = b"",
) -> bytes:
    """A ResponseData: what is signed."""
    return element(0x30, version, responder, time(produced_at), element(0x30, *statuses), more)


def respond(
    *statuses: bytes,
    by: Authority | Leaf,
    responder: bytes | None = None,
    certificates: Iterable[x509.Certificate] = (),
    produced_at: datetime = NOW - HOUR,
    version: bytes = b"",
    more: bytes = b"",
    algorithm: bytes | None = None,
    signature: bytes | None = None,
) -> bytes:
    """A response with `statuses`, signed by the key of `by`, which goes by its name."""
    data = response_data(
        *statuses,
        responder=by_name(by.certificate) if responder is None else responder,
        produced_at=produced_at,
        version=version,
        more=more,
    )
    if algorithm is None:
        algorithm = RSA_SHA256 if isinstance(by.key, rsa.RSAPrivateKey) else ECDSA_SHA256
    bits = sign(by.key, data, algorithm) if signature is None else signature
    sent = [to_der(certificate) for certificate in certificates]
    entries = element(0xA0, element(0x30, *sent)) if sent else b""
    return wrap(element(0x30, data, algorithm, element(0x03, b"\0", bits), entries))


@cache
def good(leaf: Leaf, issuer: Authority) -> bytes:
    """What `issuer` answers about a good certificate."""
    return respond(status(leaf, issuer), by=issuer)
