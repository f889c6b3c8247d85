from __future__ import annotations

import hashlib
import warnings
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.authority import Authority, KeyKind, key_usage
from support.der import element
from trio_certs._certificate import CertificateFacts, PublicKeyFacts
from trio_certs._der import DERError
from trio_certs._store import BUNDLED

LEAF = Authority.make().issue("h.test", "10.0.0.1")


def certificate(
    not_before: bytes = element(0x17, b"260101000000Z"),
    not_after: bytes = element(0x17, b"270101000000Z"),
    *rest: bytes,
    version: bytes = b"\xa0\x03\x02\x01\x02",
    serial: bytes = b"\x07",
) -> bytes:
    """The outline of a certificate, with `rest` after the public key."""
    name, algorithm = element(0x30), element(0x30)
    validity = element(0x30, not_before, not_after)
    spki = element(0x30)
    tbs = element(0x30, version, element(0x02, serial), algorithm, name, validity, name, spki, *rest)
    return element(0x30, tbs, algorithm, element(0x03, b"\x00"))


def test_every_bundled_ca_is_read_as_cryptography_reads_it() -> None:
    for entry in BUNDLED.index().entries.values():
        der = (BUNDLED.folder / entry.resource).read_bytes()
        facts = CertificateFacts.parse(der)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some roots have the serial number 0
            reference = x509.load_der_x509_certificate(der)
            serial = reference.serial_number
        assert facts.serial == serial
        assert facts.subject == reference.subject.public_bytes()
        assert facts.issuer == reference.issuer.public_bytes()
        assert facts.not_before == reference.not_valid_before_utc
        assert facts.not_after == reference.not_valid_after_utc
        spki = reference.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert facts.spki == spki
        assert set(facts.extensions()) == {
            bytes.fromhex(_oid(extension.oid)) for extension in reference.extensions
        }


def _oid(oid: x509.ObjectIdentifier) -> str:
    first, second, *others = (int(part) for part in oid.dotted_string.split("."))
    octets = [first * 40 + second]
    for part in others:
        base128 = [part & 0x7F]
        while part := part >> 7:
            base128.insert(0, part & 0x7F | 0x80)
        octets += base128
    return bytes(octets).hex()


def test_extensions_are_their_raw_values() -> None:
    facts = CertificateFacts.parse(LEAF.certificate_der)
    assert facts.extensions()[b"\x55\x1d\x0f"] == key_usage("digital_signature").public_bytes()
    assert facts.fingerprint == hashlib.sha256(LEAF.certificate_der).digest()


@pytest.mark.parametrize(
    ("key", "kind", "bits"),
    [
        ("rsa2048", "RSA", 2048),
        ("p256", "P-256", 0),
        ("p384", "P-384", 0),
        ("p521", "P-521", 0),
        ("ed25519", "Ed25519", 0),
        ("ed448", "Ed448", 0),
        ("mldsa44", "ML-DSA-44", 0),
        ("mldsa65", "ML-DSA-65", 0),
        ("mldsa87", "ML-DSA-87", 0),
        ("secp256k1", "other", 0),
        ("dsa", "other", 0),
    ],
)
def test_public_keys_are_told_apart(key: KeyKind, kind: str, bits: int) -> None:
    found = CertificateFacts.parse(Authority.make().issue("h.test", key=key).certificate_der).key
    assert (found.kind, found.bits) == (kind, bits)
    assert found.exponent == (65537 if kind == "RSA" else 0)
    assert str(found) == ("RSA, 2048 bits" if kind == "RSA" else kind)


@pytest.mark.parametrize("key", ["rsa", "p256", "ed25519"])
def test_the_bits_of_a_key_are_what_its_identifier_hashes(key: KeyKind) -> None:
    leaf = Authority.make().issue("h.test", key=key)
    identifier = x509.SubjectKeyIdentifier.from_public_key(leaf.certificate.public_key())
    facts = CertificateFacts.parse(leaf.certificate_der)
    assert hashlib.sha1(facts.key_bits).digest() == identifier.digest  # noqa: S324 - RFC 5280 §4.2.1.2


def test_malformed_public_keys_are_refused() -> None:
    rsa = element(0x30, element(0x06, bytes.fromhex("2a864886f70d010101")))
    with pytest.raises(DERError, match="whole octets"):
        PublicKeyFacts.parse(element(0x30, rsa, element(0x03, b"\x01\x00")))
    with pytest.raises(DERError, match="the RSA public key is missing"):
        PublicKeyFacts.parse(element(0x30, rsa, element(0x03, b"\x00")))
    explicit_curve = element(0x30, element(0x06, bytes.fromhex("2a8648ce3d0201")), element(0x30))
    assert PublicKeyFacts.parse(element(0x30, explicit_curve, element(0x03, b"\x00"))).kind == "other"


def test_version_1_and_unique_identifiers_are_read() -> None:
    assert CertificateFacts.parse(certificate(version=b"")).serial == 7
    facts = CertificateFacts.parse(
        certificate(
            element(0x17, b"260101000000Z"),
            element(0x17, b"270101000000Z"),
            element(0x81, b"\x00"),
            element(0x82, b"\x00"),
        )
    )
    assert facts.extensions() == {}


@pytest.mark.parametrize(
    ("tag", "text", "moment"),
    [
        (0x17, b"491231235959Z", datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (0x17, b"500101000000Z", datetime(1950, 1, 1, tzinfo=UTC)),
        (0x18, b"99991231235959Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_dates_are_read(tag: int, text: bytes, moment: datetime) -> None:
    assert CertificateFacts.parse(certificate(not_after=element(tag, text))).not_after == moment


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        (0x17, b"2601010000Z"),
        (0x17, b"260101000000+0000"),
        (0x17, b"26010100000 Z"),
        (0x17, b"261301000000Z"),
        (0x18, b"20260101000000.5Z"),
        (0x18, b"00000101000000Z"),
        (0x17, b""),
    ],
)
def test_malformed_dates_are_refused(tag: int, text: bytes) -> None:
    with pytest.raises(DERError, match="a date"):
        CertificateFacts.parse(certificate(not_before=element(tag, text)))


def test_malformed_extensions_are_refused() -> None:
    one = element(0x30, element(0x06, b"\x55\x1d\x0f"), element(0x01, b"\xff"), element(0x04, b"\x00"))
    facts = CertificateFacts.parse(LEAF.certificate_der)
    twice = CertificateFacts.parse(
        certificate(
            element(0x17, b"260101000000Z"),
            element(0x17, b"270101000000Z"),
            element(0xA3, element(0x30, one, one)),
        )
    )
    with pytest.raises(DERError, match="an extension occurs twice"):
        twice.extensions()
    assert facts.extensions()


def test_every_truncation_and_every_extra_byte_is_refused() -> None:
    der = LEAF.certificate_der
    for size in range(len(der)):
        with pytest.raises(DERError):
            CertificateFacts.parse(der[:size])
    with pytest.raises(DERError, match="left over"):
        CertificateFacts.parse(der + b"\x00")


def test_a_certificate_is_described_in_one_printable_line() -> None:
    leaf = Authority.make(name="Root\n").issue("h.test", common="evil\x1b[31m\u202e")
    text = str(CertificateFacts.parse(leaf.certificate_der))
    assert text.isprintable()
    assert r"CN=evil\x1b[31m\u202e; issued by CN=Root\n; serial 0x" in text
    assert "UTC" in text


def test_a_long_serial_number_is_cut() -> None:
    assert "…; valid" in str(CertificateFacts.parse(certificate(serial=b"\x01" * 100)))
