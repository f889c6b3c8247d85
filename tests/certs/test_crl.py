from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from support.authority import Authority, Extensions, Leaf
from support.crl import NOW, bare_list, issuing_point, raw, revocation_list
from support.der import element, integer
from support.properties import bounded
from trio_certs import _crl as crl_module
from trio_certs._certificate import CertificateFacts
from trio_certs._crl import CRL, Scope, parse_crls
from trio_certs._der import DERError

CA = Authority.make(name="CA")
LEAF = CA.issue("h.test")
GOOD = revocation_list(CA, LEAF)
NUMBER = (x509.CRLNumber(1), False)
REASON = (x509.CRLReason(x509.ReasonFlags.key_compromise), False)


def facts(one: Leaf | Authority) -> CertificateFacts:
    return CertificateFacts.parse(one.certificate_der)


def at(place: str) -> tuple[x509.ExtensionType, bool]:
    """A certificate's word on where its list is to be had."""
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(place)], None, None, None)
    return x509.CRLDistributionPoints([point]), False


def test_a_list_is_its_parts() -> None:
    parsed = CRL.parse(GOOD)
    theirs = x509.load_der_x509_crl(GOOD)
    assert parsed.signed == theirs.tbs_certlist_bytes
    assert parsed.signature == theirs.signature
    assert parsed.issuer == CA.certificate.subject.public_bytes()
    assert (parsed.this_update, parsed.next_update) == (theirs.last_update_utc, theirs.next_update_utc)
    assert parsed.revoked == {LEAF.certificate.serial_number: theirs.last_update_utc}
    assert parsed.scope == Scope()
    assert not CRL.parse(revocation_list(CA)).revoked


def test_many_are_read_as_cryptography_reads_them() -> None:
    leaves = [CA.issue("h.test") for _ in range(50)]
    der = revocation_list(CA, *leaves, extensions=[NUMBER], entry_extensions=[REASON])
    assert CRL.parse(der).revoked.keys() == {entry.serial_number for entry in x509.load_der_x509_crl(der)}


def test_a_list_of_the_first_version_has_no_extensions() -> None:
    parsed = CRL.parse(bare_list(CA, version=b""))
    assert parsed.this_update == datetime(2026, 1, 1, tzinfo=UTC)


def test_pem_may_hold_several() -> None:
    other = revocation_list(Authority.make(name="Other"), encoding=Encoding.PEM)
    pem = revocation_list(CA, LEAF, encoding=Encoding.PEM)
    assert [one.issuer for one in parse_crls(b"# text\n" + pem + CA.certificate_pem + other)] == [
        CA.certificate.subject.public_bytes(),
        Authority.make(name="Other").certificate.subject.public_bytes(),
    ]
    assert parse_crls(GOOD) == [CRL.parse(GOOD)]
    with pytest.raises(
        ValueError, match="no list of revoked certificates in the PEM text; it has CERTIFICATE"
    ):
        parse_crls(CA.certificate_pem)
    with pytest.raises(ValueError, match="list of revoked certificates 1 in the PEM text is not Base64"):
        parse_crls(b"-----BEGIN X509 CRL-----\n*\n-----END X509 CRL-----")


@pytest.mark.parametrize(
    ("extensions", "message"),
    [
        ([(x509.DeltaCRLIndicator(1), True)], "a delta list"),
        ([raw("1.2.3.4", b"\x05\x00")], "an unknown critical extension"),
        ([issuing_point(indirect=True)], "it is indirect, or about some reasons"),
        (
            [raw("2.5.29.28", element(0x30, element(0x83, b"\x06\x40")))],
            "it is indirect, or about some reasons",
        ),
        ([raw("2.5.29.28", element(0x30, element(0x85, b"\xff")))], "it is indirect, or about some reasons"),
        ([raw("2.5.29.28", element(0x30, element(0x81, b"\xff"), element(0x82, b"\xff")))], "it is indirect"),
        (
            [raw("2.5.29.28", element(0x30, element(0xA0, element(0xA1))))],
            "relative to its issuer, or not at all",
        ),
        (
            [raw("2.5.29.28", element(0x30, element(0xA0, element(0xA0))))],
            "relative to its issuer, or not at all",
        ),
        (
            [raw("2.5.29.28", element(0x30, element(0x86, b"\xff")))],
            "left over after the issuing distribution",
        ),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_when_it_is_given(extensions: Extensions, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CRL.parse(revocation_list(CA, LEAF, extensions=extensions))


def test_an_entry_with_an_unknown_critical_extension_spoils_the_list() -> None:
    issuer = x509.CertificateIssuer([x509.DirectoryName(CA.certificate.subject)])
    der = revocation_list(CA, LEAF, entry_extensions=[REASON, (issuer, True)])
    with pytest.raises(ValueError, match=r"what it says of certificate 0x[0-9a-f]+ has an unknown critical"):
        CRL.parse(der)


@pytest.mark.parametrize(
    ("der", "message"),
    [
        (b"", "the list is missing"),
        (GOOD + b"\0", "left over after the list"),
        (bare_list(CA, version=integer(2)), "it is of an unknown version"),
        (bare_list(CA, inner=element(0x30, bytes.fromhex("0603550403"))), "it names two algorithms"),
        (bare_list(CA, dates=element(0x17, b"260101000000Z")), "when the next one is due"),
        (bare_list(CA, dates=element(0x17, b"260101000000Z") * 3), "left over after the extensions"),
        (bare_list(CA, bits=b"\1sig"), "not whole octets"),
        (bare_list(CA, bits=b""), "not whole octets"),
        (bare_list(CA, more=element(0xA0, element(0x30), b"\x05\x00")), "left over after the extensions"),
        (bare_list(CA, element(0x30, integer(7))), "a date is missing"),
        (
            bare_list(CA, element(0x30, integer(7), element(0x17, b"260101000000Z"), b"\x05\x00")),
            "the extensions",
        ),
    ],
)
def test_a_malformed_list_is_refused(der: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CRL.parse(der)


def test_a_list_larger_than_any_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crl_module, "MAX_CRL_BYTES", len(GOOD) - 1)
    with pytest.raises(ValueError, match="the limit is"):
        CRL.parse(GOOD)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 7))
@bounded
def test_an_altered_list_is_read_or_refused_and_nothing_else(place: int, bit: int) -> None:
    altered = bytearray(GOOD)
    altered[place] ^= 1 << bit
    with contextlib.suppress(ValueError):
        CRL.parse(bytes(altered))


class TestScope:
    @pytest.mark.parametrize(
        ("point", "covers_leaf", "covers_ca"),
        [
            (issuing_point(["http://a.test/crl"]), True, False),
            (issuing_point(["http://b.test/crl"]), False, False),
            (issuing_point(["http://b.test/crl", "http://a.test/crl"]), True, False),
            (issuing_point(users=True), True, False),
            (issuing_point(cas=True), False, True),
            (issuing_point(["http://a.test/crl"], cas=True), False, False),
        ],
    )
    def test_a_list_may_be_about_some_certificates_only(
        self, point: tuple[x509.ExtensionType, bool], covers_leaf: bool, covers_ca: bool
    ) -> None:
        scope = CRL.parse(revocation_list(CA, extensions=[point])).scope
        leaf = CA.issue("h.test", extensions=[at("http://a.test/crl")])
        assert scope.covers(facts(leaf)) is covers_leaf
        assert scope.covers(facts(CA.intermediate())) is covers_ca

    def test_what_is_said_to_be_no_ca_or_says_nothing_is_none(self) -> None:
        silent = CA.issue("h.test", omit=[x509.BasicConstraints])
        for leaf in (silent, LEAF):
            assert Scope(users=True).covers(facts(leaf))
            assert not Scope(cas=True).covers(facts(leaf))

    def test_a_point_that_is_named_otherwise_is_no_point(self) -> None:
        relative = x509.DistributionPoint(None, None, None, [x509.DirectoryName(CA.certificate.subject)])
        leaf = CA.issue("h.test", extensions=[(x509.CRLDistributionPoints([relative]), False)])
        assert not Scope(points=frozenset([b"x"])).covers(facts(leaf))

    def test_a_malformed_point_is_an_error(self) -> None:
        leaf = CA.issue("h.test", extensions=[raw("2.5.29.31", b"\x30\x01\x30", critical=False)])
        with pytest.raises(DERError):
            Scope(points=frozenset([b"x"])).covers(facts(leaf))


def test_lists_are_told_apart_by_what_is_signed() -> None:
    assert CRL.parse(GOOD) == CRL.parse(GOOD)
    assert CRL.parse(GOOD) != CRL.parse(revocation_list(CA, LEAF))
    assert len({CRL.parse(GOOD), CRL.parse(GOOD)}) == 1
    assert NOW.tzinfo is UTC
