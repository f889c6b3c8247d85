from __future__ import annotations

import ssl

import pytest
from trio.testing import MockClock

from support.openssl_peer import secure_pair, server_context, trusting
from trio_secure import TraceEvent
from trio_secure import _extensions as ext
from trio_secure import _messages12 as m12
from trio_secure import _messages13 as m13
from trio_secure._messages import CertificateVerify, ServerHello
from trio_secure._trace import Tracer, describe, group_name, print_event, scheme_name, suite_name


def test_an_event_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_event(TraceEvent(0.0125, "sent", "ClientHello", "9 suites"))
    print_event(TraceEvent(1, "note", "done", ""))
    assert capsys.readouterr().err == "   12.50 ms > ClientHello: 9 suites\n 1000.00 ms - done\n"


def test_a_tracer_stamps_what_it_passes_on() -> None:
    events: list[TraceEvent] = []
    tracer = Tracer(events.append)
    tracer.event("received", "alert", "close_notify")
    tracer.message("sent", m13.KeyUpdate(update_requested=True))
    assert [(event.direction, event.name, event.summary) for event in events] == [
        ("received", "alert", "close_notify"),
        ("sent", "KeyUpdate", "and asks for ours"),
    ]
    assert 0 <= events[0].at <= events[1].at


def test_numbers_without_a_name_stay_numbers() -> None:
    assert suite_name(0x1301) == "TLS_AES_128_GCM_SHA256"
    assert suite_name(0xC0FE) == "suite 0xc0fe"
    assert group_name(0x001D) == "x25519"
    assert group_name(0x0A0A) == "group 0x0a0a"
    assert scheme_name(0x0807) == "ed25519"
    assert scheme_name(0x0101) == "scheme 0x0101"


def hello(extensions: dict[int, bytes]) -> ServerHello:
    return ServerHello(0x0303, bytes(32), b"", 0x1301, 0, extensions)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (object(), ""),
        (hello({}), "0x0303, TLS_AES_128_GCM_SHA256; no extensions"),
        (
            hello({ext.SUPPORTED_VERSIONS: b"\x03\x04", ext.KEY_SHARE: b"\x00\x1d\x00\x00"}),
            "TLS 1.3, TLS_AES_128_GCM_SHA256, x25519; supported_versions, key_share",
        ),
        (m13.EncryptedExtensions({ext.ALPN: b""}), "application_layer_protocol_negotiation"),
        (m13.Certificate(b"", ()), "no certificate"),
        (m13.Certificate(b"", (m13.CertificateEntry(b"123", {}),)), "1 certificate of 3 bytes"),
        (m12.Certificate((b"12", b"123")), "2 certificates of 2, 3 bytes"),
        (CertificateVerify(0x0403, b""), "ecdsa_secp256r1_sha256"),
        (m13.NewSessionTicket(60, 0, b"", b"1234", {}), "4 bytes, good for 60 s"),
        (m13.KeyUpdate(update_requested=False), ""),
    ],
)
def test_a_message_is_put_into_words(message: object, line: str) -> None:
    assert describe(message) == line


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
async def test_a_connection_tells_all_that_happens(autojump_clock: MockClock, version: int) -> None:
    events: list[TraceEvent] = []
    context = server_context(version=version, alpn=["h2"])
    stream, peer = await secure_pair(context, config=trusting(trace=events.append, alpn="h2"))
    await peer.aclose()
    assert await stream.receive_some() == b""
    await stream.aclose()
    names = [(event.direction, event.name) for event in events]
    assert names[0] == ("sent", "ClientHello")
    assert names[1] == ("received", "ServerHello")
    assert names[-2:] == [("received", "alert"), ("sent", "alert")]
    assert ("received", "Certificate") in names
    assert {name for direction, name in names if direction == "note"} == {
        "read key",
        "write key",
        "established",
    }
    by_name = {event.name: event.summary for event in events}
    if version == ssl.TLSVersion.TLSv1_2:
        assert by_name["ServerKeyExchange"] == "x25519, ecdsa_secp256r1_sha256"
    else:
        assert by_name["CertificateVerify"] == "ecdsa_secp256r1_sha256"
