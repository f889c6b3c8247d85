"""What a handshake is handed, and what it hands back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar, overload

from ._groups import NamedGroup
from ._identity import VerifiedPeer
from ._keys13 import ApplicationSecrets
from ._messages import Message
from ._protection import Opener, Sealer
from ._suites import CipherSuite
from ._transcript import Transcript
from ._versions import Version

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

    async def flush(self) -> None:
        """Send whatever waits."""
        ...

    @overload
    async def expect(self, a: type[A], /) -> A: ...
    @overload
    async def expect(self, a: type[A], b: type[B], /) -> A | B: ...

    async def expect_change_cipher_spec(self) -> None:
        """Take a change_cipher_spec record and nothing else."""
        ...

    def read_with(self, opener: Opener, /) -> None:
        """Open what comes next with a new key; refused while a part of a message is buffered."""
        ...

    def write_with(self, sealer: Sealer, /) -> None:
        """Seal what is sent next with a new key."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Established:
    """A finished handshake. It cannot be made without the `VerifiedPeer`.

    Attributes:
        secrets: the application traffic secrets of TLS 1.3, which a KeyUpdate moves on; None before it.
    """

    version: Version
    suite: CipherSuite
    group: NamedGroup
    peer: VerifiedPeer
    alpn: bytes | None
    extended_master_secret: bool
    secrets: ApplicationSecrets | None = None
