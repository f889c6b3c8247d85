from __future__ import annotations

import array
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

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
    data = bytes(range(256)) * 1024
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
