"""How a premaster secret is agreed on below TLS 1.3, and what a server may not do to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.alterations import flip
from support.authority import KeyKind
from support.scripted_script import SERVER_NAME, Script, authority, leaf
from support.scripted_server import PLAIN, accepted, expect_refusal
from trio_secure import AlertDescription, PeerIncompatible, PeerMisbehaved, TLSConfig
from trio_secure._finite_field import FiniteField
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
_ECDSA = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"


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


async def test_a_share_that_is_no_point() -> None:
    for group, share in (("x25519", bytes(32)), ("x25519", bytes(31)), ("secp256r1", b"\4" + bytes(64))):
        script = _script(_ECDSA, "p256", group=group, share=share)
        await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, _config(_ECDSA))


async def test_a_key_on_a_curve_that_was_not_offered() -> None:
    """RFC 8422 §5.3: an ECDSA key is on one of the curves that the client lists."""
    config = _config(_ECDSA).replace(groups=["x25519", "secp384r1"])
    await expect_refusal(_script(_ECDSA, "p256"), _ALERT.ILLEGAL_PARAMETER, config)
    await accepted(_script(_ECDSA, "p384"), config)


_P = FiniteField.named("ffdhe2048").p


@pytest.mark.parametrize(
    ("field", "description", "error"),
    [
        (FiniteField((1 << 1023) + 1155, 2), _ALERT.INSUFFICIENT_SECURITY, PeerIncompatible),
        (FiniteField(_P - 1, 2), _ALERT.ILLEGAL_PARAMETER, PeerMisbehaved),
        (FiniteField(_P, 1), _ALERT.ILLEGAL_PARAMETER, PeerMisbehaved),
        (FiniteField(_P, 0), _ALERT.ILLEGAL_PARAMETER, PeerMisbehaved),
    ],
    ids=["1024-bits", "even", "generator-1", "generator-0"],
)
async def test_parameters_that_are_no_good(
    field: FiniteField, description: AlertDescription, error: type[PeerMisbehaved | PeerIncompatible]
) -> None:
    await expect_refusal(_script(_DHE, dhe=field), description, _config(_DHE), error=error)


@pytest.mark.parametrize("share", [0, 1, _P - 1, _P, _P + 2])
async def test_a_public_value_out_of_range(share: int) -> None:
    script = _script(_DHE, share=share.to_bytes(257, "big"))
    await expect_refusal(script, _ALERT.HANDSHAKE_FAILURE, _config(_DHE))


async def test_whoever_names_finite_fields_gets_one_of_them() -> None:
    config = _config(_DHE).replace(groups=["x25519", "ffdhe3072"], key_shares=["x25519"])
    await expect_refusal(_script(_DHE), _ALERT.INSUFFICIENT_SECURITY, config, error=PeerIncompatible)
    meeting = await accepted(_script(_DHE, dhe=FiniteField.named("ffdhe3072")), config)
    assert meeting.info is not None
    assert meeting.info.group == "ffdhe3072"


async def test_a_forged_signature_over_finite_field_parameters() -> None:
    script = _script(_DHE, alter={"ServerKeyExchange": flip(-1)})
    await expect_refusal(script, _ALERT.DECRYPT_ERROR, _config(_DHE))
    script = _script(_DHE, alter={"ServerKeyExchange": flip(100)})
    await expect_refusal(script, _ALERT.DECRYPT_ERROR, _config(_DHE))


async def test_key_transport_wants_a_key_to_encrypt_to() -> None:
    signing = authority().issue(SERVER_NAME, key="rsa", ku=["digital_signature"])
    for script in (_script(_RSA, "p256"), replace(_script(_RSA), leaf=signing)):
        await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, _config(_RSA))


async def test_a_server_that_cannot_read_the_secret_cannot_finish() -> None:
    """Its Finished is all that shows it holds the key."""
    await expect_refusal(_script(_RSA, alter={"Finished": flip(0)}), _ALERT.DECRYPT_ERROR, _config(_RSA))
