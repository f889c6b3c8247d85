from __future__ import annotations

import itertools
import zlib

import pytest

from support.websocket_peer import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close_frame,
    frame,
)
from trio_wss import MessageTooLarge, ProtocolViolation
from trio_wss._decoder import Close, FrameReader, Incoming, Piece, Ping, Pong
from trio_wss._deflate import PIECE, Deflate
from trio_wss._limits import Limits

LIMIT = 1000
LIMITS = Limits(max_message_size=LIMIT)


def read(
    data: bytes, *, step: int | None = None, limits: Limits = LIMITS, deflate: Deflate | None = None
) -> list[Incoming]:
    """What `data` means, given in pieces of `step` bytes."""
    reader = FrameReader(limits, deflate)
    step = step or len(data)
    return [event for at in range(0, len(data), step) for event in reader.read(data[at : at + step])]


def texts(events: list[Incoming]) -> str:
    return "".join(event.data for event in events if isinstance(event, Piece) and isinstance(event.data, str))


def binaries(events: list[Incoming]) -> bytes:
    return b"".join(
        event.data for event in events if isinstance(event, Piece) and isinstance(event.data, bytes)
    )


def deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return (stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")


STEPS = [None, 1, 2, 3, 7]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("text", ["", "Hello", "κόσμε, Grüße, 世界, 😀" * 12])
def test_text_arrives_however_it_is_split(text: str, step: int | None) -> None:
    events = read(frame(TEXT, text.encode()), step=step)
    assert texts(events) == text
    assert [event.final for event in events if isinstance(event, Piece)].count(True) == 1
    assert isinstance(events[-1], Piece)
    assert events[-1].final


@pytest.mark.parametrize("step", STEPS)
def test_a_binary_message_in_fragments_with_control_frames_between(step: int | None) -> None:
    wire = b"".join(
        [
            frame(BINARY, b"one", final=False),
            frame(PING, b"?"),
            frame(CONTINUATION, b"", final=False),
            frame(PONG, b"!"),
            frame(CONTINUATION, b"two"),
        ]
    )
    events = read(wire, step=step)
    assert binaries(events) == b"onetwo"
    assert [event.payload for event in events if isinstance(event, Ping | Pong)] == [b"?", b"!"]
    assert isinstance(events[-1], Piece)
    assert events[-1].final


@pytest.mark.parametrize("step", STEPS)
def test_a_close_frame_ends_it_and_what_follows_is_ignored(step: int | None) -> None:
    wire = close_frame(4000, "enough") + frame(TEXT, b"more") + b"\xff\xff\xff"
    assert read(wire, step=step) == [Close(4000, "enough")]


def test_a_close_frame_without_a_body_is_code_1005() -> None:
    assert read(frame(CLOSE)) == [Close(1005, "")]


def test_code_1014_is_accepted() -> None:
    assert read(close_frame(1014)) == [Close(1014, "")]


VIOLATIONS = {
    "reserved bit 1": frame(TEXT, b"x", reserved=4),
    "reserved bit 2": frame(TEXT, b"x", reserved=2),
    "reserved bit 3": frame(TEXT, b"x", reserved=1),
    "reserved bit in a control frame": frame(PING, b"x", reserved=4),
    "opcode 3": frame(3, b"x"),
    "opcode 7": frame(7, b"x"),
    "opcode 11": frame(11, b"x"),
    "opcode 15": frame(15, b"x"),
    "masked frame": frame(TEXT, b"x", mask=b"mask"),
    "masked close": frame(CLOSE, b"\x03\xe8", mask=b"mask"),
    "fragmented ping": frame(PING, b"x", final=False),
    "fragmented close": frame(CLOSE, b"", final=False),
    "long ping": frame(PING, b"x" * 126),
    "long close": frame(CLOSE, b"\x03\xe8" + b"x" * 124),
    "continuation of nothing": frame(CONTINUATION, b"x"),
    "message within a message": frame(TEXT, b"x", final=False) + frame(TEXT, b"x"),
    "length 5 in 16 bits": b"\x82\x7e\x00\x05hello",
    "length 5 in 64 bits": b"\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x05hello",
    "length with the highest bit": b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00",
    "half a close code": frame(CLOSE, b"\x03"),
    "close code 0": close_frame(0),
    "close code 1005": close_frame(1005),
    "close code 2999": close_frame(2999),
}


@pytest.mark.parametrize("step", [None, 1])
@pytest.mark.parametrize("wire", VIOLATIONS.values(), ids=VIOLATIONS)
def test_a_broken_rule_is_a_violation_with_code_1002(wire: bytes, step: int | None) -> None:
    with pytest.raises(ProtocolViolation, match="broke the WebSocket protocol") as caught:
        read(wire, step=step)
    assert caught.value.code == 1002


def test_what_came_before_a_violation_is_delivered() -> None:
    events = FrameReader(LIMITS).read(frame(TEXT, b"fine") + frame(3))
    assert texts([next(events)]) == "fine"
    with pytest.raises(ProtocolViolation):
        next(events)


BAD_UTF8 = {
    "continuation byte": b"\x80",
    "overlong": b"\xc0\xaf",
    "overlong of three": b"\xe0\x80\xaf",
    "surrogate": b"\xed\xa0\x80",
    "above U+10FFFF": b"\xf4\x90\x80\x80",
    "not a lead byte": b"\xff",
    "cut short": b"\xce\xba\xe1\xbd",
}


@pytest.mark.parametrize("bad", BAD_UTF8.values(), ids=BAD_UTF8)
def test_text_that_is_not_utf8_is_code_1007_wherever_it_is_split(bad: bytes) -> None:
    payload = "κόσμε".encode() + bad
    for cut in range(len(payload) + 1):
        fragments = frame(TEXT, payload[:cut], final=False) + frame(CONTINUATION, payload[cut:])
        for step in (None, 1):
            with pytest.raises(ProtocolViolation) as caught:
                read(fragments, step=step)
            assert caught.value.code == 1007


def test_bad_text_is_refused_before_the_message_is_complete() -> None:
    with pytest.raises(ProtocolViolation) as caught:
        read(frame(TEXT, b"a\xff" + bytes(500))[:6])
    assert caught.value.code == 1007


def test_a_close_reason_that_is_not_utf8_is_code_1007() -> None:
    with pytest.raises(ProtocolViolation, match="not UTF-8") as caught:
        read(frame(CLOSE, b"\x03\xe8\xff"))
    assert caught.value.code == 1007


def test_a_message_of_the_limit_is_accepted() -> None:
    assert binaries(read(frame(BINARY, bytes(LIMIT)))) == bytes(LIMIT)
    half = LIMIT // 2
    wire = frame(BINARY, bytes(half), final=False) + frame(CONTINUATION, bytes(LIMIT - half))
    assert binaries(read(wire + wire)) == bytes(2 * LIMIT)


@pytest.mark.parametrize("size", [LIMIT + 1, 1 << 40, (1 << 63) - 1])
def test_a_larger_message_is_refused_by_its_header_alone(size: int) -> None:
    length = size.to_bytes(2) if size < 1 << 16 else size.to_bytes(8)
    with pytest.raises(MessageTooLarge) as caught:
        read(bytes([0x82, 126 if len(length) == 2 else 127]) + length)
    assert caught.value.limit == LIMIT


def test_fragments_count_together() -> None:
    fragment = frame(TEXT, b"x" * 400, final=False)
    continuation = frame(CONTINUATION, b"x" * 400, final=False)
    assert texts(read(fragment + continuation)) == "x" * 800
    with pytest.raises(MessageTooLarge):
        read(fragment + continuation + continuation[:4])


def test_control_frames_do_not_count() -> None:
    wire = frame(BINARY, bytes(LIMIT), final=False) + frame(PING, bytes(125)) + frame(CONTINUATION)
    assert binaries(read(wire)) == bytes(LIMIT)


# Limits


def test_a_frame_over_its_limit_is_refused_by_its_header_alone() -> None:
    limits = Limits(max_frame_size=100)
    wire = frame(BINARY, bytes(100), final=False) + frame(CONTINUATION, bytes(100))
    assert binaries(read(wire, limits=limits)) == bytes(200)
    with pytest.raises(MessageTooLarge, match="a frame of over 100 bytes; raise max_frame_size"):
        read(frame(BINARY, bytes(101))[:2], limits=limits)


def test_a_message_in_too_many_fragments_is_refused() -> None:
    limits = Limits(max_fragments=3)
    begun = frame(TEXT, b"a", final=False) + frame(CONTINUATION, b"b", final=False)
    wire = begun + frame(CONTINUATION, b"c")
    assert texts(read(wire * 2, limits=limits)) == "abcabc"
    with pytest.raises(MessageTooLarge, match="in more than 3 fragments"):
        read(begun * 1 + frame(CONTINUATION, final=False) * 2, limits=limits)


def test_without_limits_nothing_is_too_large() -> None:
    limits = Limits(max_message_size=None, max_fragments=None)
    wire = frame(BINARY, bytes(1 << 20), final=False) + frame(CONTINUATION, final=False) * 20_000
    assert binaries(read(wire + frame(CONTINUATION), limits=limits)) == bytes(1 << 20)


# Compression


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("cut", [0, 1, 5, -1])
def test_a_compressed_message_inflates_however_it_is_split(step: int | None, cut: int) -> None:
    text = "κόσμε, Grüße, 世界, 😀" * 12
    payload = deflated(text.encode())
    wire = (
        frame(TEXT, payload[:cut], final=False, reserved=4) + frame(PING) + frame(CONTINUATION, payload[cut:])
    )
    wire += frame(TEXT, b"plain") + frame(BINARY, deflated(b""), reserved=4)
    events = read(wire, step=step, deflate=Deflate())
    assert texts(events) == text + "plain"
    assert [event.final for event in events if isinstance(event, Piece)].count(True) == 3


def test_a_message_longer_than_a_piece_comes_in_pieces_the_last_of_which_is_final() -> None:
    wire = frame(BINARY, deflated(bytes(3 * PIECE)), reserved=4)
    pieces = [event for event in read(wire, limits=Limits(), deflate=Deflate()) if isinstance(event, Piece)]
    assert b"".join(piece.data for piece in pieces if isinstance(piece.data, bytes)) == bytes(3 * PIECE)
    assert [piece.final for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert max(len(piece.data) for piece in pieces) == PIECE


def test_a_bomb_is_stopped_at_the_limit() -> None:
    bomb = frame(BINARY, deflated(bytes(100 << 20)), reserved=4)
    assert len(bomb) < 1 << 17
    with pytest.raises(MessageTooLarge, match="over 1000 bytes") as caught:
        read(bomb, deflate=Deflate())
    assert caught.value.code == 1009


def test_the_limit_counts_what_is_inflated_in_all_fragments() -> None:
    payload = deflated(bytes(LIMIT))
    whole = frame(BINARY, payload, reserved=4)
    assert binaries(read(whole, deflate=Deflate())) == bytes(LIMIT)
    payload = deflated(bytes(LIMIT + 1))
    wire = frame(BINARY, payload[:3], final=False, reserved=4) + frame(CONTINUATION, payload[3:])
    with pytest.raises(MessageTooLarge):
        read(wire, deflate=Deflate())


COMPRESSION_VIOLATIONS = {
    "on a continuation": frame(TEXT, b"a", final=False) + frame(CONTINUATION, b"b", reserved=4),
    "on a compressed continuation": frame(TEXT, b"", final=False, reserved=4)
    + frame(CONTINUATION, deflated(b"b"), reserved=4),
    "on a ping": frame(PING, b"", reserved=4),
    "on a pong": frame(PONG, b"", reserved=4),
    "on a close": frame(CLOSE, b"", reserved=4),
    "with another bit": frame(TEXT, deflated(b"a"), reserved=6),
    "with the third bit": frame(TEXT, deflated(b"a"), reserved=5),
}


@pytest.mark.parametrize("wire", COMPRESSION_VIOLATIONS.values(), ids=COMPRESSION_VIOLATIONS)
def test_the_compression_bit_elsewhere_is_a_violation(wire: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="reserved bit") as caught:
        read(wire, deflate=Deflate())
    assert caught.value.code == 1002


def test_compressed_text_that_is_not_utf8_is_refused_before_the_message_is_complete() -> None:
    payload = deflated(b"good" + b"\xff" + b"more" * 100)
    with pytest.raises(ProtocolViolation) as caught:
        read(frame(TEXT, payload, final=False, reserved=4), deflate=Deflate())
    assert caught.value.code == 1007


def test_what_does_not_inflate_is_code_1007() -> None:
    with pytest.raises(ProtocolViolation, match="does not inflate") as caught:
        read(frame(BINARY, b"\xff" * 10, reserved=4), deflate=Deflate())
    assert caught.value.code == 1007


def test_what_is_inflated_waits_until_it_is_asked_for() -> None:
    wire = frame(BINARY, deflated(bytes(50 << 20)), reserved=4)
    limits = Limits(max_message_size=None)
    events = FrameReader(limits, Deflate()).read(wire)
    assert [len(event.data) for event in itertools.islice(events, 3) if isinstance(event, Piece)] == [
        PIECE
    ] * 3
