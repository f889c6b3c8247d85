from __future__ import annotations

import pytest

from support.der import element
from trio_certs._der import BIT_STRING, INTEGER, OCTET_STRING, SEQUENCE, DERError, Reader


def test_elements_are_read_one_after_the_other() -> None:
    reader = Reader(bytes.fromhex("3006 020105 0401aa 030100"))
    inner = reader.enter(SEQUENCE, "outer")
    assert inner.peek() == INTEGER
    assert inner.integer("number") == 5
    assert inner.raw(OCTET_STRING, "octets") == b"\x04\x01\xaa"
    assert inner.peek() is None
    inner.finish("outer")
    assert reader.content(BIT_STRING, "bits") == b"\x00"
    reader.finish("everything")


@pytest.mark.parametrize("size", [0, 127, 128, 255, 256, 65535, 65536])
def test_lengths_in_their_shortest_form_are_read(size: int) -> None:
    assert Reader(element(OCTET_STRING, bytes(size))).content(OCTET_STRING, "octets") == bytes(size)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "octets is missing at byte 0"),
        ("04", "octets is missing at byte 0"),
        ("0500", "has the tag 0x05, not 0x04"),
        ("0402aa", "is cut off: 1 of 2 bytes are there"),
        ("0480aa0000", "length that is not DER"),  # indefinite
        ("048101aa", "length that is not DER"),  # not minimal
        ("04820001aa", "length that is not DER"),
        ("048200ff" + "00" * 255, "length that is not DER"),
        ("0485000000000100", "length that is not DER"),
        ("0482ff", "length that is not DER"),  # the length itself is cut off
        ("0484ffffffff", "is cut off: 0 of 4294967295 bytes are there"),
    ],
)
def test_what_is_not_der_is_refused(data: str, message: str) -> None:
    with pytest.raises(DERError, match=message):
        Reader(bytes.fromhex(data)).content(OCTET_STRING, "octets")


def test_a_length_does_not_reach_outside_the_element_around_it() -> None:
    reader = Reader(bytes.fromhex("3003 0402aa bbbb"))
    with pytest.raises(DERError, match="cut off"):
        reader.enter(SEQUENCE, "outer").content(OCTET_STRING, "inner")


@pytest.mark.parametrize(
    ("data", "value"), [("020100", 0), ("0201ff", -1), ("020200ff", 255), ("02028000", -32768)]
)
def test_integers_in_their_shortest_form_are_read(data: str, value: int) -> None:
    assert Reader(bytes.fromhex(data)).integer("number") == value


@pytest.mark.parametrize("data", ["0200", "02020001", "0202ff80"])
def test_other_integers_are_refused(data: str) -> None:
    with pytest.raises(DERError, match="number is not an INTEGER in DER"):
        Reader(bytes.fromhex(data)).integer("number")


def test_leftovers_are_refused() -> None:
    with pytest.raises(DERError, match="2 bytes are left over after the end"):
        Reader(b"\x05\x00").finish("the end")
