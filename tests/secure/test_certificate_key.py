"""Keys in certificates: what they are, and what the certificate binds them to."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.mldsa import (
    MLDSA44PrivateKey,
    MLDSA65PrivateKey,
    MLDSA87PrivateKey,
)

from support.authority import DAY, common_name
from support.authority import KeyKind as Kind
from support.pss import pss_leaf, pss_parameters
from support.scripted_script import SERVER_NAME, authority, leaf
from trio_secure._certificate_key import KeyKind, PssParameters, read_key

_KINDS: list[tuple[Kind, KeyKind, str | None]] = [
    ("rsa", KeyKind.RSA, None),
    ("p256", KeyKind.EC, "secp256r1"),
    ("p384", KeyKind.EC, "secp384r1"),
    ("p521", KeyKind.EC, "secp521r1"),
    ("secp256k1", KeyKind.EC, "secp256k1"),
    ("ed25519", KeyKind.ED25519, None),
    ("ed448", KeyKind.ED448, None),
]


@pytest.mark.parametrize(("kind", "expected", "curve"), _KINDS)
def test_the_kinds_of_keys(kind: Kind, expected: KeyKind, curve: str | None) -> None:
    certificate = leaf(kind).certificate
    key = read_key(certificate)
    assert key.key == certificate.public_key()
    assert (key.kind, key.curve, key.pss) == (expected, curve, None)
    assert (key.bits, key.exponent) == ((2048, 65537) if kind == "rsa" else (0, 0))


def test_a_key_that_no_scheme_is_for_has_no_kind() -> None:
    assert read_key(leaf("dsa").certificate).kind is None


_ML_DSA = [
    (MLDSA44PrivateKey, KeyKind.ML_DSA_44),
    (MLDSA65PrivateKey, KeyKind.ML_DSA_65),
    (MLDSA87PrivateKey, KeyKind.ML_DSA_87),
]


@pytest.mark.parametrize(("private", "expected"), _ML_DSA, ids=lambda value: str(value))
def test_ml_dsa_keys(
    private: type[MLDSA44PrivateKey | MLDSA65PrivateKey | MLDSA87PrivateKey], expected: KeyKind
) -> None:
    key, now = private.generate(), authority().certificate.not_valid_before_utc
    builder = x509.CertificateBuilder(
        common_name("us"), common_name(SERVER_NAME), key.public_key(), 1, now, now + DAY
    )
    found = read_key(builder.sign(key, None))
    assert found.key == key.public_key()
    assert (found.kind, found.pss, found.bits, found.curve) == (expected, None, 0, None)


@pytest.mark.parametrize("version", [False, True])
def test_a_pss_key_without_parameters_is_bound_to_nothing(version: bool) -> None:
    certificate = pss_leaf(authority(), SERVER_NAME, version=version).certificate
    key = read_key(certificate)
    assert isinstance(key.key, rsa.RSAPublicKey)
    assert (key.kind, key.pss, key.bits) == (KeyKind.RSA_PSS, None, 2048)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (pss_parameters("sha256", "sha256", 32, 1), PssParameters("sha256", "sha256", 32)),
        (pss_parameters("sha384", "sha384", 48), PssParameters("sha384", "sha384", 48)),
        (pss_parameters("sha512", "sha512", 64), PssParameters("sha512", "sha512", 64)),
        # What `openssl genpkey` writes when it is told only the digest.
        (pss_parameters("sha256"), PssParameters("sha256", None, 20)),
        (pss_parameters("sha256", "sha512", 0), PssParameters("sha256", "sha512", 0)),
        (pss_parameters(), PssParameters(None, None, 20)),
    ],
)
def test_a_pss_key_with_parameters(parameters: bytes, expected: PssParameters) -> None:
    assert read_key(pss_leaf(authority(), SERVER_NAME, parameters=parameters).certificate).pss == expected


# A key as OpenSSL 3.0 makes it, bound to SHA-256 by its name alone:
# openssl req -x509 -newkey rsa-pss -pkeyopt rsa_pss_keygen_md:sha256 -subj /CN=x -nodes
_FROM_OPENSSL = b"""-----BEGIN CERTIFICATE-----
MIIDRDCCAhugAwIBAgIUdz5YepY9O5uBUMUHN2tmwYYIvngwHgYJKoZIhvcNAQEK
MBGgDzANBglghkgBZQMEAgEFADAYMRYwFAYDVQQDDA1zY3JpcHRlZC50ZXN0MB4X
DTI2MTEyNDAzNTUyOFoXDTM2MTEyMTAzNTUyOFowGDEWMBQGA1UEAwwNc2NyaXB0
ZWQudGVzdDCCATMwHgYJKoZIhvcNAQEKMBGgDzANBglghkgBZQMEAgEFAAOCAQ8A
MIIBCgKCAQEAqseHxcGHRslId+NyaeDwaErkioaTBx+2FCx7TE1dNbgXu1DJCN9M
rICfd9zbCWvkYo8uSTsGgF+CwdeP/QqNPDXk57aAwR6xqtuELtGCAaSSvvspUFxL
Sa34h/TtL1BWxqCEWw14z2Sv8L2qUhKvhVYepTu0ZUHOEA78HV0I82Q8UfzflzGw
yNJCbKA6CkToidY636QGN6I4cnc4dcm5+F0/oAZxOltQNvvaXNlle3OTCz5ZkybY
y5GiwvDWlFuHbmy8IDbpu5KIOmfpUSIL04vCpgMiX1bvdlaK+EyrqcMF1+v3sy7t
/mhQPkpAhASB/mHXQEtKgXSVZmiDzt3zuwIDAQABo1MwUTAdBgNVHQ4EFgQUUyG9
mhG5+goQd7FGDSPt5VTF3NQwHwYDVR0jBBgwFoAUUyG9mhG5+goQd7FGDSPt5VTF
3NQwDwYDVR0TAQH/BAUwAwEB/zAeBgkqhkiG9w0BAQowEaAPMA0GCWCGSAFlAwQC
AQUAA4IBAQCalhYc5NvoYXH6U2vig9fH74mu7CIfC8fDkprJ/INbG7mxVoOEo3UP
/kGF9wOp917hvCRq9mvqiZja9rVovoMiHvIb7p5YEzwhOlJHteANfUmz8nxWWYPJ
4ZbDRl8YD4qZWaVp7O9P1MO64Vu1K/YAKdMY+Kk203VnMSlCn1izg/BcJj6qFc5A
L9hTKtUpG1PR5bHIaY4J/xEenWBOsZyGFEoGbXbqeXejplmufJPjwqvpX6I+ictv
rLfAhuxf41Eo85oKJdmDllVe6kpzZU1d0nWPOS4jYAyV8hdeQL/27KkaKOfmbgZF
nGNVq4YKfUYNg5S3hJAgN/Wm9yG34qdw
-----END CERTIFICATE-----"""


def test_a_pss_key_of_openssl() -> None:
    key = read_key(x509.load_pem_x509_certificate(_FROM_OPENSSL))
    assert (key.kind, key.bits) == (KeyKind.RSA_PSS, 2048)
    assert key.pss == PssParameters("sha256", None, 20)


def test_what_a_bound_key_may_sign() -> None:
    bound = PssParameters("sha256", "sha256", 20)
    assert bound.allow("sha256", 32)
    assert bound.allow("sha256", 20)
    assert not bound.allow("sha256", 19)
    assert not bound.allow("sha384", 48)
    assert not PssParameters("sha256", "sha384", 0).allow("sha256", 32)
    assert not PssParameters("sha384", "sha256", 0).allow("sha256", 32)


def test_a_curve_that_cryptography_does_not_know() -> None:
    der = leaf("p256").certificate_der.replace(
        bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d030102")
    )
    with pytest.raises(UnsupportedAlgorithm):
        read_key(x509.load_der_x509_certificate(der))


@pytest.mark.parametrize(
    ("usages", "signs", "enciphers"),
    [
        (None, True, True),
        ((), False, False),
        (("digital_signature",), True, False),
        (("key_encipherment",), False, True),
        (("digital_signature", "key_encipherment"), True, True),
        (("key_agreement", "decipher_only"), False, False),
    ],
)
def test_what_a_certificate_lets_its_key_do(
    usages: tuple[str, ...] | None, signs: bool, enciphers: bool
) -> None:
    key = read_key(authority().issue(SERVER_NAME, key="rsa", ku=usages).certificate)
    assert (key.may_sign, key.may_encipher) == (signs, enciphers)


def test_a_certificate_without_extensions_forbids_nothing() -> None:
    key = read_key(pss_leaf(authority(), SERVER_NAME, version=False).certificate)
    assert key.may_sign
    assert key.may_encipher


def test_a_key_usage_that_is_malformed() -> None:
    der = leaf("rsa").certificate_der
    assert der.count(bytes.fromhex("030205a0")) == 1
    for altered in ("03000000", "030300a0", "040205a0", "030105a0", "030209a0"):
        certificate = x509.load_der_x509_certificate(
            der.replace(bytes.fromhex("030205a0"), bytes.fromhex(altered))
        )
        with pytest.raises(ValueError, match="the keyUsage is malformed"):
            read_key(certificate)
