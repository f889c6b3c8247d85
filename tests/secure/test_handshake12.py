"""The handshake of TLS 1.2 with servers that break its rules, one at a time."""

from __future__ import annotations

import os

import pytest

from support.alterations import BLOCK_12, append, become, flip, have, message, overwrite, shorten, twice
from support.scripted_script import Alteration, Extensions, ExtensionsAlteration, Script, leaf
from support.scripted_server import PLAIN, Meeting, accepted, expect_refusal
from support.scripted_wire import ServerWire
from trio_secure import AlertDescription, PeerIncompatible, TLSConfig
from trio_secure import _extensions as ext
from trio_secure._errors import AlertLevel
from trio_secure._groups import GROUPS_BY_NAME
from trio_secure._versions import DOWNGRADE_TO_TLS11, DOWNGRADE_TO_TLS12, Version

_ALERT = AlertDescription
_OLD = Version.TLS12
_CLIENT_OF_12 = PLAIN.replace(max_version=_OLD)
# Where things stand in a ServerHello without a session id, and in a ServerKeyExchange of x25519.
_SESSION_ID, _SUITE, _COMPRESSION = 34, 35, 37
_CURVE_TYPE, _CURVE, _SHARE, _SCHEME = 0, 1, 4, 36


def _altered(step: str, alteration: Alteration) -> Script:
    return Script(version=_OLD, alter={step: alteration})


def _hello(alteration: ExtensionsAlteration) -> Script:
    return Script(version=_OLD, extend={"ServerHello": alteration})


def _extended_master_secret_alone(extensions: Extensions) -> Extensions:
    return {ext.EXTENDED_MASTER_SECRET: extensions[ext.EXTENDED_MASTER_SECRET]}


# ServerHello


@pytest.mark.parametrize(
    ("code", "description"),
    [
        (0x1301, _ALERT.ILLEGAL_PARAMETER),  # a suite of TLS 1.3
        (0x002F, _ALERT.ILLEGAL_PARAMETER),  # never offered
        (0x00FF, _ALERT.ILLEGAL_PARAMETER),  # the signalling value
        (0xC02C, _ALERT.ILLEGAL_PARAMETER),  # offered by others
    ],
)
async def test_a_suite_that_was_not_offered(code: int, description: AlertDescription) -> None:
    config = PLAIN.replace(
        cipher_suites=["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"]
    )
    script = _altered("ServerHello", overwrite(_SUITE, code.to_bytes(2, "big")))
    await expect_refusal(script, description, config)


async def test_a_compression_method() -> None:
    await expect_refusal(_altered("ServerHello", overwrite(_COMPRESSION, b"\x01")), _ALERT.ILLEGAL_PARAMETER)


def _with_session_id(session_id: bytes) -> Alteration:
    return lambda body: body[:_SESSION_ID] + bytes([len(session_id)]) + session_id + body[_SESSION_ID + 1 :]


@pytest.mark.parametrize("config", [PLAIN, _CLIENT_OF_12], ids=["of-both-versions", "of-1.2"])
async def test_a_session_id_of_the_servers_own_is_fine(config: TLSConfig) -> None:
    await accepted(_altered("ServerHello", _with_session_id(os.urandom(32))), config)


async def test_the_session_id_of_a_tls13_hello_is_not_to_be_echoed() -> None:
    seen: list[bytes] = []

    def alteration(body: bytes) -> bytes:
        return _with_session_id(seen[0])(body)

    async def note(server: ServerWire) -> None:
        seen.append(server.messages[0].body[35:67])

    script = Script(version=_OLD, alter={"ServerHello": alteration}, heard=note)
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER)


@pytest.mark.parametrize(
    ("alteration", "description"),
    [
        pytest.param(have(ext.SESSION_TICKET, b""), _ALERT.UNSUPPORTED_EXTENSION, id="not-offered"),
        pytest.param(have(0x1234, b""), _ALERT.UNSUPPORTED_EXTENSION, id="unknown"),
        pytest.param(have(ext.ALPN, b"\x00\x03\x02h2"), _ALERT.UNSUPPORTED_EXTENSION, id="alpn-not-offered"),
        pytest.param(have(ext.KEY_SHARE, b""), _ALERT.ILLEGAL_PARAMETER, id="misplaced"),
        pytest.param(have(ext.SIGNATURE_ALGORITHMS, b""), _ALERT.ILLEGAL_PARAMETER, id="misplaced-1.2"),
        pytest.param(have(ext.SERVER_NAME, b"x"), _ALERT.DECODE_ERROR, id="server-name-with-data"),
        pytest.param(have(ext.EXTENDED_MASTER_SECRET, b"x"), _ALERT.DECODE_ERROR, id="ems-with-data"),
        pytest.param(
            have(ext.RENEGOTIATION_INFO, b"\x01x"), _ALERT.HANDSHAKE_FAILURE, id="renegotiation-of-something"
        ),
        pytest.param(
            have(ext.RENEGOTIATION_INFO, b""), _ALERT.HANDSHAKE_FAILURE, id="renegotiation-info-cut"
        ),
        pytest.param(have(ext.EC_POINT_FORMATS, b"\x01\x01"), _ALERT.ILLEGAL_PARAMETER, id="compressed-only"),
        pytest.param(have(ext.EC_POINT_FORMATS, b"\x00"), _ALERT.DECODE_ERROR, id="no-formats"),
        pytest.param(have(ext.EC_POINT_FORMATS, b"\x01\x00\x00"), _ALERT.DECODE_ERROR, id="formats-and-more"),
    ],
)
async def test_an_extension_that_may_not_be_so(
    alteration: ExtensionsAlteration, description: AlertDescription
) -> None:
    await expect_refusal(_hello(alteration), description)


async def test_an_extension_twice() -> None:
    doubled = twice(ext.SERVER_NAME, b"", BLOCK_12)
    await expect_refusal(_altered("ServerHello", doubled), _ALERT.ILLEGAL_PARAMETER)


@pytest.mark.parametrize(
    "alteration",
    [
        pytest.param(have(ext.SERVER_NAME, b""), id="server-name"),
        pytest.param(have(ext.SUPPORTED_GROUPS, b"\x00\x02\x00\x1d"), id="groups-as-F5-sends-them"),
        pytest.param(have(ext.EC_POINT_FORMATS, b"\x03\x02\x01\x00"), id="more-formats"),
        pytest.param(_extended_master_secret_alone, id="one-alone"),
    ],
)
async def test_an_extension_that_may_be_so(alteration: ExtensionsAlteration) -> None:
    await accepted(_hello(alteration))


async def test_a_hello_may_have_no_block_of_extensions_at_all() -> None:
    script = Script(version=_OLD, extended=False, alter={"ServerHello": lambda body: body[:BLOCK_12]})
    meeting = await accepted(script)
    assert meeting.info is not None
    assert not meeting.info.extended_master_secret


async def test_a_protocol_that_was_not_offered() -> None:
    script = Script(version=_OLD, alpn=b"http/0.9")
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, PLAIN.replace(alpn=["h2"]))


@pytest.mark.parametrize("sentinel", [DOWNGRADE_TO_TLS12, DOWNGRADE_TO_TLS11])
async def test_a_downgrade_is_seen(sentinel: bytes) -> None:
    script = _altered("ServerHello", overwrite(26, sentinel))
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER)
    await accepted(script, _CLIENT_OF_12)


@pytest.mark.parametrize("version", [0x0302, 0x0301, 0x0300, 0x0304, 0x7F1C])
async def test_a_version_that_was_not_offered(version: int) -> None:
    script = _altered("ServerHello", overwrite(0, version.to_bytes(2, "big")))
    await expect_refusal(script, _ALERT.PROTOCOL_VERSION, error=PeerIncompatible)


# Certificate, ServerKeyExchange


async def test_an_empty_certificate() -> None:
    await expect_refusal(Script(version=_OLD, chain=()), _ALERT.DECODE_ERROR)


@pytest.mark.parametrize("kind", ["p256", "ed25519", "rsa"])
async def test_a_forged_signature(kind: str) -> None:
    key = leaf("p256" if kind == "p256" else "ed25519" if kind == "ed25519" else "rsa")
    script = Script(version=_OLD, leaf=key, alter={"ServerKeyExchange": flip(-1)})
    await expect_refusal(script, _ALERT.DECRYPT_ERROR)


async def test_a_share_that_was_swapped_under_the_signature() -> None:
    share = GROUPS_BY_NAME["x25519"].fresh().public
    script = _altered("ServerKeyExchange", overwrite(_SHARE, share))
    await expect_refusal(script, _ALERT.DECRYPT_ERROR)


async def test_a_signature_of_another_handshake() -> None:
    bodies: list[bytes] = []

    def keep(body: bytes) -> bytes:
        bodies.append(body)
        return bodies[0]

    await accepted(_altered("ServerKeyExchange", keep))
    await expect_refusal(_altered("ServerKeyExchange", keep), _ALERT.DECRYPT_ERROR)


@pytest.mark.parametrize(
    ("alteration", "description"),
    [
        pytest.param(overwrite(_CURVE_TYPE, b"\x01"), _ALERT.ILLEGAL_PARAMETER, id="explicit-curve"),
        pytest.param(overwrite(_CURVE, b"\x00\x18"), _ALERT.ILLEGAL_PARAMETER, id="group-not-offered"),
        pytest.param(overwrite(_CURVE, b"\x12\x34"), _ALERT.ILLEGAL_PARAMETER, id="group-unknown"),
        pytest.param(overwrite(_CURVE, b"\x11\xec"), _ALERT.ILLEGAL_PARAMETER, id="group-of-1.3"),
        pytest.param(
            overwrite(_SCHEME, b"\x04\x01"), _ALERT.ILLEGAL_PARAMETER, id="scheme-for-another-suite"
        ),
        pytest.param(overwrite(_SCHEME, b"\x02\x03"), _ALERT.ILLEGAL_PARAMETER, id="scheme-not-offered"),
        pytest.param(overwrite(_SCHEME, b"\x04\x03"), _ALERT.ILLEGAL_PARAMETER, id="scheme-for-another-key"),
        pytest.param(append(b"x"), _ALERT.DECODE_ERROR, id="too-long"),
        pytest.param(shorten(1), _ALERT.DECODE_ERROR, id="too-short"),
        pytest.param(overwrite(3, b"\x00"), _ALERT.DECODE_ERROR, id="empty-share"),
    ],
)
async def test_a_key_exchange_that_may_not_be_so(
    alteration: Alteration, description: AlertDescription
) -> None:
    config = TLSConfig(verify=False, groups=["x25519", "X25519MLKEM768"], key_shares=["x25519"])
    await expect_refusal(_altered("ServerKeyExchange", alteration), description, config)


async def test_a_scheme_for_a_key_of_another_kind_than_the_suite() -> None:
    rsa_suite = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    await expect_refusal(Script(version=_OLD, suite=rsa_suite), _ALERT.ILLEGAL_PARAMETER)
    ecdsa_suite = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    await expect_refusal(Script(version=_OLD, suite=ecdsa_suite, leaf=leaf("rsa")), _ALERT.ILLEGAL_PARAMETER)


async def test_a_share_of_small_order_under_a_good_signature() -> None:
    script = Script(version=_OLD, share=bytes(32))
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER)
    await expect_refusal(Script(version=_OLD, share=bytes(31)), _ALERT.ILLEGAL_PARAMETER)
    await expect_refusal(
        Script(version=_OLD, group="secp256r1", share=b"\x04" + bytes(64)), _ALERT.ILLEGAL_PARAMETER
    )
    await expect_refusal(
        Script(version=_OLD, group="secp256r1", share=b"\x02" + bytes(64)), _ALERT.ILLEGAL_PARAMETER
    )


# CertificateRequest, ServerHelloDone


@pytest.mark.parametrize(
    ("step", "body", "description"),
    [
        ("CertificateRequest", b"\x00\x00\x02\x04\x03\x00\x00", _ALERT.DECODE_ERROR),
        ("CertificateRequest", b"\x01\x40\x00\x00\x00\x00", _ALERT.DECODE_ERROR),
        ("CertificateRequest", b"\x01\x40\x00\x03\x04\x03\x04\x00\x00", _ALERT.DECODE_ERROR),
        ("CertificateRequest", b"", _ALERT.DECODE_ERROR),
        ("ServerHelloDone", b"x", _ALERT.DECODE_ERROR),
        ("Certificate", b"\x00\x00\x01x", _ALERT.DECODE_ERROR),
        ("Certificate", b"\x00\x00\x03\x00\x00\x00", _ALERT.DECODE_ERROR),
        ("Certificate", b"\x00\x00\x00x", _ALERT.DECODE_ERROR),
        ("ServerHello", b"\x03\x03", _ALERT.DECODE_ERROR),
    ],
)
async def test_a_malformed_message(step: str, body: bytes, description: AlertDescription) -> None:
    await expect_refusal(Script(version=_OLD, request=True, alter={step: become(body)}), description)


# Finished


@pytest.mark.parametrize(
    ("alteration", "description"),
    [
        pytest.param(flip(0), _ALERT.DECRYPT_ERROR, id="corrupted"),
        pytest.param(become(bytes(12)), _ALERT.DECRYPT_ERROR, id="zeros"),
        pytest.param(shorten(1), _ALERT.DECODE_ERROR, id="short"),
        pytest.param(append(b"x"), _ALERT.DECODE_ERROR, id="long"),
        pytest.param(become(b""), _ALERT.DECODE_ERROR, id="empty"),
    ],
)
async def test_a_finished_that_does_not_match(alteration: Alteration, description: AlertDescription) -> None:
    meeting = await expect_refusal(_altered("Finished", alteration), description)
    assert meeting.alert == (AlertLevel.FATAL, description, True)


async def test_a_finished_before_the_change_cipher_spec() -> None:
    script = Script(version=_OLD, before={"ChangeCipherSpec": message(20, bytes(12))})
    await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE)
    await expect_refusal(Script(version=_OLD, omit={"ChangeCipherSpec"}), _ALERT.UNEXPECTED_MESSAGE)


async def test_a_finished_in_the_clear() -> None:
    async def finish(server: ServerWire) -> None:
        server.send_plain(22, b"\x14\x00\x00\x0c" + bytes(12))

    script = Script(version=_OLD, before={"Finished": finish})
    await expect_refusal(script, _ALERT.BAD_RECORD_MAC)


async def test_a_flipped_bit_in_a_protected_record() -> None:
    for at in (-1, 5, 13, 20):
        script = Script(version=_OLD, corrupt={"Finished": flip(at)})
        await expect_refusal(script, _ALERT.BAD_RECORD_MAC)


async def test_a_server_that_asks_for_a_certificate_gets_an_empty_one() -> None:
    meeting: Meeting = await accepted(Script(version=_OLD, request=True))
    assert [seen.body for seen in meeting.server.messages if seen.type == 11] == [bytes(3)]
