from __future__ import annotations

import dataclasses
import math

import pytest
import trio
from trio.testing import lockstep_stream_pair, memory_stream_pair, wait_all_tasks_blocked

from support.record_peer import SUITE12, SUITE13, RecordPeer, established
from support.rough_stream import RoughStream
from trio_secure import AlertDescription, PeerMisbehaved, SecureStream, TraceEvent
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
