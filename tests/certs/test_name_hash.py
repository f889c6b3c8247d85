from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL.crypto import X509

from support.authority import Authority
from support.der import element
from support.properties import bounded
from trio_certs._certificate import CertificateFacts
from trio_certs._der import DERError
from trio_certs._name_hash import name_hash
from trio_certs._store import BUNDLED
from trio_certs._verifier import load

ROOT = Authority.make()
CN = bytes.fromhex("0603550403")
O = bytes.fromhex("060355040a")  # noqa: E741


def openssl_hash(certificate: x509.Certificate) -> str:
    return f"{X509.from_cryptography(certificate).subject_name_hash():08x}"


def test_every_bundled_root_has_the_hash_that_openssl_gives_it() -> None:
    for entry in BUNDLED.index().entries.values():
        facts = CertificateFacts.parse((BUNDLED.folder / entry.resource).read_bytes())
        assert name_hash(facts.subject) == openssl_hash(load(facts)), entry.name


def _openssl_hash_of(name: bytes) -> str:
    """What OpenSSL makes of a raw Name, which is put into a certificate in place of another."""
    facts = CertificateFacts.parse(ROOT.certificate_der)
    body = CertificateFacts.parse(ROOT.certificate_der).der
    start = body.index(facts.spki)
    before = body[body.index(b"\xa0\x03\x02\x01\x02") : start - len(facts.subject)]
    rest = body[start : len(body)]
    tbs_rest = rest[: rest.index(bytes.fromhex("300a06082a8648ce3d040302"))]
    tail = rest[len(tbs_rest) :]
    der = element(0x30, element(0x30, before, name, tbs_rest), tail)
    return openssl_hash(x509.load_der_x509_certificate(der))


def attribute(oid: bytes, tag: int, value: bytes) -> bytes:
    return element(0x30, oid, element(tag, value))


def name(*relative: bytes) -> bytes:
    return element(0x30, *[element(0x31, each) for each in relative])


NAMES = {
    "nothing": name(),
    "plain": name(attribute(CN, 0x0C, b"Root")),
    "printable": name(attribute(CN, 0x13, b"ROOT")),
    "spaces": name(attribute(CN, 0x0C, b"  Some \t CA\n\x0b\x0c\r ")),
    "only spaces": name(attribute(CN, 0x0C, b" \t ")),
    "accents": name(attribute(CN, 0x0C, "Főtanúsítvány ÄÖ\u00a0X".encode())),
    "latin": name(attribute(CN, 0x14, "Ä Ö".encode("latin-1"))),
    "ia5": name(attribute(CN, 0x16, b"a@B.test")),
    "two octets": name(attribute(CN, 0x1E, "Tür CA".encode("utf-16-be"))),
    "four octets": name(attribute(CN, 0x1C, "Tür 🔑".encode("utf-32-be"))),
    "numbers": name(attribute(CN, 0x12, b" 12 ")),
    "long": name(attribute(CN, 0x0C, b"x" * 300)),
    "several": name(attribute(O, 0x13, b"Org"), attribute(CN, 0x0C, b"CA")),
    "several at once": name(attribute(CN, 0x0C, b"A") + attribute(O, 0x13, b"ZZ")),
}


@pytest.mark.parametrize("case", NAMES)
def test_a_name_has_the_hash_that_openssl_gives_it(case: str) -> None:
    assert name_hash(NAMES[case]) == _openssl_hash_of(NAMES[case])


def test_the_hash_does_not_tell_case_or_encoding() -> None:
    def of(text: str, kind: _ASN1Type) -> str:
        return name_hash(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text, kind)]).public_bytes())

    assert of("Root  CA", _ASN1Type.UTF8String) == of("root ca", _ASN1Type.PrintableString)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60))
@bounded
def test_any_text_has_the_hash_that_openssl_gives_it(text: str) -> None:
    assert name_hash(name(attribute(CN, 0x0C, text.encode()))) == _openssl_hash_of(
        name(attribute(CN, 0x0C, text.encode()))
    )


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\x30\x01",
        name(attribute(CN, 0x0C, b"\xff")),
        name(attribute(CN, 0x1E, b"\xd8\x00")),
        name(element(0x30, CN)),
        name(element(0x30, CN, element(0x0C, b"x"), element(0x0C, b"y"))),
        name(b"") + b"\x00",
    ],
)
def test_what_is_no_name_has_no_hash(broken: bytes) -> None:
    with pytest.raises(DERError):
        name_hash(broken)
