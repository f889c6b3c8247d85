"""`open_ssl_over_tcp_stream`: the name and the arguments of Trio's, and `SecureStream` underneath.

Theory of operation: code changes the prefix `trio.` and goes on. What it may have asked of a `trio.SSLStream`
besides sending and receiving is answered here; the handshake is over when the stream is returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import trio

from trio_secure import SecureStream, TLSConfig, Truncated

from ._facts import SSLFacts

_DELAY = 0.250  # seconds, the default of trio.open_tcp_stream (RFC 8305 §5)


class SSLStream(SSLFacts, trio.abc.HalfCloseableStream):
    """A `SecureStream` with the manners of `trio.SSLStream`; `info` and `secure_stream` lead to what it has more.

    Args:
        stream: what is underneath.
        https_compatible: take the bare end of the transport for the end of the data, as Trio does on request.
            Only for protocols that know by themselves when they are complete: anybody on the way can cut what
            they carry.
    """

    def __init__(self, stream: SecureStream[trio.SocketStream], *, https_compatible: bool = False) -> None:
        super().__init__(stream.info)
        self.secure_stream = stream
        self._https_compatible = https_compatible

    @property
    def transport_stream(self) -> trio.SocketStream:
        """The stream underneath TLS."""
        return self.secure_stream.transport_stream

    async def do_handshake(self) -> None:
        """Nothing: the handshake is over."""
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """As of `SecureStream`, but for the end that `https_compatible` allows."""
        try:
            return await self.secure_stream.receive_some(max_bytes)
        except Truncated:
            if self._https_compatible:
                return b""
            raise

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As of `SecureStream`."""
        await self.secure_stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """As of `SecureStream`."""
        await self.secure_stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """As of `SecureStream`."""
        await self.secure_stream.send_eof()

    async def aclose(self) -> None:
        """As of `SecureStream`."""
        await self.secure_stream.aclose()

    async def unwrap(self) -> NoReturn:
        """Not to be had: a connection is not used for anything after TLS.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("a SecureStream cannot be unwrapped: send_eof and aclose end it")


async def open_ssl_over_tcp_stream(
    host: str | bytes,
    port: int,
    *,
    https_compatible: bool = False,
    ssl_context: None = None,
    happy_eyeballs_delay: float | None = _DELAY,
    secure: Mapping[str, object] | TLSConfig | None = None,
) -> SSLStream:
    """Connect by TCP and run the handshake; a drop-in for `trio.open_ssl_over_tcp_stream`.

    Args:
        host: a name or an address; it is verified.
        port: 1 to 65535.
        https_compatible: see `SSLStream`.
        ssl_context: None. What a context would have said is said by `secure`.
        happy_eyeballs_delay: seconds before a further address is tried, as of `trio.open_tcp_stream`.
        secure: a `secure` dictionary or a `TLSConfig`.

    Raises:
        TypeError: an `ssl.SSLContext` was given. To leave out what it demands would be to trust more than it did.
        OSError: connecting failed.
        TLSError: the handshake failed. Trio's function would have put this off until the first use.
    """
    if ssl_context is not None:
        raise TypeError("an ssl.SSLContext has no use here: say what it said with secure={…} or a TLSConfig")
    name = host if isinstance(host, str) else host.decode("ascii")
    transport = await trio.open_tcp_stream(name, port, happy_eyeballs_delay=happy_eyeballs_delay)
    try:
        stream = await SecureStream[trio.SocketStream].wrap(transport, name, secure, port=port)
    except (ValueError, TypeError):
        # Only these leave the transport open.
        await trio.aclose_forcefully(transport)
        raise
    return SSLStream(stream, https_compatible=https_compatible)
