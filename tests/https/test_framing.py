from __future__ import annotations

import math

import h11
import pytest

from support.http_peers import chunked, ok
from trio_https import InvalidRequest, Limits, ProtocolError, ResponseTooLarge
from trio_https._framing import Framing


def _framing(method: str = "GET", limits: Limits | None = None) -> Framing:
    framing = _sending(method, "X", "y", limits)
    framing.end()
    return framing


def _sending(method: str, name: str, value: str, limits: Limits | None = None) -> Framing:
    framing = Framing("http://h", limits or Limits())
    framing.begin(h11.Request(method=method, target="/", headers=[("Host", "h"), (name, value)]))
    return framing


def _heads(framing: Framing, data: bytes, piece: int = 10**9) -> list[int]:
    found: list[int] = []
    for at in range(0, len(data), piece):
        framing.feed(data[at : at + piece])
        while (event := framing.head()) is not None:
            found.append(event.status_code)
            if framing.head_read:
                return found
    return found


def _body(framing: Framing) -> bytes:
    found: list[bytes] = []
    while piece := framing.piece():
        found.append(piece)
    return b"".join(found)


def test_a_request_is_framed_by_its_headers() -> None:
    framing = Framing("http://h", Limits())
    head = framing.begin(
        h11.Request(method="PUT", target="/", headers=[("Host", "h"), ("Transfer-Encoding", "chunked")])
    )
    assert head == b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert framing.block(memoryview(b"hello")) == b"5\r\nhello\r\n"
    assert framing.end([(b"X", b"y")]) == b"0\r\nX: y\r\n\r\n"


def test_trailers_that_cannot_be_sent() -> None:
    with pytest.raises(InvalidRequest, match="a trailer is no field"):
        _sending("PUT", "Transfer-Encoding", "chunked").end([(b"bad name", b"")])
    with pytest.raises(InvalidRequest, match="http://h"):
        _sending("PUT", "Content-Length", "0").end([(b"X", b"y")])


def test_heads_and_bodies() -> None:
    framing = _framing()
    assert framing.head() is None
    assert _heads(framing, b"HTTP/1.1 103 Early\r\n\r\n" + ok(b"hello", "Content-Encoding: gzip")) == [
        103,
        200,
    ]
    assert (framing.body_length, framing.coded, framing.received) == (5, True, 0)
    assert _body(framing) == b"hello"
    assert (framing.ended, framing.reusable, framing.received) == (True, True, 5)
    assert framing.piece() == b""
    framing = _framing()
    _heads(framing, chunked(b"hello", end=b"0\r\nX: y\r\n\r\n"))
    assert framing.body_length is None
    assert _body(framing) == b"hello"
    assert list(framing.trailers) == [(b"X", b"y")]
    assert framing.reusable


def test_only_what_nothing_announced_the_end_of_ends_with_the_stream() -> None:
    for answer, ends in ((b"HTTP/1.1 200 OK\r\n\r\n", True), (ok(b"hello")[:-1], False)):
        framing = _framing()
        _heads(framing, answer)
        assert framing.finish() is ends
    framing = _framing()
    _heads(framing, chunked(b"hello", end=b""))
    assert not framing.finish()
    assert not _framing().finish()


def test_a_body_whose_length_is_said_twice_is_read_but_not_trusted() -> None:
    """RFC 9112 §6.3: it "might indicate an attempt to perform request smuggling"."""
    both = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    )
    old = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    for answer in (both, old):
        framing = _framing()
        _heads(framing, answer)
        assert _body(framing) == b"hello"
        assert framing.ended
        assert not framing.reusable


@pytest.mark.parametrize("piece", [1, 10**9])
def test_an_answer_in_pieces(piece: int) -> None:
    framing = _framing()
    assert _heads(framing, ok(), piece) == [200]
    assert framing.ended


def test_what_follows_a_switch_of_protocols_is_pending() -> None:
    framing = Framing("http://h", Limits())
    framing.begin(h11.Request(method="GET", target="/", headers=[("Host", "h"), ("Upgrade", "x")]))
    framing.end()
    assert _heads(framing, b"HTTP/1.1 101 Switching\r\n\r\nhello") == [101]
    assert framing.pending == b"hello"
    assert framing.piece() == b""
    assert not framing.reusable


def test_a_large_body_is_joined_with_what_came_with_the_head() -> None:
    framing = _framing()
    assert not framing.much_is_left
    _heads(framing, ok(b"x" * 300_000))
    assert framing.much_is_left
    assert _body(framing) == b"x" * 300_000
    assert not framing.much_is_left
    framing = _framing()
    _heads(framing, ok(b"x" * 10) + b"left over")
    assert _body(framing) == b"x" * 10
    assert framing.pending
    assert not framing.reusable


def test_limits() -> None:
    with pytest.raises(ResponseTooLarge, match="header fields"):
        _heads(_framing(limits=Limits(headers=2)), ok(b"", "A: b", "C: d"))
    with pytest.raises(ResponseTooLarge, match="a header section of more than"):
        _heads(_framing(limits=Limits(head=100)), b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200)
    with pytest.raises(ResponseTooLarge, match=r"a header section of \d+ bytes"):
        _heads(_framing(limits=Limits(head=100)), ok(b"", "X: " + "y" * 200))
    assert _heads(_framing(limits=Limits(head=100)), ok(b"y" * 200)) == [200]
    framing = _framing(limits=Limits(head=100))
    _heads(framing, chunked(end=b"1;" + b"x" * 200))
    with pytest.raises(ResponseTooLarge, match="a chunk header or trailer section"):
        _body(framing)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"\x15\x03\x01\x00\x02", "speaks TLS"),
        (b"SSH-2.0-x\r\n\r\n", "did not answer in HTTP/1.1"),
        (b"\x00" * 300, "goes on with"),
        (b"HTTP/1.1 200 " + b"x" * 300 + b"\x00\r\n\r\n", "…"),
    ],
)
def test_what_is_not_http(answer: bytes, message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        _heads(_framing(), answer)


def test_a_broken_body() -> None:
    framing = _framing()
    _heads(framing, chunked(end=b"nonsense\r\n"))
    with pytest.raises(ProtocolError, match="sent a broken body"):
        _body(framing)


def test_a_header_section_where_none_can_be() -> None:
    framing = _framing()
    _heads(framing, chunked(b"x"))
    with pytest.raises(ProtocolError, match="in place of a header section"):
        framing.head()


def test_a_block_of_a_known_length_is_not_copied() -> None:
    block = memoryview(b"x")
    assert _sending("PUT", "Content-Length", "1").block(block) is block


def test_a_block_of_the_wrong_size() -> None:
    framing = _sending("PUT", "Content-Length", "1")
    with pytest.raises(InvalidRequest, match="Too much data"):
        framing.block(memoryview(b"xx"))


def test_bytearrays_make_bytes() -> None:
    framing = _framing()
    _heads(framing, ok(b"x" * 10)[:-5])
    assert framing.piece() == b"x" * 5
    framing.feed(bytearray(b"y" * 5))
    piece = framing.piece()
    assert (type(piece), piece) == (bytes, b"y" * 5)
    assert math.isfinite(framing.received)


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Same")]
)
def test_some_answers_have_no_body_whatever_they_say(method: str, status: str) -> None:
    """RFC 9112 §6.3, the first rule."""
    for said in ("Content-Length: 9", "Transfer-Encoding: chunked", "X: y"):
        framing = _framing(method)
        _heads(framing, f"HTTP/1.1 {status}\r\n{said}\r\n\r\n".encode())
        assert (framing.body_length, framing.ended, framing.piece(), framing.reusable) == (0, True, b"", True)


def test_of_a_body_that_is_not_here_there_is_nothing() -> None:
    framing = _framing()
    _heads(framing, ok(b"hello")[:-5])
    assert framing.piece() is None
    framing.feed(b"hel")
    assert framing.piece() == b"hel"
    framing.feed(b"lo and more")
    assert framing.piece() == b"lo"
    assert framing.pending.endswith(b" and more")
    framing = _framing()
    _heads(framing, chunked(end=b"5\r\nhe"))
    assert framing.piece() == b"he"
    assert framing.piece() is None
    framing.feed(b"llo\r\n")
    assert framing.piece() == b"llo"
    framing.feed(b"0\r\n\r\n")
    assert framing.piece() == b""
