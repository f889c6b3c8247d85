"""What a server may say once the handshake is over, and what it may not."""

from __future__ import annotations

import pytest

from support.alterations import alert, message, plain, record, several
from support.scripted_script import Act, Script, echo
from support.scripted_server import PLAIN, accepted, expect_refusal
from support.scripted_wire import ServerWire
from trio_secure import AlertDescription, AlertReceived
from trio_secure import _messages12 as m12
from trio_secure import _messages13 as m13
from trio_secure._codec import vector8, vector16
from trio_secure._errors import AlertLevel
from trio_secure._post_handshake import MAX_REACTIONS, Reaction, reactions
from trio_secure._versions import Version

_ALERT = AlertDescription
_TICKET = bytes(8) + vector8(b"nonce") + vector16(b"ticket") + vector16(b"")
_TYPES = (0, 1, 2, 3, 4, 5, 8, 9, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23, 24, 25, 67, 99, 254)
_BOTH = pytest.mark.parametrize("version", [Version.TLS13, Version.TLS12])


def _then(act: Act, version: Version = Version.TLS13, *, coalesce: bool = False) -> Script:
    return Script(version=version, then=several(act, echo), coalesce=coalesce)


def _key_updates(*requests: int) -> Act:
    async def act(server: ServerWire) -> None:
        for request in requests:
            server.send_key_update(request)

    return act


def test_the_tables_hold_nothing_else() -> None:
    assert reactions(Version.TLS13) == {
        m13.NewSessionTicket: Reaction.PASS_OVER,
        m13.KeyUpdate: Reaction.UPDATE_KEYS,
    }
    assert reactions(Version.TLS12) == {m12.HelloRequest: Reaction.REFUSE_RENEGOTIATION}


# TLS 1.3


@pytest.mark.parametrize("count", [1, 2, MAX_REACTIONS])
async def test_tickets_are_passed_over(count: int) -> None:
    await accepted(_then(several(*[message(4, _TICKET)] * count)))


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
    for code in (b"\x12\x34", b"\x00\x2a"):
        await accepted(_then(message(4, _TICKET[:-2] + vector16(code + b"\x00\x00"))))


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
    if message_type not in {kind.type for kind in reactions(version)}:
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
