from __future__ import annotations

import pytest
from wsproto.frame_protocol import Opcode

from support.websocket_peer import apply_mask
from trio_wss._encoder import Binary, close_frame, contiguous, data_frame, ping_frame, pong_frame


def unmasked(data: Binary, header: int = 6) -> bytes:
    """The payload of one frame whose header, mask included, takes `header` bytes."""
    data = bytes(data)
    return apply_mask(data[header:], data[header - 4 : header])


@pytest.mark.parametrize(
    ("opcode", "final", "compressed", "first"),
    [
        (Opcode.TEXT, True, False, 0x81),
        (Opcode.BINARY, True, False, 0x82),
        (Opcode.TEXT, False, False, 0x01),
        (Opcode.CONTINUATION, False, False, 0x00),
        (Opcode.CONTINUATION, True, False, 0x80),
        (Opcode.BINARY, True, True, 0xC2),
        (Opcode.TEXT, False, True, 0x41),
    ],
)
def test_the_first_byte(opcode: Opcode, final: bool, compressed: bool, first: int) -> None:
    data = data_frame(opcode, b"Hello", final=final, compressed=compressed)
    assert bytes(data[:2]) == bytes([first, 0x85])
    assert unmasked(data) == b"Hello"


@pytest.mark.parametrize(
    ("size", "length", "header"),
    [
        (0, b"\x80", 6),
        (125, b"\xfd", 6),
        (126, b"\xfe\x00\x7e", 8),
        (65535, b"\xfe\xff\xff", 8),
        (65536, b"\xff\x00\x00\x00\x00\x00\x01\x00\x00", 14),
    ],
)
@pytest.mark.parametrize("kind", [bytes, memoryview])
def test_the_length_takes_as_many_bytes_as_it_needs(
    size: int, length: bytes, header: int, kind: type[bytes]
) -> None:
    data = data_frame(Opcode.BINARY, kind(bytes(size)))
    assert bytes(data[1 : header - 4]) == length
    assert len(data) == header + size


def test_control_frames() -> None:
    ping, pong, close = ping_frame(b"hi"), pong_frame(b"ho"), close_frame(4000, "enough")
    assert (ping[0], unmasked(ping)) == (0x89, b"hi")
    assert (pong[0], unmasked(pong)) == (0x8A, b"ho")
    assert (close[0], unmasked(close)) == (0x88, b"\x0f\xa0enough")


def test_code_1005_is_a_close_frame_without_a_body() -> None:
    assert bytes(close_frame(1005)[:2]) == b"\x88\x80"


def test_a_reason_that_is_too_long_is_cut_between_characters() -> None:
    assert unmasked(close_frame(1002, "ü" * 100)) == b"\x03\xea" + ("ü" * 61).encode()


def test_only_a_view_with_gaps_is_copied() -> None:
    data, view = b"\x00\xff\x01", memoryview(b"\x00\xff\x01")
    assert contiguous(data) is data
    assert contiguous(view) is view
    assert contiguous(view[::2]) == b"\x00\x01"
