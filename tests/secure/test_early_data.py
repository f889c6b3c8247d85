"""Early data (0-RTT): when it is sent, and what may come of it; it is never sent a second time."""

from __future__ import annotations

import dataclasses

import pytest
import trio

from support.alterations import flip, have, message, plain, several
from support.scripted_flights import read_hello
from support.scripted_flights13 import send_ticket
from support.scripted_flows import EVERYTHING, FLOWS, Part, Shelf
from support.scripted_script import Script, echo, leaf
from support.scripted_server import PLAIN, Meeting, accepted, expect_refusal, wrap
from support.scripted_sessions import Memory
from support.scripted_wire import ServerWire
from trio_secure import AlertDescription, ConnectionInfo, MemoryCache, PeerIncompatible, TraceEvent, Truncated
from trio_secure import _extensions as ext
from trio_secure._sessions import Session13
from trio_secure._suites import SUITES_BY_NAME
from trio_secure._versions import DOWNGRADE_TO_TLS12, Version

_ALERT = AlertDescription
_FLOW = next(flow for flow in FLOWS if flow.early_data)
_DATA = b"GET / HTTP/1.1\r\n\r\n"


def _part(
    *,
    alpn: bytes | None = None,
    limit: int = 2**14,
    session_suite: str = "TLS_AES_128_GCM_SHA256",
    **fields: object,
) -> Part:
    """A client with a session that allows early data, and a server that takes both."""
    part = _FLOW.part(EVERYTHING, **fields)
    shelf = part.config.cache
    assert isinstance(shelf, Shelf)
    assert isinstance(shelf.session, Session13)
    suite = SUITES_BY_NAME[session_suite]
    session = dataclasses.replace(shelf.session, alpn=alpn, max_early_data=limit, suite=suite)
    return part._replace(config=part.config.replace(cache=Shelf(session)))


def _info(meeting: Meeting) -> ConnectionInfo:
    assert meeting.info is not None
    return meeting.info


def _asked(meeting: Meeting) -> list[bool]:
    """Of each hello, whether it announces early data."""
    hellos = [seen.body for seen in meeting.server.messages if seen.type == 1]
    return [ext.EARLY_DATA in read_hello(hello).extensions for hello in hellos]


def _types(meeting: Meeting) -> list[int]:
    return [seen.type for seen in meeting.server.messages]


# Sent, and taken


@pytest.mark.parametrize("size", [1, len(_DATA), 2**14])
@pytest.mark.parametrize("trickle", [False, True])
async def test_it_is_taken(size: int, trickle: bool) -> None:
    part, data = _part(), bytes(size)
    meeting = await accepted(part.script, part.config, early_data=data, trickle=trickle)
    assert meeting.server.early_data == data
    assert meeting.server.data == b"ping"
    assert _info(meeting).early_data_accepted is True
    assert _info(meeting).resumed
    # RFC 9846 §4.6 [8446 §4.5]: an EndOfEarlyData, and then Finished.
    assert _types(meeting) == [1, 5, 20]
    # RFC 9846 §E.4 [8446 §D.4]: the change_cipher_spec right behind the hello.
    assert meeting.server.records[:3] == [22, 20, 23]


async def test_more_than_a_record_is_cut_into_several() -> None:
    data = bytes(range(256)) * 256
    part = _part(limit=len(data))
    meeting = await accepted(part.script, part.config, early_data=data)
    assert meeting.server.early_data == data


async def test_the_next_connection_sends_what_a_ticket_allows() -> None:
    async def give(server: ServerWire) -> None:
        await send_ticket(server, max_early_data=len(_DATA))

    memory, config = Memory(), PLAIN.replace(cache=MemoryCache(), alpn=["http/1.1", "h2"])
    script = Script(
        leaf=leaf("p256"), memory=memory, early_data=True, alpn=b"http/1.1", then=several(give, echo)
    )
    for early, told in ((_DATA, None), (_DATA, True), (b"", None), (_DATA + b"x", None), (_DATA, True)):
        meeting = await accepted(script, config, early_data=early)
        assert _info(meeting).early_data_accepted is told
        assert meeting.server.early_data == (early if told else b"")
        assert _asked(meeting) == [bool(told)]


@pytest.mark.parametrize(
    ("data", "limit", "sent"),
    [
        pytest.param(b"", 100, False, id="nothing-to-send"),
        pytest.param(bytes(100), 100, True, id="just-fits"),
        pytest.param(bytes(101), 100, False, id="too-much"),
        pytest.param(b"x", 0, False, id="not-allowed"),
    ],
)
async def test_it_is_sent_as_far_as_the_ticket_allows(data: bytes, limit: int, sent: bool) -> None:
    """RFC 9846 §4.7.1 [8446 §4.6.1]: max_early_data_size is the most."""
    part = _part(limit=limit)
    meeting = await accepted(part.script, part.config, early_data=data)
    assert _asked(meeting) == [sent]
    assert meeting.server.early_data == (data if sent else b"")
    assert _info(meeting).early_data_accepted is (True if sent else None)
    assert _info(meeting).resumed


async def test_without_a_session_nothing_is_sent() -> None:
    meeting = await accepted(Script(), PLAIN, early_data=_DATA)
    assert _asked(meeting) == [False]
    assert _info(meeting).early_data_accepted is None


async def test_what_cannot_be_agreed_again_is_not_sent() -> None:
    """RFC 9846 §4.3.10 [8446 §4.2.10]: suite and protocol are those of the session."""
    part = _part(alpn=b"h2")
    meeting = await accepted(part.script, part.config, early_data=_DATA)
    assert _asked(meeting) == [False]
    part = _part(session_suite="TLS_AES_128_GCM_SHA256", suite="TLS_CHACHA20_POLY1305_SHA256")
    config = part.config.replace(cipher_suites=["TLS_CHACHA20_POLY1305_SHA256"])
    meeting = await accepted(part.script, config, early_data=_DATA)
    assert _asked(meeting) == [False]
    assert _info(meeting).resumed


# Sent, and not taken


async def test_it_is_not_taken() -> None:
    """EncryptedExtensions without it: told, and not sent again."""
    part = _part(early_data=False)
    meeting = await accepted(part.script, part.config, early_data=_DATA)
    assert _asked(meeting) == [True]
    assert _info(meeting).early_data_accepted is False
    assert _info(meeting).resumed
    assert meeting.server.early_data == b""
    assert meeting.server.data == b"ping"
    assert _types(meeting) == [1, 20]


async def test_it_is_not_taken_along_with_the_session() -> None:
    part = _part()
    script = dataclasses.replace(part.script, memory=Memory())
    meeting = await accepted(script, part.config, early_data=_DATA)
    assert _info(meeting).early_data_accepted is False
    assert not _info(meeting).resumed
    assert meeting.server.data == b"ping"


@pytest.mark.parametrize("resumed", [True, False])
async def test_a_retry_refuses_it(resumed: bool) -> None:
    """RFC 9846 §4.2.4 [8446 §4.1.4]: the second hello does not announce it any more."""
    part = _part(retry_group=0x17)
    script = part.script if resumed else dataclasses.replace(part.script, memory=None)
    meeting = await accepted(script, part.config, early_data=_DATA)
    assert _asked(meeting) == [True, False]
    assert _info(meeting).early_data_accepted is False
    assert _info(meeting).resumed is resumed
    assert meeting.server.data == b"ping"
    # The early data stands between the hellos, once, and so does the one change_cipher_spec.
    assert meeting.server.records[:4] == [22, 20, 23, 22]
    assert meeting.server.records.count(20) == 1


# What a server may not make of it


async def test_an_answer_without_a_question() -> None:
    for retry_group in (None, 0x17):
        script = Script(retry_group=retry_group, extend={"EncryptedExtensions": have(ext.EARLY_DATA, b"")})
        await expect_refusal(script, _ALERT.UNSUPPORTED_EXTENSION)


async def test_an_answer_after_the_retry_has_refused_it() -> None:
    part = _part(retry_group=0x17, extend={"EncryptedExtensions": have(ext.EARLY_DATA, b"")})
    await expect_refusal(part.script, _ALERT.UNSUPPORTED_EXTENSION, part.config, early_data=_DATA)


async def test_an_answer_that_does_not_parse() -> None:
    part = _part(extend={"EncryptedExtensions": have(ext.EARLY_DATA, b"x")})
    await expect_refusal(part.script, _ALERT.DECODE_ERROR, part.config, early_data=_DATA)


@pytest.mark.parametrize("step", ["ServerHello", "HelloRetryRequest", "Certificate"])
async def test_an_answer_in_the_wrong_place(step: str) -> None:
    part = _part(retry_group=0x17, extend={step: have(ext.EARLY_DATA, b"")})
    script = dataclasses.replace(part.script, memory=None)
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, part.config, early_data=_DATA)


async def test_it_is_taken_without_the_session() -> None:
    part = _part(extend={"EncryptedExtensions": have(ext.EARLY_DATA, b"")})
    script = dataclasses.replace(part.script, memory=Memory())
    meeting = await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, part.config, early_data=_DATA)
    assert meeting.alert is not None
    assert meeting.alert.protected


async def test_it_is_taken_with_another_suite() -> None:
    part = _part(session_suite="TLS_AES_128_GCM_SHA256", suite="TLS_CHACHA20_POLY1305_SHA256")
    assert part.script.memory is not None
    part.script.memory.early_suite = SUITES_BY_NAME["TLS_AES_128_GCM_SHA256"]
    await expect_refusal(part.script, _ALERT.ILLEGAL_PARAMETER, part.config, early_data=_DATA)


@pytest.mark.parametrize(("before", "now"), [(b"h2", b"http/1.1"), (b"h2", None), (None, b"h2")])
async def test_it_is_taken_with_another_protocol(before: bytes | None, now: bytes | None) -> None:
    part = _part(alpn=before)
    script = dataclasses.replace(part.script, alpn=now)
    config = part.config.replace(alpn=["h2", "http/1.1"])
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, config, early_data=_DATA)


async def test_the_server_has_gone_back_to_an_older_version() -> None:
    """RFC 9846 §E.3 [8446 §D.3]: not even a full handshake; the caller has to connect anew."""
    part = _part()
    old = Script(version=Version.TLS12)
    meeting = await expect_refusal(
        old, _ALERT.PROTOCOL_VERSION, part.config, error=PeerIncompatible, early_data=_DATA
    )
    assert meeting.alert is not None
    assert not meeting.alert.protected
    # The same server and no early data: all is well.
    assert _info(await accepted(old, part.config)).version == Version.TLS12


async def test_a_downgrade_is_told_as_such() -> None:
    part = _part()
    old = Script(version=Version.TLS12, alter={"ServerHello": _downgraded})
    await expect_refusal(old, _ALERT.ILLEGAL_PARAMETER, part.config, early_data=_DATA)


def _downgraded(body: bytes) -> bytes:
    return body[:26] + DOWNGRADE_TO_TLS12 + body[34:]


# The alert reaches the server, whatever it has made of the early data


@pytest.mark.parametrize("early_data", [True, False])
@pytest.mark.parametrize("known", [True, False])
async def test_an_alert_is_under_a_key_the_server_reads_with(early_data: bool, known: bool) -> None:
    for step in ("Finished", "Certificate"):
        part = _part(early_data=early_data, alter={step: flip(-1)})
        if known and step == "Certificate":
            continue
        script = part.script if known else dataclasses.replace(part.script, memory=Memory())
        alert = _ALERT.DECRYPT_ERROR if step == "Finished" else _ALERT.DECODE_ERROR
        meeting = await expect_refusal(script, alert, part.config, early_data=_DATA)
        assert meeting.alert is not None
        assert meeting.alert.protected


@pytest.mark.parametrize("early_data", [True, False])
async def test_an_alert_about_the_parameters_is_under_a_key_the_server_reads_with(early_data: bool) -> None:
    """RFC 9846 §A.1 [8446 §A.1]: not under the early key, unless the server has taken to it."""
    part = _part(early_data=early_data, extend={"EncryptedExtensions": have(0x1234, b"")})
    meeting = await expect_refusal(part.script, _ALERT.UNSUPPORTED_EXTENSION, part.config, early_data=_DATA)
    assert meeting.server.resumed
    assert meeting.alert is not None
    assert meeting.alert.protected


@pytest.mark.parametrize("retry_group", [None, 0x17])
async def test_an_alert_about_the_hello_is_in_the_clear(retry_group: int | None) -> None:
    part = _part(retry_group=retry_group, extend={"ServerHello": have(ext.SERVER_NAME, b"")})
    script = dataclasses.replace(part.script, memory=None)
    meeting = await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, part.config, early_data=_DATA)
    assert meeting.alert is not None
    assert not meeting.alert.protected


async def test_an_alert_about_the_retry_is_in_the_clear() -> None:
    part = _part(retry_group=0x1D)
    script = dataclasses.replace(part.script, memory=None)
    meeting = await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, part.config, early_data=_DATA)
    assert meeting.alert is not None
    assert not meeting.alert.protected


async def test_nothing_goes_in_the_clear_because_of_early_data() -> None:
    part = _part(before={"EncryptedExtensions": plain(22, b"\x08\0\0\x02\0\0")})
    await expect_refusal(part.script, _ALERT.UNEXPECTED_MESSAGE, part.config, early_data=_DATA)


async def test_an_end_of_early_data_is_nothing_a_server_says() -> None:
    part = _part(before={"Finished": message(5)})
    await expect_refusal(part.script, _ALERT.UNEXPECTED_MESSAGE, part.config, early_data=_DATA)


# Told


@pytest.mark.parametrize(("taken", "said"), [(True, "accepted"), (False, "rejected")])
async def test_what_came_of_it_is_traced_and_its_key_logged(taken: bool, said: str) -> None:
    events: list[TraceEvent] = []
    lines: list[str] = []
    part = _part(early_data=taken)
    config = part.config.replace(trace=events.append, key_log=lines.append)
    await accepted(part.script, config, early_data=_DATA)
    notes = [event.summary for event in events if event.name == "early data"]
    assert notes == [f"sent, {len(_DATA)} bytes", said]
    assert lines[0].split()[0] == "CLIENT_EARLY_TRAFFIC_SECRET"
    sessions = [event.summary for event in events if event.name == "session"]
    assert sessions == ["offered", "resumed"]


async def test_it_leaves_together_with_the_hello() -> None:
    """Before anything of the server is there: that is what it is for."""
    sent: list[bytes] = []

    class Sink(trio.abc.Stream):
        async def send_all(self, data: bytes | bytearray | memoryview) -> None:
            sent.append(bytes(data))

        async def wait_send_all_might_not_block(self) -> None:
            pass

        async def receive_some(self, max_bytes: int | None = None) -> bytes:
            return b""

        async def aclose(self) -> None:
            pass

    part = _part()
    with pytest.raises(Truncated):
        await wrap(Sink(), "scripted.test", part.config, early_data=_DATA)
    (flight,) = sent
    hello = 5 + int.from_bytes(flight[3:5], "big")
    assert flight[hello : hello + 6] == b"\x14\x03\x03\x00\x01\x01"
    assert flight[hello + 6 :][:5] == b"\x17\x03\x03" + (len(_DATA) + 17).to_bytes(2, "big")
    assert len(flight) == hello + 6 + 5 + len(_DATA) + 17
