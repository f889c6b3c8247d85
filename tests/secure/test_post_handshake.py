"""What a server may say once the handshake is over, and what it may not."""

from __future__ import annotations

import dataclasses
import os

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from support.alterations import alert, have, lack, message, plain, record, several
from support.authority import KeyKind
from support.identities import authority, client, identity
from support.scripted_flights13 import ask_who_is_there, request_body
from support.scripted_script import Act, Script, echo
from support.scripted_server import PLAIN, accepted, expect_refusal, met
from support.scripted_wire import ServerWire
from trio_secure import (
    AlertDescription,
    AlertReceived,
    ClientIdentity,
    MemoryCache,
    PeerMisbehaved,
    SecureStream,
    TLSConfig,
    TLSError,
    Truncated,
)
from trio_secure import _extensions as ext
from trio_secure import _messages13 as m13
from trio_secure._codec import vector8, vector16
from trio_secure._errors import AlertLevel
from trio_secure._identity import VerifiedPeer
from trio_secure._keys12 import MasterSecret
from trio_secure._keys13 import ResumptionSecret
from trio_secure._messages import HelloRequest, Message
from trio_secure._post_handshake import MAX_REACTIONS, Errands, Reaction, reactions
from trio_secure._session_keeper import SessionKeeper
from trio_secure._signatures import SCHEMES_BY_NAME
from trio_secure._suites import CIPHER_SUITES, SUITES_BY_NAME
from trio_secure._transcript import Transcript
from trio_secure._versions import Version
from trio_secure._wire import Established, NewSession12

_ALERT = AlertDescription
_TICKET = bytes(8) + vector8(b"nonce") + vector16(b"ticket") + vector16(b"")
_GOOD_TICKET = b"\0\0\x0e\x10" + _TICKET[4:]
_TYPES = (0, 1, 2, 3, 4, 5, 8, 9, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23, 24, 25, 67, 99, 254)
_BOTH = pytest.mark.parametrize("version", [Version.TLS13, Version.TLS12])


ESTABLISHED = Established(
    version=Version.TLS13,
    suite=SUITES_BY_NAME["TLS_AES_128_GCM_SHA256"],
    group="x25519",
    peer=VerifiedPeer((b"leaf",), None, (), None),
)


def _then(act: Act, version: Version = Version.TLS13, *, coalesce: bool = False) -> Script:
    return Script(version=version, then=several(act, echo), coalesce=coalesce)


def _key_updates(*requests: int) -> Act:
    async def act(server: ServerWire) -> None:
        for request in requests:
            server.send_key_update(request)

    return act


_BELOW_13: dict[type[Message], Reaction] = {HelloRequest: Reaction.REFUSE_RENEGOTIATION}
_REACTIONS = dict.fromkeys(Version, _BELOW_13)
_REACTIONS[Version.TLS13] = {
    m13.NewSessionTicket: Reaction.KEEP_TICKET,
    m13.KeyUpdate: Reaction.UPDATE_KEYS,
}


@pytest.mark.parametrize("version", Version)
def test_the_tables_hold_nothing_else(version: Version) -> None:
    settled = dataclasses.replace(ESTABLISHED, version=version)
    assert reactions(settled) == _REACTIONS[version]
    # Who has offered to be asked keeps the transcript.
    asked = {**reactions(dataclasses.replace(settled, transcript=Transcript()))}
    if version >= Version.TLS13:
        assert asked.pop(m13.CertificateRequest) is Reaction.AUTHENTICATE
    assert asked == _REACTIONS[version]


# TLS 1.3


@pytest.mark.parametrize("count", [1, 2, MAX_REACTIONS])
@pytest.mark.parametrize("cache", [True, False])
async def test_tickets_are_passed_over(count: int, cache: bool) -> None:
    """RFC 9846 §4.7.1 [8446 §4.6.1], also by a client that keeps none."""
    await accepted(_then(several(*[message(4, _TICKET)] * count)), PLAIN.replace(cache=cache))


async def test_a_ticket_in_two_records_and_two_tickets_in_one() -> None:
    ticket = b"\x04" + len(_TICKET).to_bytes(3, "big") + _TICKET
    await accepted(_then(several(record(22, ticket[:9]), record(22, ticket[9:]))))
    await accepted(_then(record(22, ticket + ticket)))


async def test_a_ticket_may_come_before_the_clients_finished() -> None:
    await accepted(Script(early=message(4, _TICKET)))


async def test_a_key_update_changes_the_key_and_a_request_is_answered() -> None:
    meeting = await accepted(_then(_key_updates(0)))
    assert [seen.type for seen in meeting.server.messages] == [1, 20]
    meeting = await accepted(_then(_key_updates(1)))
    assert meeting.server.messages[-1] == (24, b"\x00")
    meeting = await accepted(_then(_key_updates(1, 0, 1, 1)))
    answers = [seen for seen in meeting.server.messages if seen.type == 24]
    assert answers
    assert all(seen.body == b"\x00" for seen in answers)


@pytest.mark.parametrize("value", [2, 3, 255])
async def test_a_key_update_asks_or_does_not(value: int) -> None:
    await expect_refusal(_then(message(24, bytes([value]))), _ALERT.ILLEGAL_PARAMETER, talk=True)


async def test_a_key_update_is_one_byte() -> None:
    await expect_refusal(_then(message(24)), _ALERT.DECODE_ERROR, talk=True)
    await expect_refusal(_then(message(24, b"\x00\x00")), _ALERT.DECODE_ERROR, talk=True)


async def test_a_message_that_reaches_across_a_key_update() -> None:
    update = b"\x18\x00\x00\x01\x00"
    for rest in (b"\x04", b"\x04\x00\x00\x10", update):
        await expect_refusal(_then(record(22, update + rest)), _ALERT.UNEXPECTED_MESSAGE, talk=True)


@pytest.mark.parametrize(
    "body",
    [b"", bytes(8), _TICKET[:-1], _TICKET + b"x", bytes(8) + vector8(b"") + vector16(b"") + vector16(b"")],
)
async def test_a_malformed_ticket(body: bytes) -> None:
    await expect_refusal(_then(message(4, body)), _ALERT.DECODE_ERROR, talk=True)


async def test_a_ticket_with_an_extension_that_has_no_place_there() -> None:
    body = _TICKET[:-2] + vector16(b"\x00\x33\x00\x00")
    await expect_refusal(_then(message(4, body)), _ALERT.ILLEGAL_PARAMETER, talk=True)
    # An unknown one is passed over, and so is the one that belongs there.
    for code in (b"\x12\x34\x00\x00", b"\x00\x2a\x00\x04\x00\x00\x00\x00"):
        await accepted(_then(message(4, _TICKET[:-2] + vector16(code))))


# Authentication

_ASKED = PLAIN.replace(post_handshake_auth=True)


def _showing(*identities: ClientIdentity) -> TLSConfig:
    return _ASKED.replace(client_identities=identities)


def _asking(*contexts: bytes, **fields: object) -> Script:
    """A server that asks after the handshake, once for each context, and waits for each answer."""

    async def then(server: ServerWire) -> None:
        for context in contexts:
            await ask_who_is_there(server, context)
        await echo(server)

    return dataclasses.replace(Script(then=then), **fields)  # type: ignore[arg-type]  # any field of a Script


@pytest.mark.parametrize("kind", ["p256", "ed25519", "rsa"])
async def test_a_request_after_the_handshake_is_answered(kind: KeyKind) -> None:
    """The server checks the signature, the context and the Finished."""
    meeting = await accepted(_asking(b"context"), _showing(identity(kind)))
    assert meeting.server.client_chain == client(kind).chain_ders
    assert [seen.type for seen in meeting.server.messages][2:] == [11, 15, 20]


async def test_every_request_gets_an_answer_of_its_own() -> None:
    meeting = await accepted(_asking(b"one", b"two", bytes(255), b""), _showing(identity()))
    assert [seen.type for seen in meeting.server.messages][2:] == [11, 15, 20] * 4
    signatures = {seen.body for seen in meeting.server.messages if seen.type == 15}
    assert len(signatures) == 4


async def test_requests_that_come_together_are_answered_in_their_order() -> None:
    async def then(server: ServerWire) -> None:
        bodies = [request_body(server, bytes([number])) for number in range(3)]
        for body in bodies:
            server.send_message(13, body)
        await server.flush()
        server.expects_answer = True
        for number in range(3):
            assert (await server.listen(11))[:2] == bytes([1, number])
            await server.listen(15)
            await server.listen(20)
        await echo(server)

    await accepted(Script(then=then), _showing(identity()))


async def test_the_identity_that_fits_the_request_is_shown() -> None:
    config = _showing(identity("rsa"), identity("p256", ca="Another CA"), identity("p256"))
    script = _asking(b"c", schemes=[0x0403], authorities=[authority().certificate.subject.public_bytes()])
    meeting = await accepted(script, config)
    assert meeting.server.client_chain == client().chain_ders


async def test_who_has_nothing_to_show_says_so() -> None:
    """RFC 9846 §4.7.2 [8446 §4.6.2]: an empty Certificate "followed by Finished"."""
    for config in (_ASKED, _showing(identity("rsa"))):
        meeting = await accepted(_asking(b"c", schemes=[0x0403]), config)
        assert meeting.server.messages[2] == (11, b"\x01c\x00\x00\x00")
        assert [seen.type for seen in meeting.server.messages][3:] == [20]


async def test_the_finished_is_made_with_the_key_in_use() -> None:
    """RFC 9846 §4.5 [8446 §4.4]: "client_application_traffic_secret_N", after updates of either side."""

    async def then(server: ServerWire) -> None:
        for request in (1, 0, 1):
            server.send_key_update(request)
            await ask_who_is_there(server)
        await echo(server)

    meeting = await accepted(Script(then=then), _showing(identity()))
    assert [seen.type for seen in meeting.server.messages].count(24) == 2
    assert [seen.type for seen in meeting.server.messages].count(20) == 4


async def test_who_was_asked_in_the_handshake_may_be_asked_again() -> None:
    meeting = await accepted(_asking(b"c", request=True), _showing(identity()))
    assert [seen.type for seen in meeting.server.messages] == [1, 11, 15, 20, 11, 15, 20]


async def test_who_has_not_offered_it_is_not_to_be_asked() -> None:
    """RFC 9846 §4.7.2 [8446 §4.6.2]."""
    config = PLAIN.replace(client_identities=[identity()])
    await expect_refusal(_asking(b"c"), _ALERT.UNEXPECTED_MESSAGE, config, talk=True)


@pytest.mark.parametrize(
    ("code", "data", "description"),
    [
        (ext.SIGNATURE_ALGORITHMS, None, _ALERT.MISSING_EXTENSION),
        (ext.SIGNATURE_ALGORITHMS, b"", _ALERT.DECODE_ERROR),
        (ext.SIGNATURE_ALGORITHMS, b"\x00\x00", _ALERT.DECODE_ERROR),
        (ext.SIGNATURE_ALGORITHMS, b"\x00\x03\x04\x03\x04", _ALERT.DECODE_ERROR),
        (ext.CERTIFICATE_AUTHORITIES, b"\x00\x00", _ALERT.DECODE_ERROR),
        (ext.KEY_SHARE, b"", _ALERT.ILLEGAL_PARAMETER),
    ],
)
async def test_a_request_that_is_no_good_is_refused_before_anybody_signs(
    code: int, data: bytes | None, description: AlertDescription
) -> None:
    asked: list[bytes] = []

    async def sign(scheme: str, data: bytes) -> bytes:
        asked.append(data)
        return b""

    alteration = lack(code) if data is None else have(code, data)
    script = _asking(b"c", extend={"CertificateRequest": alteration})
    config = _showing(ClientIdentity.signing(client().chain_pem, sign))
    await expect_refusal(script, description, config, talk=True)
    assert asked == []


async def test_a_request_with_something_behind_it() -> None:
    script = _then(message(13, b"\x00\x00\x00x"))
    await expect_refusal(script, _ALERT.DECODE_ERROR, _showing(identity()), talk=True)


# Signers of the user's


class _Signer:
    """Signs when the gate is open, if nothing is the matter."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls = 0
        self.gate = trio.Event()
        self.error = error

    async def __call__(self, scheme: str, data: bytes) -> bytes:
        self.calls += 1
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return await identity().sign(SCHEMES_BY_NAME[scheme], data)

    def config(self) -> TLSConfig:
        """A client that shows what it signs for."""
        return _showing(ClientIdentity.signing(client().chain_pem, self))


async def test_a_slow_signer_is_waited_for_and_holds_no_sender_up() -> None:
    signer = _Signer()
    async with met(_asking(b"c"), signer.config()) as (stream, server), trio.open_nursery() as nursery:
        nursery.start_soon(_expect_pong, stream)
        await wait_all_tasks_blocked()
        await stream.send_all(b"pong")
        await wait_all_tasks_blocked()
        assert server.client_chain == []
        signer.gate.set()
    assert signer.calls == 1
    assert server.client_chain == client().chain_ders


async def test_a_request_whose_answer_was_cancelled_is_answered_by_the_next_receiver() -> None:
    signer = _Signer()
    async with met(_asking(b"c"), signer.config()) as (stream, server):
        for _ in range(2):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.receive_some)
                await wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()
        signer.gate.set()
        await stream.send_all(b"pong")
        await _expect_pong(stream)
    assert signer.calls == 3
    assert [seen.type for seen in server.messages] == [1, 20, 11, 15, 20]


async def _expect_pong(stream: SecureStream[trio.abc.Stream]) -> None:
    assert await stream.receive_some() == b"pong"


@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError("of the signer"),
        # What a signer says that has a connection of its own is not about this one.
        Truncated("the signer's server is gone"),
        AlertReceived(_ALERT.CERTIFICATE_REVOKED),
        trio.ClosedResourceError("of the signer"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_signer_that_fails_ends_the_connection(error: Exception) -> None:
    """The user has the error as it is, and the server, which waits, is told."""
    signer = _Signer(error)
    signer.gate.set()
    async with met(_asking(b"c"), signer.config()) as (stream, server):
        with pytest.raises(type(error)) as caught:
            await stream.receive_some()
        assert caught.value is error
        for _ in range(2):
            with pytest.raises(TLSError, match="could not be answered") as told:
                await stream.receive_some()
            assert told.value.alert is _ALERT.INTERNAL_ERROR
        with pytest.raises(trio.BrokenResourceError, match="the connection has failed"):
            await stream.send_all(b"x")
    assert signer.calls == 1
    assert [alert[:2] for alert in server.alerts] == [(AlertLevel.FATAL, _ALERT.INTERNAL_ERROR)]
    assert [seen.type for seen in server.messages] == [1, 20]


async def test_a_signature_that_is_wrong_is_not_sent() -> None:
    async def sign(scheme: str, data: bytes) -> bytes:
        return bytes(64)

    config = _showing(ClientIdentity.signing(client().chain_pem, sign))
    async with met(_asking(b"c"), config) as (stream, server):
        with pytest.raises(TLSError, match="it was not sent"):
            await stream.receive_some()
    assert [alert[:2] for alert in server.alerts] == [(AlertLevel.FATAL, _ALERT.INTERNAL_ERROR)]


# Sessions


@pytest.mark.parametrize("alone", [True, False])
async def test_a_ticket_is_kept_before_more_is_given_out(alone: bool) -> None:
    cache = MemoryCache()
    async with met(_then(message(4, _GOOD_TICKET)), PLAIN.replace(cache=cache)) as (stream, _):
        if not alone:
            await stream.send_all(b"pong")
            await _expect_pong(stream)
        else:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.receive_some)
                await wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()
        assert len(cache) == 1


@pytest.mark.parametrize(
    ("version", "error", "lasts"),
    [
        (Version.TLS12, PeerMisbehaved(_ALERT.DECODE_ERROR, "x"), False),
        (Version.TLS12, AlertReceived(80), False),
        (Version.TLS12, Truncated("x"), True),
        (Version.TLS11, Truncated("x"), True),
        (Version.TLS10, Truncated("x"), False),
        (Version.TLS13, AlertReceived(80), False),
        (Version.TLS13, Truncated("x"), True),
    ],
)
async def test_a_session_goes_with_its_connection(version: Version, error: TLSError, lasts: bool) -> None:
    """RFC 5246 §7.2.2, RFC 9846 §6 [8446 §6].

    RFC 2246 §7.2.1 also without a close_notify, which RFC 4346 §7.2.1 has given up.
    """
    cache = MemoryCache()
    config = PLAIN.replace(min_version=Version.TLS10)
    keeper = SessionKeeper(cache, config, None, None, "")
    keeper.meet(_settled(version))
    errands = Errands(_settled(version), (), keeper)
    if version >= Version.TLS13:
        errands.ticket(m13.NewSessionTicket.parse(_GOOD_TICKET))
    assert errands.waiting
    await errands.keep()
    assert not errands.waiting
    assert len(cache) == 1
    await errands.give_up(error)
    assert (await SessionKeeper(cache, config, None, None, "").take() is not None) is lasts


async def test_without_a_keeper_there_is_nothing_to_keep() -> None:
    errands = Errands(_settled(Version.TLS13), (), None)
    errands.ticket(m13.NewSessionTicket.parse(_GOOD_TICKET))
    assert not errands.waiting
    await errands.keep()
    await errands.give_up(Truncated("x"))


def _settled(version: Version) -> Established:
    if version >= Version.TLS13:
        secret = ResumptionSecret(ESTABLISHED.suite, os.urandom(32))
        return dataclasses.replace(ESTABLISHED, resumption=secret)
    suite = next(row for row in CIPHER_SUITES if row.fits(version))
    left = NewSession12(MasterSecret(suite, version, bytes(48)), True, bytes(32), None, None)
    return dataclasses.replace(ESTABLISHED, version=version, suite=suite, session=left)


# TLS 1.2


@pytest.mark.parametrize("count", [1, 3])
async def test_renegotiation_is_refused_and_the_connection_goes_on(count: int) -> None:
    meeting = await accepted(
        _then(several(*[message(0)] * count), Version.TLS12), warnings=[_ALERT.NO_RENEGOTIATION] * count
    )
    assert {seen.level for seen in meeting.server.alerts} == {AlertLevel.WARNING}


# Both


@pytest.mark.parametrize("message_type", _TYPES)
@_BOTH
async def test_any_other_message_is_unexpected(version: Version, message_type: int) -> None:
    if message_type not in {kind.type for kind in _REACTIONS[version]}:
        script = _then(message(message_type, _TICKET), version)
        await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE, talk=True)


@_BOTH
async def test_a_flood_of_messages_without_data(version: Version) -> None:
    act = message(0) if version < Version.TLS13 else _key_updates(*[0] * (MAX_REACTIONS + 1))
    flood = several(*[act] * (MAX_REACTIONS + 1)) if version < Version.TLS13 else act
    await expect_refusal(_then(flood, version), _ALERT.UNEXPECTED_MESSAGE, talk=True)


@_BOTH
async def test_a_change_cipher_spec_comes_too_late(version: Version) -> None:
    await expect_refusal(_then(record(20, b"\x01"), version), _ALERT.UNEXPECTED_MESSAGE, talk=True)
    alert_for_plain = _ALERT.UNEXPECTED_MESSAGE if version >= Version.TLS13 else _ALERT.BAD_RECORD_MAC
    await expect_refusal(_then(plain(20, b"\x01"), version), alert_for_plain, talk=True)


@_BOTH
async def test_a_fatal_alert_ends_it_without_an_answer(version: Version) -> None:
    meeting = await expect_refusal(_then(alert(80), version), None, error=AlertReceived, talk=True)
    assert meeting.error is not None
    assert meeting.error.alert is _ALERT.INTERNAL_ERROR
    assert meeting.error.phase == "application data"


async def test_data_under_a_key_that_should_have_been_dropped() -> None:
    async def act(server: ServerWire) -> None:
        sealer = server.sealer
        server.send_key_update(0)
        server.sealer = sealer
        server.send_record(23, b"late")

    await expect_refusal(_then(act), _ALERT.BAD_RECORD_MAC, PLAIN, talk=True)
