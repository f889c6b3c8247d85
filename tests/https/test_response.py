from __future__ import annotations

import gzip
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from support.cancellation import every_checkpoint
from support.http_peers import answering, chunked, ok, peers
from trio_https import (
    URL,
    Deadlines,
    DecodingError,
    Headers,
    Limits,
    Response,
    ResponseTooLarge,
    StreamingResponse,
)
from trio_https._connection import Connection
from trio_https._exchange import Exchange
from trio_https._outgoing import Outgoing


def _response(content: bytes, content_type: str | None = None) -> Response:
    fields = [] if content_type is None else [(b"Content-Type", content_type.encode())]
    return Response(
        url=URL.parse("http://h/x"),
        method="GET",
        status=200,
        reason="OK",
        http_version="1.1",
        headers=Headers(fields),
        content=content,
    )


@asynccontextmanager
async def _streaming(
    answer: bytes, method: str = "GET", most: int | None = None
) -> AsyncGenerator[StreamingResponse]:
    async with peers(answering(answer), most) as server:
        connection = Connection(await server("h", 80), "http://h", Limits(), Deadlines())
        async with Exchange(connection, Outgoing.of(method, "http://h/x", None, None)) as response:
            yield response


@pytest.mark.parametrize(
    ("content_type", "content", "text"),
    [
        (None, "käse".encode(), "käse"),
        ("text/html", "käse".encode(), "käse"),
        ("text/html; charset=iso-8859-1", b"k\xe4se", "käse"),
        ('text/html; x=y; Charset="ISO-8859-1"', b"k\xe4se", "käse"),
        ("text/html;charset = utf-16-le", "käse".encode("utf-16-le"), "käse"),
        ("text/html; charset=shift_jis", "テスト".encode("shift_jis"), "テスト"),
        ("text/html; charset=no-such-thing", "käse".encode(), "käse"),
        ("text/html; charset=hex", b"6b", "6b"),
        ("text/html; charset=idna", b"xn--a", "xn--a"),
        ("text/html; charset=punycode", b"a-b", "a-b"),
        ("text/html; charset=undefined", b"a", "a"),
        ("text/html; charset=unicode_escape", b"\\x41", "\\x41"),
        ("text/html; charset=", b"a", "a"),
        ("text/html", b"\xff\xfea", "\ufffd\ufffda"),
    ],
)
def test_text_is_what_the_content_type_says(content_type: str | None, content: bytes, text: str) -> None:
    assert _response(content, content_type).text == text


def test_json() -> None:
    assert _response(b'{"a": [1, null]}').json() == {"a": [1, None]}
    assert _response('"ü"'.encode("utf-16")).json() == "ü"
    with pytest.raises(ValueError, match="Expecting value"):
        _response(b"<html>").json()


def test_says_what_it_is() -> None:
    assert repr(_response(b"abc")) == "<Response 200 of GET http://h/x, 3 bytes>"


@pytest.mark.parametrize(
    ("answer", "method", "length"),
    [
        (ok(b"hello"), "GET", 5),
        (chunked(b"hello"), "GET", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "GET", None),
        (b"HTTP/1.1 200 OK\r\n\r\n", "GET", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", 0),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET", 0),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "GET", 0),
    ],
)
async def test_the_length_of_the_body_is_known_if_it_was_announced(
    answer: bytes, method: str, length: int | None
) -> None:
    async with _streaming(answer, method) as response:
        assert response.body_length == length
        assert repr(response) == f"<StreamingResponse {response.status} of {method} http://h/x>"


@pytest.mark.parametrize("most", [1, 3, None])
@pytest.mark.parametrize(
    "answer", [ok(b"hello world"), chunked(b"hello", b" world"), b"HTTP/1.1 200 OK\r\n\r\nhello world"]
)
async def test_is_read_chunk_by_chunk_or_as_a_whole(answer: bytes, most: int | None) -> None:
    async with _streaming(answer, most=most) as response:
        chunks = [chunk async for chunk in response]
        assert all(isinstance(chunk, bytes) and chunk for chunk in chunks)
        assert b"".join(chunks) == b"hello world"
        assert [chunk async for chunk in response] == []
    async with _streaming(answer, most=most) as response:
        whole = await response.read(11)
        assert whole.content == b"hello world"
        assert (whole.status, whole.reason, whole.http_version, whole.url) == (200, "OK", "1.1", response.url)
        assert whole.headers is response.headers
        assert whole.method == "GET"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (ok(b"hello world"), "the body of http://h/x is 11 bytes long, and at most 10 bytes are accepted"),
        (chunked(b"hello", b" world"), "the body of http://h/x goes on, and at most 10 bytes are accepted"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello world", "goes on"),
    ],
)
async def test_a_body_over_the_cap_is_refused_by_name(answer: bytes, message: str) -> None:
    async with _streaming(answer) as response:
        with pytest.raises(ResponseTooLarge, match=f"{message}.*max_body, or Limits.body"):
            await response.read(10)


async def test_a_closed_response_is_not_read() -> None:
    async with _streaming(ok(b"hello")) as response:
        response.detach()
        with pytest.raises(trio.ClosedResourceError):
            await anext(response)
        with pytest.raises(trio.ClosedResourceError):
            await response.read(10)


@pytest.mark.parametrize(
    ("answer", "whole"),
    [(ok(b"x" * 10), True), (ok(b"x" * 11), False), (chunked(b"x" * 10), True), (chunked(b"x" * 11), False)],
)
async def test_discarding_reads_what_is_short(answer: bytes, whole: bool) -> None:
    async with _streaming(answer) as response:
        assert await response.discard(10) == whole


def _coded(coding: str, data: bytes, *headers: str) -> bytes:
    return ok(data, f"Content-Encoding: {coding}", *headers)


@pytest.mark.parametrize("most", [None, 1])
async def test_a_coded_body_comes_decoded(most: int | None) -> None:
    async with _streaming(_coded("gzip", gzip.compress(b"hello" * 50_000)), most=most) as response:
        found = [chunk async for chunk in response]
        assert b"".join(found) == b"hello" * 50_000
        assert max(map(len, found)) <= 64 * 1024
        assert [chunk async for chunk in response] == []


async def test_a_coded_body_is_read_whole_and_capped_as_it_comes_out() -> None:
    answer = _coded("gzip", gzip.compress(b"x" * 1000))
    async with _streaming(answer) as response:
        assert (await response.read(1000)).content == b"x" * 1000
    async with _streaming(answer) as response:
        with pytest.raises(ResponseTooLarge, match="goes on"):
            await response.read(999)


async def test_a_coded_body_that_is_cut_or_broken() -> None:
    async with _streaming(_coded("gzip", gzip.compress(b"x" * 1000)[:-1])) as response:
        with pytest.raises(DecodingError, match="http://h/x ends before"):
            await response.read(1000)
    async with _streaming(_coded("br", b"nonsense")) as response:
        with pytest.raises(DecodingError, match="decode=False"):
            await response.read(1000)
    async with _streaming(_coded("compress", b"x")) as response:
        for _ in range(2):
            with pytest.raises(DecodingError, match="is none of"):
                await anext(response)
        assert await response.discard()


async def test_what_is_not_sent_is_not_decoded() -> None:
    async with _streaming(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", "HEAD") as response:
        assert (await response.read(0)).content == b""
    async with _streaming(_coded("identity", b"x")) as response:
        assert (await response.read(1)).content == b"x"


async def test_decoding_can_be_cancelled_at_any_checkpoint_and_loses_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    answer = _coded("gzip", gzip.compress(bytes(range(256)) * 1000))
    for cancelling in every_checkpoint():
        async with _streaming(answer, most=200) as response:
            found: list[bytes] = []

            async def read(response: StreamingResponse = response, found: list[bytes] = found) -> None:
                async for chunk in response:
                    found += [chunk]

            await cancelling.run(read)
            await read()
            assert b"".join(found) == bytes(range(256)) * 1000


@pytest.mark.parametrize("most", [None, 1])
async def test_text_and_lines(most: int | None) -> None:
    answer = ok("käse\r\nbrot\rü".encode("utf-16"), "Content-Type: text/plain; charset=utf-16")
    async with _streaming(answer, most=most) as response:
        assert "".join([text async for text in response.aiter_text()]) == "käse\r\nbrot\rü"
    async with _streaming(answer, most=most) as response:
        assert [line async for line in response.aiter_lines()] == ["käse", "brot", "ü"]
    async with _streaming(ok(b"abc\xc3")) as response:
        assert [text async for text in response.aiter_text()] == ["abc", "\ufffd"]


async def test_a_line_may_not_be_too_long() -> None:
    async with _streaming(ok(b"x" * 100)) as response:
        with pytest.raises(ResponseTooLarge, match="max_line"):
            [line async for line in response.aiter_lines(max_line=99)]


async def test_trailers_are_there_when_the_body_is() -> None:
    async with _streaming(chunked(b"x", end=b"0\r\nX: y\r\n\r\n")) as response:
        assert dict(response.trailers) == {}
        assert dict((await response.read(10)).trailers) == {"x": "y"}
        assert dict(response.trailers) == {"x": "y"}


async def test_only_a_switch_of_protocols_gives_its_stream() -> None:
    async with _streaming(ok()) as response:
        with pytest.raises(ValueError, match="is no switch of protocols"):
            response.take_stream()


async def test_reading_is_a_checkpoint() -> None:
    async with _streaming(ok(b"x")) as response:
        with trio.testing.assert_checkpoints():
            await response.read(10)
    async with _streaming(ok(b"x" * 100)) as response:
        with trio.testing.assert_checkpoints():
            assert not await response.discard(10)


async def test_the_end_is_marked_once(autojump_clock: trio.testing.MockClock) -> None:
    async with _streaming(ok(b"x")) as response:
        await response.read(10)
        done = response.timings.done
        await trio.sleep(1)
        assert await response.discard()
        assert response.timings.done == done == 0
        response._trace = None
        response._over = False
        assert await response.discard()
