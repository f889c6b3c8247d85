from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.properties import bounded, survives
from support.refusals import refused
from trio_secure._codec import Reader, uint16s, vector8, vector16, vector24
from trio_secure._errors import AlertDescription

DECODE_ERROR = AlertDescription.DECODE_ERROR
_READS: list[Callable[[Reader], object]] = [
    Reader.uint8,
    Reader.uint16,
    Reader.uint24,
    Reader.uint32,
    Reader.vector8,
    Reader.vector16,
    Reader.vector24,
]


def test_numbers_are_big_endian() -> None:
    reader = Reader(bytes(range(1, 11)), "numbers")
    assert reader.uint8() == 0x01
    assert reader.uint16() == 0x0203
    assert reader.uint24() == 0x040506
    assert reader.uint32() == 0x0708090A
    reader.finish()


def test_the_length_is_what_is_left() -> None:
    reader = Reader(b"abcde", "text")
    assert reader.opaque(2) == b"ab"
    assert len(reader) == 3
    assert reader.rest() == b"cde"
    assert len(reader) == 0


@pytest.mark.parametrize("read", _READS)
def test_nothing_is_read_from_nothing(read: Callable[[Reader], object]) -> None:
    with refused(DECODE_ERROR, r"^malformed thing: \d bytes announced, 0 left$"):
        read(Reader(b"", "thing"))


def test_no_more_is_read_than_there_is() -> None:
    with refused(DECODE_ERROR, r"^malformed thing: 3 bytes announced, 2 left$"):
        Reader(b"ab", "thing").opaque(3)
    with refused(DECODE_ERROR, r"^malformed thing: 3 bytes announced, 2 left$"):
        Reader(b"\x03ab", "thing").vector8()


@pytest.mark.parametrize(
    ("write", "read"),
    [(vector8, Reader.vector8), (vector16, Reader.vector16), (vector24, Reader.vector24)],
)
@pytest.mark.parametrize("data", [b"", b"a", bytes(255)])
def test_vectors_come_back(
    write: Callable[[bytes], bytes], read: Callable[[Reader], bytes], data: bytes
) -> None:
    reader = Reader(write(data), "vector")
    assert read(reader) == data
    reader.finish()


def test_a_vector_that_is_too_long_for_its_length_is_not_written() -> None:
    with pytest.raises(OverflowError):
        vector8(bytes(256))


@pytest.mark.parametrize("read", [Reader.vector8, Reader.vector16, Reader.vector24])
def test_a_vector_may_not_extend_beyond_the_message(read: Callable[[Reader], bytes]) -> None:
    with refused(DECODE_ERROR, "announced"):
        read(Reader(b"\4\4\4", "vector"))


def test_a_vector_below_its_bound_is_refused() -> None:
    with refused(DECODE_ERROR, r"a vector of 1 bytes, outside <2\.\.65535>"):
        Reader(b"\0\1a", "list").vector16(2)


def test_a_vector_above_its_bound_is_refused() -> None:
    with refused(DECODE_ERROR, r"a vector of 3 bytes, outside <0\.\.2>"):
        Reader(b"\3abc", "list").vector8(0, 2)


def test_leftovers_are_refused() -> None:
    with refused(DECODE_ERROR, "^malformed list: 2 bytes too many$"):
        Reader(b"ab", "list").finish()


def test_an_inner_reader_names_the_part_and_the_whole() -> None:
    inner = Reader(b"", "Certificate").inner(b"a", "certificate_list")
    with refused(DECODE_ERROR, "^malformed certificate_list of Certificate: 1 bytes too many$"):
        inner.finish()


def test_a_list_of_two_byte_numbers() -> None:
    assert uint16s(b"", "list") == ()
    assert uint16s(b"\x13\x01\x13\x02", "list") == (0x1301, 0x1302)


def test_a_list_of_two_byte_numbers_with_half_a_number_is_refused() -> None:
    with refused(DECODE_ERROR, "^malformed list: an odd number of bytes$"):
        uint16s(b"\x13\x01\x13", "list")


@bounded
@given(st.binary(max_size=64), st.lists(st.sampled_from(_READS), max_size=8))
def test_any_bytes_are_read_or_refused(data: bytes, reads: list[Callable[[Reader], object]]) -> None:
    def parse(data: bytes) -> None:
        reader = Reader(data, "anything")
        for read in reads:
            before = len(reader)
            read(reader)
            assert len(reader) < before
        reader.finish()

    survives(parse, data)
