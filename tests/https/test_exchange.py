from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
import trio
import trio.testing
from trio.testing import lockstep_stream_pair, memory_stream_pair

from support.http_peers import NearEnd, Peer, Peers, Script, answering, ok, peers
from trio_https import (
    BodyLike,
    ConnectionLost,
    Deadlines,
    HeadersLike,
    InvalidRequest,
    Limits,
    TooSlow,
    TruncatedBody,
)
from trio_https._connection import Connection
from trio_https._exchange import exchange
from trio_https._outgoing import Outgoing

BIG = b"0123456789abcdef" * 16 * 1024


async def _pieces(*pieces: bytes) -> AsyncGenerator[bytes]:
    for piece in pieces:
        yield piece


def _request(body: BodyLike | None, headers: HeadersLike | None = None) -> Outgoing:
    return Outgoing.of("POST", "http://h/", headers, body)


async def _connection(peers: Peers) -> Connection:
    return Connection(await peers("h", 80), "http://h", Limits(), Deadlines())


def _lockstep(nursery: trio.Nursery, script: Script) -> Peers:
    """Peers over streams without a buffer: each side waits for the other to take what it sends."""
    return Peers(nursery, script, pair=lockstep_stream_pair)


@pytest.mark.parametrize("body", [None, b"", b"short", BIG, "text"])
async def test_sends_a_body_that_is_here_with_its_length(body: str | bytes | None) -> None:
    async with peers(answering(ok(b"done"))) as server:
        connection = await _connection(server)
        async with exchange(connection, _request(body)) as response:
            assert response.status == 200
            assert response.reason == "OK"
            assert response.http_version == "1.1"
            assert response.method == "POST"
            assert str(response.url) == "http://h/"
            assert response.headers["content-length"] == "4"
            assert [chunk async for chunk in response] == [b"done"]
        sent = server.requests[0]
        expected = body.encode() if isinstance(body, str) else body or b""
        assert sent.body == expected
        assert sent.headers["content-length"] == str(len(expected))
        assert connection.reusable


@pytest.mark.parametrize("pieces", [(), (b"a",), (b"a", b"", b"b"), (BIG, b"c")])
async def test_sends_a_body_that_arrives_in_chunks(pieces: tuple[bytes, ...]) -> None:
    async with peers(answering(ok(b"done"))) as server:
        connection = await _connection(server)
        async with exchange(connection, _request(_pieces(*pieces))) as response:
            assert (await response.read(10)).content == b"done"
        assert server.requests[0].body == b"".join(pieces)
        assert server.requests[0].headers["transfer-encoding"] == "chunked"
        assert connection.reusable


async def test_sends_a_body_that_arrives_with_the_length_it_was_given() -> None:
    async with peers(answering(ok())) as server:
        async with exchange(
            await _connection(server), _request(_pieces(b"ab", b"c"), {"Content-Length": "3"})
        ) as response:
            assert response.status == 200
        assert server.requests[0].body == b"abc"
        assert "transfer-encoding" not in server.requests[0].headers


async def test_a_short_request_goes_out_in_one_piece() -> None:
    sent: list[int] = []

    class Counting(NearEnd):
        async def send_all(self, data: bytes | bytearray | memoryview) -> None:
            sent.append(len(data))
            await super().send_all(data)

    near, far = memory_stream_pair()
    await far.send_all(ok())
    connection = Connection(Counting(near), "http://h", Limits(), Deadlines())
    async with exchange(connection, _request(b"x" * 1000)) as response:
        assert response.status == 200
    assert len(sent) == 1


async def test_body_and_response_flow_at_the_same_time() -> None:
    async def echo(peer: Peer) -> None:
        await peer.request_head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BIG))
        while piece := await peer.request_body():
            await peer.send(piece)

    async with trio.open_nursery() as nursery:
        server = _lockstep(nursery, echo)
        async with exchange(await _connection(server), _request(BIG)) as response:
            content = b"".join([chunk async for chunk in response])
        assert content == BIG
        nursery.cancel_scope.cancel()


async def test_an_early_answer_ends_an_upload_nobody_reads(autojump_clock: trio.testing.MockClock) -> None:
    async def refuse(peer: Peer) -> None:
        await peer.request_head()
        await peer.send(ok(b"too large", status="413 Too Large"))
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        server = _lockstep(nursery, refuse)
        connection = await _connection(server)
        async with exchange(connection, _request(BIG)) as response:
            assert response.status == 413
            assert (await response.read(100)).content == b"too large"
        assert not connection.reusable
        assert trio.current_time() < 1
        nursery.cancel_scope.cancel()


async def test_an_early_answer_is_read_though_the_server_closed() -> None:
    async def refuse(peer: Peer) -> None:
        await peer.request_head()
        await peer.send(ok(b"too large", "Connection: close", status="413 Too Large"))

    async def endless() -> AsyncGenerator[bytes]:
        while True:
            yield b"x" * 1000

    for body in (BIG, endless()):
        async with peers(refuse) as server:
            connection = await _connection(server)
            async with exchange(connection, _request(body)) as response:
                assert response.status == 413
                assert (await response.read(100)).content == b"too large"
            assert not connection.reusable


async def test_a_server_that_closes_without_an_answer_is_one_error() -> None:
    async def slam(peer: Peer) -> None:
        await peer.request_head()

    for body in (b"short", BIG, _pieces(BIG, BIG)):
        async with peers(slam) as server:
            with pytest.raises(ConnectionLost):
                async with exchange(await _connection(server), _request(body)):
                    pytest.fail("there is no response")


async def test_an_upload_that_ends_a_little_later_than_the_response_keeps_the_connection() -> None:
    answered = trio.Event()

    async def source() -> AsyncGenerator[bytes]:
        yield b"first"
        await answered.wait()
        await trio.lowlevel.checkpoint()
        yield b"last"

    async def eager(peer: Peer) -> None:
        await peer.request_head()
        await peer.send(ok(b"done"))
        while await peer.request_body():
            pass

    async with peers(eager) as server:
        connection = await _connection(server)
        async with exchange(connection, _request(source())) as response:
            await response.read(10)
            answered.set()
        assert connection.reusable


async def test_an_error_of_the_body_reaches_the_block_alone() -> None:
    class Unreadable(Exception):
        pass

    closed = False

    async def source() -> AsyncGenerator[bytes]:
        nonlocal closed
        try:
            yield b"first"
            raise Unreadable("the disk is on fire")
        finally:
            closed = True

    async def waiting(peer: Peer) -> None:
        await peer.request()

    async def patient(peer: Peer) -> None:
        await peer.request_head()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await trio.sleep_forever()

    async with peers(waiting) as server:
        with pytest.raises(Unreadable, match="the disk is on fire"):
            async with exchange(await _connection(server), _request(source())):
                pytest.fail("there is no response")
        assert closed
    async with peers(patient) as server:
        connection = await _connection(server)
        with pytest.raises(Unreadable):
            async with exchange(connection, _request(source())) as response:
                await response.read(10)
        assert not connection.reusable


async def test_a_body_longer_or_shorter_than_announced_is_an_error() -> None:
    async def waiting(peer: Peer) -> None:
        await peer.request()

    for body in (b"hello", _pieces(b"hello"), BIG):
        for length in ("4", "1000000"):
            async with peers(waiting) as server:
                with pytest.raises(
                    InvalidRequest, match=r"Too (much|little) data for declared Content-Length"
                ):
                    async with exchange(
                        await _connection(server), _request(body, {"Content-Length": length})
                    ):
                        pytest.fail("there is no response")


async def test_an_error_of_the_block_reaches_its_outside_alone() -> None:
    async def patient(peer: Peer) -> None:
        await peer.request_head()
        await peer.send(ok(b"hello"))
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        server = _lockstep(nursery, patient)
        for body in (b"short", BIG):
            cause = ValueError("cause")
            with pytest.raises(KeyError) as caught:
                async with exchange(await _connection(server), _request(body)):
                    raise KeyError("mine") from cause
            assert caught.value.__cause__ is cause
            assert not isinstance(caught.value.__context__, BaseExceptionGroup)
        with pytest.raises(ExceptionGroup) as group:
            async with exchange(await _connection(server), _request(BIG)):
                raise ExceptionGroup("the caller's own", [ValueError("one"), ValueError("two")])
        assert len(group.value.exceptions) == 2
        nursery.cancel_scope.cancel()


async def test_the_blocks_error_comes_before_the_bodys() -> None:
    async def source() -> AsyncGenerator[bytes]:
        yield b"first"
        try:
            await trio.sleep_forever()
        finally:
            raise OSError("while closing")

    async def patient(peer: Peer) -> None:
        await peer.request_head()
        await peer.send(ok(b"hello"))
        await trio.sleep_forever()

    async with peers(patient) as server:
        with pytest.raises(KeyError):
            async with exchange(await _connection(server), _request(source())):
                raise KeyError("mine")


async def test_cancelling_the_block_is_cancelling(autojump_clock: trio.testing.MockClock) -> None:
    async def patient(peer: Peer) -> None:
        await peer.request_head()
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        server = _lockstep(nursery, patient)
        for body in (b"short", BIG):
            with trio.move_on_after(5) as scope:
                async with exchange(await _connection(server), _request(body)):
                    pytest.fail("there is no response")
            assert scope.cancelled_caught
        nursery.cancel_scope.cancel()


async def test_a_server_that_reads_nothing_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    async def deaf(peer: Peer) -> None:
        await peer.request_head()
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        server = _lockstep(nursery, deaf)
        with pytest.raises(TooSlow, match="took none of the request for 60 s"):
            async with exchange(await _connection(server), _request(BIG)):
                pytest.fail("there is no response")
        nursery.cancel_scope.cancel()


async def test_a_slow_body_is_no_slow_server(autojump_clock: trio.testing.MockClock) -> None:
    async def slow() -> AsyncGenerator[bytes]:
        for _ in range(5):
            await trio.sleep(100)
            yield b"x"

    async with (
        peers(answering(ok(b"done"))) as server,
        exchange(await _connection(server), _request(slow())) as response,
    ):
        assert (await response.read(10)).content == b"done"
    assert trio.current_time() >= 500


async def test_a_response_cut_short_is_one_error_during_an_upload() -> None:
    async def cut(peer: Peer) -> None:
        await peer.request_head()
        await peer.send(ok(b"hello")[:-1])
        await peer.request_body()

    for body in (b"short", BIG):
        async with peers(cut) as server:
            with pytest.raises(TruncatedBody):
                async with exchange(await _connection(server), _request(body)) as response:
                    await response.read(10)


async def test_leaving_the_block_early_ends_the_upload(autojump_clock: trio.testing.MockClock) -> None:
    async def patient(peer: Peer) -> None:
        await peer.request_head()
        await peer.send(ok(b"hello")[:-1])
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        server = _lockstep(nursery, patient)
        connection = await _connection(server)
        async with exchange(connection, _request(BIG)) as response:
            assert response.status == 200
        assert not connection.reusable
        assert trio.current_time() == 0
        nursery.cancel_scope.cancel()


async def test_a_request_that_cannot_even_begin_is_one_error() -> None:
    failure = trio.BrokenResourceError("reset")

    class Broken(NearEnd):
        async def send_all(self, data: bytes | bytearray | memoryview) -> None:
            raise failure

        async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
            await trio.testing.wait_all_tasks_blocked()
            return b""

    for body in (b"short", BIG):
        connection = Connection(Broken(memory_stream_pair()[0]), "http://h", Limits(), Deadlines())
        with pytest.raises(ConnectionLost) as caught:
            async with exchange(connection, _request(body)):
                pytest.fail("there is no response")
        assert caught.value.__cause__ is failure


async def test_a_response_is_closed_with_its_block() -> None:
    for body in (b"short", BIG):
        async with peers(answering(ok(b"hello"))) as server:
            async with exchange(await _connection(server), _request(body)) as response:
                pass
            with pytest.raises(
                trio.ClosedResourceError, match="the response of http://h/ is read inside its block"
            ):
                await anext(response)
