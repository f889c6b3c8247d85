from __future__ import annotations

import array
import os
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest
import trio

from trio_https import InvalidRequest
from trio_https._body import BLOCK, Body, BodyLike


async def _sent(body: Body) -> list[bytes]:
    return [bytes(block) async for block in body.blocks()]


@pytest.mark.parametrize(
    ("given", "data"),
    [
        (None, b""),
        (b"", b""),
        (b"abc", b"abc"),
        (bytearray(b"abc"), b"abc"),
        (memoryview(b"abc")[1:], b"bc"),
        (memoryview(array.array("H", [0x6161, 0x6262])), b"aabb"),
        ("käse", "käse".encode()),
    ],
)
async def test_a_body_that_is_here_has_a_length(given: BodyLike | None, data: bytes) -> None:
    body = Body.of(given)
    assert body.data is not None
    assert bytes(body.data) == data
    assert b"".join(await _sent(body)) == data


async def test_is_sent_in_blocks() -> None:
    data = bytes(range(256)) * (4 * BLOCK // 256)
    blocks = await _sent(Body.of(data + b"end"))
    assert [len(block) for block in blocks] == [BLOCK] * 4 + [3]
    assert b"".join(blocks) == data + b"end"


async def test_an_asynchronous_iterable_is_pulled_and_cut() -> None:
    class Source:
        def __init__(self) -> None:
            self.pieces: list[bytes | bytearray | memoryview] = [
                b"a",
                b"",
                bytearray(b"b"),
                memoryview(b"c" * (BLOCK + 1)),
            ]

        def __aiter__(self) -> AsyncIterator[bytes | bytearray | memoryview]:
            return self

        async def __anext__(self) -> bytes | bytearray | memoryview:
            if not self.pieces:
                raise StopAsyncIteration
            return self.pieces.pop(0)

    body = Body.of(Source())
    assert body.data is None
    assert await _sent(body) == [b"a", b"b", b"c" * BLOCK, b"c"]


async def test_a_generator_left_in_the_middle_is_closed() -> None:
    closed = False

    async def source() -> AsyncGenerator[bytes]:
        nonlocal closed
        try:
            yield b"a"
            yield b"b"
        finally:
            closed = True

    blocks = Body.of(source()).blocks()
    assert bytes(await anext(blocks)) == b"a"
    assert not closed
    await blocks.aclose()
    assert closed


async def test_pieces_of_another_type_are_refused() -> None:
    async def source() -> AsyncGenerator[bytes]:
        yield b"a"
        yield "b"  # type: ignore[misc]  # the error is the test

    with pytest.raises(TypeError, match="must yield bytes-like pieces, not str"):
        await _sent(Body.of(source()))


@pytest.mark.parametrize("given", [7, [b"a"], {"a": 1}, object()])
def test_other_bodies_are_refused(given: object) -> None:
    with pytest.raises(TypeError, match="a body must be str, bytes-like, a Path"):
        Body.of(given)  # type: ignore[arg-type]  # the error is the test


def test_only_what_is_here_has_a_length_and_can_be_sent_again() -> None:
    async def source() -> AsyncGenerator[bytes]:
        yield b"x"

    assert (Body.of(b"abc").length, Body.of(b"abc").replayable) == (3, True)
    assert (Body.of(None).length, Body.of(None).replayable) == (0, True)
    assert (Body.of(source()).length, Body.of(source()).replayable) == (None, False)


async def _content(body: Body) -> bytes:
    return b"".join([bytes(block) async for block in body.blocks()])


async def test_a_path_is_a_file_opened_when_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1_200_000)
    body = Body.of(path)
    assert (body.length, body.replayable, body.data) == (1_200_000, True, None)
    for _ in range(2):
        assert await _content(body) == b"x" * 1_200_000
    with pytest.raises(FileNotFoundError):
        Body.of(tmp_path / "absent")


@pytest.mark.parametrize("wrapped", [False, True])
async def test_an_open_file_is_sent_from_where_it_stands(tmp_path: Path, wrapped: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"skipped" + b"x" * 100_000)
    with path.open("rb") as file:
        file.seek(7)
        body = Body.of(cast("BinaryIO", trio.wrap_file(file)) if wrapped else file)
        assert (body.length, body.replayable) == (100_000, True)
        for _ in range(2):
            assert await _content(body) == b"x" * 100_000
        assert not file.closed


async def test_a_file_that_cannot_seek_is_sent_once() -> None:
    read, write = os.pipe()
    os.write(write, b"hello")
    os.close(write)
    with os.fdopen(read, "rb") as file:
        body = Body.of(file)
        assert (body.length, body.replayable) == (None, False)
        assert await _content(body) == b"hello"
        with pytest.raises(InvalidRequest, match="a file that cannot seek"):
            await _content(body)


async def test_a_file_of_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("text")
    with path.open() as file, pytest.raises(TypeError, match="must be binary"):
        Body.of(cast("BinaryIO", file))

    class Texts:
        def seekable(self) -> bool:
            return False

        def read(self, _count: int) -> str:
            return "text"

    with pytest.raises(TypeError, match="must yield bytes-like pieces, not str"):
        await _content(Body.of(cast("BinaryIO", Texts())))


async def test_what_makes_new_iterators_can_be_sent_again_and_an_iterator_cannot() -> None:
    class Again:
        async def __aiter__(self) -> AsyncGenerator[bytes]:
            yield b"again"

    async def once() -> AsyncGenerator[bytes]:
        yield b"once"

    body = Body.of(Again())
    assert body.replayable
    for _ in range(2):
        assert await _content(body) == b"again"
    body = Body.of(once())
    assert await _content(body) == b"once"
    with pytest.raises(InvalidRequest, match="an iterator that has been used up"):
        await _content(body)


def test_its_text_says_how_long_it_is() -> None:
    assert repr(Body.of(b"abc")) == "<Body of 3 bytes>"
    assert repr(Body.of(_pieces())) == "<Body of unknown length>"


async def _pieces() -> AsyncGenerator[bytes]:
    yield b"x"
