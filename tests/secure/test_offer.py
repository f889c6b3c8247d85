"""What a client proposes, and answers that leave it."""

from __future__ import annotations

import dataclasses

import pytest

from support.alterations import BLOCK_13, flip, have, lack, overwrite
from support.scripted_flights import SeenHello, read_hello
from support.scripted_script import ExtensionsAlteration, Script
from support.scripted_server import PLAIN, accepted, expect_refusal
from trio_secure import AlertDescription, PeerIncompatible, PeerMisbehaved, TLSConfig
from trio_secure import _extensions as ext
from trio_secure._codec import vector16
from trio_secure._groups import GROUPS_BY_NAME
from trio_secure._messages import RETRY_RANDOM, HelloRetryRequest, ServerHello
from trio_secure._names import ServerName
from trio_secure._offer import Offer
from trio_secure._suites import SUITES_BY_NAME
from trio_secure._versions import DOWNGRADE_TO_TLS11, DOWNGRADE_TO_TLS12, Version

_ALERT = AlertDescription
_NAME = ServerName.parse("scripted.test")
_CLIENT_OF_12 = TLSConfig(max_version=Version.TLS12)
_CLIENT_OF_13 = TLSConfig(min_version=Version.TLS13)


def _hello(config: TLSConfig, name: ServerName | None = _NAME) -> SeenHello:
    return read_hello(Offer.fresh(config, name).hello.encode()[4:])


# The ClientHello


def test_every_hello_is_new() -> None:
    hellos = [_hello(PLAIN) for _ in range(8)]
    assert len({hello.random for hello in hellos}) == 8
    assert len({hello.session_id for hello in hellos}) == 8
    assert len({hello.shares[0x1D] for hello in hellos}) == 8


def test_a_hello_offers_both_versions_the_newer_first() -> None:
    hello = _hello(TLSConfig())
    assert hello.extensions[ext.SUPPORTED_VERSIONS] == b"\x04\x03\x04\x03\x03"
    assert list(hello.shares) == [0x11EC, 0x1D]
    assert len(hello.session_id) == 32
    assert hello.suites[:3] == (0x1301, 0x1302, 0x1303)
    assert ext.EXTENDED_MASTER_SECRET in hello.extensions
    assert ext.ALPN not in hello.extensions


def test_a_hello_of_tls12_has_nothing_of_tls13() -> None:
    hello = _hello(_CLIENT_OF_12)
    assert hello.session_id == b""
    assert hello.extensions.keys() == {
        ext.SERVER_NAME,
        ext.EXTENDED_MASTER_SECRET,
        ext.RENEGOTIATION_INFO,
        ext.EC_POINT_FORMATS,
        ext.SUPPORTED_GROUPS,
        ext.SIGNATURE_ALGORITHMS,
    }
    assert hello.extensions[ext.RENEGOTIATION_INFO] == b"\x00"
    assert hello.extensions[ext.EC_POINT_FORMATS] == b"\x01\x00"
    assert b"\x11\xec" not in hello.extensions[ext.SUPPORTED_GROUPS]


def test_a_hello_of_tls13_has_nothing_of_tls12() -> None:
    hello = _hello(_CLIENT_OF_13)
    assert hello.extensions[ext.SUPPORTED_VERSIONS] == b"\x02\x03\x04"
    assert hello.suites == (0x1301, 0x1302, 0x1303)
    assert not hello.extensions.keys() & {
        ext.EXTENDED_MASTER_SECRET,
        ext.RENEGOTIATION_INFO,
        ext.EC_POINT_FORMATS,
    }


def test_a_name_is_sent_and_an_address_is_not() -> None:
    assert _hello(PLAIN).extensions[ext.SERVER_NAME] == b"\x00\x10\x00\x00\x0dscripted.test"
    for name in (ServerName.parse("192.0.2.1"), ServerName.parse("::1"), None):
        assert ext.SERVER_NAME not in _hello(PLAIN, name).extensions


def test_protocols_are_offered_in_order() -> None:
    hello = _hello(PLAIN.replace(alpn=["h2", "http/1.1"]))
    assert hello.extensions[ext.ALPN] == b"\x00\x0c\x02h2\x08http/1.1"


# Versions


def _answer(
    version: int = 0x0303, random: bytes = bytes(32), extensions: ext.Extensions | None = None
) -> ServerHello:
    return ServerHello(version, random, b"", 0x1301, 0, extensions or {})


@pytest.mark.parametrize("selected", [0x0303, 0x0302, 0x0305, 0x7F1C])
async def test_supported_versions_names_tls13_or_nothing(selected: int) -> None:
    script = Script(extend={"ServerHello": have(ext.SUPPORTED_VERSIONS, selected.to_bytes(2, "big"))})
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER)


@pytest.mark.parametrize("data", [b"", b"\x03", b"\x03\x04\x03"])
async def test_supported_versions_is_one_version(data: bytes) -> None:
    script = Script(extend={"ServerHello": have(ext.SUPPORTED_VERSIONS, data)})
    await expect_refusal(script, _ALERT.DECODE_ERROR)


async def test_an_older_version_than_was_asked_for() -> None:
    await expect_refusal(
        Script(version=Version.TLS12), _ALERT.PROTOCOL_VERSION, _CLIENT_OF_13, error=PeerIncompatible
    )


async def test_tls13_for_a_client_that_did_not_offer_it() -> None:
    """To a client of TLS 1.2, supported_versions is an extension where it has no place."""
    share = {ext.SUPPORTED_VERSIONS: b"\x03\x04", ext.KEY_SHARE: b"\x00\x1d" + vector16(bytes(32))}
    script = Script(version=Version.TLS12, extend={"ServerHello": lambda extensions: share})
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, PLAIN.replace(max_version=Version.TLS12))


@pytest.mark.parametrize("sentinel", [DOWNGRADE_TO_TLS12, DOWNGRADE_TO_TLS11])
def test_a_downgrade_is_seen_by_whoever_offered_more(sentinel: bytes) -> None:
    answer = _answer(random=bytes(24) + sentinel)
    with pytest.raises(PeerMisbehaved, match="downgraded"):
        Offer.fresh(PLAIN, None).version(answer)
    assert Offer.fresh(_CLIENT_OF_12, None).version(answer) is Version.TLS12


@pytest.mark.parametrize("version", [0x0301, 0x0302, 0x0304, 0xFEFD])
async def test_legacy_version_of_tls13_is_fixed(version: int) -> None:
    script = Script(alter={"ServerHello": overwrite(0, version.to_bytes(2, "big"))})
    await expect_refusal(script, _ALERT.PROTOCOL_VERSION)


# The rest of the hello


@pytest.mark.parametrize("step", ["ServerHello", "HelloRetryRequest"])
async def test_the_session_id_is_echoed(step: str) -> None:
    script = Script(retry_group=0x17, alter={step: flip(40)})
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER)
    script = Script(retry_group=0x17, alter={step: lambda body: body[:34] + b"\x00" + body[67:]})
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER)


@pytest.mark.parametrize("step", ["ServerHello", "HelloRetryRequest"])
async def test_there_is_no_compression(step: str) -> None:
    script = Script(retry_group=0x17, alter={step: overwrite(BLOCK_13 - 1, b"\x01")})
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER)


@pytest.mark.parametrize("code", [0xC02B, 0x1302, 0x1304, 0x0000])
async def test_a_suite_that_was_not_offered(code: int) -> None:
    config = PLAIN.replace(
        cipher_suites=["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]
    )
    script = Script(alter={"ServerHello": overwrite(BLOCK_13 - 3, code.to_bytes(2, "big"))})
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, config)


def test_a_suite_belongs_to_its_version() -> None:
    offer = Offer.fresh(PLAIN, None)
    assert offer.suite(_answer(), Version.TLS13) is SUITES_BY_NAME["TLS_AES_128_GCM_SHA256"]
    with pytest.raises(PeerMisbehaved, match=r"suite 0x1301, not offered for TLS 1\.2"):
        offer.suite(_answer(), Version.TLS12)


# The key share


@pytest.mark.parametrize(
    ("alteration", "description"),
    [
        pytest.param(lack(ext.KEY_SHARE), _ALERT.MISSING_EXTENSION, id="none"),
        pytest.param(have(ext.KEY_SHARE, b""), _ALERT.DECODE_ERROR, id="empty"),
        pytest.param(have(ext.KEY_SHARE, b"\x00\x1d\x00\x00"), _ALERT.DECODE_ERROR, id="no-key"),
        pytest.param(
            have(ext.KEY_SHARE, b"\x00\x1d" + vector16(bytes(32)) + b"x"), _ALERT.DECODE_ERROR, id="too-long"
        ),
        # Offered, but without a share; not offered; unknown.
        pytest.param(
            have(ext.KEY_SHARE, b"\x00\x17" + vector16(bytes(65))), _ALERT.ILLEGAL_PARAMETER, id="no-share"
        ),
        pytest.param(
            have(ext.KEY_SHARE, b"\x00\x18" + vector16(bytes(97))), _ALERT.ILLEGAL_PARAMETER, id="not-offered"
        ),
        pytest.param(
            have(ext.KEY_SHARE, b"\x0a\x0a" + vector16(bytes(1))), _ALERT.ILLEGAL_PARAMETER, id="unknown"
        ),
    ],
)
async def test_the_servers_share(alteration: ExtensionsAlteration, description: AlertDescription) -> None:
    await expect_refusal(Script(extend={"ServerHello": alteration}), description)


async def test_after_a_retry_only_the_group_asked_for_is_left() -> None:
    answer = have(ext.KEY_SHARE, b"\x00\x1d" + vector16(GROUPS_BY_NAME["x25519"].fresh().public))
    script = Script(retry_group=0x17, extend={"ServerHello": answer})
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER)


# HelloRetryRequest


@pytest.mark.parametrize(
    ("alteration", "description"),
    [
        pytest.param(lack(ext.KEY_SHARE), _ALERT.ILLEGAL_PARAMETER, id="asks-for-nothing"),
        pytest.param(have(ext.KEY_SHARE, b"\x00\x1d"), _ALERT.ILLEGAL_PARAMETER, id="share-was-sent"),
        pytest.param(have(ext.KEY_SHARE, b"\x00\x18"), _ALERT.ILLEGAL_PARAMETER, id="not-offered"),
        pytest.param(have(ext.KEY_SHARE, b"\x0a\x0a"), _ALERT.ILLEGAL_PARAMETER, id="unknown-group"),
        pytest.param(have(ext.KEY_SHARE, b"\x00"), _ALERT.DECODE_ERROR, id="half-a-group"),
        pytest.param(have(ext.KEY_SHARE, b"\x00\x17\x00"), _ALERT.DECODE_ERROR, id="group-and-more"),
        pytest.param(have(ext.COOKIE, b"\x00\x00"), _ALERT.DECODE_ERROR, id="empty-cookie"),
        pytest.param(have(ext.COOKIE, b"\x00\x02x"), _ALERT.DECODE_ERROR, id="cookie-cut"),
        pytest.param(have(ext.COOKIE, b"\x00\x01xy"), _ALERT.DECODE_ERROR, id="cookie-and-more"),
        pytest.param(have(0x1234, b""), _ALERT.UNSUPPORTED_EXTENSION, id="unknown-extension"),
        pytest.param(have(ext.SERVER_NAME, b""), _ALERT.ILLEGAL_PARAMETER, id="misplaced-extension"),
    ],
)
async def test_a_retry_that_may_not_be_so(
    alteration: ExtensionsAlteration, description: AlertDescription
) -> None:
    await expect_refusal(Script(retry_group=0x17, extend={"HelloRetryRequest": alteration}), description)


async def test_the_suite_of_a_retry_is_kept() -> None:
    other = overwrite(BLOCK_13 - 3, (0x1302).to_bytes(2, "big"))
    for asked in (Script(retry_group=0x17), Script(retry_cookie=b"c")):
        script = dataclasses.replace(asked, alter={"ServerHello": other})
        await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER)


def test_a_retry_for_a_client_that_knows_none() -> None:
    request = HelloRetryRequest(0x0303, RETRY_RANDOM, b"", 0x1301, 0, {})
    with pytest.raises(PeerMisbehaved, match=r"does not settle on TLS 1\.3"):
        Offer.fresh(PLAIN, None).version(request)


def test_a_retried_offer_keeps_the_first_hello() -> None:
    first = Offer.fresh(PLAIN, _NAME)
    extensions = {ext.SUPPORTED_VERSIONS: b"\x03\x04", ext.COOKIE: b"\x00\x01c"}
    request = HelloRetryRequest(0x0303, RETRY_RANDOM, first.hello.session_id, 0x1301, 0, extensions)
    second = first.retried(request)
    assert second.retry is request
    assert second.shares is first.shares
    assert second.hello.extensions == (*first.hello.extensions, (ext.COOKIE, b"\x00\x01c"))


# ALPN and the server's name


def test_a_server_need_not_choose_a_protocol() -> None:
    offer = Offer.fresh(PLAIN.replace(alpn=["h2"]), None)
    assert offer.protocol({}) is None
    assert offer.protocol({ext.ALPN: b"\x00\x03\x02h2"}) == b"h2"
    with pytest.raises(PeerMisbehaved, match="b'h3', which was not offered"):
        offer.protocol({ext.ALPN: b"\x00\x03\x02h3"})


def test_a_server_answers_a_name_with_nothing() -> None:
    offer = Offer.fresh(PLAIN, _NAME)
    offer.check_server_name({})
    offer.check_server_name({ext.SERVER_NAME: b""})
    with pytest.raises(PeerMisbehaved, match="malformed server_name answer"):
        offer.check_server_name({ext.SERVER_NAME: b"\x00"})
    assert GROUPS_BY_NAME["x25519"] in offer.shares


async def test_a_good_answer_is_agreed_on() -> None:
    meeting = await accepted(Script(alpn=b"h2"), PLAIN.replace(alpn=["h2"]))
    assert meeting.info is not None
    assert meeting.info.group == "x25519"
