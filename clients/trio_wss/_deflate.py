"""permessage-deflate (RFC 7692): what is offered, and the two ends of the compression.

Theory of operation: each message, not each frame, is a piece of a DEFLATE stream (RFC 1951) that ends at the
border of a byte, with the four bytes left out that every such end has. If the context is kept, the next
message may refer back to this one.

`Inflater` never makes more than `PIECE` bytes at a time. It is a generator, so whoever asks for the next
piece has put the last one somewhere: however much a few bytes swell, no more memory is taken than is given to
it. A DEFLATE block marked as the last one ends zlib's stream, but not the message's (RFC 7692 §7.2.3.4 lets
a sender flush that way), so a new stream goes on in its place, with the last bytes that were inflated for a
window.

zlib's raw streams have windows of 512 bytes to 32 KiB, and an agreement may say 256. A window of 256 bytes is
kept by flushing fully at every 256 bytes of the message: nothing refers back beyond a full flush.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from ._close_codes import INVALID_DATA
from ._encoder import Binary
from ._errors import ProtocolViolation

PIECE = 1 << 16
_SLICE = 1 << 17
# RFC 7692 §7.2.1: what a sender leaves out at the end of a message, and §7.2.2: a receiver puts back.
_TAIL = b"\x00\x00\xff\xff"
# §7.2.3.6: what is left of an empty block then.
_EMPTY = b"\x00"
_MIN_BITS, _MAX_BITS = 8, 15
_SMALLEST_OF_ZLIB = 9


@dataclass(frozen=True, kw_only=True)
class Deflate:
    """Compression of messages by permessage-deflate (RFC 7692): what to offer, and how to compress.

    As an argument it is the offer. `WebSocket.compression` is what was agreed on.

    A window of n bits makes a message refer back 2^n bytes at most, and costs that much memory for as long as
    the connection lasts.

    Attributes:
        server_no_context_takeover: have the server compress each message by itself.
        client_no_context_takeover: compress each message by itself.
        server_max_window_bits: the window the server may use, 8 to 15; `None` leaves it to the server, which
            is what most servers accept.
        client_max_window_bits: the window to use, 8 to 15; the server may ask for a smaller one. `None` does
            not let it ask.
        min_size: bytes; a shorter message is not compressed, unless it is sent in fragments.
        level: 0 to 9, from fast to small.
        memory_level: 1 to 9: the compressor takes 2^(memory_level + 9) bytes beside its window.
    """

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int | None = None
    client_max_window_bits: int | None = _MAX_BITS
    min_size: int = 64
    level: int = 2
    memory_level: int = 5

    def __post_init__(self) -> None:
        for name in ("server_max_window_bits", "client_max_window_bits"):
            bits = getattr(self, name)
            if bits is not None and not _MIN_BITS <= bits <= _MAX_BITS:
                raise ValueError(f"{name} is {bits}: a window has 8 to 15 bits")
        if self.min_size < 0:
            raise ValueError(f"min_size is {self.min_size} bytes: it must not be negative")
        if not 0 <= self.level <= 9:
            raise ValueError(f"level is {self.level}: it must be 0 to 9")
        if not 1 <= self.memory_level <= 9:
            raise ValueError(f"memory_level is {self.memory_level}: it must be 1 to 9")


class Deflater:
    """The compressing end: this side's messages."""

    def __init__(self, agreed: Deflate) -> None:
        self.min_size = agreed.min_size
        self._level, self._memory_level = agreed.level, agreed.memory_level
        self._bits = agreed.client_max_window_bits or _MAX_BITS
        self._keeps_context = not agreed.client_no_context_takeover
        self._stream = self._new_stream()

    def compress(self, data: Binary, *, final: bool) -> Iterator[bytes]:
        """The payload of the next frame of a message, in parts that take a few milliseconds each.

        All of them have to be taken, and sent: the next message may refer to what is in them.
        """
        view = memoryview(data).cast("B")
        step = _SLICE if self._bits >= _SMALLEST_OF_ZLIB else 1 << self._bits
        for start in range(0, len(view) - step, step):
            yield self._stream.compress(view[start : start + step]) + self._boundary()
        last = self._stream.compress(view[(len(view) - 1) // step * step :]) if view else b""
        last += self._stream.flush(zlib.Z_SYNC_FLUSH) + self._boundary()
        if not final:
            yield last
            return
        yield last.removesuffix(_TAIL) or _EMPTY
        if not self._keeps_context:
            self._stream = self._new_stream()

    def _boundary(self) -> bytes:
        return b"" if self._bits >= _SMALLEST_OF_ZLIB else self._stream.flush(zlib.Z_FULL_FLUSH)

    def _new_stream(self) -> zlib._Compress:
        bits = max(self._bits, _SMALLEST_OF_ZLIB)
        return zlib.compressobj(self._level, zlib.DEFLATED, -bits, self._memory_level)


class Inflater:
    """The inflating end: the server's messages."""

    def __init__(self, agreed: Deflate) -> None:
        self._bits = agreed.server_max_window_bits or _MAX_BITS
        self._keeps_context = not agreed.server_no_context_takeover
        self._window = bytearray()
        self._stream = zlib.decompressobj(-self._bits)

    def inflate(self, data: bytes, *, final: bool) -> Iterator[bytes]:
        """What the next bytes of a message mean, in pieces of at most `PIECE` bytes; some may be empty.

        Args:
            data: payload of a compressed message.
            final: whether the message ends with it.

        Raises:
            ProtocolViolation: it is no DEFLATE stream.
        """
        if data:
            yield from self._inflated(data)
        if final:
            yield from self._inflated(_TAIL)
            if not self._keeps_context:
                self._window.clear()
                self._stream = zlib.decompressobj(-self._bits)

    def _inflated(self, data: bytes) -> Iterator[bytes]:
        while True:
            try:
                piece = self._stream.decompress(data, PIECE)
            except zlib.error as error:
                raise ProtocolViolation(
                    f"the server broke the WebSocket protocol: a message does not inflate ({error})",
                    INVALID_DATA,
                ) from None
            self._remember(piece)
            yield piece
            data = self._stream.unconsumed_tail
            if self._stream.eof:
                data = self._stream.unused_data
                self._stream = zlib.decompressobj(-self._bits, zdict=bytes(self._window))
            # All input may be consumed while output is left over: then the piece is full.
            if not data and len(piece) < PIECE:
                return

    def _remember(self, piece: bytes) -> None:
        size = 1 << self._bits
        self._window += piece[-size:]
        if len(self._window) > 2 * size:
            del self._window[:-size]
