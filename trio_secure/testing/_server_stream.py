"""`ServerStream`: the server's end of a TLS connection, on OpenSSL, over any Trio stream.

Theory of operation: OpenSSL reads from one buffer and writes to another; what it has written is carried to the
transport after every step. One sender at a time takes from that buffer, so that records leave in their order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio
from cryptography import x509
from OpenSSL import SSL

T = TypeVar("T")
_PIECE = 2**16
_CLOSE_DEADLINE = 1.0


class ServerStream(trio.abc.HalfCloseableStream):
    """What a handler gets: the decrypted stream, and what is known of the client.

    `error` is what ended the connection, if it did not end well: a `trio.BrokenResourceError` that says, in
    OpenSSL's words, what the client did or was told.
    """

    def __init__(self, transport: trio.abc.Stream, context: SSL.Context, *, closes_well: bool = True) -> None:
        self.transport_stream = transport
        self.error: trio.BrokenResourceError | None = None
        self._tls = SSL.Connection(context)
        self._tls.set_accept_state()
        self._flushing = trio.Lock()
        self._established = self._closed = self._ended = False
        self._closes_well = closes_well

    @property
    def server_name(self) -> str | None:
        """The name the client sent in SNI."""
        name = self._tls.get_servername()
        return None if name is None else name.decode("ascii")

    @property
    def alpn(self) -> str | None:
        """The protocol agreed on, if any."""
        return self._tls.get_alpn_proto_negotiated().decode("ascii") or None

    @property
    def version(self) -> str:
        """The protocol version, as OpenSSL writes it: "TLSv1.3"."""
        return self._tls.get_protocol_version_name()

    @property
    def client_certificate(self) -> x509.Certificate | None:
        """The certificate the client has shown."""
        return self._tls.get_peer_certificate(as_cryptography=True)

    async def do_handshake(self) -> None:
        """Run the handshake.

        Raises:
            trio.BrokenResourceError: it failed, or the client went away.
        """
        await self._drive(self._tls.do_handshake)
        self._established = True

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive; `b""` after the client's close_notify, `trio.BrokenResourceError` after anything else."""
        self._check_open()
        try:
            return await self._drive(lambda: self._tls.recv(max_bytes or _PIECE))
        except SSL.ZeroReturnError:
            return b""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of `data`."""
        self._check_open()
        if self._ended:
            raise trio.ClosedResourceError("send_eof was called")
        if len(data):
            await self._drive(lambda: self._tls.sendall(bytes(data)))
        else:
            await trio.lowlevel.checkpoint()

    async def wait_send_all_might_not_block(self) -> None:
        """As of the transport."""
        self._check_open()
        await self.transport_stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Send close_notify."""
        self._check_open()
        if not self._ended:
            self._ended = True
            self._tls.shutdown()
        await self._flush()

    async def aclose(self) -> None:
        """Send close_notify, unless the connection is broken or is to end badly, and close the transport."""
        if self._closed:
            await trio.lowlevel.checkpoint()
            return
        try:
            if self._established and self._closes_well and self.error is None:
                with trio.move_on_after(_CLOSE_DEADLINE):
                    await self.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client is gone, and nobody is left to be told
        finally:
            self._closed = True
            await self.transport_stream.aclose()

    def _check_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("this stream was closed")
        if self.error is not None:
            raise trio.BrokenResourceError(*self.error.args)

    async def _drive(self, operation: Callable[[], T]) -> T:
        while True:
            try:
                done = operation()
            except SSL.WantReadError:
                await self._flush()
                received = await self._carry(self.transport_stream.receive_some(_PIECE))
                if not received:
                    raise self._broken("the client went away without close_notify") from None
                self._tls.bio_write(received)
            except SSL.ZeroReturnError:
                await self._flush()
                raise
            except SSL.Error as error:
                # There may be an alert to send.
                await self._flush()
                raise self._broken(_reason(error)) from error
            else:
                await self._flush()
                return done

    async def _flush(self) -> None:
        async with self._flushing:
            while True:
                try:
                    data = self._tls.bio_read(_PIECE)
                except SSL.WantReadError:
                    return
                await self._carry(self.transport_stream.send_all(data))

    async def _carry(self, carrying: Awaitable[T]) -> T:
        try:
            return await carrying
        except trio.BrokenResourceError as error:
            self.error = error
            raise

    def _broken(self, reason: str) -> trio.BrokenResourceError:
        self.error = trio.BrokenResourceError(reason)
        return self.error


def _reason(error: SSL.Error) -> str:
    """OpenSSL's own words: the last part of each entry of its queue."""
    entries: list[tuple[str, ...]] = error.args[0] if error.args else []
    return "; ".join(entry[-1] for entry in entries) or type(error).__name__
