from __future__ import annotations

import dataclasses
import math

import pytest
import trio
from trio.testing import lockstep_stream_pair, memory_stream_pair, wait_all_tasks_blocked

from support.record_peer import SUITE12, SUITE13, SUITE_CBC, RecordPeer, established
from support.rough_stream import RoughStream
from trio_secure import AlertDescription, PeerMisbehaved, SecureStream, TraceEvent
from trio_secure._keys13 import TrafficSecret
from trio_secure._messages import encode_message
from trio_secure._messages13 import Certificate
from trio_secure._protection import MAX_CONTENT, ContentType
from trio_secure._suites import CipherSuite
from trio_secure._versions import Version

Secure = SecureStream[trio.abc.Stream]
both_versions = pytest.mark.parametrize("version", [Version.TLS12, Version.TLS13])
BATCH = 16 * MAX_CONTENT
MALFORMED = b"\x17\x03\x03\x00\x14" + bytes(20)


def limited(suite: CipherSuite, records: int) -> CipherSuite:
    """A suite whose keys protect no more than so many records."""
    return dataclasses.replace(suite, cipher=dataclasses.replace(suite.cipher, record_limit=records))


async def receive_data(peer: RecordPeer, count: int) -> tuple[bytes, list[int]]:
    """So many bytes of data, and the types of the records that held anything else."""
    data, others = bytearray(), list[int]()
    while len(data) < count:
        record = await peer.receive()
        if record.content_type == ContentType.APPLICATION_DATA:
            data += record.content
        else:
            others.append(record.content_type)
    return bytes(data), others


async def receive_and_fail(stream: Secure) -> None:
    with pytest.raises(PeerMisbehaved, match="does not decrypt"):
        await stream.receive_some()


@both_versions
@pytest.mark.parametrize("size", [1, MAX_CONTENT, MAX_CONTENT + 1, BATCH + 1])
async def test_data_is_sent_in_records(version: Version, size: int) -> None:
    stream, peer = established(version)
    await stream.send_all(bytes(size))
    sizes = [len((await peer.receive()).content) for _ in range(math.ceil(size / MAX_CONTENT))]
    assert sizes == [MAX_CONTENT] * (size // MAX_CONTENT) + (
        [size % MAX_CONTENT] if size % MAX_CONTENT else []
    )


async def test_views_of_any_shape_are_sent_as_their_bytes() -> None:
    stream, peer = established()
    await stream.send_all(memoryview(bytes(range(8))).cast("H"))
    assert (await peer.receive()).content == bytes(range(8))


async def test_nothing_is_sent_for_nothing() -> None:
    stream, peer = established()
    await stream.send_all(b"")
    await stream.wait_send_all_might_not_block()
    await stream.send_all(b"x")
    assert (await peer.receive()).content == b"x"


async def test_one_sender_at_a_time() -> None:
    stream, _ = established(transports=lockstep_stream_pair)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"x")
        await wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError, match="another task is sending"):
            await stream.send_all(b"y")
        nursery.cancel_scope.cancel()


async def test_the_end_is_sent_once_and_nothing_after_it() -> None:
    stream, peer = established()
    await stream.send_eof()
    await stream.send_eof()
    with pytest.raises(trio.ClosedResourceError, match="send_eof was called"):
        await stream.send_all(b"x")
    assert await peer.receive_alert() is AlertDescription.CLOSE_NOTIFY
    await stream.aclose()
    assert await peer.transport.receive_some() == b""


async def test_keys_change_before_they_have_protected_too_much() -> None:
    stream, peer = established(suite=limited(SUITE13, 40))
    data = bytes(20 * BATCH)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, data)
        received, others = await receive_data(peer, len(data))
    assert received == data
    # 40 records leave 24 after a batch, which is less than the reserve: a change before each batch but the first.
    assert others == [ContentType.HANDSHAKE] * 19


async def test_tls12_stops_where_it_would_have_to_change_keys() -> None:
    stream, peer = established(Version.TLS12, suite=limited(SUITE12, 40))
    with pytest.raises(trio.BrokenResourceError, match=r"TLS 1\.2 cannot change it: connect anew"):
        await stream.send_all(bytes(2 * BATCH))
    assert (await receive_data(peer, BATCH))[1] == []
    await peer.send_data(b"still")
    assert await stream.receive_some() == b"still"


async def test_tls10_counts_the_records_that_it_splits() -> None:
    """One byte apart from the rest, so that a batch is 32 records, of which 70 give room for two."""
    stream, peer = established(Version.TLS10, suite=limited(SUITE_CBC, 70))
    with pytest.raises(trio.BrokenResourceError, match="connect anew"):
        await stream.send_all(bytes(4 * BATCH))
    assert (await receive_data(peer, 2 * BATCH))[1] == []
    assert stream._sending._channel.writer.sealer.remaining == 6


@pytest.mark.parametrize("size", [64, 511, 1000, MAX_CONTENT])
async def test_a_key_does_not_protect_too_much_in_small_records_either(size: int) -> None:
    """RFC 8449: a server may want records so small that a batch is thousands of them."""
    batch = math.ceil(BATCH / size)
    limit = 3 * batch - 10
    stream, peer = established(suite=limited(SUITE13, limit))
    stream._sending._channel.writer.max_content = size
    data = bytes(3 * BATCH)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, data)
        protected, received = 0, 0
        while received < len(data):
            record = await peer.receive()
            protected += 1
            assert protected <= limit
            if record.content_type == ContentType.HANDSHAKE:
                protected = 0
            else:
                received += len(record.content)


# ---- changing keys when asked to


@pytest.mark.parametrize("both", [True, False])
async def test_keys_are_changed_when_asked_to(both: bool) -> None:
    stream, peer = established()
    await stream.send_all(b"old")
    await stream.update_keys(both=both)
    await stream.send_all(b"new")
    assert (await peer.receive()).content == b"old"
    assert (await peer.receive()).content == bytes([24, 0, 0, 1, both])
    assert (await peer.receive()).content == b"new"


async def test_the_peer_is_asked_along_unless_it_is_not_to_be() -> None:
    stream, peer = established()
    await stream.update_keys()
    assert (await peer.receive()).content == bytes([24, 0, 0, 1, 1])


async def test_the_peer_is_not_asked_again_before_it_has_answered() -> None:
    """RFC 9846 §4.7.3: keys change on this side all the same."""
    stream, peer = established()
    asked: list[int] = []
    for _ in range(3):
        await stream.update_keys()
        await stream.update_keys(both=False)
        await stream.update_keys()
        asked += [(await peer.receive()).content[-1] for _ in range(3)]
        await peer.send_key_update()
        await peer.send_data(b"x")
        assert await stream.receive_some() == b"x"
    assert asked == [1, 0, 0] * 3


async def test_what_is_owed_goes_before() -> None:
    stream, peer = established()
    stream._sending.owe_key_update()
    await stream.update_keys()
    assert [(await peer.receive()).content[-1] for _ in range(2)] == [0, 1]
    assert not stream._sending.in_debt


@pytest.mark.parametrize("version", [Version.TLS10, Version.TLS11, Version.TLS12])
async def test_older_versions_cannot_change_keys(version: Version) -> None:
    stream, peer = established(version)
    with pytest.raises(RuntimeError, match=r"only TLS 1\.3 can change keys"):
        await stream.update_keys()
    await stream.send_all(b"x")
    assert (await peer.receive()).content == b"x"


async def test_a_change_of_keys_that_was_cancelled_or_refused_does_not_come_later() -> None:
    stream, peer = established(transports=lockstep_stream_pair)
    with trio.CancelScope() as scope:
        scope.cancel()
        await stream.update_keys()
    assert scope.cancelled_caught
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"x")
        await wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await stream.update_keys()
        assert (await peer.receive()).content == b"x"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"y")
        assert (await peer.receive()).content == b"y"
    assert stream._sending.debts == 0


async def test_a_change_of_keys_that_waits_for_a_debt_may_be_cancelled() -> None:
    """While the receiver pays, the sender waits for its turn; nothing is sealed yet."""
    stream, peer = established(transports=lockstep_stream_pair)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.receive_some)
        await peer.send_key_update(request=True)
        await wait_all_tasks_blocked()
        async with trio.open_nursery() as inner:
            inner.start_soon(stream.update_keys)
            await wait_all_tasks_blocked()
            inner.cancel_scope.cancel()
        assert (await peer.receive()).content == bytes([24, 0, 0, 1, 0])
        nursery.cancel_scope.cancel()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"x")
        assert (await peer.receive()).content == b"x"


async def test_a_change_of_keys_cancelled_in_the_middle_breaks_sending_alone(autojump_clock: object) -> None:
    stream, peer = established(transports=lockstep_stream_pair)
    with trio.move_on_after(1):
        await stream.update_keys()
    with pytest.raises(trio.BrokenResourceError, match="interrupted"):
        await stream.update_keys()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peer.send_data, b"data")
        assert await stream.receive_some() == b"data"


async def test_keys_do_not_change_after_the_end() -> None:
    stream, _ = established()
    await stream.send_eof()
    with pytest.raises(trio.ClosedResourceError, match="send_eof was called"):
        await stream.update_keys()


# ---- debts


async def test_what_is_owed_twice_is_paid_once_and_nothing_when_nothing_is_owed() -> None:
    stream, peer = established()
    half = stream._sending
    await half.settle()
    half.owe_key_update()
    half.owe_key_update()
    assert half.in_debt
    await half.settle()
    assert not half.in_debt
    await half.settle()
    await stream.send_all(b"x")
    assert await receive_data(peer, 1) == (b"x", [ContentType.HANDSHAKE])


async def test_nothing_is_owed_that_can_no_longer_be_paid() -> None:
    stream, _ = established()
    half = stream._sending
    await stream.send_eof()
    half.owe_key_update()
    half.owe_alert(AlertDescription.NO_RENEGOTIATION)
    assert half.debts == 0
    assert not half.in_debt


async def test_an_answer_goes_out_between_the_batches_of_a_busy_sender() -> None:
    stream, peer = established(transports=lockstep_stream_pair)
    data = bytes(2 * BATCH)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, data)
        nursery.start_soon(stream.receive_some)
        await wait_all_tasks_blocked()
        await peer.send_key_update(request=True)
        first, others = await receive_data(peer, BATCH)
        assert others == []
        second, others = await receive_data(peer, BATCH)
        assert others == [ContentType.HANDSHAKE]
        assert first + second == data
        nursery.cancel_scope.cancel()


async def test_an_answer_goes_out_behind_the_last_batch() -> None:
    stream, peer = established(transports=lockstep_stream_pair)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"data")
        nursery.start_soon(stream.receive_some)
        await wait_all_tasks_blocked()
        await peer.send_key_update(request=True)
        await wait_all_tasks_blocked()
        assert (await peer.receive()).content == b"data"
        assert (await peer.receive()).content_type == ContentType.HANDSHAKE
        nursery.cancel_scope.cancel()


async def test_a_sender_may_send_while_an_answer_waits_for_the_transport() -> None:
    stream, peer = established(transports=lockstep_stream_pair)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.receive_some)
        await peer.send_key_update(request=True)
        await wait_all_tasks_blocked()
        nursery.start_soon(stream.send_all, b"data")
        await wait_all_tasks_blocked()
        received, others = await receive_data(peer, 4)
        assert received == b"data"
        assert others == [ContentType.HANDSHAKE]
        nursery.cancel_scope.cancel()


async def test_an_alert_goes_out_behind_the_batch_of_a_busy_sender() -> None:
    stream, peer = established(transports=lockstep_stream_pair)

    async def send() -> None:
        with pytest.raises(trio.BrokenResourceError, match="the connection has failed: a record does not"):
            await stream.send_all(bytes(2 * BATCH))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        nursery.start_soon(receive_and_fail, stream)
        await wait_all_tasks_blocked()
        await peer.transport.send_all(MALFORMED)
        await wait_all_tasks_blocked()
        assert (await receive_data(peer, BATCH))[1] == []
        assert await peer.receive_alert() is AlertDescription.BAD_RECORD_MAC


async def test_an_alert_does_not_wait_long_for_a_peer_that_does_not_read(
    autojump_clock: trio.testing.MockClock,
) -> None:
    stream, peer = established(transports=lockstep_stream_pair)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"x")
        await wait_all_tasks_blocked()
        nursery.start_soon(peer.transport.send_all, MALFORMED)
        await receive_and_fail(stream)
        assert autojump_clock.current_time() <= 1
        nursery.cancel_scope.cancel()


async def test_no_alert_follows_a_part_of_a_record(autojump_clock: object) -> None:
    stream, peer = established(transports=lockstep_stream_pair)
    async with trio.open_nursery() as nursery, trio.open_nursery() as sender:
        sender.start_soon(stream.send_all, b"x")
        await wait_all_tasks_blocked()
        nursery.start_soon(receive_and_fail, stream)
        await peer.transport.send_all(MALFORMED)
        await wait_all_tasks_blocked()
        sender.cancel_scope.cancel()
    await stream.aclose()
    sent = b""
    while piece := await peer.transport.receive_some():
        sent += piece
    assert len(sent) == 5 + 1 + 1 + 16


async def test_no_alert_follows_a_close_notify() -> None:
    stream, peer = established()
    await stream.send_eof()
    await peer.transport.send_all(MALFORMED)
    await receive_and_fail(stream)
    assert await peer.receive_alert() is AlertDescription.CLOSE_NOTIFY
    await stream.aclose()
    assert await peer.transport.receive_some() == b""


async def test_a_transport_that_is_gone_does_not_hide_why_the_connection_failed() -> None:
    ours, theirs = memory_stream_pair()
    rough = RoughStream(ours)
    stream, _ = established(transports=lambda: (rough, theirs))
    await theirs.send_all(MALFORMED)
    rough.sending = trio.BrokenResourceError("gone")
    await receive_and_fail(stream)
    with pytest.raises(trio.BrokenResourceError, match="the connection has failed"):
        await stream.send_all(b"x")


async def test_a_transport_that_fails_breaks_the_half() -> None:
    ours, theirs = memory_stream_pair()
    rough = RoughStream(ours)
    stream, _ = established(transports=lambda: (rough, theirs))
    rough.sending = trio.BrokenResourceError("gone")
    with pytest.raises(trio.BrokenResourceError, match="the connection broke while sending"):
        await stream.send_all(b"x")
    with pytest.raises(trio.BrokenResourceError, match="an earlier send was interrupted or failed"):
        await stream.send_all(b"x")


async def test_an_authentication_is_one_piece_under_the_key_in_use() -> None:
    """Its Finished is made when it is sent, by the secret of that moment."""
    events: list[TraceEvent] = []
    stream, peer = established(trace=events.append)
    secret = TrafficSecret(SUITE13, b"c" * 32).next()
    messages = [(Certificate(b"", ()), b"\x0b..."), (Certificate(b"", ()), b"\x0b;;;")]
    stream._sending.owe_authentication(messages, bytes(32))
    # Something else that is owed changes the key before.
    stream._sending._debts.insert(0, lambda: stream._sending._seal_key_update(update_requested=False))
    await stream.send_all(b"x")
    assert (await peer.receive()).content[0] == 24
    record = await peer.receive()
    assert record.content == b"\x0b...\x0b;;;" + encode_message(20, secret.finished(bytes(32)))
    assert (await peer.receive()).content == b"x"
    assert [event.name for event in events] == [
        "KeyUpdate",
        "write key",
        "Certificate",
        "Certificate",
        "Finished",
    ]


async def test_what_is_sent_by_itself_is_traced() -> None:
    events: list[TraceEvent] = []
    stream, peer = established(suite=limited(SUITE13, 32), trace=events.append)
    await stream.send_all(b"x")
    await stream.send_eof()
    assert [(event.direction, event.name, event.summary) for event in events] == [
        ("sent", "KeyUpdate", ""),
        ("note", "write key", "application keys"),
        ("sent", "alert", "warning close_notify"),
    ]
    assert (await receive_data(peer, 1)) == (b"x", [ContentType.HANDSHAKE])
