"""What a client proposes, and answers that leave it."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest

from support.alterations import BLOCK_13, flip, have, lack, overwrite
from support.scripted_flights import SeenHello, read_hello
from support.scripted_script import ExtensionsAlteration, Script
from support.scripted_server import PLAIN, accepted, expect_refusal
from support.scripted_sessions import OfferedPsk
from support.sessions import session12, session13
from trio_secure import AlertDescription, PeerIncompatible, PeerMisbehaved, TLSConfig
from trio_secure import _extensions as ext
from trio_secure._codec import vector16
from trio_secure._grease import VALUES
from trio_secure._groups import GROUPS_BY_NAME
from trio_secure._keys13 import EarlySecrets
from trio_secure._messages import RETRY_RANDOM, HelloRetryRequest, ServerHello
from trio_secure._names import ServerName
from trio_secure._offer import Offer
from trio_secure._suites import SHA256, SHA384, SUITES_BY_NAME
from trio_secure._transcript import Transcript
from trio_secure._versions import DOWNGRADE_OF_JAVA11, DOWNGRADE_TO_TLS11, DOWNGRADE_TO_TLS12, Version

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
    """To a client of TLS 1.2, supported_versions is an extension it did not ask for (RFC 5246 §7.4.1.4)."""
    share = {ext.SUPPORTED_VERSIONS: b"\x03\x04", ext.KEY_SHARE: b"\x00\x1d" + vector16(bytes(32))}
    script = Script(version=Version.TLS12, extend={"ServerHello": lambda extensions: share})
    await expect_refusal(script, _ALERT.UNSUPPORTED_EXTENSION, PLAIN.replace(max_version=Version.TLS12))


@pytest.mark.parametrize("sentinel", [DOWNGRADE_TO_TLS12, DOWNGRADE_TO_TLS11, DOWNGRADE_OF_JAVA11])
def test_a_downgrade_is_seen_by_whoever_offered_more(sentinel: bytes) -> None:
    answer = _answer(random=bytes(24) + sentinel)
    with pytest.raises(PeerMisbehaved, match="downgraded"):
        Offer.fresh(PLAIN, None).version(answer)
    assert Offer.fresh(_CLIENT_OF_12, None).version(answer) is Version.TLS12


def test_a_client_of_tls12_sees_a_downgrade_below_it() -> None:
    config = TLSConfig(min_version=Version.TLS10, max_version=Version.TLS12)
    answer = _answer(Version.TLS11, bytes(24) + DOWNGRADE_TO_TLS11)
    with pytest.raises(PeerMisbehaved, match="downgraded"):
        Offer.fresh(config, None).version(answer)
    older = config.replace(max_version=Version.TLS11)
    assert Offer.fresh(older, None).version(answer) is Version.TLS11
    assert Offer.fresh(config, None).version(_answer(Version.TLS10)) is Version.TLS10


@pytest.mark.parametrize("version", [0x0300, 0x0301, 0x0302, 0x0305, 0x0200])
def test_a_version_out_of_range(version: int) -> None:
    with pytest.raises(PeerIncompatible, match=r"this connection allows TLS 1\.2 to TLS 1\.3"):
        Offer.fresh(PLAIN, None).version(_answer(version))


def test_no_version_above_the_highest() -> None:
    config = TLSConfig(min_version=Version.TLS10, max_version=Version.TLS11)
    with pytest.raises(PeerIncompatible, match=r"TLS 1\.0 to TLS 1\.1"):
        Offer.fresh(config, None).version(_answer(Version.TLS12))


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
    transcript = Transcript()
    transcript.add(first.hello.encode())
    transcript.use_after_retry(SHA256)
    second = first.retried(request, transcript)
    assert second.retry is request
    assert second.shares is first.shares
    assert second.hello.extensions == (*first.hello.extensions, (ext.COOKIE, b"\x00\x01c"))


async def test_a_good_answer_is_agreed_on() -> None:
    meeting = await accepted(Script(alpn=b"h2"), PLAIN.replace(alpn=["h2"]))
    assert meeting.info is not None
    assert meeting.info.group == "x25519"


# Sessions


def _resuming(config: TLSConfig = PLAIN, *, early_data: bool = False, **changes: Any) -> Offer:
    return Offer.fresh(config, _NAME, session13(**changes), early_data=early_data)


def test_a_pre_shared_key_is_offered_behind_everything_else() -> None:
    session = session13()
    offer = Offer.fresh(PLAIN, _NAME, session)
    assert offer.hello.extensions[-1][0] == ext.PRE_SHARED_KEY
    offered = OfferedPsk.read(offer.hello.extensions[-1][1])
    assert offered.ticket == session.ticket
    truncated = offer.hello.encode()[: -(2 + 1 + 32)]
    expected = EarlySecrets.derive(SHA256, session.psk).binder(hashlib.sha256(truncated).digest())
    assert offered.binder == expected
    assert not offer.early_data


def test_early_data_needs_a_session_of_tls13() -> None:
    assert _resuming(early_data=True).early_data
    assert not Offer.fresh(PLAIN, _NAME, session12(), early_data=True).early_data
    assert not Offer.fresh(PLAIN, _NAME, early_data=True).early_data


def _retried(offer: Offer, suite: int) -> Offer:
    extensions = {ext.SUPPORTED_VERSIONS: b"\x03\x04", ext.COOKIE: b"\x00\x01c"}
    request = HelloRetryRequest(0x0303, RETRY_RANDOM, offer.hello.session_id, suite, 0, extensions)
    transcript = Transcript()
    transcript.add(offer.hello.encode())
    transcript.use_after_retry(SHA384 if suite == 0x1302 else SHA256)
    return offer.retried(request, transcript)


def test_a_retry_binds_the_key_anew_and_drops_the_early_data() -> None:
    first = _resuming(early_data=True)
    second = _retried(first, 0x1301)
    assert second.hello.extensions[-1][0] == ext.PRE_SHARED_KEY
    assert second.hello.extensions[-1] != first.hello.extensions[-1]
    assert ext.EARLY_DATA in first.offered
    assert ext.EARLY_DATA not in second.offered
    assert second.sent_early_data
    assert not second.early_data


@pytest.mark.parametrize("early_data", [False, True])
def test_a_ticket_that_fills_the_hello_is_not_offered(early_data: bool) -> None:
    """A server may give one of 65535 bytes, which is what all extensions have together."""
    for session in (
        session13(ticket=bytes(65535), max_early_data=5),
        session12(session_id=b"", ticket=bytes(65535)),
    ):
        offer = Offer.fresh(TLSConfig(), _NAME, session, early_data=early_data)
        assert offer.session is None
        assert offer.key is None
        assert not offer.early_data
        assert not offer.sent_early_data
        assert offer.hello.room > 0
    assert Offer.fresh(TLSConfig(), _NAME, session13(ticket=bytes(60000))).key is not None


def _with_cookie(length: int) -> HelloRetryRequest:
    extensions = {ext.SUPPORTED_VERSIONS: b"\3\4", ext.COOKIE: vector16(bytes(length))}
    return HelloRetryRequest(0x0303, RETRY_RANDOM, b"", 0x1301, 0, extensions)


@pytest.mark.parametrize(
    ("ticket", "cookie", "keeps"), [(30000, 30000, True), (33000, 32000, False), (10, 64000, True)]
)
def test_a_key_that_has_no_room_beside_the_cookie_is_dropped(ticket: int, cookie: int, keeps: bool) -> None:
    first = Offer.fresh(TLSConfig(), None, session13(ticket=bytes(ticket)))
    request = dataclasses.replace(_with_cookie(cookie), session_id=first.hello.session_id)
    transcript = Transcript()
    transcript.use(SHA256)
    second = first.retried(request, transcript)
    assert (second.key is not None) is keeps
    assert dict(second.hello.extensions)[ext.COOKIE] == vector16(bytes(cookie))
    assert second.hello.encode()


async def test_a_cookie_too_long_to_be_copied() -> None:
    """With supported_versions, a HelloRetryRequest has room for a longer one than a ClientHello."""
    await accepted(Script(retry_cookie=bytes(64500)))
    await expect_refusal(Script(retry_cookie=bytes(65521)), _ALERT.ILLEGAL_PARAMETER)


def test_a_key_of_another_hash_than_the_retrys_is_dropped() -> None:
    second = _retried(_resuming(), 0x1302)
    assert second.key is None
    assert ext.PRE_SHARED_KEY not in second.offered


def _resumed(data: bytes) -> ServerHello:
    return _answer(extensions={ext.PRE_SHARED_KEY: data})


def test_a_key_that_was_taken() -> None:
    offer, suite = _resuming(), SUITES_BY_NAME["TLS_AES_128_GCM_SHA256"]
    assert offer.accepted_key(_resumed(b"\0\0"), suite) is offer.key
    assert offer.accepted_key(_answer(), suite) is None
    assert Offer.fresh(PLAIN, _NAME).accepted_key(_answer(), suite) is None


@pytest.mark.parametrize(
    ("data", "suite", "alert"),
    [
        (b"\0\1", "TLS_AES_128_GCM_SHA256", _ALERT.ILLEGAL_PARAMETER),
        (b"\0\0", "TLS_AES_256_GCM_SHA384", _ALERT.ILLEGAL_PARAMETER),
        (b"\0", "TLS_AES_128_GCM_SHA256", _ALERT.DECODE_ERROR),
        (b"\0\0\0", "TLS_AES_128_GCM_SHA256", _ALERT.DECODE_ERROR),
    ],
)
def test_a_key_that_was_taken_wrongly(data: bytes, suite: str, alert: AlertDescription) -> None:
    with pytest.raises(PeerMisbehaved) as caught:
        _resuming().accepted_key(_resumed(data), SUITES_BY_NAME[suite])
    assert caught.value.alert == alert


def test_grease_is_offered_to_nobody() -> None:
    offer = Offer.fresh(PLAIN.replace(grease=True), _NAME)
    assert not offer.offered & set(VALUES)
    assert {code for code, _ in offer.hello.extensions} & set(VALUES)
