"""The handshake's `Wire`, over a transport.

Theory of operation
-------------------
What is sent waits until an answer is expected, so a flight leaves in one piece. What is received is refused as
early as it can be: a record of the wrong type before its content is looked at, a message of the wrong type or of
excessive length when its four header bytes are there. Every message goes into the transcript on its way.
"""

from __future__ import annotations

from typing import overload

import trio

from ._alerts import MAX_PASSED_OVER, Alert, encode_alert
from ._channel import Channel
from ._errors import AlertDescription, AlertReceived, PeerMisbehaved, TLSError, Truncated, alert_name
from ._info import ConnectionInfo
from ._messages import Message
from ._messages12 import HelloRequest
from ._protection import ContentType, Opener, PlainSealer, Sealer
from ._reassembly import Reassembly
from ._records import Record
from ._trace import Tracer
from ._transcript import Transcript
from ._versions import Version
from ._wire import A, B, OutgoingMessage

#: How long a peer that does not read can delay the alert that tells it why the connection ends, in seconds.
ALERT_DEADLINE = 1.0


class TrioWire:
    """Sends and expects handshake messages over a channel."""

    def __init__(self, channel: Channel, tracer: Tracer | None) -> None:
        self.transcript = Transcript()
        self.phase = "ClientHello"
        self._channel = channel
        self._tracer = tracer
        self._outgoing = bytearray()
        self._incoming = Reassembly()
        self._version: Version | None = None
        self._passed_over = 0

    def settle(self, version: Version) -> None:
        """The version is known: from here on its rules for records and alerts hold."""
        self._version = version
        self._channel.reader.drops_change_cipher_spec = version >= Version.TLS13

    async def send(self, message: OutgoingMessage, /) -> None:
        """Put a message into the flight that leaves at the next `expect` or `flush`."""
        encoded = message.encode()
        self.transcript.add(encoded)
        self._outgoing += self._channel.writer.seal(ContentType.HANDSHAKE, encoded)
        if self._tracer:
            self._tracer.message("sent", message)

    async def send_change_cipher_spec(self) -> None:
        """Put a change_cipher_spec record into the flight."""
        self._outgoing += self._channel.writer.seal(ContentType.CHANGE_CIPHER_SPEC, b"\x01")

    async def flush(self) -> None:
        """Send the flight."""
        if self._outgoing:
            flight, self._outgoing = self._outgoing, bytearray()
            if self._version is None:
                # RFC 9846 §5.1 [8446 §5.1]: the record version "MUST be set to 0x0303 for all records [...] other
                # than an initial ClientHello".
                self._channel.writer.sealer = PlainSealer(Version.TLS12)
            await self._channel.send(flight)

    @overload
    async def expect(self, a: type[A], /) -> A: ...
    @overload
    async def expect(self, a: type[A], b: type[B], /) -> A | B: ...
    async def expect(self, *kinds: type[Message]) -> Message:
        """The next message, which must be of one of `kinds`."""
        await self.flush()
        self.phase = kinds[0].__name__
        encoded = await self._next(kinds)
        body = Reassembly.body(encoded)
        kind = next((k for k in kinds if k.type == encoded[0] and k.admits(body)), None)
        if kind is None:
            raise self._unexpected(f"a message of type {encoded[0]}", kinds)
        message = kind.parse(body)
        self.transcript.add(encoded)
        if self._tracer:
            self._tracer.message("received", message)
        return message

    async def expect_change_cipher_spec(self) -> None:
        """Take a change_cipher_spec record and nothing else."""
        await self.flush()
        self.phase = "ChangeCipherSpec"
        self._drop_hello_requests()
        while (record := await self._record()).content_type == ContentType.HANDSHAKE:
            self._incoming.feed(record.content)
            self._drop_hello_requests()
            if self._incoming:
                break
        if record.content_type != ContentType.CHANGE_CIPHER_SPEC or record.content != b"\x01":
            raise PeerMisbehaved(
                AlertDescription.UNEXPECTED_MESSAGE,
                f"a record of type {record.content_type} came instead of change_cipher_spec",
            )

    def read_with(self, opener: Opener, /) -> None:
        """Open what comes next with a new key."""
        # RFC 9846 §5.1 [8446 §5.1]: "Implementations MUST verify that all messages immediately preceding a key
        # change align with a record boundary; if not, then they MUST terminate the connection with an
        # 'unexpected_message' alert."
        if self._incoming:
            raise PeerMisbehaved(
                AlertDescription.UNEXPECTED_MESSAGE, "a handshake message reaches across a change of keys"
            )
        self._channel.reader.opener = opener
        self._note("read key", "what comes next is protected by new keys")

    def write_with(self, sealer: Sealer, /) -> None:
        """Seal what is sent next with a new key."""
        self._channel.writer.sealer = sealer
        self._note("write key", "what is sent next is protected by new keys")

    def finish(self, info: ConnectionInfo) -> None:
        """The handshake is over: nothing of it may be left."""
        if self._incoming:
            raise PeerMisbehaved(
                AlertDescription.UNEXPECTED_MESSAGE, "something follows the Finished in its record"
            )
        if self._tracer:
            self._tracer.event("note", "established", str(info))
        # Change_cipher_spec records are dropped only "before the peer's Finished message has been received".
        self._channel.reader.drops_change_cipher_spec = False

    async def fail(self, error: TLSError) -> None:
        """Tell the peer what ends the connection, however the caller's own time is running out."""
        error.phase = error.phase or self.phase
        self._note("failed", str(error))
        if isinstance(error, AlertReceived) or error.alert is None:
            return
        description = AlertDescription(error.alert)
        self._outgoing += self._channel.writer.seal(ContentType.ALERT, encode_alert(description))
        if self._tracer:
            self._tracer.event("sent", "alert", alert_name(description))
        with trio.move_on_after(ALERT_DEADLINE, shield=True):
            try:
                await self.flush()
            except (Truncated, trio.ClosedResourceError):
                # The peer is gone; the caller is about to hear why from `error`.
                return

    async def _next(self, kinds: tuple[type[Message], ...]) -> bytes:
        """The next message in wire form, refused at its header if it is none of `kinds`."""
        while True:
            while (header := self._incoming.begin()) is None:
                await self._feed(kinds)
            limit = max((k.max_length for k in kinds if k.type == header.type), default=-1)
            if self._is_idle_chatter(header.type):
                limit = HelloRequest.max_length
            if limit < 0:
                raise self._unexpected(f"a message of type {header.type}", kinds)
            if header.length > limit:
                # RFC 9846 §6 [8446 §6]: "an out-of-range length".
                raise PeerMisbehaved(
                    AlertDescription.DECODE_ERROR,
                    f"a message of type {header.type} announces {header.length} bytes; {limit} are allowed",
                )
            while (encoded := self._incoming.take(header.length)) is None:
                await self._feed(kinds)
            if not self._is_idle_chatter(header.type):
                return encoded
            self._pass_over("HelloRequest")

    def _drop_hello_requests(self) -> None:
        while self._incoming.begin() == (HelloRequest.type, HelloRequest.max_length):
            self._incoming.take(HelloRequest.max_length)
            self._pass_over("HelloRequest")

    def _is_idle_chatter(self, message_type: int) -> bool:
        # RFC 5246 §7.4.1.1: a HelloRequest "will be ignored by the client if the client is currently negotiating a
        # session", and is not part of the transcript.
        return message_type == HelloRequest.type and self._version == Version.TLS12

    async def _feed(self, kinds: tuple[type[Message], ...]) -> None:
        record = await self._record()
        if record.content_type != ContentType.HANDSHAKE:
            raise self._unexpected(f"a record of type {record.content_type}", kinds)
        self._incoming.feed(record.content)

    async def _record(self) -> Record:
        """The next record that is not an alert to pass over."""
        while True:
            while (record := self._channel.reader.next()) is None:
                await self._fill()
            if record.content_type != ContentType.ALERT:
                return record
            self._hear(Alert.parse(record.content))

    async def _fill(self) -> None:
        try:
            await self._channel.fill()
        except Truncated as error:
            raise Truncated(f"the server ended the connection instead of sending {self.phase}") from error

    def _hear(self, alert: Alert) -> None:
        if self._tracer:
            self._tracer.event("received", "alert", alert_name(alert.description))
        if alert.closes:
            raise Truncated(f"the server closed the connection instead of sending {self.phase}")
        if not alert.passes(self._version):
            raise AlertReceived(alert.description)
        # RFC 9846 §5.1 [8446 §5.1]: "if a handshake message is split over two or more records, there MUST NOT be
        # any other records between them."
        if self._incoming:
            raise PeerMisbehaved(AlertDescription.UNEXPECTED_MESSAGE, "an alert in the middle of a message")
        self._pass_over(alert_name(alert.description))

    def _pass_over(self, what: str) -> None:
        self._passed_over += 1
        if self._passed_over > MAX_PASSED_OVER:
            raise PeerMisbehaved(AlertDescription.UNEXPECTED_MESSAGE, f"too many messages like {what}")

    def _unexpected(self, what: str, kinds: tuple[type[Message], ...]) -> PeerMisbehaved:
        wanted = " or ".join(kind.__name__ for kind in kinds)
        return PeerMisbehaved(AlertDescription.UNEXPECTED_MESSAGE, f"{what} came instead of {wanted}")

    def _note(self, name: str, summary: str) -> None:
        if self._tracer:
            self._tracer.event("note", name, summary)
