"""Frames that come: wsproto takes them apart, and the rules about messages are kept here.

Theory of operation: wsproto's `FrameDecoder` reads the headers. It refuses unknown opcodes, masked frames,
lengths not in their shortest form, and control frames that are long or fragmented. What it does not know is
kept in two places. `_Headers` is its decoder with one method replaced, which sees every header before any of
the payload: there the sizes are counted, the reserved bits checked, and the order of frames. `FrameReader`
turns payload into pieces of messages: inflated, and checked to be UTF-8 byte by byte, so that the first wrong
byte is refused (RFC 6455 §8.1) and not only the message it ends. A server's payload is not masked, so it does
not pass through wsproto, which would copy it four times.

`FrameReader.read` is a generator and does its work as it is asked for the next piece: an application that is
slow stops it in the middle of whatever swells.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from wsproto.frame_protocol import FrameDecoder, Opcode, ParseFailed, RsvBits

from ._close_codes import INVALID_DATA, PROTOCOL_ERROR, BadCloseFrame, read_body
from ._deflate import Deflate, Inflater
from ._errors import MessageTooLarge, ProtocolViolation
from ._limits import Limits

_TEXT = 0x81  # the first byte of a text message in one frame: FIN and the opcode
_WHOLE = frozenset({_TEXT, 0x82})
_LONGEST_HEADER = 10  # a server's, without a mask


class Piece(NamedTuple):
    """A part of a message."""

    data: str | bytes
    final: bool
    """Whether the message ends with it."""


class Ping(NamedTuple):
    """A Ping frame, to be answered."""

    payload: bytes


class Pong(NamedTuple):
    """A Pong frame."""

    payload: bytes


class Close(NamedTuple):
    """The server's Close frame; code 1005 if it has none."""

    code: int
    reason: str


Incoming: TypeAlias = Piece | Ping | Pong | Close


class _Headers(FrameDecoder):
    """Watches frame headers: their order, their reserved bits, and the sizes they announce."""

    def __init__(self, limits: Limits, *, may_compress: bool) -> None:
        super().__init__(client=True)
        self.compressed = False
        """Whether the message that is being read is compressed."""
        self.text = False
        self._limits = limits
        self._max_size = limits.max_message_size or math.inf
        self._max_frame_size = limits.max_frame_size or math.inf
        self._max_fragments = limits.max_fragments or math.inf
        self._may_compress = may_compress
        self.max_whole = min(self._max_size, self._max_frame_size)
        """Bytes of the longest message in one frame."""
        self._within = False
        self._size = 0
        self._fragments = 0

    @property
    def may_begin(self) -> bool:
        """Whether a message may begin at the next byte."""
        return not self._within and not self.buffer.buffer

    def extension_processing(self, opcode: Opcode, rsv: RsvBits, payload_len: int) -> None:
        """Called by wsproto for each header."""
        if opcode.iscontrol():
            if any(rsv):
                raise ParseFailed("a control frame with a reserved bit")
            return
        if opcode is Opcode.CONTINUATION:
            # §5.4, and RFC 7692 §6.1: RSV1 is for the first frame of a message.
            if not self._within:
                raise ParseFailed("a continuation of no message")
            if any(rsv):
                raise ParseFailed("a continuation with a reserved bit")
        else:
            if self._within:
                raise ParseFailed("a message within another message")
            if rsv.rsv2 or rsv.rsv3 or (rsv.rsv1 and not self._may_compress):
                raise ParseFailed("a reserved bit that means nothing here")
            self._within = True
            self._size = self._fragments = 0
            self.compressed = rsv.rsv1
            self.text = opcode is Opcode.TEXT
        self._fragments += 1
        if payload_len > self._max_frame_size:
            raise MessageTooLarge(self._limits.max_frame_size or 0, "max_frame_size")
        if self._fragments > self._max_fragments:
            raise MessageTooLarge(self._limits.max_fragments or 0, "max_fragments")
        if not self.compressed:
            self.grow(payload_len)

    def grow(self, size: int) -> None:
        """The message takes so many bytes more, as the application will get it.

        Raises:
            MessageTooLarge: and that is too much.
        """
        self._size += size
        if self._size > self._max_size:
            raise MessageTooLarge(self._limits.max_message_size or 0)

    def take(self, data: bytes | bytearray, at: int) -> int:
        """Read on in the header that begins or goes on at `data[at]`; where it ends, or the data does.

        `header` is set when it is complete. Only the bytes of the header are taken.

        Raises:
            ProtocolViolation: the header breaks a rule.
            MessageTooLarge: it announces what exceeds a limit.
        """
        before = len(self.buffer)
        self.receive_bytes(bytes(data[at : at + _LONGEST_HEADER - before]))
        given = len(self.buffer)
        try:
            complete = self.parse_header()
        except ParseFailed as error:
            raise _violation(str(error)) from None
        if not complete:
            return at + given - before
        left = len(self.buffer)
        self.buffer.buffer.clear()
        return at + given - before - left

    def end_frame(self, *, final: bool) -> None:
        """The payload of the frame has been read, and the next header comes."""
        self.header = None
        if final:
            self._within = False


class FrameReader:
    """The frames of one open connection as they come in."""

    def __init__(self, limits: Limits, deflate: Deflate | None = None) -> None:
        self._headers = _Headers(limits, may_compress=deflate is not None)
        self._inflater = None if deflate is None else Inflater(deflate)
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._begun = False  # pieces of the present message have been handed on
        self._left = 0  # payload of the present frame that has not come
        self._control = bytearray()
        self._closed = False

    def read(self, data: bytes | bytearray) -> Iterator[Incoming]:
        """What arrived: pieces of messages, Pings, Pongs, and at most one Close, behind which nothing counts.

        Raises:
            ProtocolViolation: a rule was broken; nothing more can be read.
            MessageTooLarge: a limit would be exceeded; nothing more can be read.
        """
        headers = self._headers
        at = 0
        while at < len(data) and not self._closed:
            if headers.header is None:
                start, end = self._find_message(data, at)
                if end:
                    headers.text, headers.compressed = data[at] == _TEXT, False
                    at = end
                    yield self._piece(bytes(data[start:end]), True)
                    continue
                at = headers.take(data, at)
                if headers.header is None:
                    return
                self._left = headers.header.payload_len
            payload = bytes(data[at : at + self._left])
            at += len(payload)
            self._left -= len(payload)
            header = headers.header
            if header.opcode.iscontrol():
                self._control += payload
                if not self._left:
                    headers.end_frame(final=False)
                    yield self._control_frame(header.opcode)
            elif payload or not self._left:
                final = header.fin and not self._left
                if not self._left:
                    headers.end_frame(final=final)
                if self._inflater is None or not headers.compressed:
                    yield self._piece(payload, final)
                else:
                    yield from self._inflated(self._inflater, payload, final)

    def _find_message(self, data: bytes | bytearray, at: int) -> tuple[int, int]:
        """Where the payload begins and ends of a message that is all there, in a single frame; else zeros.

        Most messages come so, and most of the time goes into reading headers. Whatever is not plainly right is
        left to wsproto.
        """
        if data[at] not in _WHOLE or not self._headers.may_begin or len(data) < at + 4:
            return 0, 0
        start, size = at + 2, data[at + 1]  # which has a mask's bit too: 128 and above
        if size == 126:
            start, size = at + 4, data[at + 2] << 8 | data[at + 3]
            if size < 126:
                return 0, 0
        elif size > 126:
            return 0, 0
        end = start + size
        return (start, end) if end <= len(data) and size <= self._headers.max_whole else (0, 0)

    def _control_frame(self, opcode: Opcode) -> Incoming:
        payload = bytes(self._control)
        self._control.clear()
        if opcode is Opcode.PING:
            return Ping(payload)
        if opcode is Opcode.PONG:
            return Pong(payload)
        self._closed = True
        try:
            return Close(*read_body(payload))
        except BadCloseFrame as error:
            raise _violation(str(error), error.code) from None

    def _inflated(self, inflater: Inflater, payload: bytes, final: bool) -> Iterator[Piece]:
        # One piece is held back, so that the last one can be marked as such.
        held: bytes | None = None
        for inflated in inflater.inflate(payload, final=final):
            self._headers.grow(len(inflated))
            if held is not None:
                yield self._piece(held, False)
            held = inflated
        if held is not None:
            yield self._piece(held, final)

    def _piece(self, payload: bytes, final: bool) -> Piece:
        if not self._headers.text:
            return Piece(payload, final)
        try:
            if final and not self._begun:
                return Piece(payload.decode(), True)
            self._begun = not final
            return Piece(self._utf8.decode(payload, final), final)
        except UnicodeDecodeError as error:
            raise _violation(f"text that is not UTF-8: {error.reason}", INVALID_DATA) from None


def _violation(what: str, code: int = PROTOCOL_ERROR) -> ProtocolViolation:
    return ProtocolViolation(f"the server broke the WebSocket protocol: {what}", code)
