from __future__ import annotations

import dataclasses
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.scripted_script import leaf
from trio_certs import Manifest, Trust
from trio_secure import ClientIdentity, MemoryCache, TLSConfig
from trio_secure._config import once
from trio_secure._session_cache import PROCESS_CACHE
from trio_secure._suites import Cbc
from trio_secure._trace import print_event
from trio_secure._versions import Version


def client_identity() -> ClientIdentity:
    ours = leaf("ec")
    key = ours.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return ClientIdentity.load(list(ours.chain_ders), key)


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
    assert {row.until for row in config.suite_rows} == {Version.TLS12, Version.TLS13}
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
    # RFC 9846 §4.3.8 [8446 §4.2.8]: in the order of the groups, whatever the order they are asked for in.
    both = config.replace(key_shares=["secp256r1", "secp384r1"])
    assert row_names(both.share_rows) == ["secp384r1", "secp256r1"]


@pytest.mark.parametrize(
    ("suites", "lowest", "versions"),
    [
        (None, 0x0303, [0x0304, 0x0303]),
        (None, 0x0301, [0x0304, 0x0303, 0x0302, 0x0301]),
        (["TLS_AES_128_GCM_SHA256"], 0x0301, [0x0304]),
        (["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"], 0x0301, [0x0303]),
        (["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"], 0x0302, [0x0303, 0x0302]),
        (["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"], 0x0301, [0x0304, 0x0303]),
    ],
)
def test_a_version_without_a_suite_is_not_offered(
    suites: list[str] | None, lowest: int, versions: list[int]
) -> None:
    config = TLSConfig(min_version=lowest, cipher_suites=suites)
    assert list(config.versions) == versions
    assert (config.highest, config.lowest) == (versions[0], versions[-1])
    # What the user has said stays, for another list of suites to go by.
    assert (config.min_version, config.max_version) == (lowest, 0x0304)


def test_tables_are_narrowed_to_the_versions() -> None:
    old = TLSConfig(max_version=0x0303)
    assert {row.until for row in old.suite_rows} == {Version.TLS12}
    assert "x25519mlkem768" not in row_names(old.group_rows)
    assert row_names(old.share_rows) == ["x25519"]
    assert {row.until for row in TLSConfig(min_version=0x0304).suite_rows} == {Version.TLS13}


def test_below_tls12_schemes_are_not_chosen_but_there_must_be_some() -> None:
    assert TLSConfig(min_version=0x0301, max_version=0x0302).scheme_rows
    assert "mldsa44" not in row_names(TLSConfig(max_version=0x0303).scheme_rows)


WRONG: list[tuple[dict[str, object], type[Exception]]] = [
    ({"min_version": "1.2"}, TypeError),
    ({"min_version": 0x0300}, ValueError),
    ({"max_version": None}, TypeError),
    ({"max_version": 0x0305}, ValueError),
    ({"cipher_suites": "TLS_AES_128_GCM_SHA256"}, TypeError),
    ({"cipher_suites": ["RC4-MD5"]}, ValueError),
    ({"cipher_suites": []}, ValueError),
    ({"groups": 29}, TypeError),
    ({"groups": ["x449"]}, ValueError),
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
    ({"certificate": 7}, TypeError),
    ({"certificate": b""}, ValueError),
    ({"certificate": "-----BEGIN CERTIFICATE-----"}, ValueError),
    ({"manifest": {"resources": {}}}, TypeError),
    ({"trust": 7}, TypeError),
    ({"trace": "yes"}, TypeError),
    ({"switches": 7}, TypeError),
    ({"switches": {"RSA": False}}, ValueError),
    ({"switches": {"DHE_RSA": 0}}, TypeError),
    ({"certificate_signature_algorithms": ["md5"]}, ValueError),
    ({"ocsp": "maybe"}, ValueError),
    ({"ocsp": None}, ValueError),
    ({"signed_certificate_timestamps": 1}, TypeError),
    ({"client_identities": b"pem"}, TypeError),
    ({"client_identities": [None]}, TypeError),
    ({"certificate_authorities": b"name"}, TypeError),
    ({"certificate_authorities": ["name"]}, TypeError),
    ({"certificate_authorities": [b""]}, ValueError),
    ({"certificate_authorities": [bytes(2**16)]}, ValueError),
    ({"post_handshake_auth": None}, TypeError),
    ({"certificate_compression": "zlib"}, TypeError),
    ({"certificate_compression": ["lzma"]}, ValueError),
    ({"cache": "yes"}, TypeError),
    ({"require_extended_master_secret": 1}, TypeError),
    ({"max_fragment_length": 511}, ValueError),
    ({"max_fragment_length": True}, TypeError),
    ({"record_size_limit": 63}, ValueError),
    ({"record_size_limit": 2**14 + 2}, ValueError),
    ({"record_size_limit": "64"}, TypeError),
    ({"hello_padding": -1}, ValueError),
    ({"record_padding": 2**14 + 1}, ValueError),
    ({"grease": "a little"}, TypeError),
    ({"key_log": "keys.log"}, TypeError),
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


def kinds(config: TLSConfig) -> set[str | None]:
    """The kinds of key exchange offered, with CBC marked."""
    return {f"{row.kind} CBC" if isinstance(row.cipher, Cbc) else row.kind for row in config.suite_rows}


DHE, ECDHE = {"DHE_RSA", "DHE_RSA CBC"}, {"ECDHE_RSA", "ECDHE_RSA CBC"}
EVERYTHING = {None, *DHE, *ECDHE, "ECDHE_ECDSA", "ECDHE_ECDSA CBC", "RSA_RSA", "RSA_RSA CBC"}


def test_what_is_costly_or_old_is_offered_only_when_asked_for() -> None:
    assert kinds(TLSConfig()) == {None, "ECDHE_ECDSA", "ECDHE_RSA", "DHE_RSA"}
    assert kinds(TLSConfig(min_version=0x0301)) == EVERYTHING
    assert kinds(TLSConfig(min_version=0x0301, max_version=0x0302)) == {
        kind for kind in EVERYTHING if kind and kind.endswith("CBC")
    }
    assert kinds(TLSConfig(cipher_suites=["TLS_RSA_WITH_AES_128_CBC_SHA"])) == {"RSA_RSA CBC"}


def test_a_switch_leaves_out_exactly_its_suites() -> None:
    default = TLSConfig()
    for name in ("DHE_RSA", "ECDHE_RSA"):
        config = TLSConfig(switches={name: False})
        assert config.suite_rows == tuple(row for row in default.suite_rows if row.kind != name)
        assert TLSConfig(switches={name: True}).suite_rows == default.suite_rows


def test_without_either_rsa_key_transport_is_left() -> None:
    config = TLSConfig(switches={"DHE_RSA": False, "ECDHE_RSA": False})
    assert kinds(config) == EVERYTHING - DHE - ECDHE


def test_a_switch_holds_for_named_suites_too() -> None:
    names = ["TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]
    config = TLSConfig(cipher_suites=names, switches={"DHE_RSA": False})
    assert row_names(config.suite_rows) == [names[1].lower()]


def test_an_unknown_switch_in_a_manifest_is_refused() -> None:
    manifest = Manifest(config={"tls": {"DHE_RSSA": False}}, path="m.json")
    with pytest.raises(
        ValueError, match=r"^the manifest m\.json: config\.tls has an unknown switch 'DHE_RSSA'"
    ):
        TLSConfig(manifest=manifest)


def test_the_switches_of_a_manifest_hold_unless_others_are_given() -> None:
    manifest = Manifest(config={"tls": {"DHE_RSA": False, "ECDHE_RSA": False}})
    assert kinds(TLSConfig(manifest=manifest)) == EVERYTHING - DHE - ECDHE
    config = TLSConfig(manifest=manifest, switches={"ECDHE_RSA": True})
    assert kinds(config) == {None, "ECDHE_ECDSA", "ECDHE_RSA"}


def test_a_configuration_with_switches_can_be_copied() -> None:
    config = TLSConfig(switches={"DHE_RSA": False}).replace(verify=False)
    assert "DHE_RSA" not in kinds(config)


@pytest.mark.parametrize(
    ("asked", "length"),
    [(512, 512), (1000, 512), (1024, 1024), (2047, 1024), (4095, 2048), (4096, 4096), (16384, 4096)],
)
def test_a_fragment_length_is_rounded_down(asked: int, length: int) -> None:
    assert TLSConfig(max_fragment_length=asked).max_fragment_length == length


def test_two_limits_of_records_are_one_too_many() -> None:
    with pytest.raises(ValueError, match="max_fragment_length and record_size_limit exclude each other"):
        TLSConfig(max_fragment_length=512, record_size_limit=512)


def test_sessions_are_kept_where_the_user_says() -> None:
    mine = MemoryCache()
    assert TLSConfig(cache=mine).session_cache is mine
    assert TLSConfig(cache=False).session_cache is None
    assert TLSConfig().session_cache is PROCESS_CACHE
    assert TLSConfig(cache=cast("bool", None)).session_cache is None


def test_what_can_be_undone_here_is_what_is_offered_for_certificates() -> None:
    assert [row.name for row in TLSConfig(certificate_compression=["zlib"]).compression_rows] == ["zlib"]
    assert TLSConfig(certificate_compression=[]).compression_rows == ()


def test_what_follows_from_a_configuration_is_made_once_for_each() -> None:
    made: list[TLSConfig] = []

    @once
    def describe(config: TLSConfig) -> str:
        made.append(config)
        return repr(config.alpn)

    first, equal = TLSConfig(alpn="a"), TLSConfig(alpn="a")
    assert describe(first) == describe(first) == describe(equal) == "(b'a',)"
    assert [id(config) for config in made] == [id(first), id(equal)]
    assert first == equal
    assert repr(first) == repr(equal)
    other = first.replace(alpn="b")
    assert describe(other) == "(b'b',)"


def test_one_identity_or_several() -> None:
    identity = client_identity()
    assert TLSConfig(client_identities=identity).identities == (identity,)
    assert TLSConfig(client_identities=[identity, identity]).identities == (identity, identity)
    assert TLSConfig().identities == ()


def test_authorities_and_key_logs_are_kept_as_given() -> None:
    config = TLSConfig(certificate_authorities=[b"name"], key_log=print)
    assert config.certificate_authorities == (b"name",)
    assert config.key_log is print


def test_the_names_a_field_may_hold_can_be_asked_for() -> None:
    assert "x448" in TLSConfig.choices("groups")
    assert "TLS_RSA_WITH_AES_128_CBC_SHA" in TLSConfig.choices("cipher_suites")
    assert "ed25519" in TLSConfig.choices("signature_algorithms")
    assert "zlib" in TLSConfig.choices("certificate_compression")
    config = TLSConfig(cipher_suites=TLSConfig.choices("cipher_suites"))
    assert len(config.suite_rows) == len(TLSConfig.choices("cipher_suites"))
    with pytest.raises(ValueError, match="alpn is none of cipher_suites, groups"):
        TLSConfig.choices("alpn")
