"""The handshake's `Wire`, over a transport.

Theory of operation
-------------------
What is sent waits until there is nothing left to read, so a flight leaves in one piece. What is received is
refused as early as it can be: a record of the wrong type before its content is looked at, a message of the
wrong type or of excessive length when its four header bytes are there. Every message goes into the transcript
on its way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

import trio

from ._alerts import MAX_PASSED_OVER, Alert, encode_alert
from ._channel import Channel
from ._errors import AlertDescription, AlertReceived, PeerMisbehaved, TLSError, Truncated, alert_name
from ._key_log import KeyLog, SecretsLog
from ._messages import ClientHello, HelloRequest, Message, encode_message
from ._protection import ContentType, Epoch, Opener, PlainSealer, Sealer
from ._reassembly import MessageHeader, Reassembly
from ._records import Record
from ._transcript import Transcript
from ._versions import Version
from ._wire import A, B, OutgoingMessage, RecordLimits

if TYPE_CHECKING:
    from ._trace import Tracer

#: How long a peer that does not read can delay the alert that tells it why the connection ends, in seconds.
ALERT_DEADLINE = 1.0


class TrioWire:
    """Sends and expects handshake messages over a channel."""

    def __init__(self, channel: Channel, tracer: Tracer | None, key_log: KeyLog | None = None) -> None:
        self.transcript = Transcript()
        self.phase = "ClientHello"
        self._channel = channel
        self._tracer = tracer
        self._key_log = key_log
        self._secrets: SecretsLog | None = None
        self._outgoing = bytearray()
        self._incoming = Reassembly()
        self._version: Version | None = None
        self._passed_over = 0
        self._hello_requests = 0

    def settle(self, version: Version) -> None:
        """The version is known: from here on its rules for records and alerts hold; no key is in use yet."""
        # RFC 9846 §4 [8446 §4] has the type of a HelloRequest reserved: it was only as good as the version.
        if version >= Version.TLS13 and self._hello_requests:
            raise PeerMisbehaved(
                AlertDescription.UNEXPECTED_MESSAGE, "a HelloRequest came, which TLS 1.3 does not have"
            )
        self._version = version
        self._channel.reader.settle(version)
        self._channel.reader.drops_change_cipher_spec = version >= Version.TLS13
        # RFC 9846 §5.1 [8446 §5.1]: from TLS 1.3 on the record version stays 0x0303.
        self._channel.writer.sealer = PlainSealer(min(version, Version.TLS12))

    async def send(self, message: OutgoingMessage, /) -> None:
        """Put a message into the flight that leaves when an answer has to be waited for, or at `flush`."""
        self._check_our_turn()
        encoded = message.encode()
        self.transcript.add(encoded)
        self._outgoing += self._channel.writer.seal(ContentType.HANDSHAKE, encoded)
        if isinstance(message, ClientHello):
            self._said_hello(message)
        if self._tracer:
            self._tracer.message("sent", message, encoded)

    def _said_hello(self, hello: ClientHello) -> None:
        if self._version is None:
            # RFC 9846 §5.1 [8446 §5.1]: the record version "MUST be set to 0x0303 for all records [...]
            # other than an initial ClientHello"; an older client has said which version it speaks at most.
            self._channel.writer.sealer = PlainSealer(hello.legacy_version)
        if self._key_log is not None:
            self._secrets = SecretsLog(hello.random, self._key_log)

    def _check_our_turn(self) -> None:
        # RFC 9846 §5.1 [8446 §5.1]: "Handshake messages MUST NOT span key changes", and messages that
        # "immediately precede a key change" are sent "in alignment with a record boundary": nothing of the
        # next flight can be here.
        self._drop_hello_requests()
        if self._incoming:
            raise PeerMisbehaved(
                AlertDescription.UNEXPECTED_MESSAGE, "the server went on where it is the client's turn"
            )

    async def send_early_data(self, data: bytes, /) -> None:
        """Put application data into the flight."""
        self._outgoing += self._channel.writer.seal(ContentType.APPLICATION_DATA, data)

    async def send_change_cipher_spec(self) -> None:
        """Put a change_cipher_spec record into the flight."""
        self._outgoing += self._channel.writer.seal(ContentType.CHANGE_CIPHER_SPEC, b"\x01")
        if self._tracer:
            self._tracer.change_cipher_spec("sent")

    async def flush(self) -> None:
        """Send the flight; a checkpoint only where that has to wait, for a handshake waits for answers besides."""
        if self._outgoing:
            flight, self._outgoing = self._outgoing, bytearray()
            await self._channel.send(flight, checkpoint=False)

    @overload
    async def expect(self, a: type[A], /) -> A: ...
    @overload
    async def expect(self, a: type[A], b: type[B], /) -> A | B: ...
    async def expect(self, *kinds: type[Message]) -> Message:
        """The next message, which must be of one of `kinds`: refused at its header if it is of another type."""
        self.phase = kinds[0].title()
        header = await self._header(kinds)
        named = [kind for kind in kinds if kind.type == header.type]
        if not named:
            raise self._unexpected(f"a message of type {header.type}", kinds)
        self._check_length(header, max([kind.max_length for kind in named]))
        while (encoded := self._incoming.take(header.length)) is None:
            await self._feed(kinds)
        self._passed_over = 0
        body = Reassembly.body(encoded)
        for kind in named:
            if kind.admits(body):
                break
        else:
            raise self._unexpected(f"a message of type {header.type}", kinds)
        message = kind.parse(body)
        self.transcript.add(encoded)
        if self._tracer:
            self._tracer.message("received", message, encoded)
        return message

    async def accept(self, kind: type[A], /) -> A | None:
        """The next message if it is of `kind`; None when another one comes, which stays to be expected."""
        self.phase = kind.title()
        header = await self._header((kind,))
        return await self.expect(kind) if header.type == kind.type else None

    async def expect_change_cipher_spec(self) -> None:
        """Take a change_cipher_spec record and nothing else."""
        # RFC 5246 §7.1: it "is sent during the handshake after the security parameters have been agreed upon, but
        # before the verifying Finished message is sent": here, and nowhere else.
        self.phase = "ChangeCipherSpec"
        self._drop_hello_requests()
        while (record := await self._record()).content_type == ContentType.HANDSHAKE:
            self._incoming.feed(record.content)
            self._drop_hello_requests()
            if self._incoming.begin() is not None:
                break
        if record.content_type != ContentType.CHANGE_CIPHER_SPEC or record.content != b"\x01":
            raise PeerMisbehaved(
                AlertDescription.UNEXPECTED_MESSAGE,
                f"a record of type {record.content_type} came instead of change_cipher_spec",
            )
        self._passed_over = 0
        if self._tracer:
            self._tracer.change_cipher_spec("received")

    def limit(self, limits: RecordLimits, /) -> None:
        """Keep to these limits, and hold the peer to them."""
        reader, writer = self._channel.reader, self._channel.writer
        # In TLS 1.3 a record_size_limit counts the content type (RFC 8449 §4).
        overhead = 1 if self._version == Version.TLS13 else 0
        if limits.fragment is not None:
            reader.limit_content(limits.fragment, unprotected=True)
            writer.max_content = limits.fragment
        if limits.receive is not None:
            reader.limit_content(limits.receive - overhead, unprotected=False)
        if limits.send is not None:
            writer.max_content = limits.send - overhead
        if self._tracer:
            self._tracer.limits(fragment=limits.fragment, receive=limits.receive, send=limits.send)

    def read_with(self, opener: Opener, epoch: Epoch = Epoch.APPLICATION, /) -> None:
        """Open what comes next with a new key."""
        # RFC 9846 §5.1 [8446 §5.1]: "Implementations MUST verify that all messages immediately preceding a
        # key change align with a record boundary; if not, then they MUST terminate the connection with an
        # 'unexpected_message' alert."
        if self._incoming:
            raise PeerMisbehaved(
                AlertDescription.UNEXPECTED_MESSAGE, "a handshake message reaches across a change of keys"
            )
        self._channel.reader.opener = opener
        if self._tracer:
            self._tracer.key_change("received", epoch)

    def write_with(self, sealer: Sealer, epoch: Epoch = Epoch.APPLICATION, /) -> None:
        """Seal what is sent next with a new key."""
        self._channel.writer.sealer = sealer
        if self._tracer:
            self._tracer.key_change("sent", epoch)

    def log_secret(self, label: str, secret: bytes, /) -> None:
        """Write a secret to the key log, if there is one."""
        if self._secrets is not None:
            self._secrets.log(label, secret)

    def note(self, name: str, summary: str = "", /) -> None:
        """Tell the trace, if there is one, what is decided or found on this side."""
        if self._tracer:
            self._tracer.note(name, summary)

    def finish(self) -> int:
        """The handshake is over: nothing may share the record of the Finished but HelloRequests; how many did."""
        before = self._hello_requests
        self._drop_hello_requests()
        if self._incoming:
            raise PeerMisbehaved(
                AlertDescription.UNEXPECTED_MESSAGE, "something follows the Finished in its record"
            )
        # Change_cipher_spec records are dropped only "before the peer's Finished message has been received".
        self._channel.reader.drops_change_cipher_spec = False
        return self._hello_requests - before

    async def fail(self, error: TLSError) -> None:
        """Tell the peer what ends the connection, however the caller's own time is running out."""
        error.phase = error.phase or self.phase
        if self._tracer:
            self._tracer.failed(error)
        if isinstance(error, AlertReceived) or error.alert is None:
            return
        alert = encode_alert(AlertDescription(error.alert))
        self._outgoing += self._channel.writer.seal(ContentType.ALERT, alert)
        if self._tracer:
            self._tracer.alert("sent", Alert.parse(alert))
        with trio.move_on_after(ALERT_DEADLINE, shield=True):
            try:
                await self.flush()
            except (Truncated, trio.ClosedResourceError):
                # The peer is gone; the caller is about to hear why from `error`.
                return

    async def _header(self, kinds: tuple[type[Message], ...]) -> MessageHeader:
        """The header of the next message that is to be answered."""
        while (header := self._incoming.begin()) is None or self._is_hello_request(header):
            if header is None:
                await self._feed(kinds)
            else:
                self._drop_hello_request(header)
        return header

    @staticmethod
    def _check_length(header: MessageHeader, limit: int) -> None:
        # RFC 9846 §6 [8446 §6]: "an out-of-range length".
        if header.length > limit:
            raise PeerMisbehaved(
                AlertDescription.DECODE_ERROR,
                f"a message of type {header.type} announces {header.length} bytes; {limit} are allowed",
            )

    def _is_hello_request(self, header: MessageHeader) -> bool:
        # RFC 5246 §7.4.1.1: "The HelloRequest message MAY be sent by the server at any time" and "will be
        # ignored by the client if the client is currently negotiating a session"; it is not part of the
        # transcript.
        return header.type == HelloRequest.type and (self._version is None or self._version < Version.TLS13)

    def _drop_hello_request(self, header: MessageHeader) -> None:
        self._check_length(header, HelloRequest.max_length)
        self._incoming.take(HelloRequest.max_length)
        self._hello_requests += 1
        self._pass_over_hello_request()

    def _drop_hello_requests(self) -> None:
        while (header := self._incoming.begin()) is not None and self._is_hello_request(header):
            self._drop_hello_request(header)

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
        await self.flush()
        try:
            await self._channel.fill()
        except Truncated as error:
            raise Truncated(f"the server ended the connection instead of sending {self.phase}") from error

    def _hear(self, alert: Alert) -> None:
        if self._tracer:
            self._tracer.alert("received", alert)
        if not (alert.closes or alert.passes(self._version)):
            raise AlertReceived(alert.description)
        # RFC 9846 §5.1 [8446 §5.1]: "if a handshake message is split over two or more records, there MUST
        # NOT be any other records between them."
        if self._incoming:
            raise PeerMisbehaved(AlertDescription.UNEXPECTED_MESSAGE, "an alert in the middle of a message")
        if alert.closes:
            # RFC 5246 §7.2.1: "The other party MUST respond with a close_notify alert of its own"; RFC 9846 §6.1
            # [8446 §6.1] has each party send one before it closes.
            why = f"the server closed the connection instead of sending {self.phase}"
            raise Truncated(why, AlertDescription.CLOSE_NOTIFY)
        self._pass_over(alert_name(alert.description))

    def _pass_over_hello_request(self) -> None:
        if self._tracer:
            self._tracer.message("received", HelloRequest(), encode_message(HelloRequest.type, b""))
        self._pass_over("HelloRequest")

    def _pass_over(self, what: str) -> None:
        self._passed_over += 1
        if self._passed_over > MAX_PASSED_OVER:
            raise PeerMisbehaved(AlertDescription.UNEXPECTED_MESSAGE, f"too many messages like {what}")

    def _unexpected(self, what: str, kinds: tuple[type[Message], ...]) -> PeerMisbehaved:
        wanted = " or ".join(kind.title() for kind in kinds)
        return PeerMisbehaved(AlertDescription.UNEXPECTED_MESSAGE, f"{what} came instead of {wanted}")
