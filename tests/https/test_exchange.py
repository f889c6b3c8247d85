from __future__ import annotations

import gzip
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
    Informational,
    InvalidRequest,
    Limits,
    ResponseTooLarge,
    TooSlow,
    TruncatedBody,
)
from trio_https._connection import Connection
from trio_https._exchange import Exchange
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
        async with Exchange(connection, _request(body)) as response:
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
        async with Exchange(connection, _request(_pieces(*pieces))) as response:
            assert (await response.read(10)).content == b"done"
        assert server.requests[0].body == b"".join(pieces)
        assert server.requests[0].headers["transfer-encoding"] == "chunked"
        assert connection.reusable


async def test_sends_a_body_that_arrives_with_the_length_it_was_given() -> None:
    async with peers(answering(ok())) as server:
        async with Exchange(
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
    async with Exchange(connection, _request(b"x" * 1000)) as response:
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
        async with Exchange(await _connection(server), _request(BIG)) as response:
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
        async with Exchange(connection, _request(BIG)) as response:
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
            async with Exchange(connection, _request(body)) as response:
                assert response.status == 413
                assert (await response.read(100)).content == b"too large"
            assert not connection.reusable


async def test_a_server_that_closes_without_an_answer_is_one_error() -> None:
    async def slam(peer: Peer) -> None:
        await peer.request_head()

    for body in (b"short", BIG, _pieces(BIG, BIG)):
        async with peers(slam) as server:
            with pytest.raises(ConnectionLost):
                async with Exchange(await _connection(server), _request(body)):
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
        async with Exchange(connection, _request(source())) as response:
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
            async with Exchange(await _connection(server), _request(source())):
                pytest.fail("there is no response")
        assert closed
    async with peers(patient) as server:
        connection = await _connection(server)
        with pytest.raises(Unreadable):
            async with Exchange(connection, _request(source())) as response:
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
                    async with Exchange(
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
                async with Exchange(await _connection(server), _request(body)):
                    raise KeyError("mine") from cause
            assert caught.value.__cause__ is cause
            assert not isinstance(caught.value.__context__, BaseExceptionGroup)
        with pytest.raises(ExceptionGroup) as group:
            async with Exchange(await _connection(server), _request(BIG)):
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
            async with Exchange(await _connection(server), _request(source())):
                raise KeyError("mine")


async def test_cancelling_the_block_is_cancelling(autojump_clock: trio.testing.MockClock) -> None:
    async def patient(peer: Peer) -> None:
        await peer.request_head()
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        server = _lockstep(nursery, patient)
        for body in (b"short", BIG):
            with trio.move_on_after(5) as scope:
                async with Exchange(await _connection(server), _request(body)):
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
            async with Exchange(await _connection(server), _request(BIG)):
                pytest.fail("there is no response")
        nursery.cancel_scope.cancel()


async def test_a_slow_body_is_no_slow_server(autojump_clock: trio.testing.MockClock) -> None:
    async def slow() -> AsyncGenerator[bytes]:
        for _ in range(5):
            await trio.sleep(100)
            yield b"x"

    async with (
        peers(answering(ok(b"done"))) as server,
        Exchange(await _connection(server), _request(slow())) as response,
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
                async with Exchange(await _connection(server), _request(body)) as response:
                    await response.read(10)


async def test_leaving_the_block_early_ends_the_upload(autojump_clock: trio.testing.MockClock) -> None:
    async def patient(peer: Peer) -> None:
        await peer.request_head()
        await peer.send(ok(b"hello")[:-1])
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        server = _lockstep(nursery, patient)
        connection = await _connection(server)
        async with Exchange(connection, _request(BIG)) as response:
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
            async with Exchange(connection, _request(body)):
                pytest.fail("there is no response")
        assert caught.value.__cause__ is failure


async def test_a_response_is_closed_with_its_block() -> None:
    for body in (b"short", BIG):
        async with peers(answering(ok(b"hello"))) as server:
            async with Exchange(await _connection(server), _request(body)) as response:
                pass
            with pytest.raises(
                trio.ClosedResourceError, match="the response of http://h/ is read inside its block"
            ):
                await anext(response)


# Expect: 100-continue

_EXPECTING = {"Expect": "100-continue"}


async def test_a_body_waits_until_it_is_asked_for() -> None:
    started = False

    async def source() -> AsyncGenerator[bytes]:
        nonlocal started
        started = True
        yield b"hello"

    async def asking(peer: Peer) -> None:
        await peer.request_head()
        await trio.testing.wait_all_tasks_blocked()
        assert not started
        await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await peer.request_body() == b"hello"
        assert await peer.request_body() == b""
        await peer.send(ok(b"done"))

    for body in (source(), b"hello"):
        async with peers(asking) as server:
            connection = await _connection(server)
            async with Exchange(connection, _request(body, _EXPECTING)) as response:
                assert (await response.read(10)).content == b"done"
                assert [one.status for one in response.informational] == [100]
            assert connection.reusable
        started = False


async def test_a_server_that_says_nothing_gets_it_after_a_second(
    autojump_clock: trio.testing.MockClock,
) -> None:
    asked: list[float] = []

    async def silent(peer: Peer) -> None:
        await peer.request()
        asked.append(trio.current_time())
        await peer.send(ok(b"done"))

    for deadlines, seconds in ((None, 1), (Deadlines(expect=5), 5)):
        async with peers(silent) as server:
            connection = await _connection(server)
            began = trio.current_time()
            async with Exchange(connection, _request(b"x", _EXPECTING), None, deadlines) as response:
                assert response.status == 200
            assert asked[-1] - began == seconds
            assert connection.reusable


async def test_after_a_final_answer_it_is_not_sent_at_all(autojump_clock: trio.testing.MockClock) -> None:
    async def source() -> AsyncGenerator[bytes]:
        pytest.fail("it was not asked for")
        yield b""

    async def refuse(peer: Peer) -> None:
        await peer.request_head()
        await peer.send(ok(b"no", status="401 Unauthorized"))
        await trio.sleep_forever()

    async with peers(refuse) as server:
        connection = await _connection(server)
        async with Exchange(connection, _request(source(), _EXPECTING)) as response:
            assert response.status == 401
            assert (await response.read(10)).content == b"no"
        assert not connection.reusable
        assert trio.current_time() == 0


async def test_without_a_body_there_is_nothing_to_wait_for() -> None:
    async with (
        peers(answering(ok(b"done"))) as server,
        Exchange(await _connection(server), _request(None, _EXPECTING)) as response,
    ):
        assert response.status == 200


# Interim responses


async def test_interim_responses_are_told_and_kept() -> None:
    told: list[Informational] = []
    interim = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    async with peers(answering(interim + ok(b"done"))) as server:
        request = Outgoing.of("GET", "http://h/", on_informational=told.append)
        async with Exchange(await _connection(server), request) as response:
            assert [one.reason for one in told] == ["Processing", "Early Hints"]
            assert [one.status for one in response.informational] == [102, 103]
            assert response.informational[1].headers["link"] == "</x>"


async def test_interim_responses_without_end_are_refused() -> None:
    interim = b"HTTP/1.1 102 Processing\r\n\r\n" * 3
    async with peers(answering(interim + ok())) as server:
        connection = Connection(await server("h", 80), "http://h", Limits(informational=2), Deadlines())
        with pytest.raises(
            ResponseTooLarge, match=r"http://h sent 3 interim responses.*Limits.informational is 2"
        ):
            async with Exchange(connection, Outgoing.of("GET", "http://h/")):
                pytest.fail("there is no response")


# Trailers


@pytest.mark.parametrize("trailers", [{"X": "y"}, lambda: [("X", "y")]])
async def test_trailers_follow_the_body(trailers: object) -> None:
    received = b""

    async def keep(peer: Peer) -> None:
        nonlocal received
        while not received.endswith(b"\r\n0\r\nX: y\r\n\r\n"):
            received += await peer.stream.receive_some()
        await peer.send(ok(b"done"))

    async with peers(keep) as server:
        connection = await _connection(server)
        request = Outgoing.of("POST", "http://h/", {"Trailer": "X"}, b"hello", trailers=trailers)
        async with Exchange(connection, request) as response:
            assert response.status == 200
        assert b"\r\nTransfer-Encoding: chunked\r\n" in received
        assert connection.reusable


async def test_a_trailer_that_is_none_is_the_callers_error() -> None:
    async def waiting(peer: Peer) -> None:
        await peer.request()

    def trailers() -> object:
        return 7

    async with peers(waiting) as server:
        request = Outgoing.of("POST", "http://h/", None, b"hello", trailers=trailers)
        with pytest.raises(TypeError, match="headers must be a mapping"):
            async with Exchange(await _connection(server), request):
                pytest.fail("there is no response")


# Other protocols


async def test_a_switch_of_protocols_hands_over_the_stream() -> None:
    async def switch(peer: Peer) -> None:
        await peer.request_head()
        await peer.send(b"HTTP/1.1 101 Switching\r\nUpgrade: own\r\nConnection: upgrade\r\n\r\nhello")
        await peer.send(bytes(await peer.stream.receive_some()))

    async with peers(switch) as server:
        connection = await _connection(server)
        request = Outgoing.of("GET", "http://h/", {"Upgrade": "own", "Connection": "upgrade"})
        async with Exchange(connection, request) as response:
            assert response.status == 101
            assert [chunk async for chunk in response] == []
            stream = response.take_stream()
        await connection.close_now()
        assert await stream.receive_some() == b"hello"
        await stream.send_all(b"own")
        assert await stream.receive_some() == b"own"
        await stream.aclose()
        assert server.open == 0


# Codings


async def test_a_coded_body_is_decoded_unless_it_is_not_to_be() -> None:
    coded = gzip.compress(b"hello")
    for decode, content in ((True, b"hello"), (False, coded)):
        async with peers(answering(ok(coded, "Content-Encoding: gzip"))) as server:
            request = Outgoing.of("GET", "http://h/", decode=decode)
            async with Exchange(await _connection(server), request) as response:
                assert response.body_length == len(coded)
                assert (await response.read(100)).content == content
