from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from trio_certs import Manifest, Trust
from trio_secure import TLSConfig
from trio_secure._trace import print_event
from trio_secure._versions import Version


def row_names(rows: object) -> list[str]:
    return [row.name.lower() for row in rows]  # type: ignore[attr-defined]


def test_the_defaults() -> None:
    config = TLSConfig()
    assert (config.min_version, config.max_version) == (Version.TLS12, Version.TLS13)
    assert config.verify
    assert config.protocols == ()
    assert config.certificates == ()
    assert config.trace_sink is None
    assert row_names(config.group_rows)[:2] == row_names(config.share_rows) == ["x25519mlkem768", "x25519"]
    assert {row.version for row in config.suite_rows} == {Version.TLS12, Version.TLS13}
    assert "ed25519" in row_names(config.scheme_rows)


def test_it_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TLSConfig().verify = False  # type: ignore[misc]


def test_a_copy_may_differ() -> None:
    config = TLSConfig(alpn="h2", certificate=b"der", trace=True)
    copy = config.replace(verify=False)
    assert not copy.verify
    assert copy.protocols == (b"h2",)
    assert copy.certificates == (b"der",)
    assert copy.trace_sink is print_event


def test_tables_are_narrowed_to_what_is_named_in_its_order() -> None:
    config = TLSConfig(
        min_version=0x0303,
        cipher_suites=["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"],
        groups=["secp384r1", "secp256r1"],
        signature_algorithms=["ed25519", "ecdsa_secp256r1_sha256"],
    )
    assert row_names(config.suite_rows) == ["tls_ecdhe_rsa_with_aes_128_gcm_sha256", "tls_aes_256_gcm_sha384"]
    assert row_names(config.group_rows) == ["secp384r1", "secp256r1"]
    assert row_names(config.scheme_rows) == ["ed25519", "ecdsa_secp256r1_sha256"]
    assert row_names(config.share_rows) == ["secp384r1"]
    assert row_names(config.replace(key_shares=["secp256r1"]).share_rows) == ["secp256r1"]
    assert row_names(config.replace(key_shares=[]).share_rows) == []


def test_tables_are_narrowed_to_the_versions() -> None:
    old = TLSConfig(max_version=0x0303)
    assert {row.version for row in old.suite_rows} == {Version.TLS12}
    assert "x25519mlkem768" not in row_names(old.group_rows)
    assert row_names(old.share_rows) == ["x25519"]
    assert {row.version for row in TLSConfig(min_version=0x0304).suite_rows} == {Version.TLS13}


WRONG: list[tuple[dict[str, object], type[Exception]]] = [
    ({"min_version": "1.2"}, TypeError),
    ({"min_version": 0x0302}, ValueError),
    ({"max_version": None}, TypeError),
    ({"max_version": 0x0305}, ValueError),
    ({"cipher_suites": "TLS_AES_128_GCM_SHA256"}, TypeError),
    ({"cipher_suites": ["RC4-MD5"]}, ValueError),
    ({"cipher_suites": []}, ValueError),
    ({"groups": 29}, TypeError),
    ({"groups": ["x448"]}, ValueError),
    ({"groups": []}, ValueError),
    ({"groups": ["x25519mlkem768"], "max_version": 0x0303}, ValueError),
    ({"key_shares": [29]}, TypeError),
    ({"key_shares": ["x448"]}, ValueError),
    ({"key_shares": ["x25519"], "groups": ["secp256r1"]}, ValueError),
    ({"signature_algorithms": b"x"}, TypeError),
    ({"signature_algorithms": ["md5"]}, ValueError),
    ({"signature_algorithms": []}, ValueError),
    ({"alpn": 2}, TypeError),
    ({"alpn": [""]}, ValueError),
    ({"server_name": 7}, TypeError),
    ({"verify": None}, TypeError),
    ({"certificate": "ca.pem"}, TypeError),
    ({"certificate": b""}, ValueError),
    ({"manifest": {"resources": {}}}, TypeError),
    ({"trust": 7}, TypeError),
    ({"trace": "yes"}, TypeError),
]


@pytest.mark.parametrize(("fields", "error"), WRONG, ids=str)
def test_what_is_wrong_is_refused_by_its_name(fields: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=f"^{next(iter(fields))}"):
        TLSConfig(**fields)


def test_a_server_name_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="server name '-' is neither"):
        TLSConfig(server_name="-")


def test_versions_must_leave_something() -> None:
    with pytest.raises(ValueError, match=r"min_version TLS 1\.3 is above max_version TLS 1\.2"):
        TLSConfig(min_version=0x0304, max_version=0x0303)
    with pytest.raises(ValueError, match=r"cipher_suites has none that fits TLS 1\.3 to TLS 1\.3"):
        TLSConfig(min_version=0x0304, cipher_suites=["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"])


def test_trust_may_be_given_in_any_form() -> None:
    manifest, trust = Manifest(), Trust()
    config = TLSConfig(manifest=manifest, trust=trust)
    assert config.manifest is manifest
    assert config.trust is trust
