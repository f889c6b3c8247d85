from __future__ import annotations

import pytest

from support.refusals import refused
from support.rfc8448 import TRACES, Trace
from trio_secure._errors import AlertDescription
from trio_secure._reassembly import MessageHeader, Reassembly

MESSAGE = bytes.fromhex("08 000003 616263")


def test_a_message_comes_back_with_its_header() -> None:
    reassembly = Reassembly()
    reassembly.feed(MESSAGE)
    assert reassembly.begin() == MessageHeader(8, 3)
    assert reassembly.take(3) == MESSAGE
    assert Reassembly.body(MESSAGE) == b"abc"


def test_it_is_true_while_anything_is_left() -> None:
    reassembly = Reassembly()
    assert not reassembly
    reassembly.feed(b"\x08")
    assert reassembly
    reassembly.feed(MESSAGE[1:])
    reassembly.take(3)
    assert not reassembly


def test_the_header_is_there_before_the_body() -> None:
    reassembly = Reassembly()
    for at, octet in enumerate(MESSAGE):
        assert reassembly.begin() == (MessageHeader(8, 3) if at >= 4 else None)
        assert reassembly.take(3) is None
        reassembly.feed(bytes([octet]))
    assert reassembly.take(3) == MESSAGE


def test_messages_share_a_record() -> None:
    reassembly = Reassembly()
    reassembly.feed(MESSAGE + b"\x0e\0\0\0" + MESSAGE[:2])
    assert reassembly.take(3) == MESSAGE
    assert reassembly.begin() == MessageHeader(14, 0)
    assert reassembly.take(0) == b"\x0e\0\0\0"
    assert reassembly.begin() is None
    assert reassembly


def test_an_excessive_length_is_seen_before_anything_is_buffered_for_it() -> None:
    reassembly = Reassembly()
    reassembly.feed(b"\x0b\xff\xff\xff")
    assert reassembly.begin() == MessageHeader(11, 2**24 - 1)


def test_an_empty_record_is_refused() -> None:
    with refused(AlertDescription.UNEXPECTED_MESSAGE, "an empty handshake record"):
        Reassembly().feed(b"")


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.name)
def test_the_messages_of_rfc_8448_in_pieces_of_any_size(trace: Trace, size: int) -> None:
    flow = b"".join(message.wire for message in trace.messages)
    reassembly, taken = Reassembly(), list[bytes]()
    for at in range(0, len(flow), size):
        reassembly.feed(flow[at : at + size])
        while (header := reassembly.begin()) and (message := reassembly.take(header.length)):
            taken.append(message)
    assert taken == [message.wire for message in trace.messages]
    assert not reassembly
