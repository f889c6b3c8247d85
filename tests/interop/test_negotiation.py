"""Every suite, group and signature the client offers, agreed with OpenSSL.

Theory of operation: `openssl s_server -rev` answers each line reversed. Told to accept one suite, one group
or one signature scheme only, it makes sure that this is the one in use; data in both directions shows that
it works.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support import servers
from support.authority import Authority, KeyKind
from support.servers import RunningServer, TLSVersion
from trio_secure import ConnectionInfo, SecureSocket

_OPTIONS: dict[TLSVersion, str] = {"1.2": "-tls1_2", "1.3": "-tls1_3"}


async def _talk(running: RunningServer, authority: Authority) -> ConnectionInfo:
    """Send a line, expect it back reversed."""
    secure = {"certificate": authority.certificate_der}
    async with SecureSocket("localhost", running.port, secure=secure) as stream:
        await stream.send_all(b"desrever\n")
        assert await stream.receive_some() == b"reversed\n"
        return stream.info


@pytest.mark.parametrize(
    "suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
)
async def test_each_tls_1_3_suite(suite: str, authority: Authority, tmp_path: Path) -> None:
    leaf = authority.issue("localhost")
    async with servers.openssl(leaf, tmp_path, "-rev", "-tls1_3", "-ciphersuites", suite) as running:
        info = await _talk(running, authority)
    assert info.cipher_suite == suite


@pytest.mark.parametrize(
    ("key", "cipher", "suite"),
    [
        ("rsa2048", "ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        ("rsa2048", "ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        ("rsa2048", "ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
        ("p256", "ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        ("p256", "ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
        ("p256", "ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    ],
)
async def test_each_tls_1_2_suite(
    key: KeyKind, cipher: str, suite: str, authority: Authority, tmp_path: Path
) -> None:
    leaf = authority.issue("localhost", key=key)
    async with servers.openssl(leaf, tmp_path, "-rev", "-tls1_2", "-cipher", cipher) as running:
        info = await _talk(running, authority)
    assert info.cipher_suite == suite


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(
    ("curve", "group"),
    [("X25519", "x25519"), ("P-256", "secp256r1"), ("P-384", "secp384r1"), ("P-521", "secp521r1")],
)
async def test_each_group(
    curve: str, group: str, version: TLSVersion, authority: Authority, tmp_path: Path
) -> None:
    """In TLS 1.3 a group of which no share was sent takes a HelloRetryRequest."""
    leaf = authority.issue("localhost")
    async with servers.openssl(leaf, tmp_path, "-rev", _OPTIONS[version], "-groups", curve) as running:
        info = await _talk(running, authority)
    assert info.group == group


async def test_a_hello_retry_request_with_a_cookie(authority: Authority, tmp_path: Path) -> None:
    leaf = authority.issue("localhost")
    async with servers.openssl(leaf, tmp_path, "-rev", "-tls1_3", "-stateless") as running:
        info = await _talk(running, authority)
    assert info.version == 0x0304


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(
    ("key", "scheme"),
    [
        ("rsa2048", "rsa_pss_rsae_sha256"),
        ("rsa2048", "rsa_pss_rsae_sha384"),
        ("rsa2048", "rsa_pss_rsae_sha512"),
        ("p256", "ecdsa_secp256r1_sha256"),
        ("p384", "ecdsa_secp384r1_sha384"),
        ("p521", "ecdsa_secp521r1_sha512"),
        ("ed25519", "ed25519"),
    ],
)
async def test_each_signature_scheme(
    key: KeyKind, scheme: str, version: TLSVersion, authority: Authority, tmp_path: Path
) -> None:
    leaf = authority.issue("localhost", key=key)
    async with servers.openssl(leaf, tmp_path, "-rev", _OPTIONS[version], "-sigalgs", scheme) as running:
        info = await _talk(running, authority)
    assert info.signature_scheme == scheme


@pytest.mark.parametrize("scheme", ["rsa_pkcs1_sha256", "rsa_pkcs1_sha384", "rsa_pkcs1_sha512"])
async def test_each_pkcs1_scheme_of_tls_1_2(scheme: str, authority: Authority, tmp_path: Path) -> None:
    leaf = authority.issue("localhost", key="rsa2048")
    async with servers.openssl(leaf, tmp_path, "-rev", "-tls1_2", "-sigalgs", scheme) as running:
        info = await _talk(running, authority)
    assert info.signature_scheme == scheme


async def test_the_hybrid_group_with_a_current_openssl(authority: Authority, tmp_path: Path) -> None:
    async with servers.pyopenssl_echo(authority.issue("localhost"), tmp_path) as running:
        info = await _talk(running, authority)
    assert info.group == "X25519MLKEM768"


async def test_key_updates_of_a_server(authority: Authority, tmp_path: Path) -> None:
    """Both directions go on under new keys: the server's after each, ours after the one that asks for it."""
    secure = {"certificate": authority.certificate_der}
    async with (
        servers.openssl(authority.issue("localhost"), tmp_path, "-tls1_3") as running,
        SecureSocket("localhost", running.port, secure=secure) as stream,
    ):
        for times, command in enumerate(("k", "K", "K"), 1):
            await running.type(command)
            await running.says("write server key update", times)
            await running.type("typed")
            assert await stream.receive_some() == b"typed\n"
            await stream.send_all(f"after update {times}\n".encode())
            await running.says(f"after update {times}")
        await running.says("read client key update", 2)
