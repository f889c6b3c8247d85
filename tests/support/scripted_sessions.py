"""What a scripted server remembers from one connection to the next.

Theory of operation: a `Memory` shared by the scripts of two connections makes the second one resume what the first
one left: by id or ticket up to TLS 1.2, by a pre-shared key in TLS 1.3, whose binder is checked as a server must.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, field

from trio_secure import _extensions as ext
from trio_secure._codec import Reader, vector8, vector16
from trio_secure._keys12 import MasterSecret
from trio_secure._keys13 import EarlySecrets, ResumptionSecret
from trio_secure._suites import CipherSuite
from trio_secure._transcript import Transcript


@dataclass(frozen=True)
class OfferedPsk:
    """A pre-shared key as a ClientHello offers it."""

    ticket: bytes
    obfuscated_age: int
    binder: bytes

    @classmethod
    def read(cls, data: bytes) -> OfferedPsk:
        """The one identity and the one binder in the extension."""
        reader = Reader(data, "pre_shared_key")
        identities = reader.inner(reader.vector16(7), "identities")
        binders = reader.inner(reader.vector16(33), "binders")
        reader.finish()
        offered = cls(identities.vector16(1), identities.uint32(), binders.vector8(32))
        identities.finish()
        binders.finish()
        return offered


@dataclass
class Memory:
    """The sessions of a server.

    Attributes:
        masters: by id or ticket, up to TLS 1.2.
        keys: pre-shared keys by ticket.
        ages: the obfuscated ages of the tickets that came back.
        early_suite: the suite of early data, where it is not the connection's.
    """

    masters: dict[bytes, MasterSecret] = field(default_factory=dict[bytes, MasterSecret])
    keys: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    ages: list[int] = field(default_factory=list[int])
    early_suite: CipherSuite | None = None

    def find12(self, session_id: bytes, ticket: bytes) -> MasterSecret | None:
        """The master secret that a ClientHello of TLS 1.2 or below asks for."""
        return self.masters.get(ticket) if ticket else self.masters.get(session_id)

    def new_ticket(self, secret: ResumptionSecret, extensions: bytes, lifetime: int, age_add: int) -> bytes:
        """The body of a NewSessionTicket of TLS 1.3, whose key is remembered."""
        ticket, nonce = os.urandom(24), os.urandom(4)
        self.keys[ticket] = secret.psk(nonce)
        return (
            lifetime.to_bytes(4, "big")
            + age_add.to_bytes(4, "big")
            + vector8(nonce)
            + vector16(ticket)
            + extensions
        )

    def find13(
        self, hello: bytes, extensions: dict[int, bytes], suite: CipherSuite, transcript: Transcript
    ) -> EarlySecrets | None:
        """The secrets of the pre-shared key that a ClientHello offers, if it is known.

        Args:
            hello: the message in wire form.
            extensions: its extensions.
            suite: the suite that the server is about to choose.
            transcript: everything before the hello.
        """
        data = extensions.get(ext.PRE_SHARED_KEY)
        if data is None:
            return None
        assert list(extensions)[-1] == ext.PRE_SHARED_KEY, "the extension has to be the last"
        assert extensions[ext.PSK_KEY_EXCHANGE_MODES] == b"\x01\x01"
        offered = OfferedPsk.read(data)
        psk = self.keys.get(offered.ticket)
        if psk is None:
            return None
        self.ages.append(offered.obfuscated_age)
        secrets = EarlySecrets.derive(suite.hash, psk)
        truncated = hello[: -(2 + 1 + len(offered.binder))]
        expected = secrets.binder(transcript.preview(suite.hash, truncated))
        assert hmac.compare_digest(offered.binder, expected), "the binder is wrong"
        return secrets
