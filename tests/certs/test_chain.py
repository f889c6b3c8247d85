from __future__ import annotations

import pytest

from support.authority import Authority, self_signed
from support.der import element, integer
from trio_certs import CertificateError, Reason
from trio_certs._certificate import CertificateFacts
from trio_certs._chain import MAX_CERTIFICATES, Chain

ROOT = Authority.make(name="Root")
MIDDLE = ROOT.intermediate(name="Middle")
LEAF = MIDDLE.issue("h.test")


def refused(*ders: bytes) -> CertificateError:
    with pytest.raises(CertificateError) as info:
        Chain.parse(ders)
    return info.value


def with_rsa_key(modulus_bits: int, exponent: int) -> bytes:
    """A leaf whose RSA key is replaced by another, so that its signature is wrong, which nobody looks at here."""
    original = ROOT.issue("h.test").certificate_der
    facts = CertificateFacts.parse(original)
    numbers = element(0x30, integer((1 << modulus_bits) - 1), integer(exponent))
    algorithm = element(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    spki = element(0x30, algorithm, element(0x03, b"\x00", numbers))
    before_the_key = original[original.index(b"\xa0\x03\x02\x01\x02") : original.index(facts.spki)]
    return element(0x30, element(0x30, before_the_key, spki), element(0x30), element(0x03, b"\x00"))


def test_a_chain_is_its_certificates_in_order() -> None:
    chain = Chain.parse(LEAF.chain_ders)
    assert [certificate.der for certificate in chain.certificates] == LEAF.chain_ders
    assert chain.leaf.der == LEAF.certificate_der
    assert chain.issuers == (
        MIDDLE.certificate.subject.public_bytes(),
        ROOT.certificate.subject.public_bytes(),
    )


def test_issuers_are_listed_once() -> None:
    assert len(Chain.parse([LEAF.certificate_der] * 3).issuers) == 1


def test_a_path_follows_names_in_any_order_and_ends() -> None:
    root = CertificateFacts.parse(ROOT.certificate_der)
    middle, leaf = MIDDLE.certificate_der, LEAF.certificate_der
    stranger = Authority.make(name="Stranger").certificate_der
    chain = Chain.parse([leaf, stranger, ROOT.certificate_der, middle])
    assert [certificate.der for certificate in chain.path()] == [leaf, middle, ROOT.certificate_der]
    assert Chain.parse([leaf, middle]).path([root])[-1] is root
    assert len(Chain.parse([leaf]).path([root])) == 1
    circle = self_signed("circle.test").certificate_der
    assert len(Chain.parse([circle, circle]).path()) == 2


def test_an_empty_chain_is_refused() -> None:
    error = refused()
    assert error.reason is Reason.MALFORMED
    assert str(error) == "The server sent no certificate."


def test_too_many_certificates_are_refused() -> None:
    Chain.parse([LEAF.certificate_der] * MAX_CERTIFICATES)
    error = refused(*[LEAF.certificate_der] * (MAX_CERTIFICATES + 1))
    assert error.reason is Reason.LIMIT
    assert "sent 11 certificates" in str(error)


def test_too_many_bytes_are_refused_before_they_are_read() -> None:
    assert refused(LEAF.certificate_der, bytes(65_536)).reason is Reason.LIMIT


def test_a_certificate_that_is_none_is_refused_with_its_place() -> None:
    error = refused(LEAF.certificate_der, b"not a certificate")
    assert error.reason is Reason.MALFORMED
    assert str(error).startswith("Certificate 2 of the server's chain is malformed: ")
    assert error.certificate is None


@pytest.mark.parametrize(
    ("bits", "exponent", "reason"),
    [
        (8193, 65537, Reason.LIMIT),
        (2048, 2**32 + 1, Reason.LIMIT),
        (2048, 1, Reason.WEAK_KEY),
        (2048, 65536, Reason.WEAK_KEY),
    ],
)
def test_rsa_keys_out_of_range_are_refused_anywhere_in_the_chain(
    bits: int, exponent: int, reason: Reason
) -> None:
    error = refused(LEAF.certificate_der, with_rsa_key(bits, exponent))
    assert error.reason is reason
    assert str(error).startswith("Certificate 2 of the chain")
    assert error.certificate is not None


def test_rsa_keys_at_the_limits_are_read() -> None:
    Chain.parse([with_rsa_key(8192, 2**32 - 1), with_rsa_key(512, 3)])
