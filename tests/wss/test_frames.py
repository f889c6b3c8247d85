from __future__ import annotations

from unittest import mock

import pytest
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, Pong, Request, TextMessage

from support.websocket_peer import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    apply_mask,
    close_frame,
    frame,
)
from trio_wss import MessageTooLarge, ProtocolViolation
from trio_wss._frames import Frames, Incoming

LIMIT = 1000


def read(data: bytes, *, step: int | None = None, limit: int = LIMIT) -> list[Incoming]:
    """What `data` means, given in pieces of `step` bytes."""
    frames = Frames(limit)
    step = step or len(data)
    return [event for at in range(0, len(data), step) for event in frames.read(data[at : at + step])]


def texts(events: list[Incoming]) -> str:
    return "".join(event.data for event in events if isinstance(event, TextMessage))


def binaries(events: list[Incoming]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, BytesMessage))


def unmasked(data: bytes, header: int) -> bytes:
    """The payload of one frame whose header, mask included, takes `header` bytes."""
    return apply_mask(data[header:], data[header - 4 : header])


# Sending


def test_a_text_message_is_one_masked_frame() -> None:
    data = Frames(LIMIT).message("Hello")
    assert data[:2] == b"\x81\x85"
    assert unmasked(data, 6) == b"Hello"


def test_every_frame_has_a_mask_of_its_own() -> None:
    frames = Frames(LIMIT)
    masks = {frames.message("Hello")[2:6] for _ in range(20)}
    assert len(masks) > 1


@pytest.mark.parametrize("data", [b"\x00\xff", bytearray(b"\x00\xff"), memoryview(b"\x00\xff")])
def test_bytes_and_the_like_are_one_binary_frame(data: bytes | bytearray | memoryview) -> None:
    sent = Frames(LIMIT).message(data)
    assert sent[:2] == b"\x82\x82"
    assert unmasked(sent, 6) == b"\x00\xff"


@pytest.mark.parametrize(
    ("size", "length", "header"),
    [
        (125, b"\xfd", 6),
        (126, b"\xfe\x00\x7e", 8),
        (65535, b"\xfe\xff\xff", 8),
        (65536, b"\xff\x00\x00\x00\x00\x00\x01\x00\x00", 14),
    ],
)
def test_the_length_takes_as_many_bytes_as_it_needs(size: int, length: bytes, header: int) -> None:
    data = Frames(LIMIT).message(bytes(size))
    assert data[1 : header - 4] == length
    assert len(data) == header + size


def test_fragments_continue_the_message() -> None:
    frames = Frames(LIMIT)
    sent = [frames.message("a", final=False), frames.message("b", final=False), frames.message("")]
    assert [data[0] for data in sent] == [0x01, 0x00, 0x80]
    assert frames.message("next")[0] == 0x81


def test_text_with_a_lone_surrogate_makes_no_frame() -> None:
    frames = Frames(LIMIT)
    with pytest.raises(UnicodeEncodeError):
        frames.message("\ud800")
    assert frames.message(b"still a message of its own")[0] == 0x82


def test_control_frames() -> None:
    frames = Frames(LIMIT)
    ping, pong = frames.ping(b"hi"), frames.pong(b"ho")
    assert (ping[0], unmasked(ping, 6)) == (0x89, b"hi")
    assert (pong[0], unmasked(pong, 6)) == (0x8A, b"ho")
    close = frames.close(4000, "enough")
    assert (close[0], unmasked(close, 6)) == (0x88, b"\x0f\xa0enough")


def test_code_1005_is_a_close_frame_without_a_body() -> None:
    assert Frames(LIMIT).close(1005)[:2] == b"\x88\x80"


def test_a_reason_that_is_too_long_is_cut_between_characters() -> None:
    close = Frames(LIMIT).close(1002, "ü" * 100)
    assert unmasked(close, 6) == b"\x03\xea" + ("ü" * 61).encode()


def test_a_pong_may_be_sent_until_a_close_frame_was_sent_or_received() -> None:
    sending, receiving = Frames(LIMIT), Frames(LIMIT)
    assert sending.may_pong
    assert receiving.may_pong
    sending.close(1000)
    list(receiving.read(close_frame(1000)))
    assert not sending.may_pong
    assert not receiving.may_pong


# Receiving

STEPS = [None, 1, 2, 3, 7]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("text", ["", "Hello", "κόσμε, Grüße, 世界, 😀" * 12])
def test_text_arrives_however_it_is_split(text: str, step: int | None) -> None:
    events = read(frame(TEXT, text.encode()), step=step)
    assert texts(events) == text
    assert isinstance(events[-1], Message)
    assert [event.message_finished for event in events if isinstance(event, Message)].count(True) == 1
    assert events[-1].message_finished


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
    assert isinstance(events[-1], BytesMessage)
    assert events[-1].message_finished


@pytest.mark.parametrize("step", STEPS)
def test_a_close_frame_ends_it_and_what_follows_is_ignored(step: int | None) -> None:
    wire = close_frame(4000, "enough") + frame(TEXT, b"more") + b"\xff\xff\xff"
    assert read(wire, step=step) == [CloseConnection(4000, "enough")]


def test_a_close_frame_without_a_body_is_code_1005() -> None:
    assert read(frame(CLOSE)) == [CloseConnection(1005, "")]


def test_code_1014_is_accepted() -> None:
    assert read(close_frame(1014)) == [CloseConnection(1014, "")]


def test_the_server_s_close_frame_after_our_own() -> None:
    frames = Frames(LIMIT)
    frames.close(1000)
    assert list(frames.read(close_frame(1000))) == [CloseConnection(1000, "")]


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
    events = Frames(LIMIT).read(frame(TEXT, b"fine") + frame(3))
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


def test_an_event_of_another_kind_is_not_passed_over() -> None:
    frames = Frames(LIMIT)
    with (
        mock.patch.object(frames._connection, "events", return_value=iter([Request("host", "/")])),
        pytest.raises(TypeError, match="unknown kind"),
    ):
        list(frames.read(b""))


def test_the_guard_offers_the_server_nothing() -> None:
    assert Frames(LIMIT)._guard.offer() is False
