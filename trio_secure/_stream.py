"""`SecureStream`: TLS over any Trio stream.

Theory of operation
-------------------
An instance exists only once its handshake is over. It has two halves that share the channel below and little
else: what breaks or ends one leaves the other alone unless TLS itself is broken. The sending half owns the lock
on the transport's sending side; the receiving half leaves its debts there and never waits for a peer that does
not read.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

import trio

from ._bindings import channel_binding, export
from ._channel import Channel
from ._config import TLSConfig
from ._errors import AlertDescription, LegacyTLSWarning, TLSError
from ._handshake import client_handshake
from ._identity import CertificateLookup
from ._info import ConnectionInfo
from ._key_log import key_log_for
from ._names import ServerName
from ._post_handshake import Errands
from ._receiving import DEFAULT_LIMIT, ReceivingHalf
from ._resumption import allows_early_data
from ._secure_dictionary import config_of
from ._sending import SendingHalf
from ._session_keeper import SessionKeeper
from ._suites import Buffer
from ._trio_wire import ALERT_DEADLINE, TrioWire
from ._trust import lookup_for, trust_key
from ._versions import Version
from ._wire import Established

if TYPE_CHECKING:
    from ._trace import Tracer

T_Stream = TypeVar("T_Stream", bound=trio.abc.Stream)
# `wrap` is called on the bare class, which says nothing of its own parameter.
T_Wrapped = TypeVar("T_Wrapped", bound=trio.abc.Stream)


class SecureStream(trio.abc.HalfCloseableStream, Generic[T_Stream]):
    """An established TLS connection over a transport, as a Trio stream.

    There is no public constructor: `await SecureStream.wrap(transport, "example.com")`.

    Cancelling `receive_some` loses nothing. Cancelling `send_all` may leave a part of a record behind, so it
    breaks the sending half; receiving and closing still work.
    """

    def __init__(
        self,
        transport: T_Stream,
        channel: Channel,
        established: Established,
        name: ServerName | None,
        errands: Errands,
        tracer: Tracer | None,
    ) -> None:
        secrets = established.secrets
        self._established = established
        self._name = name
        self._info: ConnectionInfo | None = None
        self._transport = transport
        self._closed = False
        self._sending = SendingHalf(channel, secrets.client if secrets else None, tracer)
        self._errands = errands
        self._receiving = ReceivingHalf(channel, established, self._sending, errands, tracer)

    @classmethod
    async def wrap(
        cls,
        transport: T_Wrapped,
        server_name: str | None,
        config: TLSConfig | Mapping[str, object] | None = None,
        *,
        port: int | None = None,
        early_data: Buffer = b"",
    ) -> SecureStream[T_Wrapped]:
        """Run a TLS client handshake over `transport` (RFC 9846 §2; RFC 5246 §7.3).

        Whatever goes wrong, and when cancelled, the transport is closed.

        Args:
            transport: any connected stream. It belongs to the result, or is closed.
            server_name: the host name or IP address to verify, and to send in SNI if it is a name; a
                `server_name` in the configuration goes before it. None only without verification.
            config: a `TLSConfig`, or a `secure` dictionary.
            port: where the transport leads; sessions of one port are not offered to another.
            early_data: what to send along with the first message, if a session is at hand that allows it
                (RFC 9846 §2.3 [8446 §2.3]). Whoever watches can send it to the server once more, so it must be
                something that may happen twice. `info.early_data_accepted` tells what came of it; what was not
                taken is not sent again.

        Raises:
            ValueError, TypeError: an argument is no good; the transport is left open.
            CertificateRefused: the server's certificate is not good enough.
            PeerMisbehaved, PeerIncompatible, AlertReceived, Truncated: the handshake failed otherwise.
        """
        settings = config_of(config)
        name = _reference_name(server_name, settings)
        lookup = lookup_for(settings)
        keeper = _keeper(settings, name, port)
        early_data = bytes(memoryview(early_data))
        return await SecureStream._handshake(transport, settings, name, lookup, keeper, early_data)

    @staticmethod
    async def _handshake(
        transport: T_Wrapped,
        config: TLSConfig,
        name: ServerName | None,
        lookup: CertificateLookup,
        keeper: SessionKeeper | None,
        early_data: bytes,
    ) -> SecureStream[T_Wrapped]:
        tracer = _tracer(config)
        channel = Channel(transport)
        channel.reader.drops_change_cipher_spec = config.highest >= Version.TLS13
        channel.writer.padding = config.record_padding
        wire = TrioWire(channel, tracer, key_log_for(config.key_log))
        if tracer:
            lookup = tracer.timed("certificate lookup", lookup)
        try:
            session = await keeper.take() if keeper is not None else None
            early_data = early_data if allows_early_data(session, config, early_data) else b""
            established = await client_handshake(wire, config, name, lookup, session, early_data)
            if keeper is not None:
                keeper.meet(established)
            errands = Errands(established, config.identities, keeper)
            stream = SecureStream(transport, channel, established, name, errands, tracer)
            for _ in range(wire.finish()):
                stream._sending.owe_alert(AlertDescription.NO_RENEGOTIATION)
            if tracer:
                tracer.note("established", str(stream.info), info=stream.info)
            if established.version < Version.TLS12:
                # The line it names is the one that awaits `wrap`.
                warnings.warn(_legacy(stream.info), LegacyTLSWarning, stacklevel=3)
            return stream
        except Exception as error:
            await wire.fail(error if isinstance(error, TLSError) else _own(error))
            await _close(transport)
            if keeper is not None:
                await keeper.give_up(error)
            raise
        except BaseException:
            await trio.aclose_forcefully(transport)
            raise

    @property
    def info(self) -> ConnectionInfo:
        """What the handshake settled."""
        if self._info is None:
            self._info = ConnectionInfo.of(self._established, self._name)
        return self._info

    @property
    def transport_stream(self) -> T_Stream:
        """The stream underneath."""
        return self._transport

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive what is there, waiting until there is something.

        Args:
            max_bytes: the most to give, at least 1; by default up to 288 KiB.

        Returns:
            The data; `b""` only after the server's close_notify.

        Raises:
            Truncated: the transport ended without close_notify.
            AlertReceived, PeerMisbehaved: TLS failed.
            trio.ClosedResourceError: this stream was closed.
            trio.BusyResourceError: another task is receiving.
        """
        if self._closed:
            await self._check_not_closed()
        if max_bytes is None:
            return await self._receiving.receive(DEFAULT_LIMIT)
        if not isinstance(max_bytes, int):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without types
            raise TypeError(f"max_bytes must be an int, not {type(max_bytes).__name__}")
        if max_bytes < 1:
            raise ValueError(f"max_bytes must be at least 1, not {max_bytes}")
        return await self._receiving.receive(max_bytes)

    def nothing_to_receive(self) -> bool:
        """Whether it is certain that `receive_some` would wait now; false if that cannot be told without asking.

        For pools of idle connections: a server that closes one makes this false. The socket underneath is asked
        without a checkpoint; a transport that is no `trio.SocketStream` is asked by a method of this name.
        """
        if self._closed or not self._receiving.empty:
            return False
        if isinstance(self._transport, trio.SocketStream):
            try:
                return not self._transport.socket.is_readable()
            except (OSError, ValueError):  # it has been closed
                return False
        ask = getattr(self._transport, "nothing_to_receive", None)
        return callable(ask) and bool(ask())

    async def send_all(self, data: Buffer) -> None:
        """Send all of `data`.

        Raises:
            trio.BrokenResourceError: the transport or TLS failed, or an earlier send was cancelled.
            trio.ClosedResourceError: this stream was closed, or `send_eof` was called.
            trio.BusyResourceError: another task is sending.
        """
        if self._closed:
            await self._check_not_closed()
        await self._sending.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until `send_all` may go ahead; raises what `send_all` raises."""
        await self._check_not_closed()
        await self._sending.wait_might_not_block()

    async def send_eof(self) -> None:
        """Send close_notify: the end of what this side sends (RFC 9846 §6.1 [8446 §6.1]).

        In TLS 1.3 receiving goes on. In TLS 1.2 the server may answer by closing at once and dropping what it had
        not sent (RFC 5246 §7.2.1).
        """
        await self._check_not_closed()
        await self._sending.end()

    async def aclose(self) -> None:
        """Send close_notify if that can be done at once, and close the transport, even when cancelled.

        A session that is not in the cache yet is put there; what the cache raises passes through.
        """
        if self._closed:
            await trio.lowlevel.checkpoint()
            return
        self._closed = True
        try:
            if self._sending.open:
                with trio.move_on_after(ALERT_DEADLINE):
                    await self._sending.end()
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
            # A sender is on its way or the transport is gone: there is no place left for a close_notify.
            pass
        finally:
            await self._transport.aclose()
        # A session that nobody has received anything behind still waits to be kept.
        with trio.move_on_after(ALERT_DEADLINE):
            await self._errands.keep()

    async def update_keys(self, *, both: bool = True) -> None:
        """Change the keys of the connection now (RFC 9846 §4.7.3 [8446 §4.6.3]); TLS 1.3 only.

        They are changed without being asked, too, long before a key has protected as much as it may.

        Args:
            both: have the server change its key as well; it does so before what it sends next.

        Raises:
            RuntimeError: the connection is older than TLS 1.3.
            trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError: as for `send_all`.
        """
        await self._check_not_closed()
        await self._sending.update_keys(both=both)

    def export_keying_material(self, label: str | bytes, context: bytes | None, length: int) -> bytes:
        """Secrets for another protocol, bound to this connection (RFC 5705; RFC 9846 §7.5 [8446 §7.5]).

        Args:
            label: what they are for, as registered ("EXPORTER-..."); str stands for its ASCII bytes.
            context: what else they are bound to; below TLS 1.3, None differs from empty.
            length: how many bytes.

        Raises:
            ValueError: an argument is out of range, or the connection's secrets are not its own alone (RFC 7627
                §5.4).
        """
        return export(self._established, label.encode() if isinstance(label, str) else label, context, length)

    def channel_binding(self, kind: str) -> bytes:
        """What ties an authentication above TLS to this connection.

        Args:
            kind: "tls-exporter" (RFC 9266), "tls-server-end-point" or "tls-unique" (RFC 5929).

        Raises:
            ValueError: there is no such binding, or it would not be sound for this connection; the message says
                why.
        """
        return channel_binding(self._established, kind)

    async def _check_not_closed(self) -> None:
        if self._closed:
            await trio.lowlevel.checkpoint()
            raise trio.ClosedResourceError("this stream was closed")


def _reference_name(server_name: str | None, config: TLSConfig) -> ServerName | None:
    name = config.server_name or server_name
    if name is None:
        if config.verify:
            raise ValueError("a server name is needed to verify the server's certificate")
        return None
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without types
        raise TypeError(f"server_name must be a str, not {type(name).__name__}")
    return ServerName.parse(name)


def _keeper(config: TLSConfig, name: ServerName | None, port: int | None) -> SessionKeeper | None:
    cache = config.session_cache
    return None if cache is None else SessionKeeper(cache, config, name, port, trust_key(config))


def _own(error: Exception) -> TLSError:
    """What to tell the peer when a lookup, a signer, a cache or a trace of the user's has failed."""
    return TLSError(f"{type(error).__name__}: {error}", AlertDescription.INTERNAL_ERROR)


def _legacy(info: ConnectionInfo) -> str:
    server = info.server_name or "the server"
    return f"{server} speaks only {Version(info.version).label}, which is out of use (RFC 8996)"


async def _close(transport: trio.abc.Stream) -> None:
    """Close after a failure, in bounded time and without hiding the failure."""
    with trio.move_on_after(ALERT_DEADLINE, shield=True):
        try:
            await transport.aclose()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return


def _tracer(config: TLSConfig) -> Tracer | None:
    if config.trace_sink is None:
        return None
    from ._trace import Tracer  # which takes as long to import as a handshake lasts, and few want it

    return Tracer(config.trace_sink)
