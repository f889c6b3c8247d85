from __future__ import annotations

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from support.authority import Authority, KeyKind
from trio_certs import BUNDLED
from trio_secure_report import CertificateView
from trio_secure_report._certificates import views

ROOT = Authority.make(name="Report CA")
_OCSP = x509.AuthorityInformationAccess(
    [
        x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://o.example")
        )
    ]
)
_STAPLE = x509.TLSFeature([x509.TLSFeatureType.status_request])


def test_a_certificate_is_described() -> None:
    leaf = ROOT.issue("h.example", "192.0.2.1")
    view = CertificateView.of(leaf.certificate_der)
    assert view.problem is None
    assert (view.subject, view.issuer) == ("CN=h.example", "CN=Report CA")
    assert view.names == ("h.example", "192.0.2.1")
    assert view.not_before == leaf.certificate.not_valid_before_utc
    assert view.not_after == leaf.certificate.not_valid_after_utc
    assert (view.key, view.key_bits, view.is_rsa, view.signature) == ("EC, secp256r1", 256, False, "SHA256")
    assert view.sha256 == hashlib.sha256(leaf.certificate_der).hexdigest()
    assert [view.self_signed, view.ocsp_url, view.must_staple] == [False, False, False]
    assert CertificateView.of(ROOT.certificate_der).self_signed


def test_what_it_says_about_revocation_is_found() -> None:
    leaf = ROOT.issue("h.example", extensions=[(_OCSP, False), (_STAPLE, False)])
    view = CertificateView.of(leaf.certificate_der)
    assert view.ocsp_url
    assert view.must_staple


@pytest.mark.parametrize(
    ("kind", "key", "bits"),
    [("rsa", "RSA, 2048 bits", 2048), ("p384", "EC, secp384r1", 384), ("ed25519", "Ed25519", 0)],
)
def test_keys_are_described(kind: KeyKind, key: str, bits: int) -> None:
    view = CertificateView.of(ROOT.issue("h.example", key=kind).certificate_der)
    assert (view.key, view.key_bits) == (key, bits)


@pytest.mark.parametrize(("kind", "name"), [("ed25519", "Ed25519"), ("ed448", "Ed448")])
def test_a_signature_without_a_hash_has_the_name_of_its_algorithm(kind: KeyKind, name: str) -> None:
    assert CertificateView.of(Authority.make(kind).certificate_der).signature == name


def test_an_algorithm_nobody_knows_is_a_number() -> None:
    der = ROOT.issue("h.example").certificate_der
    strange = der.replace(bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d04037f"))
    assert CertificateView.of(strange).signature == "1.2.840.10045.4.3.127"
    strange = der.replace(bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d027f"))
    assert CertificateView.of(strange).key == "of a kind unknown here, 1.2.840.10045.2.127"


def test_of_many_names_a_hundred_are_kept() -> None:
    view = CertificateView.of(ROOT.issue(*(f"h{n}.example" for n in range(120))).certificate_der)
    assert (len(view.names), view.more_names) == (100, 20)


def test_a_nameless_certificate_says_so() -> None:
    view = CertificateView.of(Authority.make(name=x509.Name([])).certificate_der)
    assert view.subject == view.issuer == "(empty)"
    assert view.names == ()


def test_what_cannot_be_read_is_said_to_be_unreadable() -> None:
    view = CertificateView.of(b"0\x80garbage")
    assert view.problem
    assert view.sha256 == hashlib.sha256(b"0\x80garbage").hexdigest()
    assert not view.self_signed


def test_every_authority_of_the_store_can_be_shown() -> None:
    ders = tuple(path.read_bytes() for path in sorted(BUNDLED.folder.glob("ca*.der")))
    assert [view.problem for view in views(ders) if view.problem] == []


def test_the_views_are_in_the_order_of_the_chain() -> None:
    leaf = ROOT.issue("h.example", intermediate=True)
    found = [view.der for view in views(tuple(leaf.chain_ders))]
    assert found == [c.public_bytes(Encoding.DER) for c in (leaf.certificate, *leaf.issuers)]
