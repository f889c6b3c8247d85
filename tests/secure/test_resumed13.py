"""Sessions of TLS 1.3: which are offered and how, and what a server may make of that."""

from __future__ import annotations

import dataclasses
import time

import pytest

from support.alterations import alert, have, lack, message, record, several
from support.scripted_flights import read_hello
from support.scripted_flights13 import send_ticket
from support.scripted_flows import FLOWS, Flow, Part, Shelf, known
from support.scripted_script import SERVER_NAME, Act, Script, echo, leaf
from support.scripted_server import PLAIN, Meeting, accepted, expect_refusal, refused
from support.scripted_sessions import Memory, OfferedPsk
from support.scripted_wire import HANDSHAKE, ServerWire
from trio_secure import (
    AlertDescription,
    AlertReceived,
    ConnectionInfo,
    MemoryCache,
    PeerMisbehaved,
    TLSError,
)
from trio_secure import _extensions as ext
from trio_secure._messages import encode_message
from trio_secure._session_cache import TICKETS_PER_KEY
from trio_secure._sessions import MAX_LIFETIME, Session13
from trio_secure._suites import SUITES_BY_NAME

_ALERT = AlertDescription
_FLOWS = {flow.name: flow for flow in FLOWS}
_PSK = _FLOWS["TLS 1.3 by PSK"]
_RETRIED = _FLOWS["TLS 1.3 by PSK retried"]
_BOTH = pytest.mark.parametrize("flow", [_PSK, _RETRIED], ids=lambda flow: flow.name)
_SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
_TICKET = message(4, (3600).to_bytes(4, "big") + bytes(4) + b"\x01n" + b"\x00\x01t" + b"\x00\x00")


def _ticket(*, lifetime: int = 3600, max_early_data: int | None = None, count: int = 1) -> Act:
    async def act(server: ServerWire) -> None:
        for _ in range(count):
            await send_ticket(server, lifetime=lifetime, max_early_data=max_early_data)

    return act


def _giving(memory: Memory, **fields: object) -> Script:
    """An honest server that gives a ticket to each connection."""
    script = Script(leaf=leaf("p256"), memory=memory, then=several(_ticket(), echo))
    return dataclasses.replace(script, **fields)  # type: ignore[arg-type]  # any field of a Script


def _extensions(meeting: Meeting, hello: int = 0) -> dict[int, bytes]:
    """Those of the client's first hello, or of its second."""
    hellos = [seen.body for seen in meeting.server.messages if seen.type == 1]
    return dict(read_hello(hellos[hello]).extensions)


def _session(part: Part) -> Session13:
    """The session that a part's client will resume."""
    shelf = part.config.cache
    assert isinstance(shelf, Shelf)
    assert isinstance(shelf.session, Session13)
    return shelf.session


def _info(meeting: Meeting) -> ConnectionInfo:
    assert meeting.info is not None
    return meeting.info


# From one connection to the next


@pytest.mark.parametrize("suite", _SUITES)
async def test_the_ticket_of_one_connection_resumes_the_next_and_so_on(suite: str) -> None:
    memory, config = Memory(), PLAIN.replace(cache=MemoryCache())
    meetings = [await accepted(_giving(memory, suite=suite), config) for _ in range(3)]
    assert [_info(meeting).resumed for meeting in meetings] == [False, True, True]
    assert all(meeting.server.resumed is _info(meeting).resumed for meeting in meetings)
    # Who the server is was found out once, and is carried on.
    first = _info(meetings[0])
    for meeting in meetings[1:]:
        info = _info(meeting)
        assert (info.peer_certificates, info.verified_chain) == (
            first.peer_certificates,
            first.verified_chain,
        )
        assert info.signature_scheme == first.signature_scheme == "ecdsa_secp256r1_sha256"
        assert info.group == "x25519"
        assert info.server_name == SERVER_NAME
        assert [seen.type for seen in meeting.server.messages] == [1, 20]
    assert "resumed" in str(_info(meetings[1]))


async def test_what_was_stapled_is_carried_on() -> None:
    memory, config = Memory(), PLAIN.replace(cache=MemoryCache(), signed_certificate_timestamps=True)
    script = _giving(memory, status=b"a staple", scts=b"\x00\x03\x00\x01s")
    await accepted(script, config)
    info = _info(await accepted(script, config))
    assert info.resumed
    assert info.ocsp_response == b"a staple"
    assert info.signed_certificate_timestamps == (b"s",)


@pytest.mark.parametrize("length", [2**15, 60000, 65535])
async def test_a_ticket_may_be_as_long_as_it_can_be(length: int) -> None:
    """One that no ClientHello has room for is not offered, and the connection goes on without it."""
    begin = (3600).to_bytes(4, "big") + bytes(4) + b"\x01n" + length.to_bytes(2, "big")
    encoded = encode_message(4, begin + bytes(length) + b"\x00\x00")

    async def give(server: ServerWire) -> None:
        for start in range(0, len(encoded), 2**14):
            server.send_record(HANDSHAKE, encoded[start : start + 2**14])

    config = PLAIN.replace(cache=MemoryCache())
    await accepted(Script(then=several(give, echo)), config)
    meeting = await accepted(Script(), config)
    assert (ext.PRE_SHARED_KEY in _extensions(meeting)) is (length < 65535)


async def test_each_ticket_is_offered_once() -> None:
    """RFC 9846 §C.4 [8446 §C.4]: observers cannot tell which connections belong together."""
    memory, config = Memory(), PLAIN.replace(cache=MemoryCache())
    await accepted(_giving(memory, then=several(_ticket(count=2), echo)), config)
    silent = _giving(memory, then=echo)
    meetings = [await accepted(silent, config) for _ in range(3)]
    assert [_info(meeting).resumed for meeting in meetings] == [True, True, False]
    offered = [_extensions(meeting).get(ext.PRE_SHARED_KEY) for meeting in meetings]
    tickets = {OfferedPsk.read(data).ticket for data in offered if data is not None}
    assert len(tickets) == 2
    assert offered[2] is None


async def test_a_ticket_is_not_used_again_after_a_failure() -> None:
    memory, config = Memory(), PLAIN.replace(cache=MemoryCache())
    await accepted(_giving(memory), config)
    await expect_refusal(_giving(memory, alter={"Finished": bytes.swapcase}), _ALERT.DECRYPT_ERROR, config)
    assert not _info(await accepted(_giving(memory), config)).resumed


@pytest.mark.parametrize(
    ("failure", "error"),
    [(alert(_ALERT.INTERNAL_ERROR), AlertReceived), (record(24, b"beat"), PeerMisbehaved)],
)
async def test_what_a_failed_connection_has_brought_is_not_used(failure: Act, error: type[TLSError]) -> None:
    """RFC 9846 §6 [8446 §6]: its tickets "SHOULD be discarded if possible"."""
    memory, config = Memory(), PLAIN.replace(cache=MemoryCache())
    failing = _giving(memory, then=several(_ticket(), failure))
    meeting = await refused(failing, config, talk=True)
    assert type(meeting.error) is error
    meeting = await accepted(_giving(memory), config)
    assert ext.PRE_SHARED_KEY not in _extensions(meeting)
    assert _info(await accepted(_giving(memory), config)).resumed


@_BOTH
async def test_a_server_need_not_take_it(flow: Flow) -> None:
    """Then the handshake is a full one."""
    part = flow.part()
    assert part.script.memory is not None
    part.script.memory.keys.clear()
    meeting = await accepted(part.script, part.config)
    assert not _info(meeting).resumed
    assert not meeting.server.resumed
    assert ext.PRE_SHARED_KEY in _extensions(meeting)


# What is offered


@_BOTH
async def test_the_binder_is_right_and_the_key_comes_last(flow: Flow) -> None:
    """The server checks it, also right after a HelloRetryRequest, which made it another one."""
    meeting = await flow.run()
    assert meeting.server.resumed
    hellos = [_extensions(meeting, number) for number in range(2 if flow is _RETRIED else 1)]
    offered = [OfferedPsk.read(extensions[ext.PRE_SHARED_KEY]) for extensions in hellos]
    assert all(list(extensions)[-1] == ext.PRE_SHARED_KEY for extensions in hellos)
    assert all(extensions[ext.PSK_KEY_EXCHANGE_MODES] == b"\x01\x01" for extensions in hellos)
    assert len({psk.binder for psk in offered}) == len(hellos)
    assert len({psk.ticket for psk in offered}) == 1


async def test_after_a_retry_a_key_with_another_hash_is_not_offered_again() -> None:
    """RFC 9846 §4.2.2 [8446 §4.1.2]."""
    part = _RETRIED.part()
    script = dataclasses.replace(part.script, suite="TLS_AES_256_GCM_SHA384")
    meeting = await accepted(dataclasses.replace(script, memory=None), part.config)
    assert ext.PRE_SHARED_KEY in _extensions(meeting, 0)
    assert ext.PRE_SHARED_KEY not in _extensions(meeting, 1)
    assert not _info(meeting).resumed


async def test_the_suite_may_change_as_long_as_the_hash_stays() -> None:
    part = _PSK.part(suite="TLS_CHACHA20_POLY1305_SHA256")
    session = _session(part)
    other = dataclasses.replace(session, suite=SUITES_BY_NAME["TLS_AES_128_GCM_SHA256"])
    meeting = await accepted(part.script, part.config.replace(cache=Shelf(other)))
    assert _info(meeting).resumed
    assert _info(meeting).cipher_suite == "TLS_CHACHA20_POLY1305_SHA256"


@pytest.mark.parametrize(("age", "age_add"), [(0, 7), (10, 0xFFFFFFFF), (3000, 0xFFFF0000)])
async def test_the_age_of_a_ticket_is_told_in_disguise(age: int, age_add: int) -> None:
    part = _PSK.part()
    session = _session(part)
    aged = dataclasses.replace(session, created=session.created - age, age_add=age_add)
    await accepted(part.script, part.config.replace(cache=Shelf(aged)))
    assert part.script.memory is not None
    (seen,) = part.script.memory.ages
    assert 0 <= (seen - age_add) % 2**32 - age * 1000 < 10_000


@pytest.mark.parametrize(
    ("created", "lifetime", "offered"),
    [
        pytest.param(-3599, 3600, True, id="fresh"),
        pytest.param(-3601, 3600, False, id="outlived"),
        pytest.param(-MAX_LIFETIME + 60, MAX_LIFETIME, True, id="almost-seven-days"),
        pytest.param(-MAX_LIFETIME - 1, MAX_LIFETIME, False, id="seven-days"),
        pytest.param(+60, 3600, False, id="from-the-future"),
    ],
)
async def test_only_a_fresh_ticket_is_offered(created: int, lifetime: int, offered: bool) -> None:
    """RFC 9846 §4.3.11.1 [8446 §4.2.11.1]."""
    part, now = _PSK.part(), time.time()
    session = _session(part)
    other = dataclasses.replace(session, created=now + created, lifetime=lifetime, known=known(now))
    meeting = await accepted(part.script, part.config.replace(cache=Shelf(other)))
    assert (ext.PRE_SHARED_KEY in _extensions(meeting)) is offered
    assert _info(meeting).resumed is offered


async def test_without_a_cache_nothing_is_asked_for_and_nothing_kept() -> None:
    memory, config = Memory(), PLAIN.replace(cache=False)
    meetings = [await accepted(_giving(memory), config) for _ in range(2)]
    for meeting in meetings:
        assert not _info(meeting).resumed
        asked = _extensions(meeting)
        assert ext.PSK_KEY_EXCHANGE_MODES not in asked
        assert ext.PRE_SHARED_KEY not in asked
        assert ext.SESSION_TICKET not in asked


# Which tickets are kept


@pytest.mark.parametrize(("lifetime", "resumed"), [(0, False), (1, True), (2**32 - 1, True)])
async def test_a_ticket_may_be_good_for_nothing(lifetime: int, resumed: bool) -> None:
    """RFC 9846 §4.7.1 [8446 §4.6.1]: zero is to be discarded; nothing lasts longer than seven days."""
    memory, cache = Memory(), MemoryCache()
    config = PLAIN.replace(cache=cache)
    await accepted(_giving(memory, then=several(_ticket(lifetime=lifetime), echo)), config)
    assert len(cache) == resumed
    for entry in cache._entries.values():
        assert entry.sessions[0].lifetime == min(lifetime, MAX_LIFETIME)
    assert _info(await accepted(_giving(memory), config)).resumed is resumed


async def test_of_many_tickets_a_few_are_kept() -> None:
    cache = MemoryCache()
    script = _giving(Memory(), then=several(_ticket(count=20), echo))
    await accepted(script, PLAIN.replace(cache=cache))
    assert len(cache) == TICKETS_PER_KEY


async def test_the_same_ticket_twice_is_used_once() -> None:
    """One name and one nonce are one key."""
    cache = MemoryCache()
    await accepted(_giving(Memory(), then=several(_TICKET, _TICKET, echo)), PLAIN.replace(cache=cache))
    hellos = [
        _extensions(await accepted(Script(leaf=leaf("p256")), PLAIN.replace(cache=cache))) for _ in range(2)
    ]
    assert [ext.PRE_SHARED_KEY in hello for hello in hellos] == [True, False]


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("data", [b"", bytes(3), bytes(5)])
async def test_a_ticket_whose_limit_does_not_parse(data: bytes, cache: bool) -> None:
    """Whether it is to be kept or not."""
    script = _giving(
        Memory(), extend={"NewSessionTicket": have(ext.EARLY_DATA, data)}, then=several(_ticket(), echo)
    )
    config = PLAIN.replace(cache=MemoryCache() if cache else False)
    await expect_refusal(script, _ALERT.DECODE_ERROR, config, talk=True)


# What a server may not answer


@_BOTH
@pytest.mark.parametrize("index", [1, 2, 0xFFFF])
async def test_a_key_that_was_not_offered(flow: Flow, index: int) -> None:
    answer = have(ext.PRE_SHARED_KEY, index.to_bytes(2, "big"))
    await _refused(flow, _ALERT.ILLEGAL_PARAMETER, extend={"ServerHello": answer})


@_BOTH
@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x00\x00"])
async def test_an_answer_that_does_not_parse(flow: Flow, data: bytes) -> None:
    await _refused(flow, _ALERT.DECODE_ERROR, extend={"ServerHello": have(ext.PRE_SHARED_KEY, data)})


async def test_a_key_with_another_hash() -> None:
    await _refused(
        _PSK,
        _ALERT.ILLEGAL_PARAMETER,
        suite="TLS_AES_256_GCM_SHA384",
        extend={"ServerHello": have(ext.PRE_SHARED_KEY, b"\x00\x00")},
    )


@pytest.mark.parametrize("retry_group", [None, 0x17])
async def test_a_key_although_none_was_offered(retry_group: int | None) -> None:
    script = Script(retry_group=retry_group, extend={"ServerHello": have(ext.PRE_SHARED_KEY, b"\x00\x00")})
    await expect_refusal(script, _ALERT.UNSUPPORTED_EXTENSION)


async def test_a_key_that_the_retry_has_ruled_out() -> None:
    await _refused(
        _RETRIED,
        _ALERT.UNSUPPORTED_EXTENSION,
        suite="TLS_AES_256_GCM_SHA384",
        extend={"ServerHello": have(ext.PRE_SHARED_KEY, b"\x00\x00")},
    )


@_BOTH
async def test_a_key_without_a_key_exchange(flow: Flow) -> None:
    """Only psk_dhe_ke is offered; RFC 9846 §4.3.11 [8446 §4.2.11] has this alert where it takes a key."""
    await _refused(flow, _ALERT.ILLEGAL_PARAMETER, extend={"ServerHello": lack(ext.KEY_SHARE)})


@_BOTH
@pytest.mark.parametrize("message_type", [11, 13, 15, 25])
async def test_who_has_proven_itself_by_the_key_shows_no_certificate(flow: Flow, message_type: int) -> None:
    """RFC 9846 §4.4.2 [8446 §4.3.2]: "Servers which are authenticating with a resumption PSK MUST NOT send the
    CertificateRequest message in the main handshake".
    """
    body = b"\x00\x00\x08\x00\x0d\x00\x04\x00\x02\x04\x03"
    await _refused(flow, _ALERT.UNEXPECTED_MESSAGE, before={"Finished": message(message_type, body)})


@_BOTH
async def test_who_does_not_take_the_key_has_to_show_a_certificate(flow: Flow) -> None:
    await _refused(flow, _ALERT.UNEXPECTED_MESSAGE, memory=None, omit=("Certificate", "CertificateVerify"))


async def test_who_does_not_have_the_key_cannot_finish() -> None:
    """It selects the identity and goes on without the key in its secrets."""

    async def heard(server: ServerWire) -> None:
        # The alert is under a key that it does not have either.
        server.skips_early_data = True

    part = _PSK.part(heard=heard, extend={"ServerHello": have(ext.PRE_SHARED_KEY, b"\x00\x00")})
    script = dataclasses.replace(part.script, memory=None, omit=("Certificate", "CertificateVerify"))
    meeting = await refused(script, part.config)
    assert meeting.error is not None
    assert meeting.error.alert is _ALERT.BAD_RECORD_MAC
    assert meeting.alert is None


async def _refused(flow: Flow, alert: AlertDescription, **changes: object) -> None:
    part = flow.part()
    script = dataclasses.replace(part.script, **changes)  # type: ignore[arg-type]  # any field of a Script
    if script.suite is not None:
        # The server does not know the key it selects.
        script = dataclasses.replace(script, memory=None)
    await expect_refusal(script, alert, part.config)


# Whom it is offered to


async def test_a_name_and_a_port_have_tickets_of_their_own() -> None:
    """A session belongs to the place it was made with; see also `test_session_keeper`."""
    memory, config = Memory(), PLAIN.replace(cache=MemoryCache())
    await accepted(_giving(memory, then=several(_ticket(count=4), echo)), config)
    for name in ("other.test", "127.0.0.1", None, SERVER_NAME):
        meeting = await accepted(_giving(memory, then=echo), config, name=name)
        assert _info(meeting).resumed is (name == SERVER_NAME)
