"""Every message of every handshake at every wrong moment, cut, lengthened, split and joined: what a server may get
wrong about the order and the shape of its messages, generated from what it may say in each flow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.alterations import alert, append, message, record, several, shorten
from support.scripted_flights13 import ask_who_is_there, request_body
from support.scripted_flows import CCS, EVERYTHING, FLOWS, Flow
from support.scripted_script import Act, echo
from support.scripted_server import Meeting, accepted, expect_refusal, refused
from support.scripted_wire import SeenMessage, ServerWire
from trio_secure import AlertDescription, AlertReceived, PeerMisbehaved, TLSError, Truncated
from trio_secure._messages import RETRY_RANDOM
from trio_secure._versions import Version

_ALERT = AlertDescription
# Every type that some version or extension has, the one that only transcripts have (254), and two that nobody has.
_TYPES = (0, 1, 2, 3, 4, 5, 8, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23, 24, 25, 67, 99, 254, 255)
_MOMENTS = [(flow, step) for flow in FLOWS for step in flow.steps]
_by_moment = pytest.mark.parametrize(
    ("flow", "step"), _MOMENTS, ids=[f"{flow.name}-{step}" for flow, step in _MOMENTS]
)
_MESSAGES = [(flow, step) for flow, step in _MOMENTS if step != CCS]
_by_message = pytest.mark.parametrize(
    ("flow", "step"), _MESSAGES, ids=[f"{flow.name}-{step}" for flow, step in _MESSAGES]
)
_by_flow = pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)


# The fields of a script differ in type; it checks them itself.
async def _refuse(
    flow: Flow, description: AlertDescription | None, error: type[TLSError] = PeerMisbehaved, **changes: Any
) -> TLSError:
    script, config, early_data = flow.part(**changes)
    meeting = await expect_refusal(script, description, config, error=error, early_data=early_data)
    assert meeting.error is not None
    return meeting.error


_meetings: dict[str, Meeting] = {}


async def _meeting(flow: Flow) -> Meeting:
    """A meeting of the flow that went well, the same each time."""
    if flow.name not in _meetings:
        _meetings[flow.name] = await flow.run()
    return _meetings[flow.name]


async def _bodies() -> dict[int, bytes]:
    """A body for each type of message, as somebody has really sent it."""
    found: dict[int, bytes] = {}
    for flow in FLOWS:
        server = (await _meeting(flow)).server
        for seen in (*server.messages, *server.said.values()):
            found.setdefault(seen.type, seen.body)
    return found


@_by_flow
async def test_a_flow_is_what_it_says(flow: Flow) -> None:
    meeting = await _meeting(flow)
    assert meeting.info is not None
    assert meeting.info.resumed is (flow.resumes is not None)
    assert meeting.info.version == flow.version
    assert tuple(meeting.server.steps) == flow.steps


# The order


@_by_moment
async def test_a_message_at_a_wrong_moment_is_unexpected(flow: Flow, step: str) -> None:
    bodies, allowed = await _bodies(), flow.allowed(step)
    for message_type in _TYPES:
        if message_type not in allowed:
            act = message(message_type, bodies.get(message_type, b""))
            await _refuse(flow, _ALERT.UNEXPECTED_MESSAGE, before={step: act})


@_by_moment
async def test_a_missing_message_is_missed(flow: Flow, step: str) -> None:
    if step in ("CertificateRequest", "CertificateStatus", "HelloRetryRequest"):
        return
    # Application data stands in for what a server would say next; behind a missing ServerHello it comes anyway.
    await _refuse(flow, _ALERT.UNEXPECTED_MESSAGE, omit={step}, after={step: record(23, b"data")})


@_by_moment
async def test_a_record_of_another_type_is_unexpected(flow: Flow, step: str) -> None:
    for content_type, content in ((23, b"data"), (24, b"beat"), (20, b"\x02"), (20, b"\x01\x01"), (20, b"")):
        await _refuse(flow, _ALERT.UNEXPECTED_MESSAGE, before={step: record(content_type, content)})


@_by_flow
async def test_a_fatal_alert_ends_the_handshake_and_is_not_answered(flow: Flow) -> None:
    for step in flow.steps:
        error = await _refuse(flow, None, AlertReceived, before={step: alert(40)})
        assert error.alert is _ALERT.HANDSHAKE_FAILURE


@_by_flow
async def test_a_close_notify_ends_the_handshake_and_is_answered(flow: Flow) -> None:
    for step in flow.steps:
        for level in (1, 2):
            await _refuse(flow, _ALERT.CLOSE_NOTIFY, Truncated, before={step: alert(0, level)})


_OLD_FLOWS = [flow for flow in FLOWS if flow.version < Version.TLS13]
_by_old_flow = pytest.mark.parametrize("flow", _OLD_FLOWS, ids=lambda flow: flow.name)


@_by_old_flow
async def test_a_hello_request_is_passed_over_below_tls13(flow: Flow) -> None:
    whole, in_parts = message(0), several(record(22, b"\0"), record(22, b"\0\0"), record(22, b"\0"))
    for step in flow.steps:
        for act in (whole, in_parts):
            await flow.run(before={step: act})


@_by_old_flow
async def test_a_hello_request_says_nothing(flow: Flow) -> None:
    for step in flow.steps:
        await _refuse(flow, _ALERT.DECODE_ERROR, before={step: message(0, b"x")})


def _after(flow: Flow) -> set[int]:
    """The types of the messages that may come once the handshake is over."""
    return {4, 24} if flow.version >= Version.TLS13 else {0}


@_by_flow
async def test_a_message_after_the_handshake_is_unexpected(flow: Flow) -> None:
    bodies = await _bodies()
    for message_type in {*_TYPES} - _after(flow):
        act = message(message_type, bodies.get(message_type, b""))
        script, config, early_data = flow.part(then=act)
        await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE, config, talk=True, early_data=early_data)


async def test_a_request_after_the_handshake_wants_to_be_agreed_on() -> None:
    async def ask(server: ServerWire) -> None:
        server.send_message(13, request_body(server, b"context"))

    for flow in FLOWS:
        if flow.version >= Version.TLS13:
            script, config, early_data = flow.part(then=ask)
            await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE, config, talk=True, early_data=early_data)


async def test_a_second_retry_is_unexpected() -> None:
    body = b"\x03\x03" + RETRY_RANDOM + bytes(40)
    for flow in FLOWS:
        if flow.script.retries:
            await _refuse(flow, _ALERT.UNEXPECTED_MESSAGE, before={"ServerHello": message(2, body)})


_by_new_moment = pytest.mark.parametrize(
    ("flow", "step"),
    [(flow, step) for flow, step in _MOMENTS if flow.version >= Version.TLS13],
    ids=[f"{flow.name}-{step}" for flow, step in _MOMENTS if flow.version >= Version.TLS13],
)


@_by_new_moment
async def test_an_alert_is_under_the_key_that_the_server_reads_with(flow: Flow, step: str) -> None:
    """In the clear up to the ServerHello, and never from there on."""
    clear = step in ("HelloRetryRequest", "ServerHello")
    faults: tuple[dict[str, Any], ...] = (
        {"before": {step: message(99)}},
        {"alter": {step: append(b"more")}},
        {"before": {step: record(21, b"")}},
    )
    for changes in faults:
        script, config, early_data = flow.part(**changes)
        meeting = await refused(script, config, early_data=early_data)
        assert meeting.alert is not None
        assert meeting.alert.protected is not clear
        assert meeting.alert.level == 2


# The shape of each message


def _first_of_each_kind() -> set[tuple[str, str]]:
    """For each message of each version, the one flow that it is cut in at every length."""
    found: dict[object, tuple[str, str]] = {}
    for flow, step in _MESSAGES:
        exchange = flow.script.suite_row.key_exchange if step == "ServerKeyExchange" else None
        found.setdefault((flow.version, step, exchange), (flow.name, step))
    return {*found.values()}


_THOROUGHLY = _first_of_each_kind()


def _lengths(flow: Flow, step: str, whole: int) -> Iterator[int]:
    """Where to cut: at every length once, elsewhere where the fields are short, here and there, and at the end."""
    if (flow.name, step) in _THOROUGHLY:
        yield from range(whole)
        return
    yield from range(min(whole, 12))
    yield from range(12, whole - 3, 41)
    yield from range(max(12, whole - 3), whole)


def _is_whole(step: str, seen: SeenMessage, length: int) -> bool:
    """Whether a hello is cut where older versions may end one: what is left no longer speaks of TLS 1.3."""
    return step in ("ServerHello", "HelloRetryRequest") and length == 38 + seen.body[34]


@_by_message
async def test_a_message_cut_short_does_not_parse(flow: Flow, step: str) -> None:
    seen = (await _meeting(flow)).server.said[step]
    whole = len(seen.body)
    for length in _lengths(flow, step, whole):
        if not _is_whole(step, seen, length):
            # ECDSA signatures differ in length from meeting to meeting: cut from the end.
            await _refuse(flow, _ALERT.DECODE_ERROR, alter={step: shorten(whole - length)})


@_by_message
async def test_a_message_with_something_behind_it_does_not_parse(flow: Flow, step: str) -> None:
    for rest in (b"\0", b"more"):
        await _refuse(flow, _ALERT.DECODE_ERROR, alter={step: append(rest)})


@_by_message
async def test_what_is_wrong_with_a_message_is_told_before_the_next(flow: Flow, step: str) -> None:
    """The server waits for the alert, and the client does not wait for more."""

    async def listen(server: ServerWire) -> None:
        await server.receive_record()

    await _refuse(flow, _ALERT.DECODE_ERROR, alter={step: append(b"more")}, after={step: listen})


# What is refused before anything is buffered

# What the grammar allows of the messages of TLS 1.3, but for chains; what is sensible of the others.
_LIMITS = {
    "ServerHello": 70 + 2**16 + 1,
    "HelloRetryRequest": 70 + 2**16 + 1,
    "EncryptedExtensions": 2**16 + 1,
    "Certificate": 2**17,
    "CompressedCertificate": 2**17,
    "CertificateStatus": 2**17,
    "ServerKeyExchange": 2**15,
    "CertificateRequest": 2**17,
    "CertificateVerify": 2 + 2**16 + 1,
    "ServerHelloDone": 0,
    "NewSessionTicket": 2**17,
    "Finished": 64,
}
_LIMITS_13 = _LIMITS | {"CertificateRequest": 256 + 2**16 + 1}


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
async def test_a_message_of_excessive_length(flow: Flow) -> None:
    for step, seen in (await _meeting(flow)).server.said.items():
        limits = _LIMITS_13 if flow.version >= Version.TLS13 else _LIMITS
        for length in (limits[step] + 1, 2**24 - 1):
            header = bytes([seen.type]) + length.to_bytes(3, "big")
            script, config, early_data = flow.part(before={step: record(22, header)})
            meeting = await expect_refusal(script, _ALERT.DECODE_ERROR, config, early_data=early_data)
            assert f"announces {length} bytes" in str(meeting.error)


# Records


@_by_flow
async def test_messages_may_come_byte_by_byte(flow: Flow) -> None:
    """Each byte in a record of its own."""
    await flow.run(fragment=1)


@pytest.mark.parametrize("fragment", [3, 4, 5, 100, 2**14])
async def test_messages_may_share_records_as_far_as_keys_allow(fragment: int) -> None:
    for flow in FLOWS:
        await flow.run(fragment=fragment, coalesce=True)


@_by_flow
async def test_a_message_may_span_records(flow: Flow) -> None:
    await flow.run(chain=flow.script.certificates * 100, coalesce=True)


@_by_flow
async def test_no_message_reaches_across_a_change_of_keys(flow: Flow) -> None:
    for step in flow.key_changes:
        # Of a Finished; of a HelloRequest, which is passed over only as a whole.
        for rest in (b"\x14", b"\x14\x00\x00\x0c", b"\x14\x00\x00\x0c" + bytes(12), b"\x00", bytes(3)):
            await _refuse(flow, _ALERT.UNEXPECTED_MESSAGE, trail={step: rest})


# After the handshake

# Lifetime, age_add, nonce, ticket, no extensions; update_requested; what `request_body` has by default.
_LATE = {
    "NewSessionTicket": (4, bytes(8) + b"\1n" + b"\0\6ticket" + b"\0\0"),
    "KeyUpdate": (24, b"\1"),
    "CertificateRequest": (13, b"\7context" + b"\0\x0a" + b"\0\x0d\0\6\0\4\4\3\x08\7"),
}
_TALKATIVE = EVERYTHING.replace(post_handshake_auth=True)
_by_late_message = pytest.mark.parametrize(("message_type", "body"), _LATE.values(), ids=_LATE)


async def _refuse_late(act: Act, description: AlertDescription) -> None:
    for flow in FLOWS:
        if flow.version >= Version.TLS13:
            script, config, early_data = flow.part(_TALKATIVE, then=act)
            await expect_refusal(script, description, config, talk=True, early_data=early_data)


@_by_late_message
async def test_a_late_message_cut_short_does_not_parse(message_type: int, body: bytes) -> None:
    for length in range(len(body)):
        await _refuse_late(message(message_type, body[:length]), _ALERT.DECODE_ERROR)


@_by_late_message
async def test_a_late_message_with_something_behind_it_does_not_parse(message_type: int, body: bytes) -> None:
    for rest in (b"\0", b"more"):
        await _refuse_late(message(message_type, body + rest), _ALERT.DECODE_ERROR)


@pytest.mark.parametrize("fragment", [1, 3, 100])
async def test_late_messages_may_come_in_any_number_of_records(fragment: int) -> None:
    """The scripted server checks the answer to its request, and that to its KeyUpdate."""

    async def late(server: ServerWire) -> None:
        server.send_message(*_LATE["NewSessionTicket"])
        await ask_who_is_there(server)
        server.send_key_update(1)
        await echo(server)

    for flow in FLOWS:
        if flow.version >= Version.TLS13:
            script, config, early_data = flow.part(_TALKATIVE, then=late, fragment=fragment)
            meeting = await accepted(script, config, early_data=early_data)
            assert [seen.type for seen in meeting.server.messages[-3:]] == [11, 20, 24]


async def test_no_message_reaches_across_a_key_update() -> None:
    update = bytes([24, 0, 0, 1, 0])
    for rest in (b"\x18", b"\x18\0\0\1", update, b"\4\0\0\1\0"):
        await _refuse_late(record(22, update + rest), _ALERT.UNEXPECTED_MESSAGE)


@_by_old_flow
async def test_a_late_hello_request_is_refused_politely_however_it_comes(flow: Flow) -> None:
    whole, in_parts = message(0), several(record(22, b"\0"), record(22, b"\0\0"), record(22, b"\0"))
    for act, count in ((whole, 1), (in_parts, 1), (record(22, bytes(12)), 3)):
        script, config, early_data = flow.part(then=several(act, echo))
        refusals = [_ALERT.NO_RENEGOTIATION] * count
        await accepted(script, config, early_data=early_data, warnings=refusals)


@_by_old_flow
async def test_a_late_hello_request_says_nothing_and_is_not_interrupted(flow: Flow) -> None:
    for act, description in (
        (message(0, b"x"), _ALERT.DECODE_ERROR),
        (several(record(22, bytes(3)), record(23, b"data")), _ALERT.UNEXPECTED_MESSAGE),
        (several(record(22, bytes(3)), alert(_ALERT.NO_RENEGOTIATION, 1)), _ALERT.UNEXPECTED_MESSAGE),
    ):
        script, config, early_data = flow.part(then=act)
        await expect_refusal(script, description, config, talk=True, early_data=early_data)
