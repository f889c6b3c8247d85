from __future__ import annotations

from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from support.authority import KeyKind, PrivateKey, make_key
from support.refusals import refused
from support.rfc8448 import TRACES, Trace
from trio_secure._errors import AlertDescription
from trio_secure._messages import CertificateVerify
from trio_secure._messages13 import Certificate
from trio_secure._signatures import (
    SCHEMES_BY_CODE,
    SCHEMES_BY_NAME,
    SIGNATURE_SCHEMES,
    SignatureScheme,
)
from trio_secure._suites import Authentication
from trio_secure._versions import Version

DATA = b"what is signed"


class Expected(NamedTuple):
    """What the RFC says about a scheme."""

    name: str
    key: KeyKind
    digest: hashes.HashAlgorithm


# RFC 9846 §4.3.3 [8446 §4.2.3]. Each row of the table must stand here.
_EXPECTED = {
    0x0401: Expected("rsa_pkcs1_sha256", "rsa", hashes.SHA256()),
    0x0501: Expected("rsa_pkcs1_sha384", "rsa", hashes.SHA384()),
    0x0601: Expected("rsa_pkcs1_sha512", "rsa", hashes.SHA512()),
    0x0403: Expected("ecdsa_secp256r1_sha256", "p256", hashes.SHA256()),
    0x0503: Expected("ecdsa_secp384r1_sha384", "p384", hashes.SHA384()),
    0x0603: Expected("ecdsa_secp521r1_sha512", "p521", hashes.SHA512()),
    0x0804: Expected("rsa_pss_rsae_sha256", "rsa", hashes.SHA256()),
    0x0805: Expected("rsa_pss_rsae_sha384", "rsa", hashes.SHA384()),
    0x0806: Expected("rsa_pss_rsae_sha512", "rsa", hashes.SHA512()),
    0x0807: Expected("ed25519", "ed25519", hashes.SHA512()),
}
_schemes = pytest.mark.parametrize("scheme", SIGNATURE_SCHEMES, ids=lambda scheme: scheme.name)


def _sign(scheme: SignatureScheme, key: PrivateKey, salt_length: int | None = None) -> bytes:
    """What a server with `key` sends under `scheme`, made with `cryptography` alone."""
    digest = _EXPECTED[scheme.code].digest
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(DATA, ec.ECDSA(digest))
    if isinstance(key, rsa.RSAPrivateKey):
        if "pkcs1" in scheme.name:
            return key.sign(DATA, padding.PKCS1v15(), digest)
        salt = digest.digest_size if salt_length is None else salt_length
        return key.sign(DATA, padding.PSS(padding.MGF1(digest), salt), digest)
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    return key.sign(DATA)


@_schemes
@pytest.mark.parametrize("version", list(Version))
def test_a_signature_by_a_fitting_key_is_good(scheme: SignatureScheme, version: Version) -> None:
    assert scheme.name == _EXPECTED[scheme.code].name
    key = make_key(_EXPECTED[scheme.code].key)
    scheme.verify(key.public_key(), _sign(scheme, key), DATA, version)


@_schemes
def test_an_altered_signature_is_refused(scheme: SignatureScheme) -> None:
    key = make_key(_EXPECTED[scheme.code].key)
    signature = _sign(scheme, key)
    for altered in (signature[:-1] + bytes([signature[-1] ^ 1]), signature[:-1], signature + b"\0", b""):
        with refused(AlertDescription.DECRYPT_ERROR, f"the server's {scheme.name} signature"):
            scheme.verify(key.public_key(), altered, DATA, Version.TLS13)


@_schemes
def test_a_signature_over_something_else_is_refused(scheme: SignatureScheme) -> None:
    key = make_key(_EXPECTED[scheme.code].key)
    with refused(AlertDescription.DECRYPT_ERROR):
        scheme.verify(key.public_key(), _sign(scheme, key), DATA + b"!", Version.TLS13)


@_schemes
@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize("kind", ["rsa", "p256", "ed25519", "ed448", "dsa"])
def test_a_key_of_another_kind_does_not_fit(scheme: SignatureScheme, version: Version, kind: KeyKind) -> None:
    key = make_key(kind).public_key()
    if isinstance(key, type(make_key(_EXPECTED[scheme.code].key).public_key())):
        return
    with refused(AlertDescription.ILLEGAL_PARAMETER, f"does not fit {scheme.name}"):
        scheme.verify(key, bytes(64), DATA, version)


_ON_ANOTHER_CURVE: list[tuple[str, KeyKind]] = [
    ("ecdsa_secp256r1_sha256", "p384"),
    ("ecdsa_secp256r1_sha256", "secp256k1"),
    ("ecdsa_secp384r1_sha384", "p256"),
    ("ecdsa_secp521r1_sha512", "p384"),
]


@pytest.mark.parametrize(("name", "kind"), _ON_ANOTHER_CURVE)
def test_tls_1_3_binds_the_curve_to_the_hash_and_tls_1_2_does_not(name: str, kind: KeyKind) -> None:
    scheme, key = SCHEMES_BY_NAME[name], make_key(kind)
    signature = _sign(scheme, key)
    scheme.verify(key.public_key(), signature, DATA, Version.TLS12)
    with refused(AlertDescription.ILLEGAL_PARAMETER, f"does not fit {name}"):
        scheme.verify(key.public_key(), signature, DATA, Version.TLS13)


@pytest.mark.parametrize("salt_length", [0, 20])
def test_a_pss_salt_has_the_length_of_the_digest(salt_length: int) -> None:
    scheme, key = SCHEMES_BY_NAME["rsa_pss_rsae_sha256"], make_key("rsa")
    with refused(AlertDescription.DECRYPT_ERROR):
        scheme.verify(key.public_key(), _sign(scheme, key, salt_length), DATA, Version.TLS13)


def test_a_signature_under_another_digest_is_refused() -> None:
    key = make_key("rsa")
    signature = _sign(SCHEMES_BY_NAME["rsa_pss_rsae_sha384"], key)
    with refused(AlertDescription.DECRYPT_ERROR):
        SCHEMES_BY_NAME["rsa_pss_rsae_sha256"].verify(key.public_key(), signature, DATA, Version.TLS13)


def _cannot_tell(key: object, signature: bytes, data: bytes) -> bool:
    raise ValueError("the key is too small")


def test_a_key_that_cryptography_cannot_use_does_not_fit() -> None:
    scheme = SignatureScheme(0xFE00, "odd", _cannot_tell, Authentication.RSA)
    with refused(AlertDescription.ILLEGAL_PARAMETER, "does not fit odd"):
        scheme.verify(make_key("rsa").public_key(), b"", DATA, Version.TLS13)


def test_pkcs1_is_not_for_tls_1_3_handshakes() -> None:
    until = {scheme.name: scheme.until for scheme in SIGNATURE_SCHEMES}
    assert {name for name in until if until[name] == Version.TLS12} == {
        "rsa_pkcs1_sha256",
        "rsa_pkcs1_sha384",
        "rsa_pkcs1_sha512",
    }


@_schemes
def test_which_tls_1_2_suites_a_scheme_signs_for(scheme: SignatureScheme) -> None:
    """RFC 8422 §5.4: EdDSA signs where ECDSA does."""
    is_rsa = _EXPECTED[scheme.code].key == "rsa"
    assert scheme.authentication == (Authentication.RSA if is_rsa else Authentication.ECDSA)


def test_the_indexes_hold_every_row() -> None:
    assert tuple(SCHEMES_BY_CODE.values()) == tuple(SCHEMES_BY_NAME.values()) == SIGNATURE_SCHEMES
    assert SCHEMES_BY_CODE.keys() == _EXPECTED.keys()


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.name)
def test_the_signatures_of_rfc_8448_verify(trace: Trace) -> None:
    """RFC 9846 §4.5.2 [8446 §4.4.3]: 64 spaces, the context, a zero, the transcript hash."""
    by_name = {message.name: message for message in trace.messages if message.who == "server"}
    verify = CertificateVerify.parse(by_name["CertificateVerify"].body)
    leaf = Certificate.parse(by_name["Certificate"].body).certificate_list[0].cert_data
    key = x509.load_der_x509_certificate(leaf).public_key()
    transcript = trace.transcript_until("Certificate").digest()
    signed = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + transcript
    scheme = SCHEMES_BY_CODE[verify.algorithm]
    scheme.verify(key, verify.signature, signed, Version.TLS13)
    with refused(AlertDescription.DECRYPT_ERROR):
        scheme.verify(key, verify.signature, signed + b"\0", Version.TLS13)
