from __future__ import annotations

import hashlib
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.mldsa import (
    MLDSA44PrivateKey,
    MLDSA65PrivateKey,
    MLDSA87PrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.authority import make_key
from support.refusals import refused
from support.rfc8448 import TRACES, Trace
from trio_secure._certificate_key import CertificateKey, KeyKind, PssParameters, read_key
from trio_secure._errors import AlertDescription
from trio_secure._messages import CertificateVerify
from trio_secure._messages13 import Certificate
from trio_secure._signatures import (
    SCHEMES_BY_CODE,
    SCHEMES_BY_NAME,
    SIGNATURE_SCHEMES,
    Algorithm,
    SignatureScheme,
    legacy_scheme,
)
from trio_secure._suites import Authentication
from trio_secure._versions import Version

_ALERT = AlertDescription
DATA = b"what is signed"

_MLDSAPrivateKey = MLDSA44PrivateKey | MLDSA65PrivateKey | MLDSA87PrivateKey
_Private = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | _MLDSAPrivateKey
)


class Expected(NamedTuple):
    """What the RFC says about a scheme: its name, its key, its digest, and in which versions it signs."""

    name: str
    key: str
    digest: hashes.HashAlgorithm | None
    versions: tuple[Version, ...] = (Version.TLS12, Version.TLS13)


_256, _384, _512 = hashes.SHA256(), hashes.SHA384(), hashes.SHA512()
_12, _13 = (Version.TLS12,), (Version.TLS13,)

# RFC 9846 §4.3.3 [8446 §4.2.3], draft-ietf-tls-mldsa. Each row of the table must stand here.
_EXPECTED = {
    0x0401: Expected("rsa_pkcs1_sha256", "rsa", _256, _12),
    0x0501: Expected("rsa_pkcs1_sha384", "rsa", _384, _12),
    0x0601: Expected("rsa_pkcs1_sha512", "rsa", _512, _12),
    0x0403: Expected("ecdsa_secp256r1_sha256", "p256", _256),
    0x0503: Expected("ecdsa_secp384r1_sha384", "p384", _384),
    0x0603: Expected("ecdsa_secp521r1_sha512", "p521", _512),
    0x0804: Expected("rsa_pss_rsae_sha256", "rsa", _256),
    0x0805: Expected("rsa_pss_rsae_sha384", "rsa", _384),
    0x0806: Expected("rsa_pss_rsae_sha512", "rsa", _512),
    0x0807: Expected("ed25519", "ed25519", None),
    0x0808: Expected("ed448", "ed448", None),
    0x0809: Expected("rsa_pss_pss_sha256", "pss", _256),
    0x080A: Expected("rsa_pss_pss_sha384", "pss", _384),
    0x080B: Expected("rsa_pss_pss_sha512", "pss", _512),
    0x0904: Expected("mldsa44", "mldsa44", None, _13),
    0x0905: Expected("mldsa65", "mldsa65", None, _13),
    0x0906: Expected("mldsa87", "mldsa87", None, _13),
}
_KINDS = {
    "rsa": KeyKind.RSA,
    "pss": KeyKind.RSA_PSS,
    "p256": KeyKind.EC,
    "p384": KeyKind.EC,
    "p521": KeyKind.EC,
    "secp256k1": KeyKind.EC,
    "ed25519": KeyKind.ED25519,
    "ed448": KeyKind.ED448,
    "mldsa44": KeyKind.ML_DSA_44,
    "mldsa65": KeyKind.ML_DSA_65,
    "mldsa87": KeyKind.ML_DSA_87,
}
_CURVES: dict[str, ec.EllipticCurve] = {
    "p256": ec.SECP256R1(),
    "p384": ec.SECP384R1(),
    "p521": ec.SECP521R1(),
    "secp256k1": ec.SECP256K1(),
}
_MLDSA: dict[str, type[_MLDSAPrivateKey]] = {
    "mldsa44": MLDSA44PrivateKey,
    "mldsa65": MLDSA65PrivateKey,
    "mldsa87": MLDSA87PrivateKey,
}


@cache
def _private(name: str) -> _Private:
    if name in _MLDSA:
        return _MLDSA[name].generate()
    if name in {"rsa", "pss"}:
        key = make_key("rsa")
    elif name in {"ed25519", "ed448"}:
        key = make_key("ed25519" if name == "ed25519" else "ed448")
    else:
        return ec.generate_private_key(_CURVES[name])
    assert isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    return key


def _key(name: str, pss: PssParameters | None = None) -> CertificateKey:
    """The public key as a certificate would have it."""
    return CertificateKey(_private(name).public_key(), _KINDS[name], pss)


def _sign(scheme: SignatureScheme, key: _Private, salt_length: int | None = None) -> bytes:
    """What a server with `key` sends under `scheme`, made with `cryptography` alone."""
    digest = _EXPECTED[scheme.code].digest
    if isinstance(key, ec.EllipticCurvePrivateKey):
        assert digest is not None
        return key.sign(DATA, ec.ECDSA(digest))
    if isinstance(key, rsa.RSAPrivateKey):
        assert digest is not None
        if "pkcs1" in scheme.name:
            return key.sign(DATA, padding.PKCS1v15(), digest)
        salt = digest.digest_size if salt_length is None else salt_length
        return key.sign(DATA, padding.PSS(padding.MGF1(digest), salt), digest)
    return key.sign(DATA)


_schemes = pytest.mark.parametrize("scheme", SIGNATURE_SCHEMES, ids=lambda scheme: scheme.name)


# Verifying


@_schemes
def test_a_signature_by_a_fitting_key_is_good(scheme: SignatureScheme) -> None:
    name, key, _digest, versions = _EXPECTED[scheme.code]
    assert scheme.name == name
    for version in versions:
        scheme.verify(_key(key), _sign(scheme, _private(key)), DATA, version)


@_schemes
def test_a_version_that_the_scheme_is_not_for_is_refused(scheme: SignatureScheme) -> None:
    _name, key, _digest, versions = _EXPECTED[scheme.code]
    signature = _sign(scheme, _private(key))
    for version in Version:
        assert scheme.allows(version) is scheme.fits(_key(key), version) is (version in versions)
        if version not in versions:
            with refused(_ALERT.ILLEGAL_PARAMETER, f"does not fit {scheme.name} in {version.label}"):
                scheme.verify(_key(key), signature, DATA, version)


@_schemes
def test_an_altered_signature_is_refused(scheme: SignatureScheme) -> None:
    _name, key, _digest, versions = _EXPECTED[scheme.code]
    signature = _sign(scheme, _private(key))
    for altered in (signature[:-1] + bytes([signature[-1] ^ 1]), signature[:-1], signature + b"\0", b""):
        with refused(_ALERT.DECRYPT_ERROR, f"the server's {scheme.name} signature"):
            scheme.verify(_key(key), altered, DATA, versions[-1])


@_schemes
def test_a_signature_over_something_else_is_refused(scheme: SignatureScheme) -> None:
    _name, key, _digest, versions = _EXPECTED[scheme.code]
    with refused(_ALERT.DECRYPT_ERROR):
        scheme.verify(_key(key), _sign(scheme, _private(key)), DATA + b"!", versions[-1])


@_schemes
@pytest.mark.parametrize("name", _KINDS)
def test_a_key_of_another_kind_does_not_fit(scheme: SignatureScheme, name: str) -> None:
    """An rsaEncryption key is of another kind than an RSASSA-PSS key, although the numbers are the same."""
    _name, key, _digest, versions = _EXPECTED[scheme.code]
    if _KINDS[name] is _KINDS[key]:
        return
    for version in versions:
        assert not scheme.fits(_key(name), version)
        with refused(_ALERT.ILLEGAL_PARAMETER, f"does not fit {scheme.name}"):
            scheme.verify(_key(name), bytes(64), DATA, version)


@_schemes
def test_a_key_of_no_kind_does_not_fit(scheme: SignatureScheme) -> None:
    dsa = CertificateKey(make_key("dsa").public_key(), None)
    assert not any(scheme.fits(dsa, version) for version in Version)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("ecdsa_secp256r1_sha256", "p384"),
        ("ecdsa_secp256r1_sha256", "secp256k1"),
        ("ecdsa_secp384r1_sha384", "p256"),
        ("ecdsa_secp521r1_sha512", "p384"),
    ],
)
def test_tls_1_3_binds_the_curve_to_the_hash_and_tls_1_2_does_not(name: str, key: str) -> None:
    scheme = SCHEMES_BY_NAME[name]
    signature = _sign(scheme, _private(key))
    scheme.verify(_key(key), signature, DATA, Version.TLS12)
    with refused(_ALERT.ILLEGAL_PARAMETER, f"does not fit {name}"):
        scheme.verify(_key(key), signature, DATA, Version.TLS13)


@pytest.mark.parametrize("salt_length", [0, 20, 33])
@pytest.mark.parametrize("kind", ["rsae", "pss"])
def test_a_pss_salt_has_the_length_of_the_digest(kind: str, salt_length: int) -> None:
    scheme, key = SCHEMES_BY_NAME[f"rsa_pss_{kind}_sha256"], "rsa" if kind == "rsae" else "pss"
    with refused(_ALERT.DECRYPT_ERROR):
        scheme.verify(_key(key), _sign(scheme, _private(key), salt_length), DATA, Version.TLS13)


def test_a_signature_under_another_digest_is_refused() -> None:
    signature = _sign(SCHEMES_BY_NAME["rsa_pss_rsae_sha384"], _private("rsa"))
    with refused(_ALERT.DECRYPT_ERROR):
        SCHEMES_BY_NAME["rsa_pss_rsae_sha256"].verify(_key("rsa"), signature, DATA, Version.TLS13)


def test_a_bound_pss_key_fits_the_scheme_of_its_digest_alone() -> None:
    bound = _key("pss", PssParameters("sha384", "sha384", 48))
    fitting = [scheme.name for scheme in SIGNATURE_SCHEMES if scheme.fits(bound, Version.TLS13)]
    assert fitting == ["rsa_pss_pss_sha384"]
    scheme = SCHEMES_BY_NAME["rsa_pss_pss_sha256"]
    with refused(_ALERT.ILLEGAL_PARAMETER, "does not fit rsa_pss_pss_sha256"):
        scheme.verify(bound, _sign(scheme, _private("pss")), DATA, Version.TLS13)


@pytest.mark.parametrize(
    "pss",
    [PssParameters("sha256", None, 20), PssParameters("sha256", "sha256", 33), PssParameters(None, None, 20)],
)
def test_a_pss_key_bound_to_something_else_fits_nothing(pss: PssParameters) -> None:
    assert not any(scheme.fits(_key("pss", pss), Version.TLS13) for scheme in SIGNATURE_SCHEMES)


def test_an_rsa_key_too_small_for_digest_and_salt_does_not_fit() -> None:
    private = make_key("rsa1024")
    assert isinstance(private, rsa.RSAPrivateKey)
    key = CertificateKey(private.public_key(), KeyKind.RSA)
    fitting = {
        scheme.name: scheme.fits(key, Version.TLS12) for scheme in SIGNATURE_SCHEMES if "rsa_" in scheme.name
    }
    assert [name for name, fits in fitting.items() if fits] == [
        "rsa_pss_rsae_sha256",
        "rsa_pss_rsae_sha384",
        "rsa_pkcs1_sha256",
        "rsa_pkcs1_sha384",
        "rsa_pkcs1_sha512",
    ]
    # What fits, can.
    for name in ("rsa_pss_rsae_sha384", "rsa_pkcs1_sha512"):
        SCHEMES_BY_NAME[name].verify(key, SCHEMES_BY_NAME[name].sign(private, DATA), DATA, Version.TLS12)


@pytest.mark.parametrize("error", [ValueError("too small"), UnsupportedAlgorithm("not in this build")])
def test_a_key_that_cryptography_cannot_use_does_not_fit(error: Exception) -> None:
    def verify(key: object, signature: bytes, data: bytes) -> None:
        raise error

    def sign(key: object, data: bytes) -> bytes:
        return b""

    scheme = SignatureScheme(0xFE00, "odd", KeyKind.RSA, Algorithm(verify, sign), Authentication.RSA)
    with refused(_ALERT.ILLEGAL_PARAMETER, "does not fit odd"):
        scheme.verify(_key("rsa"), b"", DATA, Version.TLS13)


# Signing


@_schemes
def test_what_is_signed_verifies(scheme: SignatureScheme) -> None:
    _name, key, _digest, versions = _EXPECTED[scheme.code]
    scheme.verify(_key(key), scheme.sign(_private(key), DATA), DATA, versions[-1])


_OPENSSL = [scheme for scheme in SIGNATURE_SCHEMES if _EXPECTED[scheme.code].digest is not None]


@pytest.mark.parametrize("scheme", _OPENSSL, ids=lambda scheme: scheme.name)
def test_openssl_verifies_what_is_signed(scheme: SignatureScheme, tmp_path: Path) -> None:
    """The program, that is, of the distribution and not the library inside `cryptography`."""
    private, digest = _private(_EXPECTED[scheme.code].key), _EXPECTED[scheme.code].digest
    assert digest is not None
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public").write_bytes(public)
    (tmp_path / "signature").write_bytes(scheme.sign(private, DATA))
    pss = ["rsa_padding_mode:pss", f"rsa_pss_saltlen:{digest.digest_size}", f"rsa_mgf1_md:{digest.name}"]
    options = [word for option in pss for word in ("-sigopt", option)] if "pss" in scheme.name else []
    command = ["openssl", "dgst", f"-{digest.name}", "-verify", "public", "-signature", "signature", *options]
    done = subprocess.run(command, input=DATA, cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout == b"Verified OK\n"


def test_the_eddsa_signatures_of_rfc_8032() -> None:
    """§7.1 and §7.4, the empty message: EdDSA has one signature for each."""
    secret = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    assert SCHEMES_BY_NAME["ed25519"].sign(key, b"").hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    secret = (
        "6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3"
        "528c8a3fcc2f044e39a3fc5b94492f8f032e7549a20098f95b"
    )
    other = ed448.Ed448PrivateKey.from_private_bytes(bytes.fromhex(secret))
    signature = SCHEMES_BY_NAME["ed448"].sign(other, b"")
    assert signature.hex() == (
        "533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f2b233f034f628281f2fd7a22ddd47d7828c59b"
        "d0a21bfd3980ff0d2028d4b18a9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda8530a113a0f4dbb61149f05a73"
        "63268c71d95808ff2e652600"
    )
    SCHEMES_BY_NAME["ed448"].verify(
        CertificateKey(other.public_key(), KeyKind.ED448), signature, b"", Version.TLS13
    )


@pytest.mark.parametrize(("name", "length"), [("mldsa44", 2420), ("mldsa65", 3309), ("mldsa87", 4627)])
def test_ml_dsa_signs_without_a_context(name: str, length: int) -> None:
    """FIPS 204, table 2: the sizes."""
    key = _private(name)
    assert isinstance(key, _MLDSAPrivateKey)
    signature = SCHEMES_BY_NAME[name].sign(key, DATA)
    assert len(signature) == length
    key.public_key().verify(signature, DATA, b"")
    with refused(_ALERT.DECRYPT_ERROR):
        SCHEMES_BY_NAME[name].verify(_key(name), key.sign(DATA, b"context"), DATA, Version.TLS13)


# Below TLS 1.2

_OLD = (Version.TLS10, Version.TLS11)


@pytest.mark.parametrize("version", _OLD)
def test_rsa_below_tls_1_2_signs_two_digests_that_it_does_not_name(version: Version) -> None:
    """RFC 4346 §4.7, and the arithmetic of PKCS #1 block type 1 by hand."""
    scheme, private = legacy_scheme(Authentication.RSA), _private("rsa")
    assert isinstance(private, rsa.RSAPrivateKey)
    signature = scheme.sign(private, DATA)
    numbers = private.public_key().public_numbers()
    block = pow(int.from_bytes(signature), numbers.e, numbers.n).to_bytes(256)
    digests = hashlib.md5(DATA).digest() + hashlib.sha1(DATA).digest()  # noqa: S324 - what the version signs
    assert block == b"\0\1" + b"\xff" * (256 - 3 - 36) + b"\0" + digests
    scheme.verify(_key("rsa"), signature, DATA, version)
    for altered in (signature[:-1] + bytes([signature[-1] ^ 1]), signature[:-1], b""):
        with refused(_ALERT.DECRYPT_ERROR, "rsa_pkcs1_md5_sha1"):
            scheme.verify(_key("rsa"), altered, DATA, version)
    with refused(_ALERT.DECRYPT_ERROR):
        scheme.verify(_key("rsa"), signature, DATA + b"!", version)


def test_rsa_below_tls_1_2_takes_no_digest_with_a_name() -> None:
    scheme, private = legacy_scheme(Authentication.RSA), _private("rsa")
    assert isinstance(private, rsa.RSAPrivateKey)
    for signature in (
        private.sign(DATA, padding.PKCS1v15(), hashes.SHA1()),  # noqa: S303 - the one of TLS 1.2's pairs
        private.sign(DATA, padding.PKCS1v15(), _256),
        private.sign(hashlib.sha1(DATA).digest(), padding.PKCS1v15(), NoDigestInfo()),  # noqa: S324 - one half
    ):
        with refused(_ALERT.DECRYPT_ERROR):
            scheme.verify(_key("rsa"), signature, DATA, Version.TLS11)


@pytest.mark.parametrize("version", _OLD)
@pytest.mark.parametrize("key", ["p256", "p384", "p521"])
def test_ecdsa_below_tls_1_2_signs_sha_1(key: str, version: Version) -> None:
    scheme, private = legacy_scheme(Authentication.ECDSA), _private(key)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    sha1 = ec.ECDSA(hashes.SHA1())  # noqa: S303 - what the version signs
    scheme.verify(_key(key), private.sign(DATA, sha1), DATA, version)
    private.public_key().verify(scheme.sign(private, DATA), DATA, sha1)
    with refused(_ALERT.DECRYPT_ERROR, "ecdsa_sha1"):
        scheme.verify(_key(key), private.sign(DATA, ec.ECDSA(_256)), DATA, version)


@pytest.mark.parametrize("authentication", list(Authentication))
def test_the_schemes_with_sha_1_are_for_the_old_versions_alone(authentication: Authentication) -> None:
    scheme = legacy_scheme(authentication)
    assert [version for version in Version if scheme.allows(version)] == list(_OLD)
    assert scheme.authentication is authentication
    assert scheme not in SIGNATURE_SCHEMES
    assert scheme.code not in SCHEMES_BY_CODE
    assert scheme.name not in SCHEMES_BY_NAME


@pytest.mark.parametrize(
    ("authentication", "key"),
    [
        (Authentication.RSA, "p256"),
        (Authentication.RSA, "pss"),
        (Authentication.ECDSA, "rsa"),
        (Authentication.ECDSA, "ed25519"),
    ],
)
def test_a_key_that_does_not_fit_an_old_suite(authentication: Authentication, key: str) -> None:
    with refused(_ALERT.ILLEGAL_PARAMETER, "does not fit"):
        legacy_scheme(authentication).verify(_key(key), bytes(64), DATA, Version.TLS11)


# The table


def test_the_order_of_preference() -> None:
    """What proves most for its size first; PKCS#1, which TLS 1.3 has only in certificates, last."""
    assert [scheme.name.split("_")[0] for scheme in SIGNATURE_SCHEMES] == [
        *["ecdsa"] * 3,
        "ed25519",
        "ed448",
        *["rsa"] * 6,
        "mldsa44",
        "mldsa65",
        "mldsa87",
        *["rsa"] * 3,
    ]
    assert [scheme.name for scheme in SIGNATURE_SCHEMES][-3:] == [
        "rsa_pkcs1_sha256",
        "rsa_pkcs1_sha384",
        "rsa_pkcs1_sha512",
    ]


@_schemes
def test_which_suites_a_scheme_signs_for(scheme: SignatureScheme) -> None:
    """RFC 8422 §5.3: EdDSA signs where ECDSA does."""
    if scheme.name.startswith("mldsa"):
        assert scheme.authentication is None
    else:
        is_rsa = scheme.name.startswith("rsa")
        assert scheme.authentication is (Authentication.RSA if is_rsa else Authentication.ECDSA)


def test_the_indexes_hold_every_row() -> None:
    assert tuple(SCHEMES_BY_CODE.values()) == tuple(SCHEMES_BY_NAME.values()) == SIGNATURE_SCHEMES
    assert SCHEMES_BY_CODE.keys() == _EXPECTED.keys()


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.name)
def test_the_signatures_of_rfc_8448_verify(trace: Trace) -> None:
    """RFC 9846 §4.5.2 [8446 §4.4.3]: 64 spaces, the context, a zero, the transcript hash."""
    by_name = {message.name: message for message in trace.messages if message.who == "server"}
    verify = CertificateVerify.parse(by_name["CertificateVerify"].body)
    leaf = Certificate.parse(by_name["Certificate"].body).certificate_list[0].cert_data
    key = read_key(x509.load_der_x509_certificate(leaf))
    transcript = trace.transcript_until("Certificate").digest()
    signed = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + transcript
    scheme = SCHEMES_BY_CODE[verify.algorithm]
    # The keys of the traces have 1024 bits.
    scheme.verify(key, verify.signature, signed, Version.TLS13)
    with refused(_ALERT.DECRYPT_ERROR):
        scheme.verify(key, verify.signature, signed + b"\0", Version.TLS13)
