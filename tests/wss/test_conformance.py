"""The client cases of the published conformance suite, by its numbers, against an echo client of a few lines.

Theory of operation: a case is what a server sends, and what it then has to see: echoes and Pongs in order, and
how the connection ends. The server is `Peer`, which checks every frame of the client's for itself. Numbers
are those of the Autobahn test suite; what each case asks for is written here from RFC 6455 and RFC 7692.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
import trio
import trio.testing

from support.websocket_peer import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    Peer,
    close_frame,
    frame,
)
from trio_wss import Deflate, WebSocketError, open_websocket

NORMAL = Frame(CLOSE, b"\x03\xe8")


async def echo(stream: trio.abc.Stream, compression: Deflate | None = None) -> None:
    """The client: it sends back whatever comes. Messages of 16 MiB are accepted because it says so."""

    async def socket(host: str, port: int) -> trio.abc.Stream:
        return stream

    try:
        async with open_websocket(
            "ws://server.test/", Socket=socket, max_message_size=16 << 20, compression=compression
        ) as ws:
            async for message in ws:
                await ws.send(message)
    except WebSocketError:
        pass  # the server sees how it ended


@dataclass
class Case:
    """What the server sends, in which portions, and what comes back."""

    sent: Sequence[bytes]
    back: Sequence[Frame] = ()
    code: int | None = None
    """The code with which the client has to end it; if `None`, the server ends it, and gets `NORMAL` back."""
    chop: int | None = None
    after: bytes = b""
    """Sent behind what makes the client give up: it must not matter."""
    close: bytes = field(default=close_frame(1000))
    closed: Frame = NORMAL


async def run(case: Case) -> None:
    client_end, server_end = trio.testing.memory_stream_pair()
    peer = Peer(server_end)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo, client_end)
        await peer.accept()
        for data in case.sent:
            step = case.chop or len(data)
            for at in range(0, len(data), step):
                await peer.send(data[at : at + step])
                if case.chop is not None and len(data) < 10_000:
                    await trio.lowlevel.checkpoint()
        for expected in case.back:
            assert await peer.frame() == expected
        if case.code is None:
            await peer.send(case.close)
            assert await peer.frame() == case.closed
        else:
            await peer.send(case.after)
            last = await peer.frame()
            assert last is not None
            assert (last.opcode, int.from_bytes(last.payload[:2])) == (CLOSE, case.code)
            await peer.send(frame(CLOSE, last.payload[:2]))
        await server_end.send_eof()
        assert await peer.frames() == []


def echoed(opcode: int, payload: bytes) -> Case:
    return Case([frame(opcode, payload)], [Frame(opcode, payload)])


def cut(opcode: int, payload: bytes, size: int, between: bytes = b"") -> bytes:
    """A message in fragments of `size` bytes, with other frames between them."""
    parts = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
    last = len(parts) - 1
    return between.join(
        frame(CONTINUATION if number else opcode, part, final=number == last)
        for number, part in enumerate(parts)
    )


# 1: framing

SIZES = [0, 125, 126, 127, 128, 65535, 65536]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("opcode", "byte"), [(TEXT, b"*"), (BINARY, b"\xfe")])
async def test_1_messages_of_every_length_of_header(opcode: int, byte: bytes, size: int) -> None:
    await run(echoed(opcode, byte * size))


@pytest.mark.parametrize(("opcode", "byte"), [(TEXT, b"*"), (BINARY, b"\xfe")])
async def test_1_8_a_message_in_chops(opcode: int, byte: bytes) -> None:
    case = echoed(opcode, byte * 65536)
    case.chop = 997
    await run(case)


# 2: pings and pongs


@pytest.mark.parametrize("payload", [b"", b"Hello, world!", bytes(range(128, 253)), b"\xfe" * 125])
@pytest.mark.parametrize("chop", [None, 1])
async def test_2_a_ping_is_answered_with_its_payload(payload: bytes, chop: int | None) -> None:
    await run(Case([frame(PING, payload)], [Frame(PONG, payload)], chop=chop))


async def test_2_5_a_ping_of_126_bytes_is_a_violation() -> None:
    await run(Case([frame(PING, b"\xfe" * 126)], code=1002))


@pytest.mark.parametrize("payload", [b"", b"unsolicited"])
async def test_2_7_pongs_that_answer_nothing_are_passed_over(payload: bytes) -> None:
    await run(Case([frame(PONG, payload), frame(PING, b"ping")], [Frame(PONG, b"ping")]))


@pytest.mark.parametrize("chop", [None, 1])
async def test_2_10_ten_pings_have_ten_pongs_in_order(chop: int | None) -> None:
    payloads = [b"payload-%d" % number for number in range(10)]
    pings = b"".join(frame(PING, payload) for payload in payloads)
    await run(Case([pings], [Frame(PONG, payload) for payload in payloads], chop=chop))


# 3: reserved bits


@pytest.mark.parametrize("reserved", range(1, 8))
@pytest.mark.parametrize("chop", [None, 1])
@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, CLOSE])
async def test_3_a_reserved_bit_is_a_violation(reserved: int, chop: int | None, opcode: int) -> None:
    first = Frame(TEXT, b"Hello")
    wire = frame(opcode, b"" if opcode == CLOSE else b"x", reserved=reserved)
    await run(Case([frame(TEXT, b"Hello"), wire], [first], 1002, chop, after=frame(PING)))


# 4: opcodes


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("payload", [b"", b"reserved opcode"])
@pytest.mark.parametrize("chop", [None, 1])
async def test_4_an_unknown_opcode_is_a_violation(opcode: int, payload: bytes, chop: int | None) -> None:
    wire = frame(TEXT, b"Hello") + frame(opcode, payload)
    await run(Case([wire], [Frame(TEXT, b"Hello")], 1002, chop, after=frame(PING)))


# 5: fragmentation


@pytest.mark.parametrize("opcode", [PING, PONG])
async def test_5_1_control_frames_are_not_fragmented(opcode: int) -> None:
    await run(Case([frame(opcode, b"a", final=False), frame(CONTINUATION, b"b")], code=1002))


@pytest.mark.parametrize("chop", [None, 1])
@pytest.mark.parametrize("between", [b"", frame(PING, b"ping")])
async def test_5_3_fragments_are_one_message_and_pings_between_them_are_answered(
    chop: int | None, between: bytes
) -> None:
    pongs = [Frame(PONG, b"ping")] if between else []
    wire = cut(TEXT, b"fragment1fragment2", 9, between)
    await run(Case([wire], [*pongs, Frame(TEXT, b"fragment1fragment2")], chop=chop))


@pytest.mark.parametrize("final", [True, False])
@pytest.mark.parametrize("chop", [None, 1])
@pytest.mark.parametrize("before", [b"", frame(TEXT, b"whole")])
async def test_5_9_a_continuation_of_nothing_is_a_violation(
    final: bool, chop: int | None, before: bytes
) -> None:
    back = [Frame(TEXT, b"whole")] if before else []
    wire = before + frame(CONTINUATION, b"non-continuation", final=final)
    await run(Case([wire], back, 1002, chop, after=frame(TEXT, b"Hello")))


async def test_5_15_a_continuation_behind_the_last_one_is_a_violation() -> None:
    wire = cut(TEXT, b"fragment1fragment2", 9) + frame(CONTINUATION, b"fragment3", final=False)
    await run(Case([wire], [Frame(TEXT, b"fragment1fragment2")], 1002, after=frame(TEXT, b"fragment4")))


@pytest.mark.parametrize("final", [True, False])
async def test_5_18_a_message_within_another_is_a_violation(final: bool) -> None:
    wire = frame(TEXT, b"fragment1", final=False) + frame(TEXT, b"fragment2", final=final)
    await run(Case([wire], code=1002))


async def test_5_19_pings_within_a_message_are_answered_before_it_ends() -> None:
    client_end, server_end = trio.testing.memory_stream_pair()
    peer = Peer(server_end)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo, client_end)
        await peer.accept()
        await peer.send(frame(TEXT, b"1", final=False) + frame(CONTINUATION, b"2", final=False))
        for payload in (b"pongme 1!", b"pongme 2!"):
            await peer.send(frame(PING, payload))
            assert await peer.frame() == Frame(PONG, payload)
            await peer.send(frame(CONTINUATION, b"3", final=False))
        await peer.send(frame(CONTINUATION, b"4"))
        assert await peer.frame() == Frame(TEXT, b"12334")
        await peer.send(close_frame(1000))
        await peer.stream.aclose()


# 6: UTF-8

VALID_TEXT = [
    "",
    "Hello-µ@ßöäüàá-UTF-8!!",
    "κόσμε",
    "\x00\x7f",
    "\x80߿",
    "ࠀ\ufdd0\uffff",
    "\U00010000\U0010ffff",
    "\ud7ff\ue000\ufffd",
    "\U0001ffff\U0002ffff\U000fffff",
]
INVALID_TEXT = {
    "a continuation byte": b"\x80",
    "many continuation bytes": bytes(range(0x80, 0xC0)),
    "a lead byte of two without a continuation": b"\xc2 \xc3 ",
    "a lead byte of three without continuations": b"\xe0 ",
    "a lead byte of four without continuations": b"\xf0 ",
    "lead bytes of five and six": b"\xf8\x88\x80\x80\x80 \xfc\x84\x80\x80\x80\x80",
    "a sequence of two cut short": b"\xdf",
    "a sequence of three cut short": b"\xef\xbf",
    "a sequence of four cut short": b"\xf4\x8f\xbf",
    "impossible bytes": b"\xfe\xfe\xff\xff",
    "overlong in two": b"\xc0\xaf",
    "overlong in three": b"\xe0\x80\xaf",
    "overlong in four": b"\xf0\x80\x80\xaf",
    "the highest overlong ones": b"\xc1\xbf\xe0\x9f\xbf\xf0\x8f\xbf\xbf",
    "an overlong zero": b"\xc0\x80",
    "a surrogate": b"\xed\xa0\x80",
    "the last surrogate": b"\xed\xbf\xbf",
    "a pair of surrogates": b"\xed\xa0\x80\xed\xb0\x80",
    "above the last code point": b"\xf4\x90\x80\x80",
}


@pytest.mark.parametrize("text", VALID_TEXT)
@pytest.mark.parametrize("size", [None, 1, 3])
@pytest.mark.parametrize("chop", [None, 1])
async def test_6_valid_text_however_it_is_cut(text: str, size: int | None, chop: int | None) -> None:
    payload = text.encode()
    wire = frame(TEXT, payload) if size is None else cut(TEXT, payload, size)
    await run(Case([wire], [Frame(TEXT, payload)], chop=chop))


async def test_6_1_empty_fragments() -> None:
    nothing = frame(TEXT, final=False) + frame(CONTINUATION, final=False) + frame(CONTINUATION)
    middle = frame(TEXT, final=False) + frame(CONTINUATION, b"middle", final=False) + frame(CONTINUATION)
    await run(Case([nothing, middle], [Frame(TEXT, b""), Frame(TEXT, b"middle")]))


@pytest.mark.parametrize("bad", INVALID_TEXT.values(), ids=INVALID_TEXT)
@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize("chop", [None, 1])
async def test_6_3_invalid_text_however_it_is_cut(bad: bytes, size: int | None, chop: int | None) -> None:
    payload = "κόσμε".encode() + bad
    wire = frame(TEXT, payload) if size is None else cut(TEXT, payload, size)
    await run(Case([wire], code=1007, chop=chop))


@pytest.mark.parametrize("wire", [
    frame(TEXT, "κόσμε".encode(), final=False) + frame(CONTINUATION, b"\xf4\x90", final=False),
    frame(TEXT, "κόσμε".encode() + b"\xf4\x90\x80\x80edited")[: 2 + 11 + 2],
])  # fmt: skip
async def test_6_4_the_first_wrong_byte_is_refused_before_the_frame_or_the_message_ends(wire: bytes) -> None:
    await run(Case([wire], code=1007))


# 7: closing


async def test_7_1_what_comes_behind_a_close_frame_is_passed_over() -> None:
    late = [
        close_frame(1000),
        frame(TEXT, b"Hello"),
        frame(PING),
        frame(CONTINUATION, b"fragment2"),
        b"\xff" * 100,
    ]
    for after in late:
        await run(Case([frame(TEXT, b"Hello")], [Frame(TEXT, b"Hello")], close=close_frame(1000) + after))
    await run(Case([frame(TEXT, b"fragment1", final=False)], close=close_frame(1000) + late[3]))


@pytest.mark.parametrize(
    ("payload", "answer"),
    [
        (b"", b""),
        (b"\x03\xe8", b"\x03\xe8"),
        (b"\x03\xe8Hello World!", b"\x03\xe8"),
        (b"\x03\xe8" + b"*" * 123, b"\x03\xe8"),
    ],
)
async def test_7_3_close_frames_of_every_length(payload: bytes, answer: bytes) -> None:
    await run(Case([], close=frame(CLOSE, payload), closed=Frame(CLOSE, answer)))


async def test_7_3_2_half_a_code_is_a_violation() -> None:
    await run(Case([frame(CLOSE, b"a")], code=1002))


async def test_7_3_6_a_reason_that_is_too_long_is_a_violation() -> None:
    await run(Case([frame(CLOSE, b"\x03\xe8" + b"*" * 124)], code=1002))


async def test_7_5_a_reason_that_is_not_utf8_is_a_violation() -> None:
    await run(Case([frame(CLOSE, b"\x03\xe8" + "κόσμε".encode() + b"\xed\xa0\x80edited")], code=1007))


@pytest.mark.parametrize(
    "code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
)
async def test_7_7_codes_that_may_be_sent_are_echoed(code: int) -> None:
    await run(Case([], close=close_frame(code), closed=Frame(CLOSE, code.to_bytes(2))))


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
@pytest.mark.parametrize("reason", ["", "reason"])
async def test_7_9_codes_that_may_not_be_sent_are_violations(code: int, reason: str) -> None:
    await run(Case([close_frame(code, reason)], code=1002))


# 9: large messages


@pytest.mark.parametrize("size", [64 << 10, 1 << 20, 16 << 20])
@pytest.mark.parametrize(("opcode", "byte"), [(TEXT, b"*"), (BINARY, b"\xfe")])
async def test_9_1_large_messages(opcode: int, byte: bytes, size: int) -> None:
    await run(echoed(opcode, byte * size))


@pytest.mark.parametrize("size", [64, 1024, 65536, 1 << 20])
async def test_9_3_a_large_message_in_fragments_of_many_sizes(size: int) -> None:
    payload = b"*" * (4 << 20 if size > 64 else 1 << 20)
    await run(Case([cut(TEXT, payload, size)], [Frame(TEXT, payload)]))


@pytest.mark.parametrize("chop", [64, 512, 2048])
async def test_9_5_a_large_message_in_chops_of_many_sizes(chop: int) -> None:
    payload = b"*" * (1 << 18)
    await run(Case([frame(TEXT, payload)], [Frame(TEXT, payload)], chop=chop))


@pytest.mark.parametrize("size", [0, 16, 64, 256, 1024, 4096])
async def test_9_7_many_messages_one_by_one(size: int) -> None:
    client_end, server_end = trio.testing.memory_stream_pair()
    peer = Peer(server_end)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo, client_end)
        await peer.accept()
        for opcode, byte in [(TEXT, b"*"), (BINARY, b"\xfe")] * 20:
            await peer.send(frame(opcode, byte * size))
            assert await peer.frame() == Frame(opcode, byte * size)
        await peer.send(close_frame(1000))
        await peer.stream.aclose()


async def test_10_1_a_message_in_fragments_of_1300_bytes() -> None:
    await run(Case([cut(TEXT, b"*" * 65536, 1300)], [Frame(TEXT, b"*" * 65536)]))


# 12 and 13: compression

WORDS = [b"trade", b"price", b"12345.67", b'{"id":', b"},", b"\xc3\xbc", b"symbol", b"null"]
MESSAGES = [
    (size, fragment)
    for size, fragment in [
        (0, 0),
        (16, 0),
        (64, 0),
        (256, 0),
        (1024, 0),
        (8192, 0),
        (32768, 0),
        (131072, 0),
        (8192, 256),
        (131072, 4096),
        (131072, 32768),
    ]
]
PARAMETERS = {
    "12": (15, False, 15, False),
    "13.1": (15, False, 15, False),
    "13.2": (15, True, 15, False),
    "13.3": (9, False, 15, False),
    "13.4": (15, False, 15, True),
    "13.5": (9, True, 9, True),
    "13.6": (15, True, 15, True),
    "8 bits": (8, False, 8, False),
}


@pytest.mark.parametrize("parameters", PARAMETERS.values(), ids=PARAMETERS)
@pytest.mark.parametrize("min_size", [0, 64])
async def test_12_and_13_compressed_messages_come_back(
    parameters: tuple[int, bool, int, bool], min_size: int
) -> None:
    client_bits, client_alone, server_bits, server_alone = parameters
    answer = "Sec-WebSocket-Extensions: permessage-deflate"
    answer += f"; client_max_window_bits={client_bits}; server_max_window_bits={server_bits}"
    answer += "; client_no_context_takeover" * client_alone + "; server_no_context_takeover" * server_alone
    client_end, server_end = trio.testing.memory_stream_pair()
    peer = Peer(server_end)
    chance = random.Random(7692)  # noqa: S311  # reproducible, no secret
    out = zlib.compressobj(wbits=-max(server_bits, 9))
    back = zlib.decompressobj(-client_bits)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo, client_end, Deflate(min_size=min_size))
        await peer.accept(answer)
        for size, fragment in MESSAGES * 2:
            message = b"".join(chance.choices(WORDS, k=size // 3 + 1))[:size].decode(errors="ignore").encode()
            opcode = chance.choice([TEXT, BINARY])
            if server_alone or server_bits == 8:
                out = zlib.compressobj(wbits=-max(server_bits, 9))
            deflated = out.compress(message) + out.flush(zlib.Z_SYNC_FLUSH)
            wire = cut(opcode, deflated.removesuffix(b"\x00\x00\xff\xff") or b"\x00", fragment or 1 << 30)
            await peer.send(bytes([wire[0] | 0x40]) + wire[1:])
            echo_of_it = await peer.frame()
            assert echo_of_it is not None
            assert (echo_of_it.opcode, echo_of_it.final) == (opcode, True)
            if echo_of_it.compressed:
                if client_alone:
                    back = zlib.decompressobj(-client_bits)
                assert back.decompress(echo_of_it.payload + b"\x00\x00\xff\xff") == message
            else:
                assert len(message) < min_size
                assert echo_of_it.payload == message
        await peer.send(close_frame(1000))
        await peer.stream.aclose()
