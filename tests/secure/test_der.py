"""DER, as much of it as TLS carries."""

from __future__ import annotations

import pytest

from support.der import element
from trio_secure import AlertDescription, PeerMisbehaved
from trio_secure._codec import Reader
from trio_secure._der import SEQUENCE, Element, content_bounds, read_content, read_element, read_elements


@pytest.mark.parametrize("length", [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x10000])
def test_an_element_is_read_whatever_the_form_of_its_length(length: int) -> None:
    whole = element(SEQUENCE, bytes(length))
    reader = Reader(whole + b"next", "example")
    assert read_element(reader) == Element(SEQUENCE, bytes(length), whole)
    assert reader.rest() == b"next"
    begin, end = content_bounds(b"." + whole + b"next", 1)
    assert (begin, end) == (1 + len(whole) - length, 1 + len(whole))
    assert read_elements(Reader(2 * whole, "example")) == 2 * [Element(SEQUENCE, bytes(length), whole)]


@pytest.mark.parametrize(
    "encoding",
    [
        pytest.param("", id="nothing"),
        pytest.param("30", id="no-length"),
        pytest.param("3002aa", id="cut-off"),
        pytest.param("3082ff", id="cut-off-length"),
        pytest.param("3080aa0000", id="indefinite"),
        pytest.param("307f" + "00" * 126, id="one-byte-short"),
        pytest.param("308101aa", id="long-form-of-a-short-length"),
        pytest.param("308200ff" + "00" * 255, id="leading-zero"),
        pytest.param("308401000000", id="four-octets"),
    ],
)
def test_what_is_not_der_is_a_decode_error(encoding: str) -> None:
    with pytest.raises(PeerMisbehaved, match="malformed example") as caught:
        read_element(Reader(bytes.fromhex(encoding), "example"))
    assert caught.value.alert is AlertDescription.DECODE_ERROR


def test_content_is_read_under_its_tag_only() -> None:
    assert read_content(Reader(element(SEQUENCE, b"content"), "example"), SEQUENCE) == b"content"
    with pytest.raises(PeerMisbehaved, match="tagged 0x04 in place of 0x30") as caught:
        read_content(Reader(element(0x04, b"content"), "example"), SEQUENCE)
    assert caught.value.alert is AlertDescription.DECODE_ERROR
