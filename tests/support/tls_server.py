"""A TLS server in the test's own event loop, on the standard library's `ssl`.

Theory of operation: what a test wants to see on the wire, it says in a handler that gets the decrypted stream.
Everything below is Trio's own, so the client under test meets an implementation that is not its own.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from tempfile import TemporaryDirectory

import trio

from support.authority import Authority, Leaf

Handler = Callable[[trio.abc.Stream], Awaitable[None]]
ADDRESS = "127.0.0.1"


@asynccontextmanager
async def tcp_server(handler: Handler) -> AsyncGenerator[int]:
    """A server on 127.0.0.1 for the block; gives its port. A client that goes away does not fail the test."""

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            with suppress(trio.BrokenResourceError):
                await handler(stream)

    (listener,) = await trio.open_tcp_listeners(0, host=ADDRESS)
    port: int = listener.socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(trio.serve_listeners, serve, [listener]))
        yield port
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def tls_server(
    leaf: Leaf, handler: Handler, *, alpn: Sequence[str] = (), asks: Authority | None = None
) -> AsyncGenerator[int]:
    """The same over TLS, with the certificate of `leaf`; gives the port. `asks` is for a client's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        context.load_cert_chain(*leaf.write(folder))
    if alpn:
        context.set_alpn_protocols(alpn)
    if asks is not None:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=asks.certificate_der)

    async def serve(transport: trio.abc.Stream) -> None:
        stream = trio.SSLStream(transport, context, server_side=True, https_compatible=True)
        await stream.do_handshake()
        await handler(stream)
        await stream.aclose()

    async with tcp_server(serve) as port:
        yield port


async def ignore(stream: trio.abc.Stream) -> None:
    """A handler that says nothing and waits until the client goes away."""
    while await stream.receive_some():
        pass
