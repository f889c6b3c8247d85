"""A server on pyOpenSSL, which tells more of a connection than Python's `ssl`: exporters and Finished messages.

Theory of operation: as in `openssl_peer`, OpenSSL runs over memory, and what it has to say is carried to and from
any transport.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import trio
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from OpenSSL import SSL
from trio.testing import memory_stream_pair

from support.authority import Leaf
from support.openssl_peer import NAME, default_leaf, trusting
from trio_secure import SecureStream, TLSConfig
from trio_secure._versions import Version

T = TypeVar("T")
_PIECE = 2**16


def context_for(version: Version, leaf: Leaf | None = None) -> SSL.Context:
    """A server's context for one version, however old; it knows its sessions again."""
    leaf = leaf or default_leaf()
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.set_session_id(b"tests")
    context.use_certificate(leaf.certificate)
    # pyOpenSSL knows no ML-DSA keys.
    assert isinstance(leaf.key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    context.use_privatekey(leaf.key)
    return context


class PyOpenSSLPeer:
    """The server's end of a connection."""

    def __init__(self, transport: trio.abc.Stream, context: SSL.Context) -> None:
        self.transport = transport
        self.connection = SSL.Connection(context)
        self.connection.set_accept_state()

    async def do_handshake(self) -> None:
        """Run the handshake."""
        await self._drive(self.connection.do_handshake)

    async def receive(self) -> bytes:
        """Data."""
        return await self._drive(lambda: self.connection.recv(_PIECE))

    async def send(self, data: bytes) -> None:
        """Data."""
        await self._drive(lambda: self.connection.sendall(data))

    async def _drive(self, operation: Callable[[], T]) -> T:
        while True:
            try:
                done = operation()
            except SSL.WantReadError:
                await self._flush()
                self.connection.bio_write(await self.transport.receive_some(_PIECE))
            else:
                await self._flush()
                return done

    async def _flush(self) -> None:
        try:
            data = self.connection.bio_read(_PIECE)
        except SSL.WantReadError:
            return
        await self.transport.send_all(data)


async def pyopenssl_pair(
    context: SSL.Context, config: TLSConfig | None = None
) -> tuple[SecureStream[trio.abc.Stream], PyOpenSSLPeer]:
    """A client of ours and such a server, with the handshake and an exchange of data behind them."""
    ours, theirs = memory_stream_pair()
    peer = PyOpenSSLPeer(theirs, context)
    streams: list[SecureStream[trio.abc.Stream]] = []

    async def connect() -> None:
        streams.append(await SecureStream[trio.abc.Stream].wrap(ours, NAME, config or trusting()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(connect)
        nursery.start_soon(peer.do_handshake)
    (stream,) = streams
    await stream.send_all(b"ping")
    received = b""
    while len(received) < 4:
        received += await peer.receive()
    assert received == b"ping"
    await peer.send(b"pong")
    assert await stream.receive_some() == b"pong"
    return stream, peer
