"""`Server`: one TLS server in memory, and the Socket factories that lead to it.

Theory of operation: `Socket` makes a pair of streams, gives the client one and starts `handle` with the other in
the nursery of the server's block. Handlers run in the same loop as the client, so a test is one program: it can be
stepped, cancelled and run under a virtual clock.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import trio
import trio.testing
from OpenSSL import SSL

from trio_secure import SecureSocket, TLSConfig

from ._faults import Fault
from ._server_stream import ServerStream

Handler = Callable[[ServerStream], Awaitable[None]]
"""Called for each connection, behind its handshake; the stream is closed when it returns."""


async def echo(stream: ServerStream) -> None:
    """A handler that sends back what it receives, until the client ends."""
    async for data in stream:
        await stream.send_all(data)


class Server:
    """Made by `Authority.serve`.

    Args:
        context: OpenSSL's settings.
        handler: what to do with each connection.
        fault: what goes wrong.
        certificate: the authority's, PEM.
        nursery: where connections made by `Socket` are handled.
    """

    def __init__(
        self,
        context: SSL.Context,
        handler: Handler,
        fault: Fault,
        certificate: bytes,
        nursery: trio.Nursery,
    ) -> None:
        self.secure: Mapping[str, object] = {"certificate": certificate}
        """A `secure` dictionary with which the server's authority is trusted."""
        self.connections: list[ServerStream] = []
        """All that reached the handshake, in their order; `error` tells how each ended."""
        self.failure: Exception | None = None
        """What a handler has raised, other than that its client went away; it ends the block."""
        self._context = context
        self._handler = handler
        self._fault = fault
        self._nursery = nursery

    async def Socket(self, host: str, port: int) -> trio.abc.Stream:  # noqa: N802  # the documented name
        """A Socket factory: a transport to this server, whatever host and port say. It has no TLS."""
        await self._fault.connect(host, port)
        ours, theirs = trio.testing.memory_stream_pair()
        self._nursery.start_soon(self._run, theirs)
        return ours

    def SecureSocket(  # noqa: N802  # the documented name
        self, host: str, port: int, *, secure: Mapping[str, object] | TLSConfig | None = None
    ) -> SecureSocket:
        """A Socket factory: TLS to this server, whose authority is trusted.

        Args:
            host: the name to verify; any leads to this server.
            port: any.
            secure: what else is to be set. A dictionary is added to `Server.secure`; a `TLSConfig` replaces it.
        """
        if not isinstance(secure, TLSConfig):
            secure = {**self.secure, **(secure or {})}
        return SecureSocket(host, port, secure=secure, Socket=self.Socket)

    async def handle(self, transport: trio.abc.Stream) -> None:
        """Serve one client over any transport; with `trio.serve_tcp` this is a server of real sockets."""
        transport = self._fault.meddle(transport)
        async with transport:
            try:
                if await self._fault.greet(transport):
                    await self._serve(transport)
            except trio.BrokenResourceError:
                # The client went away, as it may; `connections` has what was said.
                return

    async def _serve(self, transport: trio.abc.Stream) -> None:
        stream = ServerStream(transport, self._context, closes_well=self._fault.closes_well)
        self.connections.append(stream)
        try:
            await stream.do_handshake()
            await self._handler(stream)
        except trio.BrokenResourceError as error:
            if stream.error is None:
                stream.error = error
            raise
        finally:
            await stream.aclose()

    async def _run(self, transport: trio.abc.Stream) -> None:
        try:
            await self.handle(transport)
        except Exception as error:  # noqa: BLE001  # raised where the block ends
            self.failure = self.failure or error
            self._nursery.cancel_scope.cancel()
