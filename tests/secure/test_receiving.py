from __future__ import annotations

import pytest
import trio
from trio.testing import (
    assert_checkpoints,
    lockstep_stream_pair,
    memory_stream_pair,
    wait_all_tasks_blocked,
)

from support.identities import client, identity
from support.record_peer import RecordPeer, established
from support.rough_stream import RoughStream
from trio_secure import (
    AlertDescription,
    AlertReceived,
    ClientIdentity,
    MemoryCache,
    PeerMisbehaved,
    SecureStream,
    TLSConfig,
    TLSError,
    TraceEvent,
    Truncated,
)
from trio_secure._alerts import MAX_PASSED_OVER
from trio_secure._messages import encode_message
from trio_secure._post_handshake import MAX_REACTIONS
from trio_secure._protection import ContentType
from trio_secure._session_keeper import SessionKeeper
from trio_secure._sessions import Session
from trio_secure._versions import Version

Secure = SecureStream[trio.abc.Stream]
HANDSHAKE, ALERT = ContentType.HANDSHAKE, ContentType.ALERT
TICKET = encode_message(4, bytes(4) + bytes(4) + b"\x00" + b"\x00\x02TT" + b"\x00\x00")
HELLO_REQUEST = encode_message(0, b"")
GOOD_TICKET = encode_message(4, b"\0\0\x0e\x10" + bytes(4) + b"\x01n\x00\x02TT\x00\x00")
SIGNED_REQUEST = encode_message(13, b"\x01c\x00\x08\x00\x0d\x00\x04\x00\x02\x04\x03")
CERTIFICATE_REQUEST = encode_message(13, b"\x00\x00\x00")


async def expect_failure(stream: Secure, peer: RecordPeer, message: str, alert: AlertDescription) -> None:
    """The stream fails with `alert`, which the peer sees too, and stays so."""
    for _ in range(2):
        with pytest.raises(PeerMisbehaved, match=message) as caught:
            await stream.receive_some()
        assert caught.value.alert is alert
        assert caught.value.phase == "application data"
    assert await peer.receive_alert() is alert
    with pytest.raises(trio.BrokenResourceError, match="the connection has failed"):
        await stream.send_all(b"x")


async def test_one_receiver_at_a_time() -> None:
    stream, _ = established()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.receive_some)
        await wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError, match="another task is receiving"):
            await stream.receive_some()
        nursery.cancel_scope.cancel()


async def test_what_was_given_out_in_pieces_is_not_kept() -> None:
    stream, peer = established()
    await peer.send_data(bytes(9000))
    for size in (5000, 4000):
        assert len(await stream.receive_some(size)) == size
    assert not stream._receiving._rest.obj


async def test_it_is_empty_only_once_everything_was_given_out() -> None:
    stream, peer = established()
    half = stream._receiving
    assert half.empty
    await peer.send_data(b"ab")
    await peer.send_alert(AlertDescription.CLOSE_NOTIFY)
    for left in (b"a", b"b"):
        assert await stream.receive_some(1) == left
        # What was opened and not given out, then the record behind it.
        assert not half.empty
    assert await stream.receive_some() == b""
    assert not half.empty


# ---- KeyUpdate


async def test_a_key_update_changes_the_key_of_what_follows() -> None:
    stream, peer = established()
    for number in range(3):
        await peer.send_data(b"old %d" % number)
        await peer.send_key_update()
        await peer.send_data(b"new %d" % number)
        assert await stream.receive_some() == b"old %d" % number
        assert await stream.receive_some() == b"new %d" % number


async def test_a_key_update_is_answered_while_only_receiving() -> None:
    stream, peer = established()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.receive_some)
        await peer.send_key_update(request=True)
        assert (await peer.receive()).content == encode_message(24, b"\x00")
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    await stream.send_all(b"with the next key")
    assert (await peer.receive()).content == b"with the next key"


async def test_requests_that_come_together_are_answered_once() -> None:
    stream, peer = established()
    await peer.transport.send_all(peer.seal_key_update(request=True) + peer.seal_key_update(request=True))
    await peer.send_data(b"data")
    assert await stream.receive_some() == b"data"
    await stream.send_all(b"reply")
    assert (await peer.receive()).content_type == HANDSHAKE
    assert (await peer.receive()).content == b"reply"


async def test_a_receiver_does_not_wait_for_a_peer_that_does_not_read() -> None:
    stream, peer = established(transports=lockstep_stream_pair)
    received: list[bytes] = []

    async def receive() -> None:
        received.append(await stream.receive_some())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        await peer.send_key_update(request=True)
        await wait_all_tasks_blocked()
        await peer.send_data(b"data")
    assert received == [b"data"]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"reply")
        assert (await peer.receive()).content_type == HANDSHAKE
        assert (await peer.receive()).content == b"reply"


async def test_a_receiver_in_debt_still_learns_that_the_peer_is_gone() -> None:
    stream, peer = established(transports=lockstep_stream_pair)

    async def receive() -> None:
        with pytest.raises(trio.BrokenResourceError, match="without close_notify"):
            await stream.receive_some()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        await peer.send_key_update(request=True)
        await wait_all_tasks_blocked()
        await peer.transport.aclose()


async def test_an_answer_that_cannot_be_sent_is_the_senders_trouble() -> None:
    ours, theirs = memory_stream_pair()
    rough = RoughStream(ours)
    stream, peer = established(transports=lambda: (rough, theirs))
    rough.sending = trio.BrokenResourceError("gone")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.receive_some)
        await peer.send_key_update(request=True)
        await wait_all_tasks_blocked()
        await peer.send_data(b"data")
    with pytest.raises(trio.BrokenResourceError, match="interrupted or failed"):
        await stream.send_all(b"x")


@pytest.mark.parametrize("request_", [False, True])
async def test_a_flood_of_key_updates_is_refused(request_: bool) -> None:
    stream, peer = established()
    for _ in range(MAX_REACTIONS + 1):
        await peer.send_key_update(request=request_)
    with pytest.raises(PeerMisbehaved, match=f"more than {MAX_REACTIONS} handshake messages"):
        await stream.receive_some()


async def test_key_updates_with_data_between_them_are_no_flood() -> None:
    stream, peer = established()
    for _ in range(3 * MAX_REACTIONS):
        await peer.send_key_update()
        await peer.send_data(b"x")
        assert await stream.receive_some() == b"x"


async def test_a_message_must_not_reach_across_a_change_of_keys() -> None:
    stream, peer = established()
    await peer.send(HANDSHAKE, encode_message(24, b"\x00") + TICKET[:3])
    await expect_failure(stream, peer, "reaches across", AlertDescription.UNEXPECTED_MESSAGE)


# ---- other messages


async def test_tickets_are_passed_over_however_they_are_cut() -> None:
    stream, peer = established()
    for cut in range(1, len(TICKET)):
        await peer.send(HANDSHAKE, TICKET[:cut])
        await peer.send(HANDSHAKE, TICKET[cut:] + TICKET)
        await peer.send_data(b"data")
        assert await stream.receive_some() == b"data"


@pytest.mark.parametrize(
    ("content_type", "content", "what"),
    [
        (ContentType.APPLICATION_DATA, b"data", "a record of type 23 came"),
        (ALERT, b"\x01\x00", "an alert in the middle"),
        (ALERT, b"\x01\x5a", "an alert in the middle"),
    ],
)
async def test_nothing_may_come_between_the_parts_of_a_message(
    content_type: int, content: bytes, what: str
) -> None:
    stream, peer = established()
    await peer.send(HANDSHAKE, TICKET[:7])
    await peer.send(content_type, content)
    await expect_failure(stream, peer, what, AlertDescription.UNEXPECTED_MESSAGE)


async def test_what_ends_the_connection_between_the_parts_of_a_message_is_told() -> None:
    stream, peer = established()
    await peer.send(HANDSHAKE, TICKET[:7])
    await peer.send(ALERT, b"\x02\x50")
    with pytest.raises(AlertReceived, match="internal_error"):
        await stream.receive_some()


@pytest.mark.parametrize(
    ("version", "content", "message", "alert"),
    [
        (0x304, CERTIFICATE_REQUEST, "type 13 came after", AlertDescription.UNEXPECTED_MESSAGE),
        (0x304, HELLO_REQUEST, "type 0 came after", AlertDescription.UNEXPECTED_MESSAGE),
        (0x303, encode_message(24, b"\x00"), "type 24 came after", AlertDescription.UNEXPECTED_MESSAGE),
        (0x304, encode_message(24, b"\x00\x00"), "announces 2 bytes", AlertDescription.DECODE_ERROR),
        (0x304, encode_message(24, b"\x02"), "neither 0 nor 1", AlertDescription.ILLEGAL_PARAMETER),
        (0x304, encode_message(24, b""), "malformed KeyUpdate", AlertDescription.DECODE_ERROR),
        (0x304, b"\x04\xff\xff\xff", "announces 16777215 bytes", AlertDescription.DECODE_ERROR),
        (0x304, b"", "an empty handshake record", AlertDescription.UNEXPECTED_MESSAGE),
    ],
)
async def test_messages_that_have_no_place_are_refused(
    version: int, content: bytes, message: str, alert: AlertDescription
) -> None:
    stream, peer = established(Version(version))
    await peer.send(HANDSHAKE, content)
    await expect_failure(stream, peer, message, alert)


@pytest.mark.parametrize("version", [Version.TLS12, Version.TLS13])
async def test_other_records_are_refused(version: Version) -> None:
    stream, peer = established(version)
    await peer.send(ContentType.CHANGE_CIPHER_SPEC, b"\x01")
    await expect_failure(stream, peer, "a record of type 20", AlertDescription.UNEXPECTED_MESSAGE)


async def test_renegotiation_is_refused_and_the_connection_goes_on() -> None:
    stream, peer = established(Version.TLS12)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.receive_some)
        await peer.send(HANDSHAKE, HELLO_REQUEST)
        record = await peer.receive()
        assert record == (ALERT, bytes([1, AlertDescription.NO_RENEGOTIATION]))
        await peer.send_data(b"data")


async def test_a_peer_that_asks_and_reads_no_answer_is_refused(autojump_clock: object) -> None:
    """However much data it sends in between."""
    stream, peer = established(Version.TLS12, transports=lockstep_stream_pair)

    async def ask() -> None:
        for _ in range(MAX_REACTIONS + 1):
            await peer.send(HANDSHAKE, HELLO_REQUEST)
            await peer.send_data(b"data")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        for _ in range(MAX_REACTIONS):
            assert await stream.receive_some() == b"data"
        with pytest.raises(PeerMisbehaved, match=f"more than {MAX_REACTIONS} requests wait"):
            await stream.receive_some()
        nursery.cancel_scope.cancel()


async def test_what_can_no_longer_be_answered_is_not_kept() -> None:
    stream, peer = established(Version.TLS12)
    await stream.send_eof()
    for _ in range(3 * MAX_REACTIONS):
        await peer.send(HANDSHAKE, HELLO_REQUEST)
        await peer.send_data(b"data")
        assert await stream.receive_some() == b"data"
    assert stream._sending.debts == 0


# ---- errands: a cache and a signer of the user's


class Cache:
    """A cache that takes its time, and may fail."""

    def __init__(self) -> None:
        self.kept: list[Session] = []
        self.gate = trio.Event()
        self.error: Exception | None = None

    async def get(self, key: str, /) -> Session | None:
        return self.kept[0] if self.kept else None

    async def put(self, key: str, session: Session | None, /) -> None:
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        if session is None:
            self.kept.pop(0)
        else:
            self.kept.insert(0, session)

    def keeper(self) -> SessionKeeper:
        return SessionKeeper(self, TLSConfig(), None, None, "")


async def test_a_slow_cache_is_waited_for_and_loses_nothing_when_cancelled() -> None:
    cache = Cache()
    stream, peer = established(keeper=cache.keeper())
    await peer.send_data(b"before")
    await peer.send(HANDSHAKE, GOOD_TICKET + GOOD_TICKET)
    await peer.send_data(b"after")
    assert await stream.receive_some() == b"before"
    for _ in range(3):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.receive_some)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
    await stream.send_all(b"sending goes on")
    assert (await peer.receive()).content == b"sending goes on"
    cache.gate.set()
    assert await stream.receive_some(2) == b"af"
    assert await stream.receive_some() == b"ter"
    assert len(cache.kept) == 2


@pytest.mark.parametrize(
    "error", [OSError("disk"), trio.BrokenResourceError("its server"), Truncated("its server")]
)
async def test_a_cache_that_fails_is_told_of_once_and_loses_nothing(error: Exception) -> None:
    """Whatever it raises, be it an error that this connection might have: the connection is none the worse."""
    cache = Cache()
    cache.gate.set()
    cache.error = error
    stream, peer = established(keeper=cache.keeper())
    for round_ in range(2):
        await peer.send(HANDSHAKE, GOOD_TICKET)
        await peer.send_data(b"data %d" % round_)
        with pytest.raises(type(error)) as caught:
            await stream.receive_some()
        assert caught.value is error
        assert await stream.receive_some() == b"data %d" % round_
        await stream.send_all(b"reply")
        assert (await peer.receive()).content == b"reply"
    await peer.send_alert(AlertDescription.CLOSE_NOTIFY)
    assert await stream.receive_some() == b""


async def test_the_end_behind_a_ticket_is_the_end() -> None:
    cache = Cache()
    cache.gate.set()
    stream, peer = established(keeper=cache.keeper())
    await peer.send(HANDSHAKE, GOOD_TICKET)
    await peer.send_alert(AlertDescription.CLOSE_NOTIFY)
    assert await stream.receive_some() == b""
    assert len(cache.kept) == 1


async def test_every_call_is_a_checkpoint_whatever_it_does() -> None:
    stream, peer = established(keeper=SessionKeeper(MemoryCache(), TLSConfig(), None, None, ""))
    for pieces in ((b"",), (GOOD_TICKET,), (GOOD_TICKET, GOOD_TICKET)):
        for piece in filter(None, pieces):
            await peer.send(HANDSHAKE, piece)
        await peer.send_data(b"data")
        with assert_checkpoints():
            assert await stream.receive_some() == b"data"


async def test_what_a_handshake_left_is_kept_by_the_first_receiver() -> None:
    cache = Cache()
    stream, peer = established(Version.TLS12, keeper=cache.keeper())
    cache.gate.set()
    assert cache.kept == []
    await peer.send_data(b"data")
    assert await stream.receive_some() == b"data"
    assert len(cache.kept) == 1
    # RFC 5246 §7.2.2: what ends in a fatal alert is not resumed.
    await peer.send_alert(AlertDescription.INTERNAL_ERROR)
    with pytest.raises(AlertReceived):
        await stream.receive_some()
    assert cache.kept == []


async def test_a_request_is_answered_in_one_piece() -> None:
    """RFC 9846 §4.7.2 [8446 §4.6.2]: "consecutively on the wire", and behind what is owed already."""
    stream, peer = established(identities=[identity()])
    await peer.send_key_update(request=True)
    await peer.send(HANDSHAKE, SIGNED_REQUEST)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.receive_some)
        assert (await peer.receive()).content == encode_message(24, b"\x00")
        assert messages_in((await peer.receive()).content) == [11, 15, 20]
        nursery.cancel_scope.cancel()
    await stream.send_all(b"x")
    assert (await peer.receive()).content == b"x"


async def test_a_request_is_answered_while_data_keeps_coming(autojump_clock: object) -> None:
    stream, peer = established(identities=[identity()])
    await peer.send(HANDSHAKE, SIGNED_REQUEST)
    for _ in range(2):
        await peer.send_data(b"data")
        assert await stream.receive_some() == b"data"
    assert messages_in((await peer.receive()).content) == [11, 15, 20]


async def test_a_peer_that_does_not_read_its_answer_hardly_holds_the_receiver_up(
    autojump_clock: trio.testing.MockClock,
) -> None:
    stream, peer = established(transports=lockstep_stream_pair, identities=[identity()])

    async def send() -> None:
        await peer.send(HANDSHAKE, SIGNED_REQUEST)
        for _ in range(100):
            await peer.send_data(b"data")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        for _ in range(100):
            assert await stream.receive_some() == b"data"
    assert autojump_clock.current_time() <= 1


async def test_a_request_is_answered_between_the_batches_of_a_busy_sender() -> None:
    stream, peer = established(transports=lockstep_stream_pair, identities=[identity()])
    size = 2 * 16 * 2**14
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, bytes(size))
        nursery.start_soon(stream.receive_some)
        await wait_all_tasks_blocked()
        await peer.send(HANDSHAKE, SIGNED_REQUEST)
        await wait_all_tasks_blocked()
        types = [(await peer.receive()).content_type for _ in range(33)]
        assert types.index(HANDSHAKE) == 16
        nursery.cancel_scope.cancel()


async def test_a_signer_that_fails_breaks_the_connection() -> None:
    calls: list[str] = []

    async def sign(scheme: str, data: bytes) -> bytes:
        calls.append(scheme)
        raise ZeroDivisionError("of the signer")

    stream, peer = established(identities=[ClientIdentity.signing(client().chain_pem, sign)])
    await peer.send_data(b"data")
    await peer.send(HANDSHAKE, SIGNED_REQUEST)
    await peer.send_data(b"behind")
    assert await stream.receive_some() == b"data"
    with pytest.raises(ZeroDivisionError, match="of the signer"):
        await stream.receive_some()
    assert await peer.receive_alert() is AlertDescription.INTERNAL_ERROR
    await peer.send_data(b"more")
    assert await stream.receive_some() == b"behind"
    for _ in range(2):
        with pytest.raises(
            TLSError, match="could not be answered: ZeroDivisionError: of the signer"
        ) as caught:
            await stream.receive_some()
        assert caught.value.phase == "application data"
    assert len(calls) == 1


def messages_in(content: bytes) -> list[int]:
    """The types of the messages in a record."""
    types: list[int] = []
    while content:
        types.append(content[0])
        content = content[4 + int.from_bytes(content[1:4], "big") :]
    return types


# ---- alerts, and the end


@pytest.mark.parametrize("version", [Version.TLS12, Version.TLS13])
async def test_a_fatal_alert_ends_both_halves(version: Version) -> None:
    stream, peer = established(version)
    await peer.send_data(b"data")
    await peer.send_alert(AlertDescription.INTERNAL_ERROR)
    assert await stream.receive_some() == b"data"
    for _ in range(2):
        with pytest.raises(AlertReceived, match="internal_error") as caught:
            await stream.receive_some()
        assert caught.value.alert is AlertDescription.INTERNAL_ERROR
    with pytest.raises(trio.BrokenResourceError, match="the connection has failed: the peer refused"):
        await stream.send_all(b"x")
    await stream.aclose()
    assert await peer.transport.receive_some() == b""


@pytest.mark.parametrize(
    ("version", "alert"), [(0x303, b"\x01\x64"), (0x304, b"\x01\x5a"), (0x303, b"\x01\x5a")]
)
async def test_warnings_are_passed_over_but_not_without_end(version: int, alert: bytes) -> None:
    stream, peer = established(Version(version))
    for _ in range(3):
        for _ in range(MAX_PASSED_OVER):
            await peer.send(ALERT, alert)
        await peer.send_data(b"data")
        assert await stream.receive_some() == b"data"
    for _ in range(MAX_PASSED_OVER + 1):
        await peer.send(ALERT, alert)
    await expect_failure(stream, peer, "too many warnings", AlertDescription.UNEXPECTED_MESSAGE)


async def test_a_server_that_does_not_go_on_without_renegotiation_is_understood() -> None:
    for asked in (False, True):
        stream, peer = established(Version.TLS12)
        if asked:
            await peer.send(HANDSHAKE, bytes(4))
        await peer.send_alert(AlertDescription.HANDSHAKE_FAILURE)
        with pytest.raises(AlertReceived, match="wanted to renegotiate" if asked else "it accepts none"):
            await stream.receive_some()


async def test_a_malformed_alert_is_refused() -> None:
    stream, peer = established()
    await peer.send(ALERT, b"\x01\x00\x00")
    await expect_failure(stream, peer, "an alert record of 3 bytes", AlertDescription.DECODE_ERROR)


async def test_what_follows_a_close_notify_is_ignored() -> None:
    stream, peer = established()
    await peer.send_alert(AlertDescription.CLOSE_NOTIFY)
    await peer.send_data(b"data")
    assert await stream.receive_some() == b""
    assert await stream.receive_some() == b""


async def test_data_before_a_record_that_does_not_decrypt_is_given_out() -> None:
    stream, peer = established()
    record = bytearray(peer.seal(23, b"forged"))
    record[-1] ^= 1
    good = established()[1].seal(23, b"data")
    await peer.transport.send_all(good + bytes(record))
    assert await stream.receive_some() == b"data"
    await expect_failure(stream, peer, "does not decrypt", AlertDescription.BAD_RECORD_MAC)


async def test_a_record_larger_than_asked_for_is_given_out_in_parts() -> None:
    stream, peer = established()
    await peer.send_data(b"abcdefg")
    await peer.send_data(b"h")
    assert [await stream.receive_some(3) for _ in range(3)] == [b"abc", b"def", b"gh"]


async def test_what_arrives_is_traced() -> None:
    events: list[TraceEvent] = []
    stream, peer = established(trace=events.append)
    await peer.send(HANDSHAKE, TICKET)
    await peer.send_key_update()
    await peer.send_alert(AlertDescription.USER_CANCELED)
    await peer.transport.send_all(b"\x17\x03\x03\x00\x14" + bytes(20))
    for _ in range(2):
        with pytest.raises(PeerMisbehaved):
            await stream.receive_some()
    assert [(event.direction, event.name, event.summary) for event in events] == [
        ("received", "NewSessionTicket", "2 bytes, good for 0 s"),
        ("received", "KeyUpdate", ""),
        ("note", "read key", "application keys"),
        ("received", "alert", "warning user_canceled"),
        (
            "note",
            "failed",
            "a record does not decrypt: it was altered on the way (at application data)",
        ),
        ("sent", "alert", "fatal bad_record_mac"),
    ]
