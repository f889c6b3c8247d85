from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.authority import Authority
from trio_certs import CertificateError, Pin, Reason
from trio_certs._certificate import CertificateFacts
from trio_certs._pins import check_pins

ROOT = Authority.make(name="Root")
LEAF = ROOT.intermediate(name="Middle").issue("h.test")
PATH = [CertificateFacts.parse(der) for der in (*LEAF.chain_ders, ROOT.certificate_der)]
DIGEST = hashlib.sha256(b"").digest()
OTHER = Pin.certificate(DIGEST)


def key_hash(facts: CertificateFacts) -> bytes:
    return hashlib.sha256(facts.spki).digest()


@pytest.mark.parametrize("place", range(3))
def test_a_certificate_or_a_key_anywhere_on_the_path_is_enough(place: int) -> None:
    for pin in (Pin.certificate(PATH[place].fingerprint), Pin.key(key_hash(PATH[place]))):
        check_pins([pin], PATH)
        check_pins([OTHER, pin], PATH)


def test_the_hash_of_a_key_is_that_of_the_subject_public_key_info() -> None:
    spki = LEAF.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    check_pins([Pin.key(hashlib.sha256(spki).digest())], PATH)


def test_a_key_is_no_certificate() -> None:
    for pin in (Pin.key(PATH[0].fingerprint), Pin.certificate(key_hash(PATH[0]))):
        with pytest.raises(CertificateError):
            check_pins([pin], PATH)


def test_without_pins_every_path_will_do() -> None:
    check_pins([], PATH)


def test_a_path_without_any_is_refused_and_says_what_it_has() -> None:
    with pytest.raises(CertificateError, match="none of the 1 pinned certificates and keys") as info:
        check_pins([OTHER], PATH)
    assert info.value.reason is Reason.PIN
    assert info.value.certificate == PATH[0]
    for certificate in PATH:
        assert f"key sha256/{base64.b64encode(key_hash(certificate)).decode()}" in str(info.value)


@pytest.mark.parametrize(
    "text",
    [
        DIGEST,
        DIGEST.hex(),
        DIGEST.hex().upper(),
        DIGEST.hex(":"),
        base64.b64encode(DIGEST).decode(),
        f"sha256/{base64.b64encode(DIGEST).decode()}",
        f"sha256//{base64.b64encode(DIGEST).decode()}",
    ],
)
def test_a_hash_may_be_written_in_several_ways(text: bytes | str) -> None:
    assert Pin.key(text) == Pin("key", DIGEST)
    assert Pin.certificate(text) == Pin("certificate", DIGEST)


@pytest.mark.parametrize("text", ["", "abc", DIGEST.hex()[:-2], "sha1/AAAA", b"", DIGEST[:20], "\x1b" * 64])
def test_what_is_no_hash_is_refused(text: bytes | str) -> None:
    with pytest.raises(ValueError, match="SHA-256 hash") as info:
        Pin.key(text)
    assert str(info.value).isprintable()


def test_a_pin_is_of_a_certificate_or_a_key() -> None:
    with pytest.raises(ValueError, match="a pin is of a certificate or of a key, not of a 'name'"):
        Pin("name", DIGEST)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert str(Pin.key(DIGEST)) == "key sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
