"""The receiving half of a stream.

Theory of operation
-------------------
Application data is opened straight out of the record reader; every other record is reacted to on the way: a
KeyUpdate changes the key and may leave a debt with the sending half, close_notify ends the half, any other alert
breaks it. Reactions are synchronous; what takes time, a ticket for the cache or a request for a signature, becomes
an errand, which is run before anything more is given out or waited for. The awaits are for errands and for more
bytes, and a cancellation there finds nothing to lose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from ._alerts import MAX_PASSED_OVER, Alert
from ._channel import Channel
from ._errors import AlertDescription, AlertReceived, PeerMisbehaved, TLSError
from ._messages import Message
from ._messages13 import CertificateRequest, KeyUpdate, NewSessionTicket
from ._post_handshake import MAX_REACTIONS, Errands, Reaction, reactions
from ._protection import ContentType, Epoch
from ._protection13 import Opener13
from ._reassembly import Reassembly
from ._records import MAX_READ, Record
from ._sending import SendingHalf
from ._wire import Established

if TYPE_CHECKING:
    from ._trace import Tracer

# How long what has been received may wait for an answer that the peer waits for, in seconds: enough for a
# transport that is ready, too little for a peer that does not read to hold the receiver up. Where data keeps
# coming in, there is no other moment.
_PATIENCE = 0.005
# What a server's last word means that had asked for it: many do so to see a client certificate.
_RENEGOTIATION = "it wanted to renegotiate, perhaps to see a client certificate, which this client never does"

# How much is opened at once for who asks for less: records cost less by the dozen.
_AHEAD = 2**16
_NOTHING = memoryview(b"")


class ReceivingHalf:
    """Receives and reacts, for one receiver at a time."""

    def __init__(
        self,
        channel: Channel,
        established: Established,
        sending: SendingHalf,
        errands: Errands,
        tracer: Tracer | None,
    ) -> None:
        self._channel = channel
        self._version = established.version
        self._secret = established.secrets.server if established.secrets else None
        self._sending = sending
        self._errands = errands
        self._tracer = tracer
        self._reactions = reactions(established)
        self._messages = Reassembly()
        self._rest = _NOTHING
        self._busy = False
        self._ended = False
        self._error: TLSError | None = None
        self._reacted = 0
        self._passed_over = 0
        self._refused_renegotiation = False

    async def receive(self, limit: int) -> bytes:
        """At most `limit` bytes of data, as soon as there are any; empty once the peer has ended its half."""
        if self._busy:
            raise trio.BusyResourceError("another task is receiving from this stream")
        self._busy = True
        waited = False
        try:
            await trio.lowlevel.checkpoint_if_cancelled()
            while True:
                if self._errands.waiting:
                    await self._run_errands()
                try:
                    data = self._take(limit)
                    if self._errands.waiting:
                        self._put_back(data)
                    elif data is None:
                        await (self._fill_and_pay() if self._sending.in_debt else self._channel.fill())
                        waited = True
                    else:
                        break
                except TLSError as error:
                    await self._fail(error)
                    raise
            if not waited:
                # One checkpoint to a call; a cancellation can no longer take the data back.
                await trio.lowlevel.cancel_shielded_checkpoint()
            return data
        finally:
            self._busy = False

    @property
    def empty(self) -> bool:
        """Whether nothing has been received that was not given out: no data, no record, no end, no error."""
        return not (self._rest or self._error or self._ended or self._channel.reader.buffered)

    async def _run_errands(self) -> None:
        try:
            await self._errands.answer(self._sending.owe_authentication)
        except Exception as error:
            # An identity of the user's has failed, and the server waits for an answer that will not come.
            what = f"a request for a certificate could not be answered: {type(error).__name__}: {error}"
            await self._fail(TLSError(what, AlertDescription.INTERNAL_ERROR))
            raise
        # A cache that fails is its user's trouble, and not the connection's.
        await self._errands.keep()

    def _take(self, limit: int) -> bytes | None:
        """What can be given without waiting: data, the end, an error; None when there is nothing."""
        if self._rest:
            return self._split(self._rest, limit)
        if self._error is not None:
            raise self._error.with_traceback(None)
        reader = self._channel.reader
        while not self._ended:
            if not reader.buffered:
                return None
            # RFC 9846 §5.1 [8446 §5.1]: "if a handshake message is split over two or more records, there MUST NOT
            # be any other records between them", so data is looked for only between messages.
            if not self._messages and (data := reader.read(max(limit, _AHEAD))):
                self._reacted = self._passed_over = 0
                return self._split(memoryview(data), limit) if len(data) > limit else data
            record = reader.next()
            if record is None:
                return None
            self._react(record)
        return b""

    def _put_back(self, data: bytes | None) -> None:
        """Give it again at the next `_take`."""
        if data:
            self._rest = memoryview(data + self._rest)

    def _split(self, data: memoryview, limit: int) -> bytes:
        # An empty view of it would keep all of what was opened, for as long as the connection is idle.
        self._rest = data[limit:] if limit < len(data) else _NOTHING
        return data[:limit].tobytes()

    async def _fill_and_pay(self) -> None:
        """Wait for more bytes; what the peer is owed is paid meanwhile, hardly waiting for that."""
        failure: Exception | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pay)
            try:
                await self._channel.fill()
            except Exception as error:  # noqa: BLE001  # raised below, outside the nursery and ungrouped
                failure = error
            patience = _PATIENCE if self._sending.awaited else 0
            nursery.cancel_scope.deadline = trio.current_time() + patience
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
            self._tracer.failed(error)
        why = f"the connection has failed: {error.message}"
        if isinstance(error, AlertReceived):
            self._sending.break_off(why)
        elif error.alert is not None:
            await self._sending.fail(AlertDescription(error.alert), why)
        # What is left ended without a word, and may still be listening.
        await self._errands.give_up(error)

    def _react(self, record: Record) -> None:
        if record.content_type == ContentType.HANDSHAKE:
            self._messages.feed(record.content)
            while (message := self._next_message()) is not None:
                self._react_to_message(message)
        elif record.content_type == ContentType.ALERT:
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
        if encoded is None:
            return None
        message = kind.parse(Reassembly.body(encoded))
        if self._tracer:
            self._tracer.message("received", message, encoded)
        if isinstance(message, CertificateRequest):
            self._errands.request(message, encoded)
        return message

    def _react_to_message(self, message: Message) -> None:
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
            self._refused_renegotiation = True
            self._sending.owe_alert(AlertDescription.NO_RENEGOTIATION)
        elif isinstance(message, NewSessionTicket):
            self._errands.ticket(message)
        # A peer that asks and asks, and reads no answer, would fill the memory.
        if self._sending.debts > MAX_REACTIONS:
            raise PeerMisbehaved(
                AlertDescription.UNEXPECTED_MESSAGE,
                f"more than {MAX_REACTIONS} requests wait for their answers",
            )

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
            if self._tracer:
                self._tracer.key_change("received", Epoch.APPLICATION)
        self._sending.hear_key_update()
        # "then the receiver MUST send a KeyUpdate of its own [...] prior to sending its next Application Data"
        if message.update_requested:
            self._sending.owe_key_update()

    def _hear(self, alert: Alert) -> None:
        if self._tracer:
            self._tracer.alert("received", alert)
        if not (alert.closes or alert.passes(self._version)):
            raise AlertReceived(alert.description, _RENEGOTIATION if self._refused_renegotiation else None)
        # Between the records of a message there may be no other (see `_take`), even one that would do elsewhere.
        if self._messages:
            raise PeerMisbehaved(AlertDescription.UNEXPECTED_MESSAGE, "an alert in the middle of a message")
        if alert.closes:
            # RFC 9846 §6.1: "Any data received after a closure alert has been received MUST be ignored."
            self._ended = True
            return
        self._passed_over += 1
        if self._passed_over > MAX_PASSED_OVER:
            raise PeerMisbehaved(AlertDescription.UNEXPECTED_MESSAGE, "too many warnings")


#: The most that one call gives when the caller names no limit: whatever was opened at once.
DEFAULT_LIMIT = MAX_READ
