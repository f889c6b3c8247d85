"""The handshake of TLS 1.2 and below with servers that break its rules, one at a time."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from support.alterations import (
    BLOCK_12,
    append,
    become,
    flip,
    have,
    lack,
    message,
    overwrite,
    shorten,
    twice,
)
from support.scripted_flows import EVERYTHING, FLOWS, Flow, Part, Shelf
from support.scripted_script import Alteration, Extensions, ExtensionsAlteration, Script
from support.scripted_server import PLAIN, accepted, expect_refusal
from support.scripted_sessions import Memory
from support.scripted_wire import ServerWire
from trio_secure import AlertDescription, PeerIncompatible, TLSConfig
from trio_secure import _extensions as ext
from trio_secure._codec import vector16
from trio_secure._errors import AlertLevel
from trio_secure._sessions import Session12
from trio_secure._versions import Version

_ALERT = AlertDescription
_FLOWS = {flow.name: flow for flow in FLOWS if flow.version < Version.TLS13}
_FULL = [flow for flow in _FLOWS.values() if flow.resumes is None]
_ABBREVIATED = [flow for flow in _FLOWS.values() if flow.resumes is not None]
_RESUMED = [flow for flow in _ABBREVIATED if flow.script.ticket is None]
_OLD_VERSIONS = (Version.TLS10, Version.TLS11, Version.TLS12)
_OLD = Version.TLS12
_CLIENT_OF_12 = PLAIN.replace(max_version=_OLD)
# Where things stand in a ServerHello without a session id.
_SESSION_ID, _SUITE, _COMPRESSION = 34, 35, 37


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
        pytest.param(have(ext.RENEGOTIATION_INFO, b""), _ALERT.DECODE_ERROR, id="renegotiation-info-cut"),
        pytest.param(have(ext.RENEGOTIATION_INFO, b"\0x"), _ALERT.DECODE_ERROR, id="renegotiation-and-more"),
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


# Certificate


async def test_an_empty_certificate() -> None:
    await expect_refusal(Script(version=_OLD, chain=()), _ALERT.DECODE_ERROR)


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


async def test_a_protected_finished_without_the_change_cipher_spec() -> None:
    # Its fragment is taken for a message, whose type is whatever encryption makes it: here that of a Finished.
    script = Script(
        version=_OLD,
        omit={"ChangeCipherSpec"},
        corrupt={"Finished": lambda record: record[:5] + b"\x14" + record[6:]},
    )
    await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE)


async def test_a_finished_in_the_clear() -> None:
    async def finish(server: ServerWire) -> None:
        server.send_plain(22, b"\x14\x00\x00\x0c" + bytes(12))

    script = Script(version=_OLD, before={"Finished": finish})
    await expect_refusal(script, _ALERT.BAD_RECORD_MAC)


async def test_a_flipped_bit_in_a_protected_record() -> None:
    for at in (-1, 5, 13, 20):
        script = Script(version=_OLD, corrupt={"Finished": flip(at)})
        await expect_refusal(script, _ALERT.BAD_RECORD_MAC)


def _one_block(fragment: bytes) -> bytes:
    return fragment[:16]


def _fragment(alteration: Alteration) -> Alteration:
    """A change to what a record protects, under a header that fits it."""

    def altered(record: bytes) -> bytes:
        fragment = alteration(record[5:])
        return record[:3] + vector16(fragment)

    return altered


@pytest.mark.parametrize(
    "alteration",
    [
        pytest.param(flip(-1), id="the-padding-or-the-mac"),
        pytest.param(flip(0), id="the-iv-or-the-first-block"),
        pytest.param(flip(20), id="the-second-block"),
        pytest.param(shorten(1), id="not-in-blocks"),
        pytest.param(shorten(16), id="a-block-less"),
        pytest.param(append(bytes(16)), id="a-block-more"),
        pytest.param(_one_block, id="one-block"),
        pytest.param(become(b""), id="nothing"),
    ],
)
@pytest.mark.parametrize("encrypt_then_mac", [False, True], ids=["mac-then-encrypt", "encrypt-then-mac"])
@pytest.mark.parametrize("version", _OLD_VERSIONS)
async def test_whatever_is_wrong_with_a_record_of_cbc_the_alert_is_the_same(
    version: Version, encrypt_then_mac: bool, alteration: Alteration
) -> None:
    """RFC 5246 §7.2.2: bad_record_mac "also MUST be returned [...] because a TLSCiphertext decrypted in an invalid
    way: either it wasn't an even multiple of the block length, or its padding values, when checked, weren't
    correct"."""
    flow = _FLOWS[f"{version.label} ECDHE"]
    choices: dict[str, Any] = {
        "suite": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        "encrypt_then_mac": encrypt_then_mac,
    }
    script, config, _ = flow.part(**choices, corrupt={"Finished": _fragment(alteration)})
    meeting = await expect_refusal(script, _ALERT.BAD_RECORD_MAC, config)
    during = str(meeting.error).split(" (")[0]

    async def talk(server: ServerWire) -> None:
        # Of a byte, not even TLS 1.0 makes two records.
        server.send_bytes(_fragment(alteration)(server.sealed(23, b"x")))

    script, config, _ = flow.part(**choices, then=talk)
    meeting = await expect_refusal(script, _ALERT.BAD_RECORD_MAC, config, talk=True)
    assert str(meeting.error).split(" (")[0] == during


# What the hello settles


async def test_an_extended_master_secret_may_be_required() -> None:
    for flow in _FULL:
        script, config, _ = flow.part(EVERYTHING.replace(require_extended_master_secret=True))
        if not script.extended:
            await expect_refusal(script, _ALERT.HANDSHAKE_FAILURE, config, error=PeerIncompatible)
            continue
        meeting = await accepted(script, config)
        assert meeting.info is not None
        assert meeting.info.extended_master_secret


@pytest.mark.parametrize("bound", [False, True], ids=["randoms", "handshake"])
@pytest.mark.parametrize("version", _OLD_VERSIONS)
async def test_records_may_be_encrypted_before_they_are_authenticated(version: Version, bound: bool) -> None:
    flow = _FLOWS[f"{version.label} ECDHE"]
    suite = "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"
    meeting = await flow.run(suite=suite, encrypt_then_mac=True, extended=bound)
    assert meeting.info is not None
    assert meeting.info.encrypt_then_mac


async def test_an_aead_is_not_to_be_used_to_encrypt_then_mac() -> None:
    """RFC 7366 §3."""
    for name in ("ECDHE", "DHE", "RSA", "by id"):
        script, config, _ = _FLOWS[f"TLS 1.2 {name}"].part(encrypt_then_mac=True)
        await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, config)


@pytest.mark.parametrize("version", _OLD_VERSIONS)
async def test_a_staple_may_be_announced_and_left_out(version: Version) -> None:
    flow = _FLOWS[f"{version.label} ECDHE with all"]
    for omit, response in (({"CertificateStatus"}, None), ((), b"staple")):
        meeting = await flow.run(omit=omit)
        assert meeting.info is not None
        assert meeting.info.ocsp_response == response


@pytest.mark.parametrize("version", _OLD_VERSIONS)
async def test_a_staple_or_a_ticket_that_was_not_announced(version: Version) -> None:
    flow = _FLOWS[f"{version.label} ECDHE with all"]
    for code in (ext.STATUS_REQUEST, ext.SESSION_TICKET):
        script, config, _ = flow.part(extend={"ServerHello": lack(code)})
        await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE, config)


async def test_timestamps_are_passed_on() -> None:
    config = EVERYTHING.replace(signed_certificate_timestamps=True)
    meeting = await _FLOWS["TLS 1.2 ECDHE"].run(config, scts=vector16(vector16(b"one") + vector16(b"two")))
    assert meeting.info is not None
    assert meeting.info.signed_certificate_timestamps == (b"one", b"two")


async def test_tls10_sends_the_first_byte_of_data_by_itself() -> None:
    """Against plaintexts chosen by somebody who saw the last block: each record begins with an unknown IV."""
    for version, records in ((Version.TLS10, 2), (Version.TLS11, 1)):
        meeting = await _FLOWS[f"{version.label} ECDHE"].run()
        assert meeting.server.records.count(23) == records


# Sessions


def _kept(part: Part) -> Session12 | None:
    """The session that a meeting left in the client's cache."""
    assert isinstance(part.config.cache, Shelf)
    session = part.config.cache.session
    assert session is None or isinstance(session, Session12)
    return session


@pytest.mark.parametrize("version", _OLD_VERSIONS)
@pytest.mark.parametrize("choices", [{"session_id": b"i" * 32}, {"ticket": b"t"}, {"ticket": b"t" * 60000}])
async def test_a_session_is_kept_and_resumed(version: Version, choices: dict[str, bytes]) -> None:
    script, config, _ = _FLOWS[f"{version.label} ECDHE"].part(session_id=b"", memory=Memory())
    config = config.replace(alpn=["a", "b"])
    script = replace(script, **choices)  # type: ignore[arg-type]  # one of two fields of the same type
    first = await accepted(replace(script, alpn=b"a"), config)
    second = await accepted(replace(script, alpn=b"b"), config)
    assert first.info is not None
    assert second.info is not None
    assert (first.info.resumed, second.info.resumed, second.server.resumed) == (False, True, True)
    assert second.info.peer_certificates == first.info.peer_certificates
    assert (first.info.group, second.info.group) == ("x25519", None)
    # RFC 7301 §3.1: what is spoken is agreed on anew.
    assert (first.info.alpn, second.info.alpn) == ("a", "b")
    assert [seen.type for seen in second.server.messages] == [1, 20]


async def test_a_ticket_goes_before_an_id() -> None:
    """RFC 5077 §3.4: an id beside a ticket is discarded."""
    part = _FLOWS["TLS 1.2 ECDHE"].part(ticket=b"ticket", session_id=b"i" * 32)
    await accepted(part.script, part.config)
    session = _kept(part)
    assert session is not None
    assert (session.session_id, session.ticket) == (b"", b"ticket")


async def test_a_session_without_id_or_ticket_is_not_kept() -> None:
    for ticket in (None, b""):
        part = _FLOWS["TLS 1.2 ECDHE"].part(ticket=ticket, session_id=b"")
        await accepted(part.script, part.config)
        assert _kept(part) is None


@pytest.mark.parametrize(("renewed", "ticket"), [(None, None), (b"", None), (b"another", b"another")])
async def test_a_ticket_may_be_renewed(renewed: bytes | None, ticket: bytes | None) -> None:
    part = _FLOWS["TLS 1.2 by ticket"].part(ticket=renewed)
    before = _kept(part)
    meeting = await accepted(part.script, part.config)
    after = _kept(part)
    assert before is not None
    assert after is not None
    assert meeting.server.resumed
    assert after.ticket == (before.ticket if ticket is None else ticket)
    assert (after.master_secret, after.known) == (before.master_secret, before.known)


async def test_a_session_may_be_refused() -> None:
    for flow in _RESUMED:
        part = flow.part(memory=Memory(), session_id=b"n" * 32)
        meeting = await accepted(replace(part.script, memory=None), part.config)
        assert meeting.info is not None
        assert not meeting.info.resumed
        assert meeting.info.group == "x25519"


@pytest.mark.parametrize(
    ("change", "description"),
    [
        ({"suite": "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"}, _ALERT.ILLEGAL_PARAMETER),
        ({"suite": "TLS_RSA_WITH_AES_128_CBC_SHA"}, _ALERT.ILLEGAL_PARAMETER),
        ({"extended": False}, _ALERT.HANDSHAKE_FAILURE),
    ],
)
async def test_a_session_is_resumed_as_what_it_was(
    change: dict[str, Any], description: AlertDescription
) -> None:
    for flow in _RESUMED:
        part = flow.part(**change)
        await expect_refusal(part.script, description, part.config)
        # RFC 5246 §7.2.2: a connection that fails takes its session with it.
        assert _kept(part) is None


@pytest.mark.parametrize(("made", "resumed"), [("TLS 1.2", Version.TLS11), ("TLS 1.0", Version.TLS12)])
async def test_a_session_is_resumed_in_the_version_it_was_made_in(made: str, resumed: Version) -> None:
    for name in ("by id", "by ticket"):
        suite = "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"
        flow = replace(_FLOWS[f"{made} {name}"], script=replace(_FLOWS[f"{made} {name}"].script, suite=suite))
        part = flow.part(version=resumed)
        await expect_refusal(part.script, _ALERT.ILLEGAL_PARAMETER, part.config)


@pytest.mark.parametrize("flow", [*_ABBREVIATED], ids=lambda flow: flow.name)
async def test_the_finished_of_a_resumed_session_shows_the_secret(flow: Flow) -> None:
    for alteration, description in ((flip(0), _ALERT.DECRYPT_ERROR), (shorten(1), _ALERT.DECODE_ERROR)):
        part = flow.part(alter={"Finished": alteration})
        await expect_refusal(part.script, description, part.config)
