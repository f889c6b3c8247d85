"""Whatever a WebSocket server sends, however it arrives, it means the same, and costs no more than its limits.

Theory of operation: a conversation is generated together with what it means. It is cut anywhere, in its
fragments and in what each read brings, and must come out as it went in, up to its first broken rule; what is
spoiled on the way ends in one of two errors, and never in any other. The reader is used as the connection
uses it.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st
from wsproto.frame_protocol import Opcode

from fuzz.budget import fuzzed
from fuzz.mutations import Mutation, mutated_bytes, mutations
from support.websocket_peer import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame
from trio_wss import Deflate, MessageTooLarge, ProtocolViolation
from trio_wss._assembler import Assembler
from trio_wss._decoder import Close, FrameReader, Piece, Ping, Pong
from trio_wss._deflate import PIECE, Deflater, Inflater
from trio_wss._encoder import data_frame
from trio_wss._limits import Limits

_LIMIT = 5000


@dataclass(frozen=True)
class _Message:
    data: str | bytes
    cuts: tuple[int, ...]
    controls: tuple[bytes, ...]
    compressed: bool


_controls = st.lists(st.binary(max_size=125), max_size=3).map(tuple)
_messages = st.builds(
    _Message,
    st.text(max_size=300) | st.binary(max_size=300) | st.integers(0, _LIMIT).map(bytes),
    st.lists(st.integers(0, 200), max_size=4).map(tuple),
    _controls,
    st.booleans(),
)
_conversations = st.lists(_messages, max_size=6)
_reads = st.lists(st.integers(1, 60) | st.integers(1, 1 << 16), min_size=1, max_size=5)
_agreements = st.builds(
    Deflate,
    server_no_context_takeover=st.booleans(),
    server_max_window_bits=st.integers(9, 15),
)


def _wire(conversation: Sequence[_Message], agreed: Deflate | None) -> bytes:
    """What a server sends that means the conversation."""
    wire = b""
    stream = None
    for message in conversation:
        opcode, payload = (
            (TEXT, message.data.encode()) if isinstance(message.data, str) else (BINARY, message.data)
        )
        compressed = message.compressed and agreed is not None
        if compressed and agreed is not None:
            if stream is None or agreed.server_no_context_takeover:
                stream = zlib.compressobj(wbits=-(agreed.server_max_window_bits or 15))
            payload = stream.compress(payload) + stream.flush(zlib.Z_SYNC_FLUSH)
            payload = payload.removesuffix(b"\x00\x00\xff\xff") or b"\x00"
        borders = sorted({min(cut, len(payload)) for cut in message.cuts})
        parts = [
            payload[start:end] for start, end in zip([0, *borders], [*borders, len(payload)], strict=True)
        ]
        controls = list(message.controls)
        for number, part in enumerate(parts):
            final = number == len(parts) - 1
            reserved = 4 if compressed and number == 0 else 0
            wire += frame(CONTINUATION if number else opcode, part, final=final, reserved=reserved)
            if controls:
                wire += frame(PING if number % 2 else PONG, controls.pop())
    return wire


@dataclass
class _Read:
    """What came out of a reader."""

    messages: list[str | bytes]
    controls: list[bytes]
    close: Close | None
    error: ProtocolViolation | MessageTooLarge | None


def _read(wire: bytes, reads: Sequence[int], agreed: Deflate | None) -> _Read:
    reader, assembler = FrameReader(Limits(max_message_size=_LIMIT), agreed), Assembler()
    found = _Read([], [], None, None)
    at, turn = 0, 0
    try:
        while at < len(wire):
            size = reads[turn % len(reads)]
            for event in reader.read(wire[at : at + size]):
                match event:
                    case Piece(data, _):
                        assert len(data) <= max(PIECE, size)
                        message = assembler.add(event)
                        if message is not None:
                            found.messages.append(message)
                    case Ping(payload) | Pong(payload):
                        found.controls.append(payload)
                    case _:
                        found.close = event
            at, turn = at + size, turn + 1
    except (ProtocolViolation, MessageTooLarge) as error:
        found.error = error
    assert all(len(message) <= _LIMIT for message in found.messages)
    return found


@fuzzed(_conversations, _reads, st.none() | _agreements, weight=3, quick=60)
def test_a_conversation_means_the_same_however_it_is_cut(
    conversation: list[_Message], reads: list[int], agreed: Deflate | None
) -> None:
    wire = _wire(conversation, agreed) + frame(CLOSE, b"\x0f\xa0end")
    found = _read(wire, reads, agreed)
    assert found.error is None
    assert found.messages == [message.data for message in conversation]
    assert found.close == Close(4000, "end")
    whole = _read(wire, [1 << 20], agreed)
    assert whole.controls == found.controls


@fuzzed(
    _conversations,
    st.lists(mutations, min_size=1, max_size=3),
    _reads,
    st.none() | _agreements,
    weight=3,
    quick=60,
)
def test_what_is_spoiled_is_refused_or_means_something_and_means_it_always(
    conversation: list[_Message], changes: list[Mutation], reads: list[int], agreed: Deflate | None
) -> None:
    wire = _wire(conversation, agreed)
    for change in changes:
        wire = mutated_bytes(change, wire)
    found, whole = _read(wire, reads, agreed), _read(wire, [1 << 20], agreed)
    assert found.messages == whole.messages
    assert found.controls == whole.controls
    assert type(found.error) is type(whole.error)
    if found.error is not None and whole.error is not None:
        assert found.error.code == whole.error.code


@fuzzed(st.binary(max_size=400), _reads, st.none() | _agreements, quick=60)
def test_noise_is_refused_or_means_something(noise: bytes, reads: list[int], agreed: Deflate | None) -> None:
    found, whole = _read(noise, reads, agreed), _read(noise, [1 << 20], agreed)
    assert (found.messages, found.controls, found.close) == (whole.messages, whole.controls, whole.close)


@fuzzed(st.binary(max_size=400), _reads, st.integers(8, 15), quick=60)
def test_noise_inflates_to_pieces_or_is_refused(noise: bytes, reads: list[int], bits: int) -> None:
    inflater = Inflater(Deflate(server_max_window_bits=bits))
    code = None
    try:
        for size in reads:
            for piece in inflater.inflate(noise[:size], final=True):
                assert len(piece) <= PIECE
    except ProtocolViolation as error:
        code = error.code
    assert code in (None, 1007)


@fuzzed(
    st.lists(st.binary(max_size=3000), max_size=5),
    st.integers(8, 15),
    st.booleans(),
    st.integers(0, 9),
    quick=40,
)
def test_what_is_sent_can_be_read(messages: list[bytes], bits: int, alone: bool, level: int) -> None:
    deflater = Deflater(Deflate(client_max_window_bits=bits, client_no_context_takeover=alone, level=level))
    stream = zlib.decompressobj(-bits)
    for message in messages:
        payload = b"".join(deflater.compress(message, final=True))
        assert len(data_frame(Opcode.BINARY, payload, compressed=True)) > len(payload)
        if alone:
            stream = zlib.decompressobj(-bits)
        assert stream.decompress(payload + b"\x00\x00\xff\xff") == message
