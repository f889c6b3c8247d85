from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.scripted_script import leaf
from trio_certs import Manifest, Resource, Trust
from trio_secure import TLSConfig
from trio_secure._client_identity import LoadedIdentity
from trio_secure._secure_dictionary import config_of
from trio_secure._trace import print_event


def test_nothing_is_the_default() -> None:
    assert config_of(None) == config_of({}) == TLSConfig()


def test_a_configuration_stands_for_itself() -> None:
    config = TLSConfig()
    assert config_of(config) is config


def test_every_key_reaches_its_field() -> None:
    manifest, trust = Manifest(), Trust()
    config = config_of(
        {
            "protocolVersion": 0x304,
            "certificate": b"der",
            "verify": False,
            "trace": True,
            "manifest": manifest,
            "trust": trust,
            "tls_server_name": "Example.com",
            "tls_signature_algorithms": ["ed25519", {"hash": 4, "sig": 3}],
            "tls_application_layer_protocol_negotiation": ["h2", "http/1.1"],
            "tls_max_fragment_length": 1500,
            "cache": False,
            "config": {"tls": {"ECDHE_RSA": True}},
        }
    )
    assert config.min_version == 0x304
    assert config.certificates == (b"der",)
    assert not config.verify
    assert config.trace_sink is print_event
    assert config.manifest is manifest
    assert config.trust is trust
    assert config.server_name == "example.com"
    assert config.signature_algorithms == ("ed25519", "ecdsa_secp256r1_sha256")
    assert config.protocols == (b"h2", b"http/1.1")
    assert config.max_fragment_length == 1024
    assert config.session_cache is None
    assert dict(config.switches) == {"ECDHE_RSA": True}


def test_keys_have_aliases() -> None:
    config = config_of({"serverName": "a.test", "applicationLayerProtocolNegotiation": "h2"})
    assert config.server_name == "a.test"
    assert config.protocols == (b"h2",)


@pytest.mark.parametrize("wrong", [7, "verify", [("verify", False)]])
def test_it_must_be_a_dictionary(wrong: object) -> None:
    with pytest.raises(TypeError, match="secure must be a dictionary or a TLSConfig, not"):
        config_of(cast("Mapping[str, object]", wrong))


@pytest.mark.parametrize("key", ["verfy", "Verify", "", 7])
def test_an_unknown_key_is_refused(key: object) -> None:
    with pytest.raises(ValueError, match=f"secure has an unknown key {key!r}; known are protocolVersion,"):
        config_of(cast("Mapping[str, object]", {key: True}))


def test_two_keys_for_one_thing_are_refused() -> None:
    with pytest.raises(ValueError, match="two keys for the same thing, 'serverName' is the second"):
        config_of({"tls_server_name": "a.test", "serverName": "b.test"})


def test_a_client_certificate_and_its_key_make_an_identity() -> None:
    ours = leaf("ec")
    key = ours.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    config = config_of({"clientCertificates": list(ours.chain_ders), "clientKey": key})
    assert [identity.chain for identity in config.identities if isinstance(identity, LoadedIdentity)] == [
        tuple(ours.chain_ders)
    ]


def test_what_is_to_be_read_first_may_stand_for_either() -> None:
    resource = Resource("ca9.der")
    config = config_of({"clientCertificates": [resource], "clientKey": resource})
    assert len(config.identities) == 1


@pytest.mark.parametrize(
    ("secure", "message"),
    [
        ({"clientCertificates": [b"der"]}, r"secure\['clientCertificates'\] needs secure\['clientKey'\]"),
        ({"clientKey": b"der"}, r"secure\['clientKey'\] needs secure\['clientCertificates'\]"),
        ({"clientCertificates": [], "clientKey": b"der"}, r"needs secure\['clientCertificates'\]"),
        ({"clientCertificates": [b"der"], "clientKey": b"key"}, "client certificate"),
    ],
)
def test_neither_is_of_use_alone(secure: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config_of(secure)


def test_switches_stand_in_their_section() -> None:
    config = config_of({"config": {"tls": {"DHE_RSA": False}}})
    assert all(row.kind != "DHE_RSA" for row in config.suite_rows)
    assert config_of({"config": {}}).suite_rows == TLSConfig().suite_rows


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("protocolVersion", "1.2", TypeError),
        ("protocolVersion", 0x300, ValueError),
        ("protocolVersion", 0x305, ValueError),
        ("protocolVersion", -1, ValueError),
        ("certificate", 7, TypeError),
        ("certificate", b"", ValueError),
        ("verify", "no", TypeError),
        ("trace", 1, TypeError),
        ("tls_server_name", 7, TypeError),
        ("serverName", 7, TypeError),
        ("tls_signature_algorithms", "ed25519", TypeError),
        ("tls_signature_algorithms", [], ValueError),
        ("tls_signature_algorithms", [{"hash": 9, "sig": 9}], ValueError),
        ("tls_signature_algorithms", [{"hash": 4}], ValueError),
        ("tls_signature_algorithms", [7], ValueError),
        ("tls_application_layer_protocol_negotiation", 7, TypeError),
        ("applicationLayerProtocolNegotiation", [""], ValueError),
        ("tls_max_fragment_length", "512", TypeError),
        ("tls_max_fragment_length", 0, ValueError),
        ("clientCertificates", "cert.pem", TypeError),
        ("clientKey", "key.pem", TypeError),
        ("clientKey", b"", ValueError),
        ("cache", "no", TypeError),
        ("config", True, TypeError),
        ("config", {"ssl": {}}, ValueError),
        ("config", {"tls": {"RSA": False}}, ValueError),
        ("config", {"tls": {"DHE_RSA": 0}}, TypeError),
    ],
)
def test_a_wrong_value_is_refused_by_its_key(key: str, value: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"^secure\['{key}'\]"):
        config_of({key: value})


@pytest.mark.parametrize(
    ("key", "value", "error", "message"),
    [
        ("manifest", {"resources": {}}, TypeError, "manifest must be a Manifest, not dict"),
        ("trust", True, TypeError, "trust must be a Trust, not bool"),
        ("tls_signature_algorithms", ["md5"], ValueError, "signature_algorithms has an unknown name 'md5'"),
        ("serverName", "not a name", ValueError, "server name 'not a name'"),
    ],
)
def test_what_the_configuration_checks_is_refused_too(
    key: str, value: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        config_of({key: value})
