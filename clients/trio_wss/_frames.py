"""Frames, both ways: wsproto's, with the checks it leaves to its user.

Theory of operation: wsproto turns bytes into events and messages into masked frames, without I/O. It refuses
reserved bits and opcodes, masked frames, lengths not in their shortest form, control frames that are long or
fragmented, continuations out of place, and text that is not UTF-8, without waiting for the message's end.

It has no limit on the size of a message, takes 1014 for an invalid close code, and reports a broken rule as a
`CloseConnection` event like the one for a real Close frame. `_Guard` adds what is missing at the place
wsproto has for extensions: it sees every frame header before any of the payload is kept. `Frames.read` tells
the two kinds of `CloseConnection` apart by the state of the connection, which only a real Close frame
changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, RsvBits

from ._close_codes import NO_STATUS, BadCloseFrame, read_body
from ._errors import MessageTooLarge, ProtocolViolation

Incoming: TypeAlias = TextMessage | BytesMessage | Ping | Pong | CloseConnection

_NO_RESERVED_BITS = RsvBits(False, False, False)


class _Guard(Extension):
    """Watches frame headers for the size of messages, and takes the bodies of Close frames out."""

    name = "guard"

    def __init__(self, max_message_size: int) -> None:
        self.limit = max_message_size
        self.too_large = False
        self.close_body = b""
        self._opcode = Opcode.CONTINUATION
        self._size = 0

    def offer(self) -> bool:
        return False  # nothing the server hears of

    def enabled(self) -> bool:
        return True

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        self._opcode = opcode
        if not opcode.iscontrol():
            self._size = payload_length + (self._size if opcode is Opcode.CONTINUATION else 0)
            if self._size > self.limit:
                self.too_large = True
                return CloseReason.MESSAGE_TOO_BIG
        return _NO_RESERVED_BITS

    def frame_inbound_payload_data(self, proto: FrameDecoder | FrameProtocol, data: bytes) -> bytes:
        if self._opcode is not Opcode.CLOSE:
            return data
        self.close_body = data  # wsproto passes control frames on whole
        return b""


class Frames:
    """The frames of one open connection, client side. Purely bytes in, bytes out."""

    def __init__(self, max_message_size: int) -> None:
        self._guard = _Guard(max_message_size)
        self._connection = Connection(ConnectionType.CLIENT, [self._guard])

    @property
    def may_pong(self) -> bool:
        """Whether a Pong may be sent: not once a Close frame has been sent or received (§5.5.2)."""
        return self._connection.state is ConnectionState.OPEN

    def message(self, data: str | bytes | bytearray | memoryview, *, final: bool = True) -> bytes:
        """One data frame: text or binary, or the continuation of the message begun with `final=False`.

        Raises:
            UnicodeEncodeError: the text has a lone surrogate. No frame was made.
        """
        if isinstance(data, str):
            return self._connection.send(TextMessage(data, message_finished=final))
        if isinstance(data, memoryview):
            data = data.tobytes()
        return self._connection.send(BytesMessage(data, message_finished=final))

    def ping(self, payload: bytes) -> bytes:
        """A Ping frame."""
        return self._connection.send(Ping(payload))

    def pong(self, payload: bytes) -> bytes:
        """A Pong frame; only while `may_pong`."""
        return self._connection.send(Pong(payload))

    def close(self, code: int, reason: str = "") -> bytes:
        """A Close frame; with code 1005, one without a body. A reason that is too long is cut."""
        known = CloseReason.NO_STATUS_RCVD if code == NO_STATUS else code
        return self._connection.send(CloseConnection(known, reason))

    def read(self, data: bytes | bytearray) -> Iterator[Incoming]:
        """The events in what arrived: pieces of messages, pings, pongs, and at most one Close at the end.

        Raises:
            ProtocolViolation: a rule was broken; nothing more can be read.
            MessageTooLarge: a frame header announced more than the limit; nothing more can be read.
        """
        self._connection.receive_data(bytes(data))
        for event in self._connection.events():
            match event:
                case TextMessage() | BytesMessage() | Ping() | Pong():
                    yield event
                case CloseConnection():
                    yield self._closing(event)
                case _:
                    raise TypeError(f"wsproto reports an event of an unknown kind: {event}")

    def _closing(self, event: CloseConnection) -> CloseConnection:
        if self._connection.state in (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING):
            if self._guard.too_large:
                raise MessageTooLarge(self._guard.limit)
            raise ProtocolViolation(
                f"the server broke the WebSocket protocol: {event.reason}", int(event.code)
            )
        try:
            return CloseConnection(*read_body(self._guard.close_body))
        except BadCloseFrame as error:
            message = f"the server broke the WebSocket protocol: {error}"
            raise ProtocolViolation(message, error.code) from None
