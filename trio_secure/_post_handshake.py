"""What a server may still say once the handshake is over.

Theory of operation
-------------------
The handshake is a script; what follows is reaction, and small enough for a table: per version, the messages that
may come, each with what it makes the stream do. Anything else is an unexpected_message. What takes time, because
it asks a cache or a signer of the user's, is put into `Errands`, and done before the receiver gives out more.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from . import _messages13 as m13
from ._errors import Truncated
from ._messages import HelloRequest, Message
from ._resumption import max_early_data
from ._session_keeper import SessionKeeper
from ._transcript import Transcript
from ._versions import Version
from ._wire import Established, OutgoingMessage

if TYPE_CHECKING:
    from ._client_identity import ClientIdentity


class Reaction(enum.Enum):
    """What the stream does about a message."""

    KEEP_TICKET = enum.auto()
    AUTHENTICATE = enum.auto()
    UPDATE_KEYS = enum.auto()
    REFUSE_RENEGOTIATION = enum.auto()


Reactions = Mapping[type[Message], Reaction]

_REACTIONS_13: Reactions = {
    # RFC 9846 §4.7.1: "Clients which receive a NewSessionTicket message but do not support resumption MUST
    # silently ignore this message."
    m13.NewSessionTicket: Reaction.KEEP_TICKET,
    m13.KeyUpdate: Reaction.UPDATE_KEYS,
}
_REACTIONS_12: Reactions = {
    # RFC 5246 §7.4.1.1: a client that does not wish to renegotiate "may respond with a no_renegotiation alert".
    # RFC 5746 §4.2: clients that refuse "MUST respond to such requests with a 'no_renegotiation' alert".
    HelloRequest: Reaction.REFUSE_RENEGOTIATION,
}

#: KeyUpdates and HelloRequests that may come without any application data between them: enough for every honest
#: server, too few to keep a client busy for nothing.
MAX_REACTIONS = 32


def reactions(established: Established) -> Reactions:
    """The messages that may come after a handshake."""
    if established.version < Version.TLS13:
        return _REACTIONS_12
    # RFC 9846 §4.7.2 [8446 §4.6.2]: "A client that receives a CertificateRequest message without having sent the
    # 'post_handshake_auth' extension MUST send an 'unexpected_message' fatal alert."
    if established.transcript is None:
        return _REACTIONS_13
    return {**_REACTIONS_13, m13.CertificateRequest: Reaction.AUTHENTICATE}


class _Answer:
    """Takes the messages that answer a request after the handshake, and keeps their transcript."""

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript
        self.messages: list[tuple[OutgoingMessage, bytes]] = []

    async def send(self, message: OutgoingMessage, /) -> None:
        """Take a message."""
        encoded = message.encode()
        self.transcript.add(encoded)
        self.messages.append((message, encoded))


class Errands:
    """What is left to do because of messages that came, and takes time.

    Args:
        established: the handshake they came after.
        identities: what this client can show.
        keeper: where sessions go, if anywhere.
    """

    def __init__(
        self, established: Established, identities: Sequence[ClientIdentity], keeper: SessionKeeper | None
    ) -> None:
        self._version = established.version
        self._transcript = established.transcript
        self._identities = identities
        self._keeper = keeper
        self._requests: tuple[tuple[m13.CertificateRequest, bytes], ...] = ()
        #: Whether there is anything to do. Asked twice for each piece of data, so it is here to be read.
        self.waiting = False
        self._look()

    def _look(self) -> None:
        self.waiting = bool(self._requests) or (self._keeper is not None and self._keeper.waiting)

    def ticket(self, ticket: m13.NewSessionTicket) -> None:
        """A ticket has come."""
        # Looked at even where nobody keeps it: RFC 9846 §4.3.10 [8446 §4.2.10] says what its extension holds.
        max_early_data(ticket)
        if self._keeper is not None:
            self._keeper.receive(ticket)
            self._look()

    def request(self, request: m13.CertificateRequest, encoded: bytes) -> None:
        """The server asks who this client is."""
        from ._client_authentication import wanted13

        # What is wrong with it is told at once, and is nothing that a signer of the user's has done.
        wanted13(request)
        self._requests = (*self._requests, (request, encoded))
        self._look()

    async def answer(self, owe: Callable[[Sequence[tuple[OutgoingMessage, bytes]], bytes], None]) -> None:
        """Answer the requests; one that is cancelled on the way is still to be answered.

        Args:
            owe: takes the messages that answer a request and the transcript that a Finished behind them covers.

        Raises:
            Exception: whatever an identity of the user's raises.
        """
        while self._requests and self._transcript is not None:
            from ._client_authentication import answer13

            request, encoded = self._requests[0]
            # RFC 9846 §4.5 [8446 §4.4]: the context is "ClientHello ... client Finished + CertificateRequest".
            answer = _Answer(self._transcript.copy())
            answer.transcript.add(encoded)
            await answer13(answer, self._identities, request)
            self._requests = self._requests[1:]
            self._look()
            owe(answer.messages, answer.transcript.digest())

    async def keep(self) -> None:
        """Leave with the cache what waits for it; what is cancelled on the way waits on.

        Raises:
            Exception: whatever the cache raises; it is not asked again for the same session.
        """
        if self._keeper is not None:
            try:
                await self._keeper.keep()
            finally:
                self._look()

    async def give_up(self, error: Exception) -> None:
        """The connection has failed: what is left to do is to forget its session, where that has to be done."""
        self._requests = ()
        # RFC 2246 §7.2.1: "The session becomes unresumable if any connection is terminated without proper
        # close_notify messages with level equal to warning." RFC 4346 §7.2.1 has taken that back.
        # RFC 5077 §3.2: "If the ticket is accepted by the server but the handshake fails, the client SHOULD delete
        # the ticket."
        harmless = isinstance(error, Truncated) and self._version > Version.TLS10
        try:
            if self._keeper is not None and not harmless:
                await self._keeper.give_up(error)
        finally:
            self._look()
