from __future__ import annotations

import io
import ssl
import sys
from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock

from support.openssl_peer import secure_pair, server_context, trusting
from trio_secure import (
    AlertDescription,
    CertificateRefused,
    MemoryCache,
    PeerMisbehaved,
    TraceAlert,
    TraceEvent,
    TraceKeyChange,
    TraceMessage,
    TraceNote,
    Truncated,
)
from trio_secure import _extensions as ext
from trio_secure import _messages13 as m13
from trio_secure._alerts import Alert
from trio_secure._messages import Finished, ServerHello, encode_message
from trio_secure._protection import Epoch
from trio_secure._trace import Tracer, print_event

_PARAMETERS = m13.EncryptedExtensions({ext.ALPN: b"\x00\x03\x02h2", ext.SERVER_NAME: b""})


def traced() -> tuple[Tracer, list[TraceEvent]]:
    events: list[TraceEvent] = []
    return Tracer(events.append), events


def told(events: Sequence[TraceEvent]) -> list[str]:
    """What the events say, but for the time."""
    return [str(event).split(" ms ", 1)[1] for event in events]


# What the notes about the end of a handshake hold


def test_a_failure_is_told_in_words_and_in_values() -> None:
    tracer, events = traced()
    error = PeerMisbehaved(AlertDescription.DECODE_ERROR, "malformed")
    error.phase = "ServerHello"
    tracer.failed(error)
    tracer.failed(Truncated("cut"))
    first, second = events
    assert isinstance(first, TraceNote)
    assert isinstance(second, TraceNote)
    assert first.summary == "malformed (at ServerHello)"
    assert first.facts == {
        "kind": "PeerMisbehaved",
        "message": "malformed",
        "phase": "ServerHello",
        "alert": "decode_error",
    }
    assert (second.facts["kind"], second.facts["phase"], second.facts["alert"]) == ("Truncated", "", None)


def test_a_refusal_is_told_with_the_certificate_at_fault() -> None:
    tracer, events = traced()
    tracer.failed(CertificateRefused(AlertDescription.UNKNOWN_CA, "no", b"DER"))
    (note,) = events
    assert isinstance(note, TraceNote)
    assert note.facts["certificate"] == b"DER"


async def test_what_was_established_is_told_with_the_facts_of_the_connection() -> None:
    events: list[TraceEvent] = []
    stream, _ = await secure_pair(config=trusting(trace=events.append))
    (note,) = [event for event in events if event.name == "established"]
    assert isinstance(note, TraceNote)
    assert note.facts == {"info": stream.info}
    await stream.aclose()


# How events read


def test_an_event_is_a_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    print_event(TraceEvent(0.0125, "sent", "ChangeCipherSpec", ""))
    print_event(TraceEvent(1, "received", "Something", "of interest"))
    print_event(TraceNote(2, "note", "done", "", {}))
    assert capsys.readouterr().err == (
        "    12.50 ms -> ChangeCipherSpec\n  1000.00 ms <- Something: of interest\n  2000.00 ms  * done\n"
    )


def test_what_a_peer_wrote_moves_nothing_on_a_terminal() -> None:
    event = TraceEvent(0, "note", "failed", "odd \x1b[2J\nand more")
    assert str(event) == "     0.00 ms  * failed: odd \\x1b[2J\\nand more"


@pytest.mark.parametrize("closed", [True, False])
def test_without_a_standard_error_nothing_is_printed_and_nothing_breaks(
    closed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO() if closed else None
    if stream is not None:
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    print_event(TraceEvent(0, "note", "done", ""))


# What the tracer makes of what it is told


def test_a_message_is_told_with_its_fields_its_extensions_and_its_bytes() -> None:
    tracer, events = traced()
    encoded = encode_message(8, b"body")
    tracer.key_change("received", Epoch.HANDSHAKE)
    tracer.message("received", _PARAMETERS, encoded)
    event = events[-1]
    assert isinstance(event, TraceMessage)
    assert (event.name, event.type, event.length, event.raw) == ("EncryptedExtensions", 8, 4, encoded)
    assert event.epoch is Epoch.HANDSHAKE
    assert event.fields == {}
    assert [(row.name, row.code, row.value) for row in event.extensions] == [
        ("application_layer_protocol_negotiation", 16, ("h2",)),
        ("server_name", 0, None),
    ]
    assert str(event).splitlines()[1:] == [
        "                   application_layer_protocol_negotiation h2",
        "                   server_name",
    ]
    assert told([event])[0].startswith("<- EncryptedExtensions (4 bytes, handshake keys): h2\n")


def test_the_epoch_of_each_direction_is_that_of_its_last_key_change() -> None:
    tracer, events = traced()
    finished = Finished(b"")
    encoded = encode_message(20, b"")
    tracer.message("sent", finished, encoded)
    tracer.key_change("sent", Epoch.EARLY_DATA)
    tracer.message("received", ServerHello(0x0303, bytes(32), b"", 0x1301, 0, {}), encode_message(2, b""))
    tracer.key_change("received", Epoch.HANDSHAKE)
    tracer.message("sent", finished, encoded)
    tracer.key_change("sent", Epoch.HANDSHAKE)
    tracer.message("sent", finished, encoded)
    assert told(events) == [
        "-> Finished (0 bytes)",
        " * write key: early data keys",
        "<- ServerHello (0 bytes): TLS 1.2, TLS_AES_128_GCM_SHA256",
        " * read key: handshake keys, TLS_AES_128_GCM_SHA256",
        "-> Finished (0 bytes, early data keys)",
        " * write key: handshake keys, TLS_AES_128_GCM_SHA256",
        "-> Finished (0 bytes, handshake keys)",
    ]


def test_a_retried_handshake_may_go_back_to_plaintext() -> None:
    tracer, events = traced()
    retry = ServerHello(0x0303, bytes(32), b"", 0x1301, 0, {})
    tracer.key_change("sent", Epoch.EARLY_DATA)
    tracer.message("received", retry, encode_message(2, b""))
    tracer.key_change("sent", Epoch.PLAINTEXT)
    tracer.message("sent", Finished(b""), encode_message(20, b""))
    assert isinstance(events[2], TraceKeyChange)
    assert events[2].suite is None
    assert told(events[2:]) == [" * write key: plaintext", "-> Finished (0 bytes)"]


def test_a_key_update_is_another_generation_of_the_same_epoch() -> None:
    tracer, events = traced()
    for _ in range(3):
        tracer.key_change("received", Epoch.APPLICATION)
    tracer.key_change("sent", Epoch.APPLICATION)
    assert [
        (event.name, event.protects, event.epoch, event.suite, event.generation)
        for event in events
        if isinstance(event, TraceKeyChange)
    ] == [
        ("read key", "received", Epoch.APPLICATION, None, 0),
        ("read key", "received", Epoch.APPLICATION, None, 1),
        ("read key", "received", Epoch.APPLICATION, None, 2),
        ("write key", "sent", Epoch.APPLICATION, None, 0),
    ]
    assert events[2].summary == "application keys, generation 2"


@pytest.mark.parametrize(
    ("alert", "description", "line"),
    [
        (Alert(2, 40), "handshake_failure", "fatal handshake_failure"),
        (Alert(1, 0), "close_notify", "warning close_notify"),
        (Alert(7, 250), "alert 250", "level 7 alert 250"),
    ],
)
def test_an_alert_is_told_with_level_and_name(alert: Alert, description: str, line: str) -> None:
    tracer, events = traced()
    tracer.alert("sent", alert)
    (event,) = events
    assert isinstance(event, TraceAlert)
    assert (event.level, event.code, event.description) == (*alert, description)
    assert event.epoch is Epoch.PLAINTEXT
    assert (event.direction, event.name, event.summary) == ("sent", "alert", line)


def test_notes_carry_facts_and_events_the_time() -> None:
    tracer, events = traced()
    tracer.note("session", "resumed", age=12)
    tracer.change_cipher_spec("received")
    note, record = events
    assert isinstance(note, TraceNote)
    assert note.facts == {"age": 12}
    assert told(events) == [" * session: resumed", "<- ChangeCipherSpec"]
    assert 0 <= note.at <= record.at


def test_record_limits_are_told_where_they_were_agreed() -> None:
    tracer, events = traced()
    tracer.limits(fragment=None, receive=None)
    tracer.limits(fragment=None, receive=16385, send=4096)
    (event,) = events
    assert isinstance(event, TraceNote)
    assert told(events) == [" * record limits: receive 16385 bytes, send 4096 bytes"]
    assert event.facts == {"receive": 16385, "send": 4096}


async def test_what_takes_its_time_is_told_when_it_begins_and_when_it_ends() -> None:
    tracer, events = traced()

    async def work(number: int) -> int:
        await trio.lowlevel.checkpoint()
        return 6 // number

    timed = tracer.timed("division", work)
    assert await timed(2) == 3
    with pytest.raises(ZeroDivisionError):
        await timed(number=0)
    assert [event.name for event in events] == ["division"] * 4
    began, ended = events[:2]
    assert isinstance(ended, TraceNote)
    assert began.summary == "began"
    seconds = ended.facts["seconds"]
    assert isinstance(seconds, float)
    assert 0 <= seconds <= ended.at
    assert ended.summary == events[1].summary == f"ended after {seconds * 1000:.2f} ms"


# A whole connection


_VERSIONS = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"]
)


@_VERSIONS
async def test_a_connection_tells_all_that_happens(autojump_clock: MockClock, version: int) -> None:
    events: list[TraceEvent] = []
    context = server_context(version=version, alpn=["h2"])
    stream, peer = await secure_pair(context, config=trusting(trace=events.append, alpn="h2", cache=False))
    await peer.aclose()
    assert await stream.receive_some() == b""
    await stream.aclose()
    tls13 = version == ssl.TLSVersion.TLSv1_3
    names = [(event.direction, event.name) for event in events]
    assert names[0] == ("sent", "ClientHello")
    assert names[-2:] == [("received", "alert"), ("sent", "alert")]
    assert ("sent", "ChangeCipherSpec") in names
    assert (("received", "ChangeCipherSpec") in names) == (not tls13)
    assert names.count(("note", "certificate lookup")) == 2
    assert ("note", "established") in names
    for event in events:
        if isinstance(event, TraceMessage):
            assert event.epoch is _epoch(event.name, tls13=tls13)
        if isinstance(event, TraceAlert):
            assert event.epoch is Epoch.APPLICATION
    keys = [event for event in events if isinstance(event, TraceKeyChange)]
    assert [key.epoch for key in keys] == [Epoch.HANDSHAKE] * 2 * tls13 + [Epoch.APPLICATION] * 2
    assert {key.suite for key in keys} == {stream.info.cipher_suite}
    assert {key.generation for key in keys} == {0}


def _epoch(message: str, *, tls13: bool) -> Epoch:
    if tls13:
        return Epoch.PLAINTEXT if message in ("ClientHello", "ServerHello") else Epoch.HANDSHAKE
    return Epoch.APPLICATION if message == "Finished" else Epoch.PLAINTEXT


@_VERSIONS
async def test_what_is_told_is_what_openssl_had_to_agree_with(
    autojump_clock: MockClock, version: int
) -> None:
    events: list[TraceEvent] = []
    context = server_context(version=version, alpn=["h2"])
    stream, peer = await secure_pair(
        context, config=trusting(trace=events.append, alpn=["h2", "x"], cache=False)
    )
    messages = {event.name: event for event in events if isinstance(event, TraceMessage)}
    for event in messages.values():
        assert event.raw[0] == event.type
        assert len(event.raw) == event.length + 4
        assert int.from_bytes(event.raw[1:4], "big") == event.length
    offer = {row.name: row.value for row in messages["ClientHello"].extensions}
    assert offer["server_name"] == "server.test"
    assert offer["application_layer_protocol_negotiation"] == ("h2", "x")
    assert offer["supported_versions"] == ("TLS 1.3", "TLS 1.2")
    assert messages["ClientHello"].fields["random"] == messages["ClientHello"].raw[6:38].hex()
    cipher = peer.tls.cipher()
    assert cipher is not None
    suites = messages["ClientHello"].fields["cipher_suites"]
    assert isinstance(suites, tuple)
    assert messages["ServerHello"].fields["cipher_suite"] == stream.info.cipher_suite
    assert stream.info.cipher_suite in suites
    if version == ssl.TLSVersion.TLSv1_3:
        assert cipher[0] == stream.info.cipher_suite
    assert messages["Certificate"].fields["certificate_list"] == stream.info.peer_certificates


@_VERSIONS
async def test_what_becomes_of_a_session_is_told(autojump_clock: MockClock, version: int) -> None:
    events: list[TraceEvent] = []
    context = server_context(version=version, tickets=1)
    strange = server_context(version=version)
    config = trusting(trace=events.append, cache=MemoryCache(8), server_name="session.test", verify=False)
    for server in (context, context, strange):
        stream, peer = await secure_pair(server, config=config)
        await peer.send_all(b"x")
        assert await stream.receive_some() == b"x"
        await stream.aclose()
        await peer.aclose()
    assert told([event for event in events if event.name == "session"]) == [
        " * session: offered",
        " * session: resumed",
        " * session: offered",
        " * session: refused",
    ]


async def test_a_sink_that_raises_is_its_users_business() -> None:
    def sink(event: TraceEvent) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Tracer(sink).alert("sent", Alert(2, AlertDescription.INTERNAL_ERROR))
