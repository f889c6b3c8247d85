"""What can be made to go wrong, each a value to give to `Authority.serve(fault=…)`.

Theory of operation: a server asks its fault four things, and the base class answers as a good server would: which
certificate to show, how to set OpenSSL up, what to do with a new transport, and whether a connection is made at
all. Each fault answers one of them differently.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import trio
import trustme
from OpenSSL import SSL

from trio_secure._sockets import with_reason

from ._transports import ChangedStream, CutStream, StalledStream


@dataclass(frozen=True)
class Fault:
    """No fault at all; a class of your own overrides what it wants."""

    closes_well = True
    """Whether close_notify is sent before the transport is closed."""

    def issue(self, authority: trustme.CA, names: tuple[str, ...]) -> trustme.LeafCert:
        """The certificate to show."""
        return authority.issue_cert(*names)

    def configure(self, context: SSL.Context) -> None:
        """Change the server's settings, made already."""

    def meddle(self, transport: trio.abc.Stream) -> trio.abc.Stream:
        """The transport to use in place of `transport`."""
        return transport

    async def connect(self, host: str, port: int) -> None:
        """Called before there is a transport; may raise, or wait."""
        await trio.lowlevel.checkpoint()

    async def greet(self, transport: trio.abc.Stream) -> bool:
        """Called before the handshake; False if there is to be none."""
        return True


@dataclass(frozen=True)
class Expired(Fault):
    """The certificate is out of date, since `days` ago."""

    days: float = 1

    def issue(self, authority: trustme.CA, names: tuple[str, ...]) -> trustme.LeafCert:
        """A certificate that was good for a month."""
        end = datetime.now(UTC) - timedelta(days=self.days)
        return authority.issue_cert(*names, not_before=end - timedelta(days=30), not_after=end)


@dataclass(frozen=True)
class NotYetValid(Fault):
    """The certificate is not good before `days` from now."""

    days: float = 1

    def issue(self, authority: trustme.CA, names: tuple[str, ...]) -> trustme.LeafCert:
        """A certificate that will be good for a month."""
        start = datetime.now(UTC) + timedelta(days=self.days)
        return authority.issue_cert(*names, not_before=start, not_after=start + timedelta(days=30))


@dataclass(frozen=True)
class WrongName(Fault):
    """The certificate is somebody else's."""

    name: str = "somebody-else.example"

    def issue(self, authority: trustme.CA, names: tuple[str, ...]) -> trustme.LeafCert:
        """A certificate for `name`."""
        return authority.issue_cert(self.name)


@dataclass(frozen=True)
class UnknownAuthority(Fault):
    """The certificate is from an authority that nobody trusts."""

    def issue(self, authority: trustme.CA, names: tuple[str, ...]) -> trustme.LeafCert:
        """A certificate of a fresh authority."""
        return trustme.CA(organization_name="An unknown authority").issue_cert(*names)


@dataclass(frozen=True)
class MissingIntermediate(Fault):
    """The server does not send the authority between its certificate and the root."""

    def issue(self, authority: trustme.CA, names: tuple[str, ...]) -> trustme.LeafCert:
        """A certificate from an authority below, without that one's."""
        leaf = authority.create_child_ca().issue_cert(*names)
        return trustme.LeafCert(leaf.private_key_pem.bytes(), leaf.cert_chain_pems[0].bytes(), [])


@dataclass(frozen=True)
class OldVersion(Fault):
    """The server speaks TLS 1.1 and nothing newer."""

    def configure(self, context: SSL.Context) -> None:
        """OpenSSL does it at security level 0 only."""
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
        context.set_min_proto_version(SSL.TLS1_VERSION)
        context.set_max_proto_version(SSL.TLS1_1_VERSION)


@dataclass(frozen=True)
class ClientCertificateRefused(Fault):
    """The server asks for a client certificate and is content with none.

    A client learns of it during the handshake in TLS 1.2, and from the first it receives in TLS 1.3.
    """

    def configure(self, context: SSL.Context) -> None:
        """Refuse every certificate, and none."""
        insist = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        context.set_verify(insist, lambda _connection, _certificate, _error, _depth, _ok: False)


@dataclass(frozen=True)
class CutAt(Fault):
    """The transport ends after the server has sent `sent` bytes, of the handshake or after it."""

    sent: int

    def meddle(self, transport: trio.abc.Stream) -> trio.abc.Stream:
        """Count, and close."""
        return CutStream(transport, self.sent)


@dataclass(frozen=True)
class StalledAt(Fault):
    """After `sent` bytes the server falls silent: it sends no more and does not close."""

    sent: int

    def meddle(self, transport: trio.abc.Stream) -> trio.abc.Stream:
        """Count, and wait."""
        return StalledStream(transport, self.sent)


@dataclass(frozen=True)
class ChangedAt(Fault):
    """Somebody on the way changes a bit of the byte after the first `sent` ones."""

    sent: int

    def meddle(self, transport: trio.abc.Stream) -> trio.abc.Stream:
        """Count, and change."""
        return ChangedStream(transport, self.sent)


@dataclass(frozen=True)
class NoCloseNotify(Fault):
    """When the handler is done, the transport is closed without close_notify: an answer that may be cut short."""

    closes_well = False


@dataclass(frozen=True)
class NotTLS(Fault):
    """What listens there speaks something else, and says `reply` to whatever comes."""

    reply: bytes = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"

    async def greet(self, transport: trio.abc.Stream) -> bool:
        """Reply to the ClientHello."""
        await transport.receive_some()
        await transport.send_all(self.reply)
        return False


@dataclass(frozen=True)
class ConnectionRefused(Fault):
    """Nobody listens."""

    async def connect(self, host: str, port: int) -> None:
        """Raise what `Socket` raises."""
        await trio.lowlevel.checkpoint()
        failed = OSError(f"all attempts to connect to {host}:{port} failed")
        refusal = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        failed.__cause__ = ExceptionGroup("", [refusal])
        raise with_reason(failed) from failed.__cause__


@dataclass(frozen=True)
class ConnectionStalled(Fault):
    """Connecting does not come to an end."""

    async def connect(self, host: str, port: int) -> None:
        """Wait until cancelled."""
        await trio.sleep_forever()
