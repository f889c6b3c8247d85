"""The sending half of a stream.

Theory of operation
-------------------
Data is sealed in batches and each batch is handed to the transport whole. Between two batches, and before
anything else is sent, goes what the receiving half owes the peer: the answer to a KeyUpdate, a refusal to
renegotiate, an alert. So a receiver only notes a debt; whoever sends next pays it, and `settle` pays it when
nobody is sending.

A cancelled `send_all` may have left a part of a record in the transport, and nothing can follow a part of a
record: this half is then broken, and only this half.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVarTuple

import trio

from ._alerts import Alert, encode_alert
from ._channel import Channel
from ._errors import AlertDescription, TLSError
from ._keys13 import TrafficSecret
from ._messages import Finished
from ._messages13 import KeyUpdate
from ._protection import MAX_CONTENT, ContentType, Epoch
from ._protection13 import Sealer13
from ._suites import Buffer
from ._trio_wire import ALERT_DEADLINE
from ._wire import OutgoingMessage

if TYPE_CHECKING:
    from ._trace import Tracer

# How many full records go between two looks at what else has to be sent, and at once to a transport that is no
# socket: few enough to keep the memory of a send bounded.
_BATCH = 16 * MAX_CONTENT
# The records that one key must have left besides those of a batch: a KeyUpdate, an alert or two.
_SPARE = 4
# No batch takes more: a record holds at least a byte.
_PLENTY = 2 * _BATCH + _SPARE

Ts = TypeVarTuple("Ts")


class SendingHalf:
    """Seals and sends, for one sender at a time."""

    def __init__(self, channel: Channel, secret: TrafficSecret | None, tracer: Tracer | None) -> None:
        self._channel = channel
        self._secret = secret
        self._tracer = tracer
        self._busy = False
        self._turn = trio.Semaphore(1, max_value=1)
        self._debts: list[Callable[[], memoryview]] = []
        self._update_owed = False
        self._update_awaited = False
        #: Whether the peer may be waiting for what is owed; it does not wait for a KeyUpdate.
        self.awaited = False
        self._broken: str | None = None
        self._torn = False
        self._ended = False

    @property
    def open(self) -> bool:
        """Whether anything can still be sent."""
        return not self._ended and self._broken is None

    def break_off(self, why: str) -> None:
        """Nothing more can be sent."""
        self._broken = self._broken or why

    def owe_key_update(self) -> None:
        """The peer asked for a KeyUpdate of ours: it gets one, however often it asks before that."""
        if not self._update_owed:
            self._update_owed = True
            self._owe(lambda: self._seal_key_update(update_requested=False))

    def owe_alert(self, description: AlertDescription) -> None:
        """The peer gets this alert."""
        self._owe(lambda: self._seal_alert(description))

    def owe_authentication(
        self, messages: Sequence[tuple[OutgoingMessage, bytes]], transcript: bytes
    ) -> None:
        """The peer gets these messages, and a Finished over `transcript` (RFC 9846 §4.7.2 [8446 §4.6.2])."""
        self.awaited = True
        self._owe(lambda: self._seal_authentication(messages, transcript))

    def _owe(self, debt: Callable[[], memoryview]) -> None:
        # What can no longer be sent is not kept.
        if self.open:
            self._debts.append(debt)

    def hear_key_update(self) -> None:
        """A KeyUpdate of the peer's has come."""
        self._update_awaited = False

    @property
    def debts(self) -> int:
        """How many things are owed."""
        return len(self._debts)

    @property
    def in_debt(self) -> bool:
        """Whether something is owed that nobody is about to pay."""
        return bool(self._debts) and self.open and self._turn.value > 0

    async def settle(self) -> None:
        """Pay what is owed as soon as the transport takes it; when cancelled before that, nothing is lost."""
        async with self._turn:
            await self._channel.transport.wait_send_all_might_not_block()
            # A transport that has just said it might not block takes these few bytes at once. If it does not, a
            # part of a record may be out, and this half is done for.
            with trio.move_on_after(ALERT_DEADLINE, shield=True):
                if self._debts and self.open:
                    await self._pay()

    async def fail(self, description: AlertDescription, why: str) -> None:
        """Send a last alert, behind a batch that is on its way; from here on this half is broken."""
        if not self.open:
            return
        self.break_off(why)
        with trio.move_on_after(ALERT_DEADLINE, shield=True):
            try:
                async with self._turn:
                    if not self._torn:
                        await self._send(self._seal_alert(description))
            except (TLSError, trio.ClosedResourceError):
                # The transport went first; the caller raises what came before that.
                return

    def send_all(self, data: Buffer) -> Awaitable[None]:
        """Seal and send all of `data`."""
        return self._alone(self._send_data, data)

    async def end(self) -> None:
        """Send close_notify; doing so again does nothing."""
        if self._ended:
            await trio.lowlevel.checkpoint()
        else:
            await self._alone(self._send_close_notify)

    async def update_keys(self, *, both: bool) -> None:
        """Change the key this side sends with, and have the peer change its own if `both`."""
        if self._secret is None:
            raise RuntimeError("only TLS 1.3 can change keys: connect anew")
        await self._alone(self._send_key_update, both)

    async def wait_might_not_block(self) -> None:
        """Wait until `send_all` may go ahead."""
        await self._alone(self._channel.transport.wait_send_all_might_not_block)

    async def _alone(self, send: Callable[[*Ts], Awaitable[None]], *args: *Ts) -> None:
        """Run one sender's work; a second sender is refused, a debt being paid is waited for."""
        if self._busy:
            raise trio.BusyResourceError("another task is sending on this stream")
        if not self.open:
            await trio.lowlevel.checkpoint()
            self._check_open()
        self._busy = True
        try:
            # Before anything is sealed, so that being cancelled here leaves this half as it was.
            await trio.lowlevel.checkpoint_if_cancelled()
            if self._turn.value:
                self._turn.acquire_nowait()
            else:
                await self._turn.acquire()
            try:
                self._check_open()
                await send(*args)
            finally:
                self._turn.release()
        finally:
            self._busy = False

    async def _send_data(self, data: Buffer) -> None:
        view = memoryview(data).cast("B")
        if not len(view):
            await trio.lowlevel.checkpoint()
        try:
            for start in range(0, len(view), _BATCH):
                self._check_open()
                if self._channel.writer.sealer.remaining < _PLENTY:
                    self._make_room()
                if self._debts:
                    await self._pay()
                self._torn = True
                if start:
                    await trio.lowlevel.checkpoint_if_cancelled()
                await self._channel.send_data(view[start : start + _BATCH])
                self._torn = False
        finally:
            self._break_off_if_torn()
        if self._debts and self.open:
            await self._pay()

    async def _send_key_update(self, both: bool) -> None:
        # RFC 9846 §4.7.3: "Until receiving a subsequent KeyUpdate from the peer, the sender MUST NOT send another
        # KeyUpdate with request_update set to 'update_requested'."
        requested = both and not self._update_awaited
        self._debts.append(lambda: self._seal_key_update(update_requested=requested))
        await self._pay()

    async def _send_close_notify(self) -> None:
        self.owe_alert(AlertDescription.CLOSE_NOTIFY)
        await self._pay()
        self._ended = True

    def _check_open(self) -> None:
        if self._broken is not None:
            raise trio.BrokenResourceError(self._broken)
        if self._ended:
            raise trio.ClosedResourceError("send_eof was called on this stream")

    async def _pay(self) -> None:
        """Send the records that pay what is owed, sealed now."""
        debts, self._debts, self.awaited = self._debts, [], False
        await self._send(b"".join([debt() for debt in debts]))

    async def _send(self, records: Buffer) -> None:
        try:
            self._torn = True
            await self._channel.send(records)
            self._torn = False
        finally:
            self._break_off_if_torn()

    def _break_off_if_torn(self) -> None:
        if self._torn:
            self.break_off("an earlier send was interrupted or failed, perhaps in the middle of a record")

    def _make_room(self) -> None:
        """Change keys before the one in use has protected as many records as it may."""
        # TLS 1.0 may split each record in two.
        batch = 2 * -(-_BATCH // self._channel.writer.max_content)
        if self._channel.writer.sealer.remaining > batch + _SPARE:
            return
        # RFC 9846 §5.5 [8446 §5.5]: "Implementations MUST either close the connection or do a key update as
        # described in Section 4.7.3 prior to reaching these limits."
        if self._secret is None:
            self.break_off(
                "the key has protected as much as it may, and TLS 1.2 cannot change it: connect anew"
            )
            self._check_open()
        self.owe_key_update()

    def _seal_key_update(self, *, update_requested: bool) -> memoryview:
        # RFC 9846 §4.7.3 [8446 §4.6.3]: "Both sender and receiver MUST encrypt their KeyUpdate messages with the
        # old keys", and "After sending a KeyUpdate message, the sender SHALL send all its traffic using the next
        # generation of keys".
        message = KeyUpdate(update_requested)
        encoded = message.encode()
        records = self._channel.writer.seal(ContentType.HANDSHAKE, encoded)
        self._update_owed = False
        self._update_awaited = self._update_awaited or update_requested
        if self._tracer:
            self._tracer.message("sent", message, encoded)
        if self._secret is not None:
            self._secret = self._secret.next()
            self._channel.writer.sealer = Sealer13(self._secret)
            if self._tracer:
                self._tracer.key_change("sent", Epoch.APPLICATION)
        return records

    def _seal_authentication(
        self, messages: Sequence[tuple[OutgoingMessage, bytes]], transcript: bytes
    ) -> memoryview:
        flight = [*messages]
        if self._secret is not None:
            # RFC 9846 §4.5 [8446 §4.4]: the base key is "client_application_traffic_secret_N", the one in use.
            finished = Finished(self._secret.finished(transcript))
            flight.append((finished, finished.encode()))
        if self._tracer:
            for message, encoded in flight:
                self._tracer.message("sent", message, encoded)
        # RFC 9846 §4.7.2 [8446 §4.6.2]: "All of the client's messages for a given response MUST appear
        # consecutively on the wire with no intervening messages of other types."
        return self._channel.writer.seal(ContentType.HANDSHAKE, b"".join(encoded for _, encoded in flight))

    def _seal_alert(self, description: AlertDescription) -> memoryview:
        alert = encode_alert(description)
        if self._tracer:
            self._tracer.alert("sent", Alert.parse(alert))
        return self._channel.writer.seal(ContentType.ALERT, alert)
