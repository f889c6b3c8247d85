"""The handshake's wire: fragments, sizes, stray records and alerts, and ends of all kinds."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from support.alterations import alert, end, message, plain, raw, record, several
from support.rough_stream import RoughStream
from support.scripted_script import SERVER_NAME, Act, Script
from support.scripted_server import PLAIN, accepted, expect_refusal, serve, wrap
from support.scripted_wire import ServerWire
from trio_secure import (
    AlertDescription,
    AlertReceived,
    CertificateRefused,
    TLSConfig,
    TLSError,
    TraceEvent,
    Truncated,
)
from trio_secure._alerts import MAX_PASSED_OVER
from trio_secure._channel import Channel
from trio_secure._errors import AlertLevel
from trio_secure._messages import RETRY_RANDOM, ClientHello
from trio_secure._trace import Tracer
from trio_secure._trio_wire import ALERT_DEADLINE, TrioWire
from trio_secure._versions import Version

_ALERT = AlertDescription
_OLD = Version.TLS12
_BOTH = pytest.mark.parametrize("version", [Version.TLS13, Version.TLS12])


# How flights are cut


@_BOTH
@pytest.mark.parametrize("fragment", [1, 3, 4, 5, 100])
@pytest.mark.parametrize("coalesce", [False, True], ids=["apart", "together"])
async def test_flights_come_in_any_number_of_records(version: Version, fragment: int, coalesce: bool) -> None:
    await accepted(Script(version=version, fragment=fragment, coalesce=coalesce, request=True))


@_BOTH
@pytest.mark.parametrize("retry", [None, 0x17], ids=["at-once", "retried"])
@pytest.mark.parametrize("coalesce", [False, True], ids=["apart", "together"])
async def test_flights_come_byte_by_byte(version: Version, retry: int | None, coalesce: bool) -> None:
    script = Script(version=version, coalesce=coalesce, retry_group=retry if version > _OLD else None)
    await accepted(script, trickle=True)


@_BOTH
async def test_a_message_spans_records(version: Version) -> None:
    chain = Script(version=version).certificates * 100
    await accepted(Script(version=version, chain=chain, coalesce=True))


async def test_the_record_version_says_initial_only_once() -> None:
    assert (await accepted(Script(retry_group=0x17))).server.versions[:2] == [0x0301, 0x0303]
    assert (await accepted(Script(version=_OLD))).server.versions[:2] == [0x0301, 0x0303]


# What is refused before anything is buffered


@pytest.mark.parametrize(
    ("script", "step", "message_type", "limit"),
    [
        (Script(), "ServerHello", 2, 2**16),
        (Script(), "EncryptedExtensions", 8, 2**15),
        (Script(), "Certificate", 13, 2**17),
        (Script(), "Certificate", 11, 2**17),
        (Script(), "CertificateVerify", 15, 2**14),
        (Script(), "Finished", 20, 64),
        (Script(version=_OLD), "Certificate", 11, 2**17),
        (Script(version=_OLD), "ServerKeyExchange", 12, 2**15),
        (Script(version=_OLD), "ServerHelloDone", 13, 2**17),
        (Script(version=_OLD), "ServerHelloDone", 14, 0),
        (Script(version=_OLD), "ServerHelloDone", 0, 0),
        (Script(version=_OLD), "Finished", 20, 64),
    ],
)
async def test_a_message_of_excessive_length(
    script: Script, step: str, message_type: int, limit: int
) -> None:
    for length in (limit + 1, 2**24 - 1):
        header = bytes([message_type]) + length.to_bytes(3, "big")
        spoiled = _before(script, step, record(22, header))
        meeting = await expect_refusal(spoiled, _ALERT.DECODE_ERROR)
        assert f"announces {length} bytes" in str(meeting.error)


def _before(script: Script, step: str, act: Act) -> Script:
    return Script(version=script.version, before={step: act})


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
        (
            Script(version=_OLD, trail={"ServerHelloDone": b"\x14\x00\x00\x0c" + bytes(12)}),
            "ServerHelloDone",
        ),
    ],
)
async def test_a_message_that_reaches_across_a_change_of_keys(script: Script, step: str) -> None:
    meeting = await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE)
    assert meeting.error is not None
    assert meeting.error.phase == step


@pytest.mark.parametrize("rest", [b"\x00", b"\x0b\x00\x00\x00"])
async def test_nothing_follows_the_finished_of_tls12_in_its_record(rest: bytes) -> None:
    script = Script(version=_OLD, trail={"Finished": rest})
    await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE)


# change_cipher_spec


@pytest.mark.parametrize("content", [b"\x02", b"\x00", b"", b"\x01\x01"])
async def test_a_change_cipher_spec_says_one(content: bytes) -> None:
    await expect_refusal(Script(before={"Certificate": plain(20, content)}), _ALERT.UNEXPECTED_MESSAGE)
    script = Script(version=_OLD, alter={"ChangeCipherSpec": lambda body: content})
    await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE)


async def test_a_change_cipher_spec_comes_once_in_tls12() -> None:
    for step in ("Certificate", "ServerHelloDone"):
        script = Script(version=_OLD, before={step: record(20, b"\x01")})
        await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE)
    # Behind the first one everything is protected, and this is not.
    script = Script(version=_OLD, before={"Finished": plain(20, b"\x01")})
    await expect_refusal(script, _ALERT.BAD_RECORD_MAC)


async def test_a_flood_of_dummy_change_cipher_specs() -> None:
    act = several(*[plain(20, b"\x01")] * 33)
    await expect_refusal(Script(before={"Certificate": act}), _ALERT.UNEXPECTED_MESSAGE)


# Alerts


@_BOTH
@pytest.mark.parametrize("content", [b"", b"\x01", b"\x01\x5a\x01\x5a"])
async def test_an_alert_record_holds_one_alert(version: Version, content: bytes) -> None:
    for step in ("ServerHello", "Certificate"):
        script = Script(version=version, before={step: record(21, content)})
        await expect_refusal(script, _ALERT.DECODE_ERROR)


async def test_a_warning_passes_where_warnings_are_no_more_than_that() -> None:
    for times in (1, MAX_PASSED_OVER):
        act = alert(_ALERT.UNRECOGNIZED_NAME, 1, times=times)
        await accepted(Script(before={"ServerHello": act}))
        for step in ("ServerHello", "Certificate", "ChangeCipherSpec", "Finished"):
            await accepted(Script(version=_OLD, before={step: act}))
    await accepted(Script(version=_OLD, before={"Certificate": alert(_ALERT.NO_RENEGOTIATION, 1)}))


async def test_a_flood_of_warnings() -> None:
    act = alert(_ALERT.UNRECOGNIZED_NAME, 1, times=MAX_PASSED_OVER + 1)
    for step in ("ServerHello", "Certificate", "ChangeCipherSpec"):
        await expect_refusal(Script(version=_OLD, before={step: act}), _ALERT.UNEXPECTED_MESSAGE)
    act = alert(_ALERT.USER_CANCELED, 1, times=MAX_PASSED_OVER + 1)
    await expect_refusal(Script(before={"Certificate": act}), _ALERT.UNEXPECTED_MESSAGE)


@pytest.mark.parametrize("count", [1, MAX_PASSED_OVER])
async def test_hello_requests_are_passed_over(count: int) -> None:
    act = several(*[message(0)] * count)
    await accepted(Script(version=_OLD, before={"ServerKeyExchange": act}))
    await accepted(Script(version=_OLD, before={"Finished": act}, fragment=1))


async def test_a_hello_request_may_share_the_record_of_the_server_hello_done() -> None:
    await accepted(Script(version=_OLD, trail={"ServerHelloDone": bytes(4)}))


async def test_a_hello_request_beside_something_else_where_a_change_cipher_spec_is_due() -> None:
    for content in (b"\x00\x00\x00\x00\x14", b"\x00\x00\x00\x01"):
        script = Script(version=_OLD, before={"ChangeCipherSpec": record(22, content)})
        await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE)


async def test_a_flood_of_hello_requests() -> None:
    act = several(*[message(0)] * (MAX_PASSED_OVER + 1))
    for step in ("Certificate", "ChangeCipherSpec"):
        await expect_refusal(Script(version=_OLD, before={step: act}), _ALERT.UNEXPECTED_MESSAGE)


@pytest.mark.parametrize(
    ("description", "level"),
    [(_ALERT.HANDSHAKE_FAILURE, 1), (_ALERT.UNRECOGNIZED_NAME, 1), (200, 2), (200, 1)],
)
async def test_every_error_alert_is_fatal_in_tls13(description: int, level: int) -> None:
    script = Script(before={"Certificate": alert(description, level)})
    meeting = await expect_refusal(script, None, error=AlertReceived)
    assert meeting.error is not None
    assert meeting.error.alert == description


async def test_other_warnings_are_fatal_before_the_version_is_known() -> None:
    act = alert(_ALERT.HANDSHAKE_FAILURE, 1)
    await expect_refusal(Script(version=_OLD, before={"ServerHello": act}), None, error=AlertReceived)


@_BOTH
async def test_a_server_that_cancels_is_waited_for(version: Version) -> None:
    act = several(alert(_ALERT.USER_CANCELED, 1), alert(_ALERT.CLOSE_NOTIFY, 1))
    for step in ("ServerHello", "Certificate", "Finished"):
        script = Script(version=version, before={step: act})
        await expect_refusal(script, None, error=Truncated)


# Not TLS at all


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n", bytes(100)])
async def test_a_server_of_another_protocol(answer: bytes) -> None:
    await expect_refusal(Script(before={"ServerHello": raw(answer)}), _ALERT.UNEXPECTED_MESSAGE)


@_BOTH
async def test_a_record_that_is_too_long(version: Version) -> None:
    for step in ("ServerHello", "Certificate"):
        script = Script(version=version, before={step: raw(b"\x17\x03\x03\xff\xff")})
        await expect_refusal(script, _ALERT.RECORD_OVERFLOW)


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
        async def verify(self, chain: object, server_name: str, /) -> _NoVerdict:
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
        async def verify(self, chain: object, server_name: str, /) -> _NoVerdict:
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
