"""The standard library's TLS server, OpenSSL and none of our code, as a half-closeable stream.

Theory of operation: OpenSSL runs over two memory buffers and this class carries their contents to and from any
transport, so that one peer serves real sockets and the streams of `trio.testing`. What OpenSSL has to say
while it reads, an alert or the answer to a KeyUpdate, leaves with the next thing that is sent.
"""

from __future__ import annotations

import operator
import ssl
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import cache
from tempfile import TemporaryDirectory

import trio
from trio.testing import memory_stream_pair

from support.authority import Authority, Leaf
from trio_secure import SecureStream, TLSConfig

NAME = "server.test"
_PIECE = 2**16
_CLOSE_DEADLINE = 1.0
TRANSPORT_ERRORS = (trio.BrokenResourceError, trio.ClosedResourceError)

Transports = Callable[[], tuple[trio.abc.Stream, trio.abc.Stream]]


@cache
def authority() -> Authority:
    """The authority of every peer that is not given a certificate."""
    return Authority.make()


@cache
def default_leaf() -> Leaf:
    """A certificate for `NAME`."""
    return authority().issue(NAME)


def server_context(
    leaf: Leaf | None = None,
    *,
    version: int = ssl.TLSVersion.TLSv1_3,
    alpn: Sequence[str] = (),
    tickets: int = 0,
) -> ssl.SSLContext:
    """A server's context for one version; without tickets, a peer that does not read cannot block a handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        context.load_cert_chain(*(leaf or default_leaf()).write(folder))
    context.minimum_version = context.maximum_version = ssl.TLSVersion(version)
    context.num_tickets = tickets
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


class OpenSSLPeer(trio.abc.HalfCloseableStream):
    """The server's end of a connection; `do_handshake` comes first."""

    def __init__(self, transport: trio.abc.Stream, context: ssl.SSLContext) -> None:
        self.transport = transport
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._held_back = bytearray()
        self._busy: set[str] = set()
        self._closed = self._ended = self._torn = self._end_seen = False

    async def do_handshake(self) -> None:
        """Run the handshake; `ssl.SSLError` says what the client did not like."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._feed()
            except ssl.SSLError:
                await self._flush()
                raise
            else:
                await self._flush()
                return

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive; `b""` after the client's close_notify, BrokenResourceError after anything else."""
        size = _PIECE if max_bytes is None else operator.index(max_bytes)
        if size < 1:
            raise ValueError("max_bytes must be at least 1")
        with self._alone("receiving"):
            await trio.lowlevel.checkpoint()
            while not (self._held_back or self._end_seen):
                if not self._read():
                    await self._feed()
            data = bytes(self._held_back[:size])
            del self._held_back[:size]
            return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        with self._alone("sending"):
            await trio.lowlevel.checkpoint()
            if self._ended:
                raise trio.ClosedResourceError("send_eof was called")
            view = memoryview(data)
            for start in range(0, len(view), _PIECE):
                self.tls.write(view[start : start + _PIECE])
                await self._flush()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait for the transport."""
        with self._alone("sending"):
            await self.transport.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Send close_notify; receiving goes on."""
        with self._alone("sending"):
            await trio.lowlevel.checkpoint()
            if not self._ended:
                self._ended = True
                self._say_goodbye()
                await self._flush()

    async def aclose(self) -> None:
        """Send close_notify if the client takes it, and close the transport."""
        if self._closed:
            await trio.lowlevel.checkpoint()
            return
        self._closed = True
        try:
            if not (self._ended or self._torn or "sending" in self._busy):
                self._say_goodbye()
                with trio.move_on_after(_CLOSE_DEADLINE):
                    await self._flush()
        except TRANSPORT_ERRORS:
            pass
        finally:
            await self.transport.aclose()

    async def flush(self) -> None:
        """Send what OpenSSL has to say by itself."""
        with self._alone("sending"):
            await self._flush()

    def _say_goodbye(self) -> None:
        # OpenSSL looks for the client's close_notify in the same call, and takes data for an error.
        try:
            while not self._end_seen and self._read():
                pass
            self.tls.unwrap()
        except (ssl.SSLError, trio.BrokenResourceError):
            return

    def _read(self) -> bool:
        """Open what has arrived; False when more has to arrive first."""
        try:
            data = self.tls.read(_PIECE)
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLZeroReturnError:
            data = b""
        except ssl.SSLError as error:
            raise trio.BrokenResourceError(str(error)) from error
        self._held_back += data
        self._end_seen = not data
        return True

    async def _feed(self) -> None:
        data = await self.transport.receive_some(_PIECE)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        if self._torn:
            raise trio.BrokenResourceError("an earlier send was interrupted")
        if data := self._outgoing.read():
            self._torn = True
            await self.transport.send_all(data)
            self._torn = False

    @contextmanager
    def _alone(self, what: str) -> Generator[None]:
        if self._closed:
            raise trio.ClosedResourceError("the peer was closed")
        if what in self._busy:
            raise trio.BusyResourceError(f"another task is {what}")
        self._busy.add(what)
        try:
            yield
        finally:
            self._busy.discard(what)


def trusting(**fields: object) -> TLSConfig:
    """A configuration that trusts `authority()`."""
    return TLSConfig(certificate=authority().certificate_der).replace(**fields)


async def secure_pair(
    context: ssl.SSLContext | None = None,
    *,
    transports: Transports = memory_stream_pair,
    config: TLSConfig | None = None,
) -> tuple[SecureStream[trio.abc.Stream], OpenSSLPeer]:
    """A client of ours and an OpenSSL server, connected, with the handshake behind them."""
    ours, theirs = transports()
    peer = OpenSSLPeer(theirs, context or server_context())
    streams: list[SecureStream[trio.abc.Stream]] = []

    async def connect() -> None:
        streams.append(await SecureStream[trio.abc.Stream].wrap(ours, NAME, config or trusting()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(connect)
        nursery.start_soon(peer.do_handshake)
    return streams[0], peer
