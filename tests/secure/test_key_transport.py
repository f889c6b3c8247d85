"""RSA key transport: what is in the secret, who can read it, and to which keys it goes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.authority import KeyKind as Kind
from support.authority import make_key
from support.pss import pss_leaf
from support.refusals import refused
from support.scripted_script import SERVER_NAME, authority, leaf
from trio_secure._certificate_key import CertificateKey, KeyKind, read_key
from trio_secure._errors import AlertDescription, CertificateRefused, PeerIncompatible
from trio_secure._key_transport import transport_secret
from trio_secure._versions import Version


def _private(kind: Kind = "rsa") -> rsa.RSAPrivateKey:
    key = make_key(kind)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _key(kind: Kind = "rsa") -> CertificateKey:
    return CertificateKey(_private(kind).public_key(), KeyKind.RSA)


@pytest.mark.parametrize("offered", [Version.TLS10, Version.TLS11, Version.TLS12])
def test_the_secret_begins_with_the_version_that_was_offered(offered: Version) -> None:
    """RFC 5246 §7.4.7.1: two bytes of version, 46 of chance, under PKCS#1 v1.5."""
    premaster, encrypted = transport_secret(_key(), offered)
    assert len(premaster) == 48
    assert premaster[:2] == offered.to_bytes(2, "big")
    assert len(encrypted) == 256
    assert _private().decrypt(encrypted, padding.PKCS1v15()) == premaster


def test_openssl_decrypts_it(tmp_path: Path) -> None:
    pem = _private().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key").write_bytes(pem)
    premaster, encrypted = transport_secret(_key(), Version.TLS12)
    command = ["openssl", "pkeyutl", "-decrypt", "-inkey", "key", "-pkeyopt", "rsa_padding_mode:pkcs1"]
    done = subprocess.run(command, input=encrypted, cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout == premaster


def test_each_secret_is_fresh() -> None:
    first, second = transport_secret(_key(), Version.TLS12), transport_secret(_key(), Version.TLS12)
    assert first.premaster != second.premaster
    assert first.encrypted != second.encrypted


def test_the_key_comes_from_the_certificate() -> None:
    premaster, encrypted = transport_secret(read_key(leaf("rsa").certificate), Version.TLS12)
    assert _private().decrypt(encrypted, padding.PKCS1v15()) == premaster


@pytest.mark.parametrize("kind", ["p256", "ed25519", "dsa"])
def test_a_key_that_does_not_encrypt_is_refused(kind: Kind) -> None:
    with refused(AlertDescription.ILLEGAL_PARAMETER, "no RSA key to encrypt to"):
        transport_secret(read_key(leaf(kind).certificate), Version.TLS12)


def test_a_key_for_signatures_only_is_refused() -> None:
    key = read_key(pss_leaf(authority(), SERVER_NAME).certificate)
    with refused(AlertDescription.ILLEGAL_PARAMETER, "no RSA key to encrypt to"):
        transport_secret(key, Version.TLS12)


def _odd_key(modulus: int) -> CertificateKey:
    return CertificateKey(rsa.RSAPublicNumbers(65537, modulus).public_key(), KeyKind.RSA)


def test_a_small_key_is_refused() -> None:
    with pytest.raises(PeerIncompatible, match="has 1023 bits") as caught:
        transport_secret(_odd_key(2**1022 + 1), Version.TLS12)
    assert caught.value.alert is AlertDescription.INSUFFICIENT_SECURITY
    assert len(transport_secret(_key("rsa1024"), Version.TLS12).encrypted) == 128


def test_a_key_that_is_none_is_refused() -> None:
    """An even modulus is the product of no two primes."""
    with pytest.raises(CertificateRefused, match="encrypts nothing") as caught:
        transport_secret(_odd_key(2**2047), Version.TLS12)
    assert caught.value.alert is AlertDescription.BAD_CERTIFICATE
