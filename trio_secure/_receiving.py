"""The receiving half of a stream.

Theory of operation
-------------------
Application data is opened straight out of the record reader; every other record is reacted to on the way: tickets
are passed over, a KeyUpdate changes the key and may leave a debt with the sending half, close_notify ends the
half, any other alert breaks it. Reactions are synchronous. The one await is for more bytes, and it is where a
cancellation finds nothing to lose.
"""

from __future__ import annotations

import trio

from ._alerts import MAX_PASSED_OVER, Alert
from ._channel import Channel
from ._errors import AlertDescription, AlertReceived, PeerMisbehaved, TLSError, Truncated, alert_name
from ._keys13 import TrafficSecret
from ._messages import Message
from ._messages13 import KeyUpdate
from ._post_handshake import MAX_REACTIONS, Reaction, reactions
from ._protection import ContentType, Opener13
from ._reassembly import Reassembly
from ._records import Record
from ._sending import SendingHalf
from ._trace import Tracer
from ._versions import Version


class ReceivingHalf:
    """Receives and reacts, for one receiver at a time."""

    def __init__(
        self,
        channel: Channel,
        version: Version,
        secret: TrafficSecret | None,
        sending: SendingHalf,
        tracer: Tracer | None,
    ) -> None:
        self._channel = channel
        self._version = version
        self._secret = secret
        self._sending = sending
        self._tracer = tracer
        self._reactions = reactions(version)
        self._messages = Reassembly()
        self._rest = memoryview(b"")
        self._busy = False
        self._ended = False
        self._error: TLSError | None = None
        self._reacted = 0
        self._passed_over = 0

    async def receive(self, limit: int) -> bytes:
        """At most `limit` bytes of data, as soon as there are any; empty once the peer has ended its half."""
        if self._busy:
            raise trio.BusyResourceError("another task is receiving from this stream")
        self._busy = True
        try:
            await trio.lowlevel.checkpoint_if_cancelled()
            data = self._take(limit)
            if data is not None:
                # One checkpoint to a call; a cancellation can no longer take the data back.
                await trio.lowlevel.cancel_shielded_checkpoint()
                return data
            while data is None:
                await self._fill()
                data = self._take(limit)
            return data
        except TLSError as error:
            await self._fail(error)
            raise
        finally:
            self._busy = False

    def _take(self, limit: int) -> bytes | None:
        """What can be given without waiting: data, the end, an error; None when there is nothing."""
        if self._rest:
            return self._split(self._rest, limit)
        if self._error is not None:
            raise self._error.with_traceback(None)
        reader = self._channel.reader
        while not self._ended:
            # RFC 9846 §5.1 [8446 §5.1]: "if a handshake message is split over two or more records, there MUST NOT
            # be any other records between them", so data is looked for only between messages.
            if not self._messages and (data := reader.read(limit)):
                self._reacted = 0
                return self._split(memoryview(data), limit) if len(data) > limit else data
            record = reader.next()
            if record is None:
                return None
            self._react(record)
        return b""

    def _split(self, data: memoryview, limit: int) -> bytes:
        self._rest = data[limit:]
        return data[:limit].tobytes()

    async def _fill(self) -> None:
        if not self._sending.in_debt:
            await self._channel.fill()
            return
        # The peer is owed an answer and nobody is sending: pay it while waiting, without waiting for it.
        failure: Exception | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pay)
            try:
                await self._channel.fill()
            except Exception as error:  # noqa: BLE001  # raised below, outside the nursery and ungrouped
                failure = error
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _pay(self) -> None:
        try:
            await self._sending.settle()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            # The sending half knows, and tells the next sender.
            return

    async def _fail(self, error: TLSError) -> None:
        """Remember the error, and tell the peer if it is ours to tell."""
        if self._error is not None:
            return
        self._error = error
        error.phase = error.phase or "application data"
        if self._tracer:
            self._tracer.event("note", "failed", str(error))
        if isinstance(error, Truncated):
            return
        if isinstance(error, AlertReceived) or error.alert is None:
            self._sending.break_off(f"the connection has failed: {error.message}")
        else:
            await self._sending.fail(
                AlertDescription(error.alert), f"the connection has failed: {error.message}"
            )

    def _react(self, record: Record) -> None:
        if record.content_type == ContentType.HANDSHAKE:
            self._messages.feed(record.content)
            while (message := self._next_message()) is not None:
                self._react_to_message(message)
        elif record.content_type == ContentType.ALERT and not self._messages:
            self._hear(Alert.parse(record.content))
        else:
            raise PeerMisbehaved(
                AlertDescription.UNEXPECTED_MESSAGE,
                f"a record of type {record.content_type} came after the handshake",
            )

    def _next_message(self) -> Message | None:
        header = self._messages.begin()
        if header is None:
            return None
        kind = next((kind for kind in self._reactions if kind.type == header.type), None)
        if kind is None:
            raise PeerMisbehaved(
                AlertDescription.UNEXPECTED_MESSAGE,
                f"a message of type {header.type} came after the handshake",
            )
        if header.length > kind.max_length:
            raise PeerMisbehaved(
                AlertDescription.DECODE_ERROR,
                f"{kind.__name__} announces {header.length} bytes; {kind.max_length} are allowed",
            )
        encoded = self._messages.take(header.length)
        return None if encoded is None else kind.parse(Reassembly.body(encoded))

    def _react_to_message(self, message: Message) -> None:
        if self._tracer:
            self._tracer.message("received", message)
        self._reacted += 1
        if self._reacted > MAX_REACTIONS:
            raise PeerMisbehaved(
                AlertDescription.UNEXPECTED_MESSAGE,
                f"more than {MAX_REACTIONS} handshake messages without data",
            )
        reaction = self._reactions[type(message)]
        if reaction is Reaction.UPDATE_KEYS and isinstance(message, KeyUpdate):
            self._update_keys(message)
        elif reaction is Reaction.REFUSE_RENEGOTIATION:
            self._sending.owe_alert(AlertDescription.NO_RENEGOTIATION)

    def _update_keys(self, message: KeyUpdate) -> None:
        # RFC 9846 §5.1 [8446 §5.1]: "Handshake messages MUST NOT span key changes."
        if self._messages:
            raise PeerMisbehaved(
                AlertDescription.UNEXPECTED_MESSAGE, "a handshake message reaches across a change of keys"
            )
        # RFC 9846 §4.7.3 [8446 §4.6.3]: "Upon receiving a KeyUpdate, the receiver MUST update its receiving keys."
        if self._secret is not None:
            self._secret = self._secret.next()
            self._channel.reader.opener = Opener13(self._secret)
        # "then the receiver MUST send a KeyUpdate of its own [...] prior to sending its next Application Data"
        if message.update_requested:
            self._sending.owe_key_update()

    def _hear(self, alert: Alert) -> None:
        if self._tracer:
            self._tracer.event("received", "alert", alert_name(alert.description))
        if alert.closes:
            # RFC 9846 §6.1: "Any data received after a closure alert has been received MUST be ignored."
            self._ended = True
            return
        if not alert.passes(self._version):
            raise AlertReceived(alert.description)
        self._passed_over += 1
        if self._passed_over > MAX_PASSED_OVER:
            raise PeerMisbehaved(AlertDescription.UNEXPECTED_MESSAGE, "too many warnings")


#: The most that one call gives when the caller names no limit. From 128 KiB on, the C library fetches fresh pages
#: for every such object and gives them back, which can cost more than opening the records in it.
DEFAULT_LIMIT = 2**16
