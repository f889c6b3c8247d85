"""A scripted TLS server's way to its client: records, keys, hooks, and a log of everything the client sent.

Theory of operation: `say` sends one step of the script, with the script's hooks around it; `send_…` send
anything at any time and leave the transcript alone. Records gather until `flush`, which the flights call before
they listen. Each record from the client is opened with the key it must be under, so an alert in the log was
seen as a real server would see it. A client that goes away ends the script with `ClientGone`.
"""

from __future__ import annotations

from typing import NamedTuple

import trio

from support.scripted_script import Script
from trio_secure._codec import Reader, vector24
from trio_secure._errors import AlertDescription, AlertLevel, PeerMisbehaved
from trio_secure._keys13 import ResumptionSecret, TrafficSecret
from trio_secure._messages import encode_message
from trio_secure._messages13 import KeyUpdate
from trio_secure._protection import (
    HEADER_LENGTH,
    MAX_CONTENT,
    ContentType,
    Opener,
    PlainOpener,
    PlainSealer,
    Sealer,
)
from trio_secure._protection13 import Opener13, Sealer13
from trio_secure._transcript import Transcript

CCS = ContentType.CHANGE_CIPHER_SPEC
ALERT = ContentType.ALERT
HANDSHAKE = ContentType.HANDSHAKE
DATA = ContentType.APPLICATION_DATA


class ClientGone(Exception):
    """The client has sent an alert or ended the connection."""


class SeenAlert(NamedTuple):
    """An alert as the server saw it; `protected` tells whether it came encrypted."""

    level: int
    description: int
    protected: bool


class SeenMessage(NamedTuple):
    """A handshake message as the server saw it, or as it said it."""

    type: int
    body: bytes


class ServerWire:
    """The server's end of a transport."""

    def __init__(self, transport: trio.abc.Stream, script: Script) -> None:
        self.script = script
        self.transport = transport
        self.transcript = Transcript()
        self.alerts: list[SeenAlert] = []
        self.messages: list[SeenMessage] = []
        self.records: list[int] = []
        """The outer content types of the client's records, in order."""
        self.lengths: list[int] = []
        """The lengths of their fragments, as they stood on the wire."""
        self.sizes: list[int] = []
        """How much content was in those that could be opened."""
        self.versions: list[int] = []
        """Their record versions."""
        self.data = b""
        self.early_data = b""
        self.client_chain: list[bytes] = []
        """The certificates the client showed, its key proven."""
        self.resumed = False
        """Whether a session of the script's memory was resumed."""
        self.last_message = b""
        """The client's last handshake message in wire form."""
        self.resumption: ResumptionSecret | None = None
        """What tickets are made with (TLS 1.3)."""
        self.skips_early_data = False
        """Whether records that do not open are passed over, as early data that is not wanted."""
        self.takes_early_data = False
        """Whether application data may stand between the client's hello and what follows it."""
        self.expects_answer = False
        """Whether data and KeyUpdates may still stand before the messages that are listened for."""
        self.ahead = b""
        """The data that did."""
        self.sent = 0
        """Bytes handed to the transport."""
        self.steps: list[str] = []
        """The steps of the script that were sent."""
        self.said: dict[str, SeenMessage] = {}
        """The messages in them."""
        self.sealer: Sealer = PlainSealer(0x0303)
        self.opener: Opener = PlainOpener()
        self.write_secret: TrafficSecret | None = None
        self.read_secret: TrafficSecret | None = None
        self._content = b""
        self._corrupt = list[str]()
        self._outgoing = b""
        self._incoming = b""
        self._handshake = b""

    # Sending

    async def say(self, step: str, message_type: int, body: bytes) -> bytes:
        """One handshake message of the script; its body as sent."""
        script = self.script
        body = script.alter.get(step, bytes)(body)
        if act := script.before.get(step):
            await act(self)
        if step not in script.omit:
            message = encode_message(message_type, body)
            self.transcript.add(message)
            self.steps.append(step)
            self.said[step] = SeenMessage(message_type, body)
            self._corrupt += [step] if step in script.corrupt else []
            self._content += message + script.trail.get(step, b"")
            if not script.coalesce:
                self.seal_pending()
        if act := script.after.get(step):
            await act(self)
        return body

    async def say_change_cipher_spec(self) -> None:
        """The change_cipher_spec of the script."""
        if act := self.script.before.get("ChangeCipherSpec"):
            await act(self)
        if "ChangeCipherSpec" not in self.script.omit:
            alteration = self.script.alter.get("ChangeCipherSpec", bytes)
            self.steps.append("ChangeCipherSpec")
            self.send_record(CCS, alteration(b"\x01"))

    def seal_pending(self) -> None:
        """Put the handshake messages that wait into records."""
        content, self._content = self._content, b""
        size = self.script.fragment
        for start in range(0, len(content), size):
            record = self._sealed(self.sealer, HANDSHAKE, content[start : start + size])
            for step in self._corrupt:
                record = self.script.corrupt[step](record)
            self._corrupt = []
            self._outgoing += record

    def sealed(self, content_type: int, content: bytes) -> bytes:
        """A record under the key in use, which is not sent."""
        return self._sealed(self.sealer, content_type, content)

    def _sealed(self, sealer: Sealer, content_type: int, content: bytes) -> bytes:
        # In TLS 1.0 with CBC it may be two records.
        out = memoryview(bytearray(len(content) + 256))
        return out[: sealer.seal(content_type, content, out)].tobytes()

    def send_record(self, content_type: int, content: bytes) -> None:
        """A record under the key in use."""
        self.seal_pending()
        self._outgoing += self._sealed(self.sealer, content_type, content)

    def send_bytes(self, data: bytes) -> None:
        """Anything at all."""
        self.seal_pending()
        self._outgoing += data

    def send_plain(self, content_type: int, content: bytes) -> None:
        """A record without protection."""
        self.seal_pending()
        self._outgoing += self._sealed(PlainSealer(min(self.script.version, 0x0303)), content_type, content)

    def send_message(self, message_type: int, body: bytes = b"") -> None:
        """A handshake message outside the script."""
        self.send_record(HANDSHAKE, encode_message(message_type, body))

    def send_alert(self, description: int, level: int = 2) -> None:
        """An alert."""
        self.send_record(ALERT, bytes([level, description]))

    async def send_data(self, data: bytes) -> None:
        """Application data."""
        for start in range(0, len(data), MAX_CONTENT):
            self.send_record(DATA, data[start : start + MAX_CONTENT])
        await self.flush()

    def send_key_update(self, request: int) -> None:
        """A KeyUpdate, and the new key."""
        self.send_message(KeyUpdate.type, bytes([request]))
        assert self.write_secret is not None
        self.write_secret = self.write_secret.next()
        self.sealer = Sealer13(self.write_secret)

    async def flush(self) -> None:
        """Send the records that wait; once the client is gone, they go nowhere."""
        self.seal_pending()
        outgoing, self._outgoing = self._outgoing, b""
        cut = self.script.cut
        if cut is not None:
            outgoing = outgoing[: cut - self.sent]
        if not outgoing:
            return
        self.sent += len(outgoing)
        try:
            await self.transport.send_all(outgoing)
            if self.sent == cut:
                await self.end()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async def end(self) -> None:
        """End the server's side of the transport."""
        assert isinstance(self.transport, trio.abc.HalfCloseableStream)
        await self.transport.send_eof()

    def write_with(self, sealer: Sealer, secret: TrafficSecret | None = None) -> None:
        """A new key for what is sent next."""
        self.seal_pending()
        self.sealer, self.write_secret = sealer, secret

    # Receiving

    def read_with(self, opener: Opener, secret: TrafficSecret | None = None) -> None:
        """A new key for what comes next."""
        self.opener, self.read_secret = opener, secret

    async def receive_record(self) -> tuple[int, bytes]:
        """The next record that is not a warning, in the log; `ClientGone` on any other alert and at the end."""
        await self.flush()
        while True:
            content_type, content, protected = await self._open_record()
            if content_type != ALERT:
                return content_type, content
            alert = SeenAlert(content[0], content[1], protected)
            self.alerts.append(alert)
            if alert.level != AlertLevel.WARNING or alert.description == AlertDescription.CLOSE_NOTIFY:
                raise ClientGone

    async def _open_record(self) -> tuple[int, bytes, bool]:
        header = (await self._bytes(HEADER_LENGTH))[:HEADER_LENGTH]
        length = HEADER_LENGTH + int.from_bytes(header[3:], "big")
        record = (await self._bytes(length))[:length]
        self._incoming = self._incoming[length:]
        self.records.append(record[0])
        self.lengths.append(length - HEADER_LENGTH)
        self.versions.append(int.from_bytes(record[1:3], "big"))
        # In TLS 1.3 a client that has not got as far as the keys tells so in the clear.
        protected = not isinstance(self.opener, PlainOpener) and not (
            isinstance(self.opener, Opener13) and record[0] != DATA
        )
        opener = self.opener if protected else PlainOpener()
        out = memoryview(bytearray(length))
        try:
            opened = opener.open(memoryview(record), out)
        except PeerMisbehaved:
            if not self.skips_early_data:
                raise
            return await self._open_record()
        self.sizes.append(opened.length)
        if self.skips_early_data and not protected and opened.content_type == DATA:
            return await self._open_record()
        return opened.content_type, out[: opened.length].tobytes(), protected

    async def _bytes(self, count: int) -> bytes:
        while len(self._incoming) < count:
            try:
                more = await self.transport.receive_some(2**16)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                more = b""
            if not more:
                raise ClientGone
            self._incoming += more
        return self._incoming

    async def listen(self, message_type: int) -> bytes:
        """The body of the client's next handshake message, which must be of this type."""
        while len(self._handshake) < 4 or len(self._handshake) < 4 + int.from_bytes(
            self._handshake[1:4], "big"
        ):
            content_type, content = await self.receive_record()
            if content_type == HANDSHAKE and content[0] == KeyUpdate.type and self.expects_answer:
                self._follow_key_update(content)
            elif content_type == HANDSHAKE:
                self._handshake += content
            elif content_type == DATA and self.expects_answer and not self._handshake:
                self.ahead += content
            elif content_type == DATA and self.takes_early_data:
                self.early_data += content
            else:
                assert content_type == CCS, content_type
        reader = Reader(self._handshake, "handshake")
        kind, body = reader.uint8(), reader.vector24()
        self._handshake = reader.rest()
        self.messages.append(SeenMessage(kind, body))
        assert kind == message_type, (kind, message_type)
        self.last_message = bytes([kind]) + vector24(body)
        self.transcript.add(self.last_message)
        return body

    async def listen_change_cipher_spec(self) -> None:
        """The client's change_cipher_spec."""
        assert await self.receive_record() == (CCS, b"\x01")

    async def receive_data(self) -> bytes:
        """Application data; a KeyUpdate on the way changes the key."""
        content, self.ahead = self.ahead, b""
        while not content:
            content_type, received = await self.receive_record()
            if content_type == DATA:
                content = received
            else:
                self._follow_key_update(received)
        self.data += content
        return content

    def _follow_key_update(self, content: bytes) -> None:
        assert content[0] == KeyUpdate.type, content
        assert self.read_secret is not None
        self.messages.append(SeenMessage(content[0], content[4:]))
        secret = self.read_secret.next()
        self.read_with(Opener13(secret), secret)

    async def drain(self) -> None:
        """Log whatever else the client sends, until it ends the connection."""
        ended = False
        while not ended:
            said = len(self.alerts)
            try:
                content_type, content = await self.receive_record()
                if content_type == HANDSHAKE and self.read_secret is not None:
                    self._follow_key_update(content)
            except ClientGone:
                ended = len(self.alerts) == said
