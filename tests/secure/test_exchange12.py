"""How a premaster secret is agreed on below TLS 1.3, and what a server may not do to it."""

from __future__ import annotations

import os
from typing import Literal

import pytest

from support.alterations import append, flip, overwrite, shorten
from support.authority import KeyKind
from support.scripted_flows import FLOWS, Flow
from support.scripted_script import SERVER_NAME, Alteration, Script, authority, leaf
from support.scripted_server import PLAIN, accepted, expect_refusal, refused
from support.scripted_wire import ClientGone, ServerWire
from trio_secure import AlertDescription, PeerIncompatible, PeerMisbehaved, TLSConfig
from trio_secure._finite_field import FiniteField
from trio_secure._keys12 import MasterSecret
from trio_secure._protection12 import sealer
from trio_secure._suites import CIPHER_SUITES, CipherSuite, KeyExchange
from trio_secure._versions import Version

_ALERT = AlertDescription
_OLD = [
    (suite, version)
    for suite in CIPHER_SUITES
    for version in (Version.TLS10, Version.TLS11, Version.TLS12)
    if suite.fits(version)
]
_DHE, _RSA = "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256"
_ECDSA, _RSA_SIGNS = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
_FLOWS = {flow.name: flow for flow in FLOWS if flow.version < Version.TLS13}
_SIGNED = [flow for flow in _FLOWS.values() if "ServerKeyExchange" in flow.steps]
# Where things stand in a ServerKeyExchange of x25519.
_CURVE_TYPE, _CURVE, _SCHEME = 0, 1, 36


def _config(suite: str, version: Version = Version.TLS12) -> TLSConfig:
    return PLAIN.replace(min_version=version, max_version=version, cipher_suites=[suite])


def _script(suite: str, kind: KeyKind = "rsa", **choices: object) -> Script:
    # The fields of a script differ in type; it checks them itself.
    return Script(version=Version.TLS12, suite=suite, leaf=leaf(kind), **choices)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("suite", "version"), _OLD, ids=[f"{suite.name}-{version.name}" for suite, version in _OLD]
)
async def test_both_sides_agree_with_every_suite(suite: CipherSuite, version: Version) -> None:
    assert suite.authentication is not None
    signer = leaf("rsa" if suite.authentication.value == "RSA" else "p256")
    script = Script(version=version, suite=suite.name, leaf=signer)
    meeting = await accepted(script, _config(suite.name, version), data=b"ping" * 9000)
    assert meeting.info is not None
    assert meeting.info.cipher_suite == suite.name
    expected = {KeyExchange.ECDHE: "x25519", KeyExchange.DHE: "ffdhe2048", KeyExchange.RSA: None}
    assert suite.key_exchange is not None
    assert meeting.info.group == expected[suite.key_exchange]
    assert (meeting.info.signature_scheme is None) is (suite.key_exchange is KeyExchange.RSA)


@pytest.mark.parametrize("group", ["x25519", "secp256r1", "secp384r1", "secp521r1", "x448"])
async def test_both_sides_agree_in_every_group(group: str) -> None:
    config = _config(_ECDSA).replace(groups=[group, "secp256r1"], key_shares=None)
    meeting = await accepted(_script(_ECDSA, "p256", group=group), config)
    assert meeting.info is not None
    assert meeting.info.group == group


async def test_the_secret_may_be_bound_to_the_random_values_alone() -> None:
    for suite in (_DHE, _RSA):
        meeting = await accepted(_script(suite, extended=False), _config(suite))
        assert meeting.info is not None
        assert not meeting.info.extended_master_secret


# What the server may not do


@pytest.mark.parametrize("group", ["secp384r1", "x448"])
async def test_a_group_that_was_not_offered(group: str) -> None:
    await expect_refusal(_script(_ECDSA, "p256", group=group), _ALERT.ILLEGAL_PARAMETER, _config(_ECDSA))


@pytest.mark.parametrize(
    ("group", "share"),
    [
        ("x25519", bytes(32)),
        ("x25519", bytes(31)),
        ("secp256r1", b"\4" + bytes(64)),
        ("secp256r1", b"\2" + bytes(64)),
        ("secp256r1", b"\2" + bytes(32)),
    ],
)
async def test_a_share_that_is_no_point(group: str, share: bytes) -> None:
    """Each is signed as it should be."""
    script = _script(_ECDSA, "p256", group=group, share=share)
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, _config(_ECDSA))


@pytest.mark.parametrize(
    ("alteration", "description"),
    [
        pytest.param(overwrite(_CURVE_TYPE, b"\1"), _ALERT.ILLEGAL_PARAMETER, id="explicit-prime"),
        pytest.param(overwrite(_CURVE_TYPE, b"\2"), _ALERT.ILLEGAL_PARAMETER, id="explicit-char2"),
        pytest.param(overwrite(_CURVE, b"\x00\x18"), _ALERT.ILLEGAL_PARAMETER, id="group-not-offered"),
        pytest.param(overwrite(_CURVE, b"\x12\x34"), _ALERT.ILLEGAL_PARAMETER, id="group-unknown"),
        pytest.param(overwrite(_CURVE, b"\x11\xec"), _ALERT.ILLEGAL_PARAMETER, id="group-of-1.3"),
        pytest.param(overwrite(_CURVE, b"\x01\x00"), _ALERT.ILLEGAL_PARAMETER, id="group-of-another-kind"),
        pytest.param(overwrite(_SCHEME, b"\x04\x01"), _ALERT.ILLEGAL_PARAMETER, id="scheme-of-rsa"),
        pytest.param(overwrite(_SCHEME, b"\x02\x03"), _ALERT.ILLEGAL_PARAMETER, id="scheme-with-sha1"),
        pytest.param(overwrite(_SCHEME, b"\x08\x07"), _ALERT.ILLEGAL_PARAMETER, id="scheme-of-another-key"),
        pytest.param(overwrite(_SCHEME, b"\x09\x04"), _ALERT.ILLEGAL_PARAMETER, id="scheme-of-1.3"),
        pytest.param(append(b"x"), _ALERT.DECODE_ERROR, id="too-long"),
        pytest.param(shorten(1), _ALERT.DECODE_ERROR, id="too-short"),
        pytest.param(overwrite(3, b"\x00"), _ALERT.DECODE_ERROR, id="empty-share"),
    ],
)
async def test_a_key_exchange_that_may_not_be_so(
    alteration: Alteration, description: AlertDescription
) -> None:
    """What is out of bounds is told before the signature, which is wrong as well."""
    config = _config(_ECDSA).replace(
        groups=["x25519", "secp256r1", "ffdhe2048", "X25519MLKEM768"], max_version=Version.TLS13
    )
    script = _script(_ECDSA, "p256", alter={"ServerKeyExchange": alteration})
    await expect_refusal(script, description, config)


async def test_a_key_on_a_curve_that_was_not_offered() -> None:
    """RFC 8422 §5.3: an ECDSA key is on one of the curves that the client lists."""
    config = _config(_ECDSA).replace(groups=["x25519", "secp384r1"])
    await expect_refusal(_script(_ECDSA, "p256"), _ALERT.ILLEGAL_PARAMETER, config)
    await accepted(_script(_ECDSA, "p384"), config)


_P = FiniteField.named("ffdhe2048").p


@pytest.mark.parametrize(
    ("field", "description", "error"),
    [
        (FiniteField((1 << 511) + 111, 2), _ALERT.INSUFFICIENT_SECURITY, PeerIncompatible),
        (FiniteField((1 << 1023) + 1155, 2), _ALERT.INSUFFICIENT_SECURITY, PeerIncompatible),
        (FiniteField(2**8192 + 1, 2), _ALERT.INSUFFICIENT_SECURITY, PeerIncompatible),
        (FiniteField(_P - 1, 2), _ALERT.ILLEGAL_PARAMETER, PeerMisbehaved),
        (FiniteField(_P, 1), _ALERT.ILLEGAL_PARAMETER, PeerMisbehaved),
        (FiniteField(_P, 0), _ALERT.ILLEGAL_PARAMETER, PeerMisbehaved),
        (FiniteField(_P, _P - 1), _ALERT.ILLEGAL_PARAMETER, PeerMisbehaved),
    ],
    ids=["512-bits", "1024-bits", "8193-bits", "even", "generator-1", "generator-0", "generator-p-1"],
)
async def test_parameters_that_are_no_good(
    field: FiniteField, description: AlertDescription, error: type[PeerMisbehaved | PeerIncompatible]
) -> None:
    await expect_refusal(_script(_DHE, dhe=field), description, _config(_DHE), error=error)


@pytest.mark.parametrize("share", [0, 1, _P - 1, _P, _P + 2])
async def test_a_public_value_out_of_range(share: int) -> None:
    script = _script(_DHE, share=share.to_bytes(257, "big"))
    await expect_refusal(script, _ALERT.HANDSHAKE_FAILURE, _config(_DHE))


async def test_parameters_are_looked_at_once_they_are_known_to_be_the_servers() -> None:
    """RFC 7919 §3: first the signature, then the group, then dh_Ys."""
    group, forged = FiniteField((1 << 1023) + 1155, 2), {"ServerKeyExchange": flip(-1)}
    for script in (_script(_DHE, dhe=group, alter=forged), _script(_DHE, share=b"\0", alter=forged)):
        await expect_refusal(script, _ALERT.DECRYPT_ERROR, _config(_DHE))
    small = _script(_DHE, dhe=group, share=b"\0")
    await expect_refusal(small, _ALERT.INSUFFICIENT_SECURITY, _config(_DHE), error=PeerIncompatible)


async def test_whoever_names_finite_fields_gets_one_of_them() -> None:
    config = _config(_DHE).replace(groups=["x25519", "ffdhe3072"], key_shares=["x25519"])
    await expect_refusal(_script(_DHE), _ALERT.INSUFFICIENT_SECURITY, config, error=PeerIncompatible)
    meeting = await accepted(_script(_DHE, dhe=FiniteField.named("ffdhe3072")), config)
    assert meeting.info is not None
    assert meeting.info.group == "ffdhe3072"


# Signatures


@pytest.mark.parametrize("flow", _SIGNED, ids=lambda flow: flow.name)
async def test_a_forged_signature(flow: Flow) -> None:
    """In every version, whether the algorithm is named or goes without saying."""
    # In the signature, in the share, in the prime.
    for alteration in (flip(-1), flip(100) if flow.name.endswith(" DHE") else flip(10)):
        script, config, _ = flow.part(alter={"ServerKeyExchange": alteration})
        await expect_refusal(script, _ALERT.DECRYPT_ERROR, config)


@pytest.mark.parametrize("flow", _SIGNED, ids=lambda flow: flow.name)
async def test_a_signature_of_another_handshake(flow: Flow) -> None:
    bodies: list[bytes] = []

    def keep(body: bytes) -> bytes:
        bodies.append(body)
        return bodies[0]

    await flow.run(alter={"ServerKeyExchange": keep})
    script, config, _ = flow.part(alter={"ServerKeyExchange": keep})
    await expect_refusal(script, _ALERT.DECRYPT_ERROR, config)


@pytest.mark.parametrize(
    ("suite", "kind", "scheme"),
    [
        pytest.param(_RSA_SIGNS, "rsa", 0x0201, id="sha1-of-rsa"),
        pytest.param(_ECDSA, "p256", 0x0203, id="sha1-of-ecdsa"),
        pytest.param(_RSA_SIGNS, "rsa", 0x0101, id="md5"),
        pytest.param(_RSA_SIGNS, "rsa", 0xFF01, id="the-private-code-of-older-versions"),
        pytest.param(_RSA_SIGNS, "p256", None, id="ecdsa-for-rsa"),
        pytest.param(_RSA_SIGNS, "ed25519", None, id="eddsa-for-rsa"),
        pytest.param(_ECDSA, "rsa", None, id="rsa-for-ecdsa"),
        pytest.param(_DHE, "p256", None, id="ecdsa-for-dhe-rsa"),
        pytest.param(_RSA_SIGNS, "rsa_pss", 0x0804, id="rsae-of-a-pss-key"),
        pytest.param(_RSA_SIGNS, "rsa_pss", 0x0401, id="pkcs1-of-a-pss-key"),
        pytest.param(_RSA_SIGNS, "rsa", 0x0809, id="pss-of-an-rsae-key"),
        pytest.param(_ECDSA, "p256", 0x0807, id="eddsa-of-an-ecdsa-key"),
    ],
)
async def test_a_scheme_that_does_not_fit(
    suite: str, kind: KeyKind | Literal["rsa_pss"], scheme: int | None
) -> None:
    script = Script(version=Version.TLS12, suite=suite, leaf=leaf(kind), scheme=scheme)
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, _config(suite))


@pytest.mark.parametrize("scheme", [0x0809, 0x080A, 0x080B])
async def test_a_key_for_pss_alone_signs_in_tls12(scheme: int) -> None:
    script = Script(version=Version.TLS12, suite=_RSA_SIGNS, leaf=leaf("rsa_pss"), scheme=scheme)
    await accepted(script, _config(_RSA_SIGNS))


@pytest.mark.parametrize(
    ("suite", "signer", "shown"),
    [
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "rsa", "rsa_pss"),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "rsa", "p256"),
        ("TLS_DHE_RSA_WITH_AES_128_CBC_SHA", "rsa", "ed25519"),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "p256", "ed25519"),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "p256", "rsa"),
    ],
)
async def test_a_key_that_does_not_fit_the_suite_below_tls12(
    suite: str, signer: KeyKind, shown: KeyKind | Literal["rsa_pss"]
) -> None:
    for version in (Version.TLS10, Version.TLS11):
        script = Script(version=version, suite=suite, leaf=leaf(signer), chain=(leaf(shown).certificate_der,))
        await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, _config(suite, version))


@pytest.mark.parametrize("flow", _SIGNED, ids=lambda flow: flow.name)
async def test_a_key_that_may_not_sign(flow: Flow) -> None:
    kind: KeyKind = "rsa" if "DHE_RSA" in (flow.script.suite or "") else "p256"
    other = authority().issue(SERVER_NAME, key=kind, ku=["key_encipherment", "key_agreement"])
    script, config, _ = flow.part(leaf=other)
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, config)


# Key transport


async def test_key_transport_wants_a_key_to_encrypt_to() -> None:
    signing = authority().issue(SERVER_NAME, key="rsa", ku=["digital_signature"])
    for shown in (leaf("p256"), leaf("rsa_pss"), signing):
        for version in (Version.TLS10, Version.TLS12):
            suite = "TLS_RSA_WITH_AES_128_CBC_SHA"
            script = Script(version=version, suite=suite, leaf=shown)
            await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, _config(suite, version))


async def test_a_server_that_cannot_read_the_secret_cannot_finish() -> None:
    """Its Finished is all that shows it holds the key."""

    async def guess(server: ServerWire) -> None:
        await server.listen(16)
        await server.listen_change_cipher_spec()
        master = MasterSecret.extended(
            server.script.suite_row, Version.TLS12, os.urandom(48), server.transcript.digest()
        )
        server.send_record(20, b"\1")
        server.write_with(sealer(master.write_keys(bytes(32), bytes(32))[1], encrypt_then_mac=False))
        server.send_message(20, bytes(12))
        await server.flush()
        raise ClientGone

    for suite in (_RSA, "TLS_RSA_WITH_AES_128_CBC_SHA256"):
        # The server cannot read the alert either.
        meeting = await refused(_script(suite, after={"ServerHelloDone": guess}), _config(suite))
        assert meeting.error is not None
        assert meeting.error.alert is _ALERT.BAD_RECORD_MAC
    await expect_refusal(_script(_RSA, alter={"Finished": flip(0)}), _ALERT.DECRYPT_ERROR, _config(_RSA))


async def test_the_secret_bears_the_version_that_was_offered() -> None:
    """RFC 5246 §7.4.7.1. The scripted server compares it with that of the hello, not with what it chose."""
    for flow in _FLOWS.values():
        if flow.name.endswith("RSA"):
            meeting = await flow.run()
            assert meeting.server.messages[0].body[:2] == b"\3\3"
