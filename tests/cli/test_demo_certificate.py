from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.verification import PolicyBuilder, Store

from trio_secure_cli._demo_certificate import issue, make_authority


def test_the_certificate_passes_the_policy_for_public_ones(tmp_path: Path) -> None:
    authority = make_authority()
    certificate_path, key_path = issue(authority, "localhost", "127.0.0.1", tmp_path)
    root = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    leaf = x509.load_pem_x509_certificate(certificate_path.read_bytes())
    verifier = PolicyBuilder().store(Store([root])).build_server_verifier(x509.DNSName("localhost"))
    assert verifier.verify(leaf, []) == [leaf, root]
    key = load_pem_private_key(key_path.read_bytes(), None)
    assert key.public_key() == leaf.public_key()


def test_nobody_else_can_read_the_key(tmp_path: Path) -> None:
    _, key_path = issue(make_authority(), "localhost", "127.0.0.1", tmp_path)
    assert key_path.stat().st_mode & 0o077 == 0
