from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography import x509

from trio_secure import ConnectionInfo
from trio_secure.testing import Authority
from trio_secure_adapters import SSLFacts

AUTHORITY = Authority()


async def info_of(version: int) -> ConnectionInfo:
    async with (
        AUTHORITY.serve("example.com", version=version) as server,
        server.SecureSocket("example.com", 443) as stream,
    ):
        return stream.info


@pytest.mark.parametrize(("version", "label"), [(0x303, "TLSv1.2"), (0x304, "TLSv1.3")])
async def test_it_answers_as_an_ssl_object_does(version: int, label: str) -> None:
    facts = SSLFacts(await info_of(version))
    assert facts.version() == label
    assert facts.server_hostname == "example.com"
    assert facts.selected_alpn_protocol() is None
    assert not facts.session_reused
    certificate = facts.getpeercert(binary_form=True)
    assert certificate is not None
    assert x509.load_der_x509_certificate(certificate).issuer == (
        x509.load_pem_x509_certificate(AUTHORITY.certificate).subject
    )


async def test_a_decoded_certificate_is_not_to_be_had() -> None:
    with pytest.raises(ValueError, match="binary_form=True"):
        SSLFacts(await info_of(0x304)).getpeercert()


@pytest.mark.parametrize(
    ("suite", "bits"),
    [
        ("TLS_AES_128_GCM_SHA256", 128),
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 256),
        ("TLS_CHACHA20_POLY1305_SHA256", 256),
        ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", 112),
    ],
)
async def test_a_suite_has_the_bits_of_its_key(suite: str, bits: int) -> None:
    info = replace(await info_of(0x304), cipher_suite=suite)
    assert SSLFacts(info).cipher() == (suite, "TLSv1.3", bits)
