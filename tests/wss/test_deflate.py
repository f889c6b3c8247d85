from __future__ import annotations

import os
import random
import tracemalloc
import zlib
from typing import Any  # arguments that make no sense, on purpose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_wss import ProtocolViolation
from trio_wss._deflate import PIECE, Deflate, Deflater, Inflater

TEXT = b"It is a truth universally acknowledged, that a single man in possession of a good fortune. " * 30


def deflated(deflater: Deflater, data: bytes, *, final: bool = True) -> bytes:
    return b"".join(deflater.compress(data, final=final))


def inflated(inflater: Inflater, data: bytes, *, final: bool = True) -> bytes:
    return b"".join(inflater.inflate(data, final=final))


def theirs(data: bytes, bits: int = 15, *, flush: int = zlib.Z_SYNC_FLUSH) -> bytes:
    """A message as another implementation compresses it."""
    stream = zlib.compressobj(wbits=-bits)
    return (stream.compress(data) + stream.flush(flush)).removesuffix(b"\x00\x00\xff\xff")


# The examples of RFC 7692 §7.2.3

HELLO = bytes.fromhex("f2 48 cd c9 c9 07 00")


def test_the_example_of_one_block() -> None:
    assert deflated(Deflater(Deflate(level=6)), b"Hello") == HELLO
    assert inflated(Inflater(Deflate()), HELLO) == b"Hello"


def test_the_example_in_two_fragments() -> None:
    inflater = Inflater(Deflate())
    assert (
        inflated(inflater, HELLO[:3], final=False) + inflated(inflater, HELLO[3:], final=True)
    ) == b"Hello"


def test_the_example_of_a_shared_window() -> None:
    inflater = Inflater(Deflate())
    assert inflated(inflater, HELLO) == b"Hello"
    assert inflated(inflater, bytes.fromhex("f2 00 11 00 00")) == b"Hello"
    deflater = Deflater(Deflate(level=6))
    assert deflated(deflater, b"Hello") == HELLO
    assert deflated(deflater, b"Hello") == bytes.fromhex("f2 00 11 00 00")


def test_the_example_of_a_block_without_compression() -> None:
    assert inflated(Inflater(Deflate()), bytes.fromhex("00 05 00 fa ff 48 65 6c 6c 6f 00")) == b"Hello"


def test_the_example_of_a_final_block() -> None:
    assert inflated(Inflater(Deflate()), bytes.fromhex("f3 48 cd c9 c9 07 00 00")) == b"Hello"


def test_the_example_of_two_blocks() -> None:
    wire = bytes.fromhex("f2 48 05 00 00 00 ff ff ca c9 c9 07 00")
    assert inflated(Inflater(Deflate()), wire) == b"Hello"


def test_the_example_of_an_empty_message() -> None:
    assert inflated(Inflater(Deflate()), b"\x00") == b""
    assert deflated(Deflater(Deflate()), b"") == b"\x00"


# Both ways

PARAMETERS = [
    Deflate(),
    Deflate(client_no_context_takeover=True, server_no_context_takeover=True),
    *[Deflate(client_max_window_bits=bits, server_max_window_bits=bits) for bits in range(8, 16)],
    Deflate(level=0),
    Deflate(level=9, memory_level=9),
]


@pytest.mark.parametrize("agreed", PARAMETERS)
def test_messages_inflate_at_the_other_end_and_share_context_as_agreed(agreed: Deflate) -> None:
    deflater, inflater = Deflater(agreed), Inflater(agreed)
    noise = random.Random(7692).randbytes(3000)  # noqa: S311  # reproducible, no secret
    for message in (TEXT, TEXT, b"", b"", noise, noise, b"x" * 300_000, TEXT * 100, b"y"):
        assert inflated(inflater, deflated(deflater, message)) == message


@pytest.mark.parametrize("agreed", PARAMETERS)
def test_fragments_inflate_at_the_other_end_one_by_one(agreed: Deflate) -> None:
    deflater, inflater = Deflater(agreed), Inflater(agreed)
    for _ in range(2):
        for fragment in (TEXT, b"", b"a", b"b" * 300):
            assert inflated(inflater, deflated(deflater, fragment, final=False), final=False) == fragment
        assert inflated(inflater, deflated(deflater, b"")) == b""


@pytest.mark.parametrize("bits", range(8, 16))
def test_nothing_refers_back_beyond_the_window(bits: int) -> None:
    # Noise that recurs at distances on both sides of the window's size.
    chance = random.Random(bits)  # noqa: S311  # reproducible, no secret
    noise = chance.randbytes(1 << bits)
    message = b"".join(noise[-chance.randrange(1, 1 << bits) :][:60] + noise for _ in range(20))
    deflater = Deflater(Deflate(client_max_window_bits=bits))
    wire = b"".join(deflated(deflater, message) + b"\x00\x00\xff\xff" for _ in range(2))
    assert zlib.decompressobj(-bits).decompress(wire) == message * 2


def test_context_is_kept_or_not() -> None:
    keeping = Deflater(Deflate())
    message = os.urandom(500).hex().encode()
    first, second = (len(deflated(keeping, message)) for _ in range(2))
    assert second < first / 4
    forgetting = Deflater(Deflate(client_no_context_takeover=True))
    assert deflated(forgetting, message) == deflated(forgetting, message)


def test_a_server_that_keeps_no_context_inflates_from_nothing() -> None:
    inflater = Inflater(Deflate(server_no_context_takeover=True))
    for _ in range(2):
        assert inflated(inflater, theirs(TEXT)) == TEXT
    # It may not refer to the message before.
    assert inflated(inflater, HELLO) == b"Hello"
    with pytest.raises(ProtocolViolation, match="too far back"):
        inflated(inflater, bytes.fromhex("f2 00 11 00 00"))


@given(st.lists(st.binary(max_size=2000), max_size=8), st.sampled_from(PARAMETERS), st.integers(1, 50))
def test_whatever_the_messages_and_however_they_are_split(
    messages: list[bytes], agreed: Deflate, step: int
) -> None:
    deflater, inflater = Deflater(agreed), Inflater(agreed)
    for message in messages:
        wire = deflated(deflater, message)
        pieces = [wire[at : at + step] for at in range(0, len(wire), step)]
        found = b"".join(inflated(inflater, piece, final=False) for piece in pieces[:-1])
        assert found + inflated(inflater, pieces[-1]) == message


def test_large_messages_are_compressed_in_parts() -> None:
    parts = list(Deflater(Deflate()).compress(os.urandom(1 << 20), final=True))
    assert len(parts) == 8


# What a server can do


@pytest.mark.parametrize("flush", [zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_FINISH])
def test_blocks_marked_as_final_end_nothing_and_keep_the_window(flush: int) -> None:
    inflater = Inflater(Deflate())
    stream = zlib.compressobj(wbits=-15)
    first = stream.compress(TEXT) + stream.flush(flush)
    first = first + b"\x00" if flush == zlib.Z_FINISH else first.removesuffix(b"\x00\x00\xff\xff")
    assert inflated(inflater, first) == TEXT
    second = zlib.compressobj(wbits=-15, zdict=TEXT)
    wire = second.compress(TEXT) + second.flush(zlib.Z_SYNC_FLUSH)
    assert inflated(inflater, wire.removesuffix(b"\x00\x00\xff\xff")) == TEXT


def test_many_final_blocks_in_one_message() -> None:
    wire = theirs(b"ab", flush=zlib.Z_FINISH) * 500 + b"\x00"
    assert inflated(Inflater(Deflate()), wire) == b"ab" * 500


@pytest.mark.parametrize("wire", [b"\xff\xff\xff\xff", b"\x07", b"\x06" * 50])
def test_what_is_no_deflate_stream_is_code_1007(wire: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="does not inflate") as caught:
        inflated(Inflater(Deflate()), wire)
    assert caught.value.code == 1007


def test_a_bomb_is_inflated_piece_by_piece_as_it_is_asked_for() -> None:
    wire = theirs(bytes(50 << 20))
    assert len(wire) < 60_000
    pieces = Inflater(Deflate()).inflate(wire, final=True)
    tracemalloc.start()
    try:
        assert {len(next(pieces)) for _ in range(100)} == {PIECE}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 << 20


def test_memory_does_not_grow_with_the_number_of_pieces() -> None:
    inflater, deflater = Inflater(Deflate()), Deflater(Deflate())
    tracemalloc.start()
    try:
        for number in range(3000):
            inflated(inflater, deflated(deflater, b"%d" % number * 20))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1 << 18


# The settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"server_max_window_bits": 7},
        {"server_max_window_bits": 16},
        {"client_max_window_bits": 7},
        {"client_max_window_bits": 16},
        {"min_size": -1},
        {"level": 10},
        {"level": -1},
        {"memory_level": 0},
        {"memory_level": 10},
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Deflate(**wrong)
