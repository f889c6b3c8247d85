"""The handshake's wire: fragments, sizes, stray records and alerts, and ends of all kinds."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from support.alterations import alert, end, have, message, record, several
from support.rough_stream import RoughStream
from support.scripted_flows import EVERYTHING, FLOWS, Flow
from support.scripted_script import SERVER_NAME, Act, Script
from support.scripted_server import PLAIN, accepted, expect_refusal, serve, wrap
from support.scripted_wire import ServerWire
from trio_secure import (
    AlertDescription,
    AlertReceived,
    CertificateRefused,
    LegacyTLSWarning,
    PeerMisbehaved,
    TLSConfig,
    TLSError,
    TraceEvent,
    Truncated,
)
from trio_secure import _extensions as ext
from trio_secure._alerts import MAX_PASSED_OVER
from trio_secure._channel import Channel
from trio_secure._errors import AlertLevel
from trio_secure._messages import RETRY_RANDOM, ClientHello
from trio_secure._trace import Tracer
from trio_secure._trio_wire import ALERT_DEADLINE, TrioWire
from trio_secure._versions import Version

_ALERT = AlertDescription
_OLD = Version.TLS12
#: One of each version, with as many messages as there are, and one that resumes.
_RICH = [
    flow
    for flow in FLOWS
    if flow.name.endswith(("ECDHE with all", "with another"))
    or flow.name in ("TLS 1.3 asked", "TLS 1.3 retried")
]
_BOTH = pytest.mark.parametrize("version", [Version.TLS13, Version.TLS12])


# Flights


@pytest.mark.parametrize("coalesce", [False, True], ids=["apart", "together"])
@pytest.mark.parametrize("flow", _RICH, ids=lambda flow: flow.name)
async def test_flights_come_byte_by_byte(flow: Flow, coalesce: bool) -> None:
    await flow.run(coalesce=coalesce, trickle=True)


@pytest.mark.parametrize("highest", Version)
async def test_the_record_version_says_initial_only_once(highest: Version) -> None:
    """RFC 5246 §E.1: once the server has said it, it is the version."""
    for flow in _RICH:
        if flow.version <= highest:
            config = EVERYTHING.replace(max_version=highest)
            seen = (await flow.run(config)).server.versions
            assert seen[:2] == [0x0301, min(flow.version, Version.TLS12)]
            assert {*seen[1:]} == {min(flow.version, Version.TLS12)}


class _Counting(RoughStream):
    """A stream that counts how often something is sent."""

    sends = 0

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self.sends += 1
        await super().send_all(data)


@pytest.mark.filterwarnings(f"ignore::{LegacyTLSWarning.__module__}.{LegacyTLSWarning.__name__}")
@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
async def test_a_flight_leaves_in_one_piece(flow: Flow) -> None:
    script, config, early_data = flow.part()
    ours, theirs = memory_stream_pair()
    transport = _Counting(ours)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, ServerWire(theirs, script))
        stream = await wrap(transport, SERVER_NAME, config, early_data=early_data)
        assert transport.sends == (3 if script.retries else 2)
        await stream.aclose()


# Messages in records


async def test_two_messages_of_one_type_are_told_apart() -> None:
    body = b"\x03\x03" + RETRY_RANDOM + bytes(38)
    script = Script(retry_group=0x17, before={"ServerHello": message(2, body)})
    await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE)


@_BOTH
async def test_an_empty_handshake_record(version: Version) -> None:
    for step in ("ServerHello", "Certificate"):
        script = Script(version=version, before={step: record(22, b"")})
        await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE)


@_BOTH
@pytest.mark.parametrize("content_type", [20, 23, 24])
async def test_a_record_between_the_parts_of_a_message(version: Version, content_type: int) -> None:
    act = several(record(22, b"\x0b\x00"), record(content_type, b"\x01"), end)
    script = Script(version=version, before={"Certificate": act})
    await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE)


@_BOTH
async def test_an_alert_between_the_parts_of_a_message(version: Version) -> None:
    act = several(record(22, b"\x0b\x00"), alert(_ALERT.USER_CANCELED, 1), end)
    script = Script(version=version, before={"Certificate": act})
    await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE)


# Keys


@pytest.mark.parametrize(
    ("script", "step"),
    [
        (Script(trail={"ServerHello": b"\x08"}), "ServerHello"),
        (Script(trail={"Finished": b"\x04\x00"}), "Finished"),
        (Script(version=_OLD, trail={"ServerHelloDone": b"\x14"}), "ServerHelloDone"),
    ],
)
async def test_a_message_that_reaches_across_a_change_of_keys(script: Script, step: str) -> None:
    meeting = await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE)
    assert meeting.error is not None
    assert meeting.error.phase == step


# What comes instead of a message


@pytest.mark.parametrize(
    ("act", "description", "error"),
    [
        (record(22, b"\x0b\xff\xff\xff"), _ALERT.DECODE_ERROR, PeerMisbehaved),
        (message(99), _ALERT.UNEXPECTED_MESSAGE, PeerMisbehaved),
        (record(23, b"data"), _ALERT.UNEXPECTED_MESSAGE, PeerMisbehaved),
        (
            alert(_ALERT.USER_CANCELED, 1, times=MAX_PASSED_OVER + 1),
            _ALERT.UNEXPECTED_MESSAGE,
            PeerMisbehaved,
        ),
        (alert(_ALERT.CLOSE_NOTIFY, 1), _ALERT.CLOSE_NOTIFY, Truncated),
        (alert(_ALERT.ACCESS_DENIED), None, AlertReceived),
        (end, None, Truncated),
    ],
)
async def test_anything_else_ends_the_handshake(
    act: Act, description: AlertDescription | None, error: type[TLSError]
) -> None:
    for flow in _RICH:
        if "Certificate" in flow.steps:
            script, config, _ = flow.part(before={"Certificate": act})
            await expect_refusal(script, description, config, error=error)


# HelloRequests


@pytest.mark.parametrize("count", [1, MAX_PASSED_OVER])
async def test_hello_requests_are_passed_over(count: int) -> None:
    act = several(*[message(0)] * count)
    await accepted(Script(version=_OLD, before={"ServerKeyExchange": act}))
    await accepted(Script(version=_OLD, before={"Finished": act}, fragment=1))


async def test_a_hello_request_may_share_the_record_of_the_server_hello_done() -> None:
    await accepted(Script(version=_OLD, trail={"ServerHelloDone": bytes(4)}))


async def test_a_hello_request_beside_something_else_where_a_change_cipher_spec_is_due() -> None:
    for rest in (b"\x14", b"\x14\x00\x00\x0c", b"\x00", b"\x00\x00\x00"):
        script = Script(version=_OLD, before={"ChangeCipherSpec": record(22, bytes(4) + rest)})
        await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE)


async def test_a_hello_request_means_something_only_if_the_version_has_it() -> None:
    for flow in _RICH:
        script, config, early_data = flow.part(before={flow.steps[0]: message(0)})
        if flow.version < Version.TLS13:
            await accepted(script, config)
        else:
            meeting = await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE, config, early_data=early_data)
            assert "which TLS 1.3 does not have" in str(meeting.error)


async def test_nothing_but_a_hello_request_follows_the_finished_in_its_record() -> None:
    for flow in _RICH:
        for rest in (b"\x00", b"\x0b\x00\x00\x00", b"\x14"):
            script, config, _ = flow.part(trail={"Finished": rest})
            await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE, config)
        script, config, _ = flow.part(trail={"Finished": bytes(4)})
        if flow.version >= Version.TLS13:
            await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE, config)
        else:
            # Where it is the client's turn to finish, it comes while the client negotiates.
            await accepted(script, config, warnings=[_ALERT.NO_RENEGOTIATION] * (flow.resumes is None))


async def test_hello_requests_and_warnings_are_counted_from_one_message_to_the_next() -> None:
    for flow in _RICH:
        if flow.version < Version.TLS13:
            for act in (message(0), alert(_ALERT.UNRECOGNIZED_NAME, 1)):
                most = several(*[act] * MAX_PASSED_OVER)
                await flow.run(before=dict.fromkeys(flow.steps, most))


async def test_a_flood_of_hello_requests() -> None:
    act = several(*[message(0)] * (MAX_PASSED_OVER + 1))
    for step in ("Certificate", "ChangeCipherSpec"):
        await expect_refusal(Script(version=_OLD, before={step: act}), _ALERT.UNEXPECTED_MESSAGE)


# Limits


@pytest.mark.parametrize(
    ("choice", "code", "answer", "said"),
    [
        ({"max_fragment_length": 1024}, ext.MAX_FRAGMENT_LENGTH, b"\2", "fragment 1024 bytes"),
        ({"record_size_limit": 99}, ext.RECORD_SIZE_LIMIT, b"\0\x64", "receive 99 bytes, send 100 bytes"),
    ],
)
async def test_both_keep_to_what_they_agreed_on(
    choice: dict[str, int], code: int, answer: bytes, said: str
) -> None:
    for flow in _RICH:
        events: list[TraceEvent] = []
        config = EVERYTHING.replace(trace=events.append, **choice)
        step = "EncryptedExtensions" if flow.version >= Version.TLS13 else "ServerHello"
        # A content of 98 bytes and its type fill a record of 99.
        await flow.run(config, extend={step: have(code, answer)}, fragment=98)
        assert said in [event.summary for event in events if event.name == "record limits"]
        for trace in (None, events.append):
            # In TLS 1.0 the first byte is a record of its own.
            script, other, _ = flow.part(
                config.replace(trace=trace),
                extend={step: have(code, answer)},
                fragment=98,
                then=record(23, bytes(1026)),
            )
            await expect_refusal(script, _ALERT.RECORD_OVERFLOW, other, talk=True)


# What the error says, and what the trace shows


@pytest.mark.parametrize(
    ("script", "phase"),
    [
        (Script(before={"ServerHello": message(99)}), "ServerHello"),
        (Script(before={"EncryptedExtensions": message(99)}), "EncryptedExtensions"),
        (Script(before={"CertificateVerify": message(99)}), "CertificateVerify"),
        (Script(version=_OLD, before={"ServerKeyExchange": message(99)}), "ServerKeyExchange"),
        (Script(version=_OLD, omit={"ChangeCipherSpec"}), "ChangeCipherSpec"),
    ],
)
async def test_an_error_says_where_it_happened(script: Script, phase: str) -> None:
    meeting = await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE)
    assert meeting.error is not None
    assert meeting.error.phase == phase
    assert str(meeting.error).endswith(f"(at {phase})")


@_BOTH
@pytest.mark.parametrize(("step", "phase"), [("ServerHello", "ServerHello"), ("Finished", "Finished")])
async def test_an_end_of_the_transport_says_what_was_awaited(version: Version, step: str, phase: str) -> None:
    meeting = await expect_refusal(Script(version=version, before={step: end}), None, error=Truncated)
    assert meeting.error is not None
    assert f"instead of sending {phase}" in str(meeting.error)


async def test_a_trace_follows_the_handshake() -> None:
    events: list[TraceEvent] = []
    config = PLAIN.replace(trace=events.append)
    script = Script(version=_OLD, before={"Certificate": alert(_ALERT.UNRECOGNIZED_NAME, 1)})
    await accepted(script, config)
    assert [(event.direction, event.name) for event in events[:-1]] == [
        ("sent", "ClientHello"),
        ("received", "ServerHello"),
        ("received", "alert"),
        ("received", "Certificate"),
        ("received", "ServerKeyExchange"),
        ("received", "ServerHelloDone"),
        ("note", "certificate lookup"),
        ("note", "certificate lookup"),
        ("sent", "ClientKeyExchange"),
        ("sent", "ChangeCipherSpec"),
        ("note", "write key"),
        ("sent", "Finished"),
        ("received", "ChangeCipherSpec"),
        ("note", "read key"),
        ("received", "Finished"),
        ("note", "established"),
    ]


async def test_a_trace_shows_what_is_passed_over() -> None:
    events: list[TraceEvent] = []
    script = Script(version=_OLD, before={"ServerKeyExchange": message(0), "Finished": message(0)})
    await accepted(script, PLAIN.replace(trace=events.append))
    assert [event.name for event in events].count("HelloRequest") == 2


async def test_a_wire_hands_notes_to_the_trace_and_secrets_to_the_key_log() -> None:
    events: list[TraceEvent] = []
    lines: list[str] = []
    transport = memory_stream_pair()[0]
    for sinks in ((None, None), (Tracer(events.append), lines.append)):
        wire = TrioWire(Channel(transport), *sinks)
        wire.log_secret("CLIENT_RANDOM", b"too early: whose would it be?")
        await wire.send(ClientHello(0x0303, b"\x0c" * 32, b"", (), ()))
        wire.log_secret("CLIENT_RANDOM", b"\xff")
        wire.note("session", "resumed")
    assert lines == [f"CLIENT_RANDOM {'0c' * 32} ff"]
    assert [(event.direction, event.name, event.summary) for event in events[1:]] == [
        ("note", "session", "resumed")
    ]


async def test_a_trace_ends_with_what_went_wrong() -> None:
    events: list[TraceEvent] = []
    config = PLAIN.replace(trace=events.append)
    await expect_refusal(Script(before={"Certificate": message(99)}), _ALERT.UNEXPECTED_MESSAGE, config)
    assert [(event.direction, event.name) for event in events[-2:]] == [("note", "failed"), ("sent", "alert")]
    assert events[-1].summary == "fatal unexpected_message"


# A peer that does not listen


class _Deaf(RoughStream):
    """A stream that takes nothing more once it has gone deaf."""

    deaf = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self.deaf:
            await trio.sleep_forever()
        await super().send_all(data)


async def _fail_in_the_lookup(transport: _Deaf, spoil: str) -> TLSError:
    class Spoiler:
        async def verify(self, chain: object, server_name: str, /, **more: object) -> _NoVerdict:
            if spoil == "deaf":
                transport.deaf = True
            elif spoil == "broken":
                transport.sending = trio.BrokenResourceError("gone")
            else:
                transport.sending = trio.ClosedResourceError("closed")
            raise CertificateRefused(_ALERT.UNKNOWN_CA, "nobody knows it")

    with pytest.raises(CertificateRefused, match="nobody knows it") as caught:
        await wrap(transport, SERVER_NAME, TLSConfig(trust=Spoiler()))
    return caught.value


class _NoVerdict:
    chain: tuple[bytes, ...] = ()
    resource: str | None = None


@_BOTH
@pytest.mark.parametrize(("spoil", "seconds"), [("deaf", ALERT_DEADLINE), ("broken", 0), ("closed", 0)])
async def test_a_peer_that_does_not_listen_holds_nobody_up(
    version: Version, spoil: str, seconds: float, autojump_clock: MockClock
) -> None:
    ours, theirs = memory_stream_pair()
    server = ServerWire(theirs, Script(version=version))
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, server)
        error = await _fail_in_the_lookup(_Deaf(ours), spoil)
    assert trio.current_time() - began == seconds
    assert error.alert is _ALERT.UNKNOWN_CA
    assert server.alerts == []


@_BOTH
async def test_the_alert_goes_out_even_when_time_has_run_out(version: Version) -> None:
    """A cancellation that comes while an error is told does not keep the peer from hearing it."""
    ours, theirs = memory_stream_pair()
    server = ServerWire(theirs, Script(version=version))

    class Refusal:
        async def verify(self, chain: object, server_name: str, /, **more: object) -> _NoVerdict:
            scope.cancel()
            raise CertificateRefused(_ALERT.UNKNOWN_CA, "nobody knows it")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, server)
        with trio.CancelScope() as scope, pytest.raises(CertificateRefused):
            await wrap(ours, SERVER_NAME, TLSConfig(trust=Refusal()))
    assert [seen[:2] for seen in server.alerts] == [(AlertLevel.FATAL, _ALERT.UNKNOWN_CA)]


async def test_a_transport_that_breaks_while_sending() -> None:
    ours, _ = memory_stream_pair()
    transport = RoughStream(ours)
    transport.sending = trio.BrokenResourceError("gone")
    with pytest.raises(Truncated, match="broke while sending"):
        await wrap(transport, SERVER_NAME, PLAIN)
