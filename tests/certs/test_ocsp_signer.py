from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import get_args

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from support.authority import (
    DAY,
    SERVER_AUTH,
    Authority,
    Extensions,
    KeyKind,
    Leaf,
    PrivateKey,
    common_name,
    key_usage,
    make_key,
    to_der,
)
from support.der import element
from support.ocsp import (
    ECDSA_SHA1,
    ECDSA_SHA256,
    NOW,
    RSA_SHA256,
    by_key,
    by_name,
    respond,
    response_data,
    status,
    wrap,
)
from trio_certs._certificate import CertificateFacts
from trio_certs._der import DERError, Reader
from trio_certs._ocsp_response import Response, UnusableResponse
from trio_certs._ocsp_signer import check_signature

CA = Authority.make(name="CA")
RSA_CA = Authority.make("rsa", name="RSA CA")
LEAF = CA.issue("h.test")
STATUS = status(LEAF, CA)
OCSP_SIGNING = (ExtendedKeyUsageOID.OCSP_SIGNING,)
_HASHES = (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())


def delegate(
    issuer: Authority = CA,
    key: KeyKind = "ec",
    *,
    eku: tuple[x509.ObjectIdentifier, ...] | None = OCSP_SIGNING,
    ca: bool = False,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    extensions: Extensions = (),
) -> Leaf:
    """A responder that `issuer` has appointed."""
    return issuer.issue(
        common="Responder",
        key=key,
        eku=eku,
        ca=ca,
        not_before=not_before,
        not_after=not_after,
        extensions=extensions,
    )


def by_delegate(responder: Leaf, *others: x509.Certificate) -> bytes:
    return respond(STATUS, by=responder, certificates=[*others, responder.certificate])


def check(der: bytes, issuer: Authority = CA, now: datetime = NOW) -> None:
    check_signature(Response.parse(der), CertificateFacts.parse(issuer.certificate_der), now)


def refused(der: bytes, match: str, issuer: Authority = CA, now: datetime = NOW) -> None:
    with pytest.raises(UnusableResponse, match=match):
        check(der, issuer, now)


@pytest.mark.parametrize("name", [by_name, by_key])
def test_the_issuer_may_sign(name: Callable[[x509.Certificate], bytes]) -> None:
    check(respond(STATUS, by=CA, responder=name(CA.certificate)))


@pytest.mark.parametrize("name", [by_name, by_key])
def test_a_responder_appointed_by_the_issuer_may_sign(name: Callable[[x509.Certificate], bytes]) -> None:
    responder = delegate(extensions=[(x509.OCSPNoCheck(), True)])
    sent = [LEAF.certificate, CA.certificate, responder.certificate]
    check(respond(STATUS, by=responder, responder=name(responder.certificate), certificates=sent))


def test_a_responder_may_have_the_name_of_its_issuer() -> None:
    namesake = CA.issue(common="CA", eku=OCSP_SIGNING)
    check(by_delegate(namesake))
    check(by_delegate(namesake, CA.certificate))


def test_of_several_certificates_of_a_responder_one_is_enough() -> None:
    responder = delegate()
    old = CA.issue(common="Responder", key=responder.key, eku=OCSP_SIGNING, not_after=NOW - DAY)
    check(by_delegate(responder, old.certificate))
    check(respond(STATUS, by=responder, certificates=[responder.certificate, old.certificate]))


def algorithm_of(key: PrivateKey, algorithm: hashes.HashAlgorithm | None, pss: padding.PSS | None) -> bytes:
    """The AlgorithmIdentifier that `cryptography` writes, here into a request for a certificate."""
    assert not isinstance(algorithm, hashes.SHA1)
    allowed = next((each for each in _HASHES if each == algorithm), None)
    builder = x509.CertificateSigningRequestBuilder().subject_name(common_name("any"))
    request = Reader(builder.sign(key, allowed, rsa_padding=pss).public_bytes(Encoding.DER)).enter(0x30, "")
    request.raw(0x30, "")
    return request.raw(0x30, "")


def signed(key: PrivateKey, algorithm: hashes.HashAlgorithm, pss: padding.PSS | None = None) -> bytes:
    """A response signed by the authority's key with that algorithm."""
    data = response_data(STATUS, responder=by_name(CA.certificate))
    if isinstance(key, rsa.RSAPrivateKey):
        identifier = algorithm_of(key, algorithm, pss)
        signature = key.sign(data, pss or padding.PKCS1v15(), algorithm)
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        identifier = algorithm_of(key, algorithm, None)
        signature = key.sign(data, ec.ECDSA(algorithm))
    else:
        assert not isinstance(key, dsa.DSAPrivateKey)
        identifier = algorithm_of(key, None, None)
        signature = key.sign(data)
    return wrap(element(0x30, data, identifier, element(0x03, b"\0", signature)))


@pytest.mark.parametrize("algorithm", _HASHES, ids=lambda each: each.name)
@pytest.mark.parametrize(
    "kind", ["rsa", "rsa-pss", "p256", "p384", "p521", "ed25519", "ed448", "mldsa44", "mldsa65", "mldsa87"]
)
def test_the_algorithms_accepted(kind: str, algorithm: hashes.HashAlgorithm) -> None:
    pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size) if kind == "rsa-pss" else None
    (key,) = [make_key(each) for each in get_args(KeyKind) if each == kind.removesuffix("-pss")]
    authority = Authority.make(key, name="CA")
    der = signed(authority.key, algorithm, pss)
    check(der, authority)
    other = Authority.make(make_key("p256" if "rsa" in kind else "rsa"), name="CA")
    refused(der, "the responder's key does not fit its signature's algorithm", other)
    altered = bytearray(der)
    altered[-1] ^= 1
    refused(bytes(altered), "its signature is wrong", authority)


def test_a_pkcs1_signature_may_leave_its_parameters_out() -> None:
    """RFC 4055 §5."""
    by = Authority.make(RSA_CA.key, name="CA")
    check(respond(STATUS, by=by, algorithm=b"\x30\x0b" + RSA_SHA256[2:-2]), by)


def test_a_pss_signature_with_another_salt_is_refused() -> None:
    sha256 = hashes.SHA256()
    der = signed(RSA_CA.key, sha256, padding.PSS(padding.MGF1(sha256), 20))
    refused(der, "an algorithm that is not accepted", Authority.make(RSA_CA.key, name="CA"))


@pytest.mark.parametrize(
    "algorithm",
    [
        ECDSA_SHA1,
        bytes.fromhex("300d06092a864886f70d0101050500"),  # sha1WithRSAEncryption
        bytes.fromhex("300d06092a864886f70d0101040500"),  # md5WithRSAEncryption
        ECDSA_SHA256[:1] + b"\x0c" + ECDSA_SHA256[2:] + b"\5\0",  # parameters where there are none
        element(0x30),
    ],
)
def test_other_algorithms_are_refused(algorithm: bytes) -> None:
    refused(respond(STATUS, by=CA, algorithm=algorithm), "of an algorithm that is not accepted")


def test_a_stranger_is_refused() -> None:
    stranger = Authority.make(name="Stranger")
    refused(respond(STATUS, by=stranger), "names a responder that is not the issuer and has no certificate")
    refused(respond(STATUS, by=delegate()), "names a responder that is not the issuer and has no certificate")
    refused(respond(STATUS, by=Authority.make(name="CA")), "its signature is wrong")
    sent = [stranger.certificate]
    refused(respond(STATUS, by=stranger, certificates=sent), "certificate was issued by somebody else")


def test_the_responder_must_be_the_one_that_the_response_names() -> None:
    """RFC 6960 §4.2.2.3."""
    responder = delegate()
    name = by_name(common_certificate("Another"))
    refused(
        respond(STATUS, by=responder, responder=name, certificates=[responder.certificate]),
        "names a responder that is not the issuer",
    )
    refused(respond(STATUS, by=CA, responder=by_key(responder.certificate)), "names a responder")


def common_certificate(name: str) -> x509.Certificate:
    return Authority.make(name=name).certificate


def test_a_responder_of_another_authority_is_refused() -> None:
    refused(by_delegate(delegate(Authority.make(name="Other"))), "issued by somebody else")
    refused(by_delegate(delegate(Authority.make(name="CA"))), "signed by somebody else")
    below = CA.intermediate()
    refused(by_delegate(delegate(below), below.certificate), "issued by somebody else")


@pytest.mark.parametrize("eku", [None, SERVER_AUTH, (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)])
def test_a_certificate_for_something_else_is_refused(eku: tuple[x509.ObjectIdentifier, ...] | None) -> None:
    refused(by_delegate(delegate(eku=eku)), "is not for signing OCSP responses")


@pytest.mark.parametrize(
    ("extension", "match"),
    [
        (key_usage("key_cert_sign", "crl_sign"), "is not for signatures"),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b""), "an unknown critical extension"),
        (x509.TLSFeature([x509.TLSFeatureType.status_request]), "an unknown critical extension"),
    ],
)
def test_a_responder_with_an_extension_that_forbids_it_is_refused(
    extension: x509.ExtensionType, match: str
) -> None:
    refused(by_delegate(delegate(extensions=[(extension, True)])), match)


def test_an_unknown_extension_that_is_not_critical_is_passed_over() -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"")
    check(by_delegate(delegate(extensions=[(unknown, False)])))


def test_a_certificate_that_says_nothing_of_key_usage_will_do() -> None:
    check(by_delegate(CA.issue(common="Responder", eku=OCSP_SIGNING, ku=None, omit=[x509.BasicConstraints])))


def test_a_ca_is_no_responder() -> None:
    refused(by_delegate(delegate(ca=True)), "is a CA's")


def test_a_responder_out_of_date_is_refused() -> None:
    refused(by_delegate(delegate(not_after=NOW - DAY)), r"is valid .* and this machine's clock says")
    early = delegate(not_before=NOW + DAY)
    refused(by_delegate(early), "is valid")
    check(by_delegate(early), now=NOW + DAY)
    check(by_delegate(delegate(not_after=NOW)))


@pytest.mark.parametrize(("kind", "name"), [("rsa1024", "RSA, 1024 bits"), ("secp256k1", "other")])
def test_a_weak_key_is_refused(kind: KeyKind, name: str) -> None:
    refused(by_delegate(delegate(key=kind)), rf"its responder's key \({name}\) is not accepted")


def test_a_certificate_signed_with_sha1_is_refused() -> None:
    """`cryptography` signs none, so it is put together here."""
    responder = delegate(RSA_CA)
    sha256, sha1 = RSA_SHA256, bytes.fromhex("300d06092a864886f70d0101050500")
    der = to_der(responder.certificate)
    tbs = responder.certificate.tbs_certificate_bytes.replace(sha256, sha1)
    assert isinstance(RSA_CA.key, rsa.RSAPrivateKey)
    signature = RSA_CA.key.sign(tbs, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - to be refused
    forged = x509.load_der_x509_certificate(element(0x30, tbs, sha1, element(0x03, b"\0", signature)))
    assert len(to_der(forged)) == len(der)
    leaf = RSA_CA.issue("h.test")
    response = respond(status(leaf, RSA_CA), by=responder, certificates=[forged])
    refused(response, "is signed with an algorithm that is not accepted", RSA_CA)


def test_a_certificate_that_cannot_be_read_is_refused() -> None:
    """The TBSCertificate is sliced without looking at its version, which `cryptography` does."""
    responder = delegate()
    tbs = responder.certificate.tbs_certificate_bytes.replace(b"\xa0\3\2\1\2", b"\xa0\3\2\1\7")
    broken = element(0x30, tbs, ECDSA_SHA256, element(0x03, b"\0bits"))
    data = response_data(STATUS, responder=by_name(responder.certificate))
    entries = element(0xA0, element(0x30, broken))
    der = wrap(element(0x30, data, ECDSA_SHA256, element(0x03, b"\0"), entries))
    refused(der, "its responder's certificate cannot be used: ")


def test_a_certificate_that_is_none_is_malformed() -> None:
    data = response_data(STATUS, responder=by_name(CA.certificate))
    entries = element(0xA0, element(0x30, element(0x30)))
    with pytest.raises(DERError, match="the TBSCertificate is missing"):
        check(wrap(element(0x30, data, ECDSA_SHA256, element(0x03, b"\0"), entries)))
