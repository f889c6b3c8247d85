from __future__ import annotations

from collections.abc import Sequence

import h11
import pytest
import trio
import trio.testing

from support.http_peers import chunked, ok
from trio_https import (
    URL,
    ConnectionLost,
    Deadlines,
    InvalidRequest,
    Limits,
    ProtocolError,
    ResponseTooLarge,
    TooSlow,
    TruncatedBody,
)
from trio_https._connection import Connection
from trio_https._trace import Trace


class Wire(trio.abc.Stream):
    """A stream that receives what it was given, piece by piece, and records what is sent."""

    def __init__(self, *received: bytes | bytearray | Exception, sending: Exception | None = None) -> None:
        self.received = list(received)
        self.sending = sending
        self.sent = b""
        self.closed = 0

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        await trio.lowlevel.checkpoint_if_cancelled()
        if not self.received:
            await trio.sleep_forever()
        await trio.lowlevel.cancel_shielded_checkpoint()
        piece = self.received.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        if self.sending is not None:
            raise self.sending
        self.sent += data

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        self.closed += 1
        await trio.lowlevel.checkpoint()


class Deaf(Wire):
    """A stream whose peer never takes anything."""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.sleep_forever()


def connection(
    wire: trio.abc.Stream, limits: Limits | None = None, deadlines: Deadlines | None = None
) -> Connection:
    return Connection(wire, "http://h", limits or Limits(), deadlines or Deadlines())


def begun(
    *received: bytes | bytearray | Exception, method: str = "GET", limits: Limits | None = None
) -> tuple[Connection, Wire]:
    """A connection on which a request has been made, and what it is made of."""
    wire = Wire(*received)
    made = connection(wire, limits)
    made.begin(h11.Request(method=method, target="/", headers=[("Host", "h")]))
    made.end()
    return made, wire


async def body(made: Connection) -> bytes:
    pieces: list[bytes] = []
    while piece := await made.read_body():
        pieces.append(piece)
    return b"".join(pieces)


# The header section


async def test_reads_the_head_of_the_response() -> None:
    made, _ = begun(b"HTTP/1.1 418 I'm a teapot\r\nA: b\r\n\r\n")
    head = await made.read_head()
    assert (head.status_code, head.reason, list(head.headers)) == (418, b"I'm a teapot", [(b"a", b"b")])


async def test_interim_responses_come_one_by_one() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    for piece in (1, 10**9):
        whole = interim + ok(b"x")
        made, _ = begun(*[whole[at : at + piece] for at in range(0, len(whole), piece)])
        assert [(await made.read_head()).status_code for _ in range(3)] == [100, 103, 200]
        assert await body(made) == b"x"


async def test_a_header_that_is_here_is_a_checkpoint_too() -> None:
    made, _ = begun(b"HTTP/1.1 100 Continue\r\n\r\n" + ok(b"x"))
    await made.read_head()
    with trio.testing.assert_checkpoints():
        await made.read_head()


async def test_a_switch_of_protocols_gives_the_stream_away_with_what_it_has_received() -> None:
    switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello"
    made, _ = begun(switch)
    with pytest.raises(ProtocolError, match="did not answer in HTTP"):
        await made.read_head()
    wire = Wire(switch)
    made = connection(wire)
    made.begin(h11.Request(method="GET", target="/", headers=[("Host", "h"), ("Upgrade", "x")]))
    made.end()
    assert (await made.read_head()).status_code == 101
    assert await made.read_body() == b""
    assert not made.reusable
    assert made.take_over() == (wire, b"hello")
    await made.close_now()
    assert not wire.closed


@pytest.mark.parametrize("piece", [1, 1000, 10**9])
async def test_an_endless_header_is_cut_off(piece: int) -> None:
    endless = b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000
    pieces = [endless[at : at + piece] for at in range(0, len(endless), piece)]
    made, wire = begun(*pieces, limits=Limits(head=2000))
    with pytest.raises(ResponseTooLarge, match=r"header section of more than 2000 bytes \(Limits.head\)"):
        await made.read_head()
    assert len(b"".join(item for item in wire.received if isinstance(item, bytes))) >= 290_000 - piece


async def test_a_long_header_within_the_limits_is_read() -> None:
    made, _ = begun(ok(b"hello", "X: " + "y" * 200_000), limits=Limits(head=300_000))
    assert len((await made.read_head()).headers) == 2
    assert await body(made) == b"hello"


async def test_a_complete_header_over_the_limits_is_refused() -> None:
    made, _ = begun(ok(b"", *["X: y"] * 5), limits=Limits(headers=5))
    with pytest.raises(ResponseTooLarge, match=r"sent 6 header fields, and Limits\.headers is 5"):
        await made.read_head()
    made, _ = begun(ok(b"", "X: " + "y" * 500), limits=Limits(head=500))
    with pytest.raises(ResponseTooLarge, match=r"section of 5.. bytes, and Limits\.head is 500"):
        await made.read_head()


@pytest.mark.parametrize(
    ("received", "message"),
    [
        ([b""], "was closed by the server before it answered"),
        ([b"HTTP/1.1 200 OK\r\nA:", b""], "was closed by the server after 19 bytes of a header"),
        ([trio.BrokenResourceError()], "broke before it answered"),
        ([b"HTTP", trio.BrokenResourceError("reset")], "broke: reset after 4 bytes of a header"),
    ],
)
async def test_a_connection_that_ends_before_the_head_does(
    received: Sequence[bytes | Exception], message: str
) -> None:
    made, _ = begun(*received)
    with pytest.raises(ConnectionLost, match=f"the connection to http://h {message}") as caught:
        await made.read_head()
    assert not isinstance(caught.value, TruncatedBody)
    assert not made.reusable


@pytest.mark.parametrize(
    ("received", "message"),
    [
        (b"\x15\x03\x01\x00\x02\x02\x46", "speaks TLS: write https:"),
        (b"\x16\x03\x03\x00\x10", "speaks TLS"),
        (
            b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
            r"did not answer in HTTP/1.1: .*goes on with b'\\x00\\x00\\x12",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "illegal status line.*SSH-2.0"),
        (b"HTTP/1.1 two hundred\r\n\r\n", "illegal status line"),
        (b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "illegal header line"),
        (b"HTTP/1.1 200 OK\r\n: x\r\n\r\n", "illegal header line"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "bad Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "conflicting Content-Length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "Only Transfer-Encoding: chunked"),
    ],
)
async def test_other_protocols_and_garbage(received: bytes, message: str) -> None:
    made, _ = begun(received)
    with pytest.raises(ProtocolError, match=message):
        await made.read_head()


async def test_an_error_quotes_no_more_than_it_must() -> None:
    made, _ = begun(b"x" * 50_000 + b"\r\n\r\n")
    with pytest.raises(ProtocolError) as caught:
        await made.read_head()
    assert len(str(caught.value)) < 400


# The body

WITH_BODIES = [
    (ok(b"hello"), b"hello", "GET", True),
    (ok(b""), b"", "GET", True),
    (ok(bytes(range(256)) * 3), bytes(range(256)) * 3, "GET", True),
    (chunked(b"hel", b"lo"), b"hello", "GET", True),
    (chunked(), b"", "GET", True),
    (chunked(b"hello", end=b"0\r\nTrailer: x\r\n\r\n"), b"hello", "GET", True),
    (
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;ext="x"\r\nhello\r\n0\r\n\r\n',
        b"hello",
        "GET",
        True,
    ),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"", "HEAD", True),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"", "HEAD", True),
    (b"HTTP/1.1 204 No Content\r\n\r\n", b"", "GET", True),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b"", "GET", True),
    (ok(b"hello", "Connection: close"), b"hello", "GET", False),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", "GET", False),
]


@pytest.mark.parametrize("piece", [1, 2, 7, 10**9])
@pytest.mark.parametrize(("answer", "content", "method", "reusable"), WITH_BODIES)
async def test_bodies_are_the_same_however_they_arrive(
    answer: bytes, content: bytes, method: str, reusable: bool, piece: int
) -> None:
    wire = Wire(*[answer[at : at + piece] for at in range(0, len(answer), piece)])
    made = connection(wire)
    await made.send(made.begin(h11.Request(method=method, target="/", headers=[("Host", "h")])) + made.end())
    await made.read_head()
    assert await body(made) == content
    assert await made.read_body() == b""
    assert made.reusable is reusable


@pytest.mark.parametrize("piece", [1, 5, 10**9])
async def test_a_body_may_last_until_the_connection_closes(piece: int) -> None:
    answer = b"HTTP/1.1 200 OK\r\n\r\nhello"
    made, _ = begun(*[answer[at : at + piece] for at in range(0, len(answer), piece)], b"")
    await made.read_head()
    assert await body(made) == b"hello"
    assert not made.reusable


TRUNCATED = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", b""),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", trio.BrokenResourceError("reset")),
    (chunked(b"hello", end=b""), b""),
    (chunked(b"hello", end=b"0\r\n"), b""),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello", b""),
    (b"HTTP/1.1 200 OK\r\n\r\nhello", trio.BrokenResourceError("no close_notify")),
]


@pytest.mark.parametrize(("answer", "end"), TRUNCATED)
async def test_a_body_cut_short_is_an_error(answer: bytes, end: bytes | Exception) -> None:
    made, _ = begun(answer, end)
    await made.read_head()
    assert await made.read_body() == b"hello"
    with pytest.raises(
        TruncatedBody, match="after 5 bytes of the response's body, and before its end"
    ) as caught:
        await made.read_body()
    assert (caught.value.__cause__ is end) == isinstance(end, Exception)
    assert not made.reusable
    assert not made.drain()


@pytest.mark.parametrize(
    "coded", [b"x\r\n", b"5\r\nhelloXX", b"-5\r\n", b"5 5\r\n", b"\r\n", b"0\r\nbad trailer\r\n\r\n"]
)
async def test_broken_chunks(coded: bytes) -> None:
    made, _ = begun(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", coded)
    await made.read_head()
    with pytest.raises(ProtocolError, match="http://h sent a broken body"):
        await body(made)
    assert not made.drain()


@pytest.mark.parametrize("coded", [b"5;" + b"x" * 3000, b"0\r\nTrailer: " + b"x" * 3000])
async def test_an_endless_chunk_header_or_trailer_is_cut_off(coded: bytes) -> None:
    made, _ = begun(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", coded, limits=Limits(head=2000))
    await made.read_head()
    with pytest.raises(ResponseTooLarge, match="chunk header or trailer section of more than 2000 bytes"):
        await body(made)


async def test_a_body_that_needs_no_parsing_is_handed_on_as_it_comes() -> None:
    pieces = [bytes([number]) * 100_000 for number in range(4)]
    for head, end in ((b"Content-Length: 400000", b"left over"), (b"X: y", b"")):
        made, _ = begun(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n", *pieces[:3], pieces[3] + end, b"")
        await made.read_head()
        for piece in pieces[:3]:
            assert await made.read_body() is piece
        assert await made.read_body() == pieces[3]
        assert await made.read_body() == b""
        assert not made.reusable


async def test_a_stream_that_gives_bytearrays_makes_no_difference() -> None:
    answer = ok(b"hello")
    for parts in ([answer], [answer[:-5], answer[-5:]], [answer[:-3], answer[-3:]]):
        made, _ = begun(*[bytearray(part) for part in parts])
        await made.read_head()
        while piece := await made.read_body():
            assert type(piece) is bytes


async def test_a_chunk_that_arrives_in_one_large_piece_is_handed_on_in_small_ones() -> None:
    content = bytes(1_000_000)
    made, _ = begun(chunked(content))
    await made.read_head()
    sizes: list[int] = []
    while piece := await made.read_body():
        sizes.append(len(piece))
    assert sum(sizes) == len(content)
    assert max(sizes) <= 64 * 1024


async def test_every_piece_is_a_checkpoint_and_small_chunks_are_put_together() -> None:
    made, _ = begun(chunked(*[b"ab"] * 500))
    await made.read_head()
    with trio.testing.assert_checkpoints():
        assert await made.read_body() == b"ab" * 500
    with trio.testing.assert_checkpoints():
        assert await made.read_body() == b""


async def test_a_cancelled_read_loses_nothing(autojump_clock: trio.testing.MockClock) -> None:
    made, wire = begun(ok(b"x" * 10)[:-5])
    await made.read_head()
    assert await made.read_body() == b"x" * 5
    with trio.move_on_after(1) as scope:
        await made.read_body()
    assert scope.cancelled_caught
    wire.received.append(b"x" * 5)
    with trio.CancelScope() as scope:
        scope.cancel()
        await made.read_body()
    assert await body(made) == b"x" * 5


# Sending


async def test_sends_the_request() -> None:
    wire = Wire()
    made = connection(wire)
    head = made.begin(
        h11.Request(method="PUT", target="/x", headers=[("Host", "h"), ("Content-Length", "5")])
    )
    assert await made.send(head)
    assert await made.send(made.block(memoryview(b"hello")))
    assert await made.send(made.end())
    assert wire.sent == b"PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize(("length", "message"), [("4", "Too much data"), ("6", "Too little data")])
async def test_a_body_that_is_not_as_long_as_announced(length: str, message: str) -> None:
    made = connection(Wire())
    made.begin(h11.Request(method="PUT", target="/", headers=[("Host", "h"), ("Content-Length", length)]))
    with pytest.raises(InvalidRequest, match=f"request to http://h: {message}"):
        b"".join([made.block(memoryview(b"hello")), made.end()])


async def test_a_failed_send_leaves_the_answer_to_be_read() -> None:
    failure = trio.BrokenResourceError("peer is gone")
    for end in (b"", trio.BrokenResourceError()):
        wire = Wire(ok(b"too large", status="413 Too Large"), end, sending=failure)
        made = connection(wire)
        head = made.begin(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
        assert not await made.send(head + made.end())
        assert (await made.read_head()).status_code == 413
        assert await body(made) == b"too large"
        assert not made.reusable


async def test_a_failed_send_is_the_cause_if_there_is_no_answer() -> None:
    failure = trio.BrokenResourceError("peer is gone")
    made = connection(Wire(b"", sending=failure))
    await made.send(made.begin(h11.Request(method="GET", target="/", headers=[("Host", "h")])))
    with pytest.raises(ConnectionLost) as caught:
        await made.read_head()
    assert caught.value.__cause__ is failure


async def test_a_cancelled_send_ends_the_use_of_the_connection(
    autojump_clock: trio.testing.MockClock,
) -> None:
    wire = Deaf(ok())
    made = connection(wire)
    with trio.move_on_after(1):
        await made.send(
            made.begin(h11.Request(method="GET", target="/", headers=[("Host", "h")])) + made.end()
        )
    await made.read_head()
    assert await body(made) == b""
    assert not made.reusable


async def test_of_a_large_body_much_is_received_at_once() -> None:
    asked: list[int | None] = []

    class Wise(Wire):
        async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
            asked.append(max_bytes)
            return await super().receive_some(max_bytes)

    answer = ok(b"x" * 300_000)
    head = answer.index(b"\r\n\r\n") + 4
    made = connection(Wise(answer[:head], answer[head:]))
    made.begin(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    await made.read_head()
    assert await body(made) == b"x" * 300_000
    # It says itself how much it is.
    assert asked == [None, None]

    ours, theirs = trio.socket.socketpair()
    stream = trio.SocketStream(ours)
    made = connection(stream)
    made.begin(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.SocketStream(theirs).send_all, answer)
        await trio.testing.wait_all_tasks_blocked()
        await made.read_head()
        assert len(await made.read_body()) < 64 * 1024
        await trio.testing.wait_all_tasks_blocked()
        assert len(await made.read_body()) > 64 * 1024
        nursery.cancel_scope.cancel()
    await stream.aclose()
    theirs.close()


# Deadlines


async def test_a_silent_server_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    made, _ = begun()
    with pytest.raises(TooSlow, match=r"http://h sent nothing for 60 s\. A longer Deadlines.idle"):
        await made.read_head()
    assert trio.current_time() == 60


async def test_the_idle_deadline_begins_anew_with_every_byte(autojump_clock: trio.testing.MockClock) -> None:
    class Slow(Wire):
        async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
            await trio.sleep(50)
            return await super().receive_some(max_bytes)

    made = connection(Slow(*[bytes([byte]) for byte in ok(b"hello")]), None, Deadlines(head=None, rate=None))
    made.begin(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    made.end()
    await made.read_head()
    assert await body(made) == b"hello"
    assert trio.current_time() > 1000


async def test_a_server_that_takes_nothing_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    made = connection(Deaf(), deadlines=Deadlines(idle=5))
    with pytest.raises(TooSlow, match="http://h took none of the request for 5 s"):
        await made.send(b"x")
    assert trio.current_time() == 5


async def test_without_a_deadline_it_waits(autojump_clock: trio.testing.MockClock) -> None:
    made = connection(Deaf(), deadlines=Deadlines(idle=None))
    made.begin(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    for waiting in (made.read_head(), made.send(b"x")):
        with trio.move_on_after(1_000_000) as scope:
            await waiting
        assert scope.cancelled_caught


async def test_the_response_has_its_time_only_when_the_request_is_sent(
    autojump_clock: trio.testing.MockClock,
) -> None:
    made, _ = begun()
    made.upload_began()

    async def upload() -> None:
        await trio.sleep(500)
        made.upload_ended()

    async def read() -> None:
        with pytest.raises(TooSlow):
            await made.read_head()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(upload)
        nursery.start_soon(read)
    assert trio.current_time() == 560


async def test_sending_nothing_is_a_checkpoint() -> None:
    made = connection(Wire())
    with trio.testing.assert_checkpoints():
        assert await made.send(b"")


# Being used again


async def test_a_connection_serves_one_exchange_after_another() -> None:
    wire = Wire(ok(b"one"), ok(b"two"))
    made = connection(wire)
    for content in (b"one", b"two"):
        await made.send(
            made.begin(h11.Request(method="GET", target="/", headers=[("Host", "h")])) + made.end()
        )
        assert not made.reusable
        await made.read_head()
        assert await body(made) == content
        assert made.reusable


@pytest.mark.parametrize("size", [1, 200_000])
async def test_a_connection_with_bytes_left_over_does_not(size: int) -> None:
    wire = Wire(ok(b"one") + b"x" * size)
    made = connection(wire)
    await made.send(made.begin(h11.Request(method="GET", target="/", headers=[("Host", "h")])) + made.end())
    await made.read_head()
    assert await body(made) == b"one"
    assert not made.reusable


async def test_a_request_that_is_not_whole_ends_it() -> None:
    made = connection(Wire(ok(b"early")))
    await made.send(
        made.begin(h11.Request(method="PUT", target="/", headers=[("Host", "h"), ("Content-Length", "1")]))
    )
    await made.read_head()
    assert await body(made) == b"early"
    assert not made.reusable


async def test_draining_takes_what_is_here_and_nothing_else() -> None:
    made, wire = begun(ok(b"x" * 100_000), b"next")
    assert not made.drain()  # there is no head yet
    await made.read_head()
    assert made.drain()
    assert made.drain()
    assert wire.received == [b"next"]
    made, wire = begun(ok(b"x" * 100_000)[:-1], b"x")
    await made.read_head()
    assert not made.drain()
    assert wire.received == [b"x"]


@pytest.mark.parametrize(
    ("received", "quiet"),
    [
        ([], True),
        ([b""], False),
        ([b"HTTP/1.1 408 Request Timeout\r\n\r\n"], False),
        ([trio.BrokenResourceError()], False),
        ([trio.ClosedResourceError()], False),
    ],
)
async def test_an_idle_connection_is_quiet(received: Sequence[bytes | Exception], quiet: bool) -> None:
    assert await connection(Wire(*received)).is_quiet() is quiet


async def test_an_idle_connection_over_tcp_is_quiet_until_the_server_closes() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    client = await trio.testing.open_stream_to_socket_listener(listeners[0])
    server = await listeners[0].accept()
    made = Connection(client, "http://h", Limits(), Deadlines())
    async with client, server, listeners[0]:
        assert await made.is_quiet()
        await server.send_eof()
        assert not await made.is_quiet()


async def test_looking_for_quiet_can_be_cancelled() -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await connection(Wire()).is_quiet()
    assert scope.cancelled_caught


async def test_closing_closes_whatever_happens() -> None:
    class Breaking(Wire):
        async def aclose(self) -> None:
            await super().aclose()
            raise trio.BrokenResourceError

    for wire in (Wire(), Breaking()):
        made = connection(wire)
        await made.aclose()
        with trio.CancelScope() as scope:
            scope.cancel()
            await made.close_now()
            assert wire.closed == 2
        assert not scope.cancelled_caught  # it waited for nothing, and nothing was cancelled


# More deadlines


async def test_a_header_that_drips_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    class Dripping(Wire):
        async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
            await trio.sleep(7)
            return b"HTTP/1.1 200 OK\r\nX: y"[-1:] if self.received else b"H"

    made = connection(Dripping(b"x"), deadlines=Deadlines(head=30))
    made.begin(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    with pytest.raises(TooSlow, match=r"sent a header section that took longer than 30 s.*Deadlines\.head"):
        await made.read_head()
    assert trio.current_time() == 37


async def test_what_the_server_does_between_header_sections_is_no_part_of_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    class Thinking(Wire):
        async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
            await trio.sleep(50)
            return await super().receive_some(max_bytes)

    made = connection(
        Thinking(b"HTTP/1.1 102 Processing\r\n\r\n", ok()[:5], ok()[5:]), deadlines=Deadlines(head=60)
    )
    made.begin(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    assert (await made.read_head()).status_code == 102
    assert (await made.read_head()).status_code == 200
    assert trio.current_time() == 150


class Slow(Wire):
    """Gives one byte every so many seconds."""

    def __init__(self, every: float, *received: bytes | bytearray | Exception) -> None:
        super().__init__(*received)
        self.every = every

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if self.received and self.received[0] == b"x":
            await trio.sleep(self.every)
        return await super().receive_some(max_bytes)


def _slow(every: float, deadlines: Deadlines) -> Connection:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    made = connection(Slow(every, head, *[b"x"] * 1000), deadlines=deadlines)
    made.begin(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    made.end()
    return made


async def test_a_byte_a_minute_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    made = _slow(59, Deadlines())
    await made.read_head()
    with pytest.raises(TooSlow, match=r"sent 1 bytes in 60 s of waiting\. A lower Deadlines\.rate than 0\.1"):
        await body(made)
    assert trio.current_time() == 60


async def test_what_is_fast_enough_is_not(autojump_clock: trio.testing.MockClock) -> None:
    made = _slow(9, Deadlines())
    await made.read_head()
    assert len(await body(made)) == 1000
    made = _slow(59, Deadlines(rate=None))
    await made.read_head()
    assert len(await body(made)) == 1000


async def test_a_reader_that_takes_its_time_is_no_slow_server(autojump_clock: trio.testing.MockClock) -> None:
    made = _slow(0.5, Deadlines(rate=1, rate_window=10))
    await made.read_head()
    for _ in range(50):
        await trio.sleep(1000)
        assert await made.read_body() == b"x"


# Asking


async def test_a_short_request_and_the_wait_for_its_answer_are_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    trace = Trace("GET", URL.parse("http://h/"))
    wire = Wire(ok(b"hello"))
    made = connection(wire)
    head = made.begin(h11.Request(method="GET", target="/", headers=[("Host", "h")])) + made.end()
    await made.ask(head, trace)
    assert (await made.read_head()).status_code == 200
    assert await body(made) == b"hello"
    assert made.reusable
    assert trace.timings.sent == 0
    for wire, message in ((Wire(), "sent nothing for 60 s"), (Deaf(), "took none of the request for 60 s")):
        made = connection(wire)
        head = made.begin(h11.Request(method="GET", target="/", headers=[("Host", "h")])) + made.end()
        with pytest.raises(TooSlow, match=message):
            await made.ask(head, trace)


async def test_asking_without_a_deadline_waits(autojump_clock: trio.testing.MockClock) -> None:
    made = connection(Wire(), deadlines=Deadlines(idle=None))
    head = made.begin(h11.Request(method="GET", target="/", headers=[("Host", "h")])) + made.end()
    with trio.move_on_after(1_000_000) as scope:
        await made.ask(head, Trace("GET", URL.parse("http://h/")))
    assert scope.cancelled_caught


async def test_a_send_that_fails_leaves_the_answer_to_be_asked_for() -> None:
    made = connection(Wire(ok(status="413 Too Large"), sending=trio.BrokenResourceError()))
    head = made.begin(h11.Request(method="GET", target="/", headers=[("Host", "h")])) + made.end()
    await made.ask(head, Trace("GET", URL.parse("http://h/")))
    assert (await made.read_head()).status_code == 413
    assert await body(made) == b""
    assert not made.reusable


# What can be told without asking


async def test_a_tcp_stream_tells_whether_it_is_quiet() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        near = await trio.testing.open_stream_to_socket_listener(listener)
        far = await listener.accept()
        made = Connection(near, "http://h", Limits(), Deadlines())
        assert made.is_surely_quiet()
        await far.aclose()
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert not made.is_surely_quiet()
        await near.aclose()
        assert not made.is_surely_quiet()


async def test_other_streams_tell_by_a_method_or_not_at_all() -> None:
    class Telling(Wire):
        def nothing_to_receive(self) -> bool:
            return not self.received

    assert connection(Telling()).is_surely_quiet()
    assert not connection(Telling(b"x")).is_surely_quiet()
    assert not connection(Wire()).is_surely_quiet()


async def test_trailers_come_behind_the_body() -> None:
    made, _ = begun(chunked(b"hello", end=b"0\r\nX: y\r\n\r\n"))
    await made.read_head()
    assert not made.ended
    assert made.trailers == ()
    await body(made)
    assert made.ended
    assert list(made.trailers) == [(b"X", b"y")]
    assert made.body_received == 5


async def test_what_is_here_is_given_without_waiting() -> None:
    made, _ = begun(ok(b"hello", "Content-Encoding: own"))
    await made.read_head()
    assert (made.coded, made.body_length, made.fields[0]) == (True, 5, (b"Content-Length", b"5"))
    assert made.body_now() == b"hello"
    assert made.body_now() == b""
    made.upload_began()
    made.upload_ended()


async def test_a_send_that_takes_its_time_leaves_the_answer_all_of_its_own(
    autojump_clock: trio.testing.MockClock,
) -> None:
    class SlowToTake(Wire):
        async def send_all(self, data: bytes | bytearray | memoryview) -> None:
            await trio.sleep(50)
            await super().send_all(data)

    made = connection(SlowToTake())
    head = made.begin(h11.Request(method="GET", target="/", headers=[("Host", "h")])) + made.end()
    with pytest.raises(TooSlow, match="sent nothing for 60 s"):
        await made.ask(head, Trace("GET", URL.parse("http://h/")))
    assert trio.current_time() == 110


async def test_its_text_says_where_to_and_how_often() -> None:
    made, _ = begun(ok())
    assert repr(made) == "<Connection to http://h, 1 exchanges, over Wire>"
