"""The handshake as a whole: what every version can agree on, versions that were not offered, and retries."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import pytest
import trio
from trio.testing import memory_stream_pair

from support.alterations import BLOCK_13, have, lack, message, overwrite
from support.authority import KeyKind
from support.cancellation import every_checkpoint
from support.scripted_flights import SeenHello, read_hello
from support.scripted_flows import EVERYTHING, FLOWS, Flow
from support.scripted_script import SERVER_NAME, Script, leaf
from support.scripted_server import PLAIN, Meeting, accepted, expect_refusal, refused, serve, wrap
from support.scripted_wire import ServerWire
from trio_secure import (
    AlertDescription,
    LegacyTLSWarning,
    PeerIncompatible,
    TLSConfig,
    TraceEvent,
    Truncated,
)
from trio_secure import _extensions as ext
from trio_secure._errors import AlertLevel
from trio_secure._groups import NAMED_GROUPS, NamedGroup
from trio_secure._messages import RETRY_RANDOM
from trio_secure._signatures import SIGNATURE_SCHEMES, SignatureScheme
from trio_secure._suites import CIPHER_SUITES, CipherSuite, KeyExchange
from trio_secure._versions import DOWNGRADE_OF_JAVA11, DOWNGRADE_TO_TLS11, DOWNGRADE_TO_TLS12, Version

_ALERT = AlertDescription
_KEYS: dict[str, KeyKind | Literal["rsa_pss"]] = {
    "ecdsa_secp256r1_sha256": "p256",
    "ecdsa_secp384r1_sha384": "p384",
    "ecdsa_secp521r1_sha512": "p521",
    "ed25519": "ed25519",
    "ed448": "ed448",
    "rsa_pss_pss_sha256": "rsa_pss",
    "rsa_pss_pss_sha384": "rsa_pss",
    "rsa_pss_pss_sha512": "rsa_pss",
    "mldsa44": "mldsa44",
    "mldsa65": "mldsa65",
    "mldsa87": "mldsa87",
}
_SUITES_13 = [suite for suite in CIPHER_SUITES if suite.fits(Version.TLS13)]
_SUITES_12 = [
    suite for suite in CIPHER_SUITES if suite.by_default and suite.key_exchange is KeyExchange.ECDHE
]
_GROUPS_12 = [
    group
    for group in NAMED_GROUPS
    if group.since <= Version.TLS12 and group.key_exchange is KeyExchange.ECDHE
]
_NAMES_12 = [group.name for group in _GROUPS_12]
_SCHEMES_13 = [scheme for scheme in SIGNATURE_SCHEMES if scheme.until == Version.TLS13]
_EARLY = next(flow for flow in FLOWS if flow.early_data)


def _script(version: Version, suite: CipherSuite, group: NamedGroup, scheme: SignatureScheme) -> Script:
    key = leaf(_KEYS.get(scheme.name, "rsa"))
    return Script(version=version, suite=suite.name, group=group.name, scheme=scheme.code, leaf=key)


def _check(meeting: Meeting, suite: CipherSuite, group: NamedGroup, scheme: SignatureScheme) -> None:
    info = meeting.info
    assert info is not None
    assert (info.version, info.cipher_suite) == (suite.until, suite.name)
    assert (info.group, info.signature_scheme) == (group.name, scheme.name)
    assert info.peer_certificates == meeting.server.script.certificates
    assert info.extended_master_secret


@pytest.mark.parametrize("group", NAMED_GROUPS, ids=lambda row: row.name)
@pytest.mark.parametrize("suite", _SUITES_13, ids=lambda row: row.name)
async def test_tls13_agrees_on_every_suite_group_and_signature(suite: CipherSuite, group: NamedGroup) -> None:
    config = TLSConfig(verify=False, groups=[group.name])
    for scheme in _SCHEMES_13:
        meeting = await accepted(_script(Version.TLS13, suite, group, scheme), config)
        _check(meeting, suite, group, scheme)


@pytest.mark.parametrize("group", _GROUPS_12, ids=lambda row: row.name)
@pytest.mark.parametrize("suite", _SUITES_12, ids=lambda row: row.name)
async def test_tls12_agrees_on_every_suite_group_and_signature(suite: CipherSuite, group: NamedGroup) -> None:
    config = TLSConfig(verify=False, max_version=Version.TLS12, groups=_NAMES_12)
    for scheme in SIGNATURE_SCHEMES:
        if scheme.authentication is suite.authentication:
            meeting = await accepted(_script(Version.TLS12, suite, group, scheme), config)
            _check(meeting, suite, group, scheme)


@pytest.mark.parametrize("alpn", [None, b"h2"])
@pytest.mark.parametrize("request_", [False, True], ids=["anonymous", "asked"])
@pytest.mark.parametrize("cookie", [None, b"c", b"c" * 2000], ids=["plain", "cookie", "big-cookie"])
@pytest.mark.parametrize("retried", [False, True], ids=["at-once", "other-group"])
@pytest.mark.parametrize("group", NAMED_GROUPS, ids=lambda row: row.name)
async def test_tls13_takes_every_way_through_the_handshake(
    group: NamedGroup, retried: bool, cookie: bytes | None, request_: bool, alpn: bytes | None
) -> None:
    other = "x25519" if group.name != "x25519" else "secp256r1"
    shares = [other if retried else group.name]
    config = TLSConfig(verify=False, groups=[group.name, other], key_shares=shares, alpn=["http/1.1", "h2"])
    code = group.code if retried else None
    script = Script(group=group.name, retry_group=code, retry_cookie=cookie, request=request_, alpn=alpn)
    meeting = await accepted(script, config)
    assert meeting.info is not None
    assert meeting.info.group == group.name
    assert meeting.info.alpn == (alpn and alpn.decode())
    hellos = [1, 1] if script.retries else [1]
    assert [seen.type for seen in meeting.server.messages] == [*hellos, *([11] if request_ else []), 20]


@pytest.mark.parametrize("extended", [False, True], ids=["randoms", "extended"])
@pytest.mark.parametrize("alpn", [None, b"h2"])
@pytest.mark.parametrize("request_", [False, True], ids=["anonymous", "asked"])
async def test_tls12_takes_every_way_through_the_handshake(
    request_: bool, alpn: bytes | None, extended: bool
) -> None:
    script = Script(version=Version.TLS12, request=request_, alpn=alpn, extended=extended)
    meeting = await accepted(script, PLAIN.replace(alpn=["h2"]))
    assert meeting.info is not None
    assert meeting.info.alpn == (alpn and alpn.decode())
    assert meeting.info.extended_master_secret is extended
    assert [seen.type for seen in meeting.server.messages] == [1, *([11] if request_ else []), 16, 20]


# Versions

_OLDER = (Version.TLS10, Version.TLS11, Version.TLS12)
_ECDSA = "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"


def _range(lowest: Version, highest: Version) -> TLSConfig:
    old = [_ECDSA] if lowest < Version.TLS13 else []
    new = ["TLS_AES_128_GCM_SHA256"] if highest >= Version.TLS13 else []
    return PLAIN.replace(min_version=lowest, max_version=highest, cipher_suites=[*new, *old])


def _speaking(version: Version, **choices: Any) -> Script:
    return Script(
        version=version, suite=_ECDSA if version < Version.TLS13 else None, leaf=leaf("p256"), **choices
    )


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("highest", Version)
@pytest.mark.parametrize("lowest", Version)
async def test_a_version_is_one_of_those_offered(lowest: Version, highest: Version, version: Version) -> None:
    if lowest > highest:
        return
    script, config = _speaking(version), _range(lowest, highest)
    if lowest <= version <= highest:
        meeting = await accepted(script, config)
        assert meeting.info is not None
        assert meeting.info.version == version
    elif version < Version.TLS13:
        await expect_refusal(script, _ALERT.PROTOCOL_VERSION, config, error=PeerIncompatible)


@pytest.mark.parametrize("number", [0x0000, 0x0200, 0x0300, 0x0304, 0x0305, 0x0403, 0x7F1C, 0xFEFD, 0xFFFF])
async def test_a_version_that_there_is_not(number: int) -> None:
    written = {"ServerHello": overwrite(0, number.to_bytes(2, "big"))}
    for highest in Version:
        script, config = _speaking(min(highest, Version.TLS12), alter=written), _range(Version.TLS10, highest)
        await expect_refusal(script, _ALERT.PROTOCOL_VERSION, config, error=PeerIncompatible)


# RFC 9846 §4.2.3 [8446 §4.1.3]: by the highest version offered, the versions in which a sentinel gives away that
# somebody has been at it.
_SEEN: dict[Version, dict[bytes, tuple[Version, ...]]] = {
    Version.TLS13: {
        DOWNGRADE_TO_TLS12: _OLDER,
        DOWNGRADE_TO_TLS11: _OLDER,
        DOWNGRADE_OF_JAVA11: _OLDER,
    },
    Version.TLS12: {DOWNGRADE_TO_TLS11: _OLDER[:2]},
    Version.TLS11: {},
    Version.TLS10: {},
}


@pytest.mark.parametrize("sentinel", [DOWNGRADE_TO_TLS12, DOWNGRADE_TO_TLS11, DOWNGRADE_OF_JAVA11])
@pytest.mark.parametrize("highest", Version)
async def test_a_downgrade_is_seen(highest: Version, sentinel: bytes) -> None:
    config = _range(Version.TLS10, highest)
    for version in _OLDER:
        script = _speaking(version, alter={"ServerHello": overwrite(26, sentinel)})
        if version in _SEEN[highest].get(sentinel, ()):
            await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, config)
        elif version <= highest:
            await accepted(script, config)


async def test_a_sentinel_in_a_hello_of_tls13_means_nothing() -> None:
    for sentinel in (DOWNGRADE_TO_TLS12, DOWNGRADE_TO_TLS11):
        await accepted(Script(alter={"ServerHello": overwrite(26, sentinel)}))


@pytest.mark.parametrize("highest", Version)
async def test_an_alert_bears_a_version_that_was_offered(highest: Version) -> None:
    """Also when the server has not said yet which one it is to be."""
    script = _speaking(min(highest, Version.TLS12), before={"ServerHello": message(99)})
    config = _range(Version.TLS10, highest)
    meeting = await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE, config)
    assert meeting.server.versions == [0x0301, min(highest, Version.TLS12)]


@pytest.mark.parametrize("version", [Version.TLS10, Version.TLS11])
async def test_a_connection_below_tls12_warns(version: Version) -> None:
    """The meeting wants the warning; where warnings are errors, there is no connection."""
    await accepted(_speaking(version), _range(Version.TLS10, Version.TLS13))
    ours, theirs = memory_stream_pair()
    server = ServerWire(theirs, _speaking(version))
    async with trio.open_nursery() as nursery:
        # The server ends once it has seen the transport close.
        nursery.start_soon(serve, server)
        with pytest.raises(LegacyTLSWarning, match=f"speaks only {version.label}, which is out of use"):
            await wrap(ours, SERVER_NAME, _range(Version.TLS10, Version.TLS13))
    assert [seen[:2] for seen in server.alerts] == [(AlertLevel.FATAL, _ALERT.INTERNAL_ERROR)]


# Sessions and early data


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
async def test_it_goes_every_way_there_is(flow: Flow) -> None:
    events: list[TraceEvent] = []
    script, config, early_data = flow.part(EVERYTHING.replace(trace=events.append))
    meeting = await accepted(script, config, early_data=early_data)
    assert meeting.server.early_data == early_data
    said = [event.summary for event in events if (event.direction, event.name) == ("note", "session")]
    assert said == (["offered", "resumed"] if flow.resumes else [])


async def test_early_data_for_a_server_that_has_gone_back_to_tls12() -> None:
    """RFC 9846 §E.3 [8446 §D.3]."""
    config, early_data = _EARLY.part().config, _EARLY.early_data
    script = Script(version=Version.TLS12, leaf=leaf("p256"))
    meeting = await refused(script, config, early_data=early_data)
    assert isinstance(meeting.error, PeerIncompatible)
    assert meeting.error.alert is _ALERT.PROTOCOL_VERSION
    assert "connect without early data" in str(meeting.error)


async def test_early_data_that_a_retry_rejects_is_not_sent_again() -> None:
    script, config, early_data = _EARLY.part(retry_group=0x17, early_data=False)
    meeting = await accepted(script, config, early_data=early_data)
    assert meeting.info is not None
    assert meeting.info.early_data_accepted is False
    first, second = _hellos(meeting)
    assert ext.EARLY_DATA in first.extensions
    assert ext.EARLY_DATA not in second.extensions


# HelloRetryRequest


def _hellos(meeting: Meeting) -> list[SeenHello]:
    return [read_hello(seen.body) for seen in meeting.server.messages if seen.type == 1]


async def test_the_second_hello_differs_only_where_it_was_asked_to() -> None:
    meeting = await accepted(Script(retry_group=0x17, retry_cookie=b"biscuit"))
    first, second = _hellos(meeting)
    assert (first.random, first.session_id, first.suites) == (second.random, second.session_id, second.suites)
    assert list(second.shares) == [0x17]
    assert second.extensions[ext.COOKIE] == b"\x00\x07biscuit"
    differing = {code for code in second.extensions if first.extensions.get(code) != second.extensions[code]}
    assert differing == {ext.KEY_SHARE, ext.COOKIE}
    assert first.extensions.keys() <= second.extensions.keys()


async def test_a_cookie_alone_leaves_the_shares_as_they_were() -> None:
    first, second = _hellos(await accepted(Script(retry_cookie=b"biscuit")))
    assert first.shares == second.shares


async def test_the_dummy_change_cipher_spec_comes_once_and_before_the_second_flight() -> None:
    assert (await accepted(Script())).server.records[:3] == [22, 20, 23]
    assert (await accepted(Script(retry_group=0x17))).server.records[:4] == [22, 20, 22, 23]


async def test_a_second_retry_is_an_unexpected_message() -> None:
    body = b"\x03\x03" + RETRY_RANDOM + bytes(40)
    for script in (
        Script(retry_group=0x17, before={"ServerHello": message(2, body)}),
        Script(retry_cookie=b"c", before={"ServerHello": message(2, body)}),
    ):
        await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE)


async def test_the_version_of_the_retry_is_kept() -> None:
    script = Script(retry_group=0x17, extend={"ServerHello": lack(ext.SUPPORTED_VERSIONS)})
    meeting = await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER)
    assert "changed its version" in str(meeting.error)


async def test_the_suite_of_the_retry_is_kept() -> None:
    other = overwrite(BLOCK_13 - 3, (0x1303).to_bytes(2, "big"))
    script = Script(retry_group=0x17, alter={"ServerHello": other})
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER)


async def test_a_retry_with_a_suite_that_was_not_offered() -> None:
    script = Script(retry_group=0x17, alter={"HelloRetryRequest": overwrite(BLOCK_13 - 3, b"\xc0\x2b")})
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER)


async def test_the_retry_is_of_the_only_version_that_has_one() -> None:
    for alteration, description in (
        (lack(ext.SUPPORTED_VERSIONS), _ALERT.MISSING_EXTENSION),
        (have(ext.SUPPORTED_VERSIONS, b"\x03\x03"), _ALERT.ILLEGAL_PARAMETER),
    ):
        await expect_refusal(Script(retry_group=0x17, extend={"HelloRetryRequest": alteration}), description)


async def test_to_a_client_of_older_versions_a_retry_is_a_hello_with_an_odd_random_value() -> None:
    for highest in _OLDER:
        script = _speaking(highest, alter={"ServerHello": overwrite(2, RETRY_RANDOM)})
        await accepted(script, _range(Version.TLS10, highest))
        for code in (ext.COOKIE, 0x1234):
            script = dataclasses.replace(script, extend={"ServerHello": have(code, b"\0\1c")})
            await expect_refusal(script, _ALERT.UNSUPPORTED_EXTENSION, _range(Version.TLS10, highest))


# The end of the transport


@pytest.mark.parametrize("version", Version)
async def test_the_transport_may_end_after_any_byte(version: Version) -> None:
    # What is sent is of the same length each time: no ECDSA.
    suite = "TLS_RSA_WITH_AES_128_CBC_SHA" if version < Version.TLS13 else "TLS_AES_128_GCM_SHA256"
    script = Script(version=version, suite=suite, leaf=leaf("rsa" if version < Version.TLS13 else "ed25519"))
    config = PLAIN.replace(min_version=version, max_version=version, cipher_suites=[suite])
    whole = await accepted(script, config, data=b"")
    # Each byte at the beginning and every third of the rest.
    for count in (*range(1, 60), *range(60, whole.server.sent, 3)):
        cut = dataclasses.replace(script, cut=count)
        meeting = await expect_refusal(cut, None, config, error=Truncated)
        assert meeting.error is not None
        assert meeting.error.phase


# Cancellation


@pytest.mark.parametrize(
    "script",
    [Script(retry_cookie=b"c", request=True), Script(version=Version.TLS12, request=True)],
    ids=["TLS13-retried", "TLS12"],
)
async def test_a_handshake_cancelled_anywhere_closes_the_transport(script: Script) -> None:
    cancelled = 0
    for cancelling in every_checkpoint():
        ours, theirs = memory_stream_pair()
        server = ServerWire(theirs, script)
        with trio.fail_after(5):
            # The server ends once it has seen the transport close.
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve, server)
                stream = await cancelling.run(wrap, ours, None, PLAIN)
                if stream is not None:
                    await stream.aclose()
        cancelled += cancelling.cancelled
    assert cancelled > 3
