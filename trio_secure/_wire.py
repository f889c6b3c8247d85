"""What a handshake is handed, and what it hands back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar, overload

from ._frozen import frozen
from ._identity import VerifiedPeer
from ._keys13 import ApplicationSecrets, ResumptionSecret
from ._messages import Message
from ._protection import Epoch, Opener, Sealer
from ._sessions import Session
from ._suites import CipherSuite
from ._transcript import Transcript
from ._versions import Version

if TYPE_CHECKING:
    from ._keys12 import MasterSecret
    from ._messages12 import NewSessionTicket

A = TypeVar("A", bound=Message)
B = TypeVar("B", bound=Message)


class OutgoingMessage(Protocol):
    """A handshake message a client sends."""

    def encode(self) -> bytes:
        """The message in wire form."""
        ...


class Wire(Protocol):
    """The way to the peer, one message at a time."""

    @property
    def transcript(self) -> Transcript:
        """Every message sent and expected so far."""
        ...

    def settle(self, version: Version) -> None:
        """The version is known: from here on its rules for records and alerts hold."""
        ...

    async def send(self, message: OutgoingMessage, /) -> None:
        """Send a message; it may wait for others of the same flight."""
        ...

    async def send_change_cipher_spec(self) -> None:
        """Send a change_cipher_spec record."""
        ...

    async def send_early_data(self, data: bytes, /) -> None:
        """Send application data before the handshake is over (0-RTT), under the key in use."""
        ...

    async def flush(self) -> None:
        """Send whatever waits."""
        ...

    @overload
    async def expect(self, a: type[A], /) -> A: ...
    @overload
    async def expect(self, a: type[A], b: type[B], /) -> A | B: ...

    async def accept(self, kind: type[A], /) -> A | None:
        """The next message if it is of `kind`; None when another one comes, which stays to be expected."""
        ...

    async def expect_change_cipher_spec(self) -> None:
        """Take a change_cipher_spec record and nothing else."""
        ...

    def limit(self, limits: RecordLimits, /) -> None:
        """Keep to these limits, and hold the peer to them, from here on."""
        ...

    def read_with(self, opener: Opener, epoch: Epoch = Epoch.APPLICATION, /) -> None:
        """Open what comes next with a new key; refused while a part of a message is buffered."""
        ...

    def write_with(self, sealer: Sealer, epoch: Epoch = Epoch.APPLICATION, /) -> None:
        """Seal what is sent next with a new key."""
        ...

    def log_secret(self, label: str, secret: bytes, /) -> None:
        """Write a secret to the key log, if there is one."""
        ...

    def note(self, name: str, summary: str = "", /) -> None:
        """Tell the trace, if there is one, what is decided or found on this side."""
        ...


class Exporter(Protocol):
    """What other protocols may have of a connection's secrets."""

    def export(self, label: bytes, context: bytes | None, length: int) -> bytes:
        """`length` bytes that are this connection's own."""
        ...


@frozen
class RecordLimits:
    """How much one record may hold, in each direction; None is as much as the version allows.

    Attributes:
        fragment: bytes of content, of every record from now on, both ways (max_fragment_length).
        receive: bytes of plaintext in a protected record to us (our record_size_limit).
        send: bytes of plaintext in a protected record to the peer (its record_size_limit).
    """

    fragment: int | None = None
    receive: int | None = None
    send: int | None = None


NO_LIMITS = RecordLimits()


@frozen(repr=False)
class NewSession12:
    """What a handshake of TLS 1.2 or below leaves that can be resumed, if the server keeps it or gave a ticket."""

    master: MasterSecret
    extended_master_secret: bool
    session_id: bytes
    ticket: NewSessionTicket | None
    max_fragment_length: int | None


@frozen(repr=False)
class Established:
    """A finished handshake. It cannot be made without the `VerifiedPeer`.

    Attributes:
        group: the name of the key-exchange group, if there was one.
        resumed: the session that was resumed, if one was.
        secrets: the application traffic secrets of TLS 1.3, which a KeyUpdate moves on; None before it.
        exporter: what keying material is exported from; None where RFC 7627 §5.4 forbids it.
        session: what can be resumed, in TLS 1.2 and below.
        resumption: what the tickets of TLS 1.3 are made with, when they are wanted.
        transcript: the whole handshake, when a request for a client certificate may follow it.
        tls_unique: the first Finished, in TLS 1.2 and below, where it identifies the connection.
        early_data: whether the server took the data that came with the ClientHello; None when none did.
        client_chain: the certificates this client showed, its own first.
    """

    version: Version
    suite: CipherSuite
    group: str | None
    peer: VerifiedPeer
    alpn: bytes | None = None
    extended_master_secret: bool = True
    encrypt_then_mac: bool = False
    limits: RecordLimits = NO_LIMITS
    resumed: Session | None = None
    secrets: ApplicationSecrets | None = None
    exporter: Exporter | None = None
    session: NewSession12 | None = None
    resumption: ResumptionSecret | None = None
    transcript: Transcript | None = None
    tls_unique: bytes | None = None
    early_data: bool | None = None
    client_chain: tuple[bytes, ...] = ()
