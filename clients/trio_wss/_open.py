"""Opening a WebSocket: from a URL to an open connection whose tasks run.

Theory of operation: `open_websocket` is an async context manager, because a connection has tasks (see
`_connection`) and tasks need a nursery, which lives as long as the block does. Those tasks raise nothing, so
the nursery has nothing of its own to report; it would only wrap what the block raises into an exception
group. Therefore the block's exception is held back while the nursery ends, and raised behind it as it was.

Leaving the block closes the connection, and takes bounded time: see `WebSocket.aclose`.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import trio

from trio_https import URL, HeadersLike, InsecureConnection, InvalidURL, SocketFactory

from ._connection import Connection
from ._defaults import chosen_socket
from ._handshake import Handshake, Upgrade
from ._limits import DEFAULT_CLOSE_TIMEOUT, DEFAULT_MAX_BUFFERED, DEFAULT_MAX_MESSAGE_SIZE, Limits
from ._transport import close_now
from ._websocket import WebSocket

DEFAULT_OPEN_TIMEOUT = 30.0


@asynccontextmanager
async def open_websocket(
    url: str | URL,
    *,
    Socket: SocketFactory | None = None,  # noqa: N803  # the name every client here gives its Socket factory
    secure: object = None,
    subprotocols: Sequence[str] = (),
    headers: HeadersLike | None = None,
    max_message_size: int = DEFAULT_MAX_MESSAGE_SIZE,
    max_buffered: int = DEFAULT_MAX_BUFFERED,
    open_timeout: float | None = DEFAULT_OPEN_TIMEOUT,
    close_timeout: float = DEFAULT_CLOSE_TIMEOUT,
) -> AsyncGenerator[WebSocket]:
    """Open a WebSocket for the length of an `async with` block.

    ::

        async with open_websocket("wss://echo.example/") as ws:
            await ws.send("hello")
            print(await ws.receive())

    Leaving the block closes the connection with code 1000, or 1001 if an exception left it, unless it is
    closed already. That takes `close_timeout` at most, and one second at most if the block was cancelled.

    Args:
        url: a `ws:` or `wss:` URL, without a fragment.
        Socket: the factory that makes the stream, called with host and port. By default
            `trio_secure.SecureSocket` for `wss:`, and `trio_secure.Socket` for `ws:`; over a `trio_https.Proxy`.
        secure: passed on to the factory as `secure=` if it is not `None`: for `SecureSocket`, its dictionary.
        subprotocols: those to offer, in order of preference. `ws.subprotocol` is the one the server chose.
        headers: further fields for the handshake request.
        max_message_size: the longest message to accept, in bytes, 1 MiB by default. For a longer one the
            server is told 1009 as soon as a frame announces it, and `receive` raises `MessageTooLarge`.
        max_buffered: bytes of memory for messages that have come and not been received, 1 MiB by default.
            When it is used up nothing more is read. Messages that come in one read may exceed it.
        open_timeout: seconds for everything up to the open connection; `None` for no limit.
        close_timeout: seconds for the closing handshake, whoever begins it.

    Raises:
        InvalidURL: the URL cannot be used.
        ValueError: a subprotocol, header, size or time that makes no sense.
        UpgradeRefused: the server answered with another status than 101.
        ProtocolViolation: the server did not answer as RFC 6455 has it.
        ConnectionLost: the connection ended during the handshake.
        InsecureConnection: the URL is `wss:`, and the factory made a bare TCP stream.
        trio.TooSlowError: `open_timeout` has passed.
        OSError, TLSError, and so on: what the factory raises.
    """
    limits = Limits(max_message_size=max_message_size, max_buffered=max_buffered, close_timeout=close_timeout)
    target = _parse(url)
    handshake = Handshake(target, subprotocols, headers)
    options = {} if secure is None else {"secure": secure}
    if options and Socket is None and target.scheme == "ws":
        raise ValueError("secure= is for wss: URLs, and for Socket factories that take it")
    factory = chosen_socket(Socket, target.scheme)
    stream, upgrade = await _connect(target, factory, options, handshake, _seconds(open_timeout))
    connection = Connection(stream, limits, upgrade.received)
    failure: BaseException | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.run)
        try:
            async with WebSocket(connection, upgrade) as websocket:
                yield websocket
        except BaseException as error:  # noqa: BLE001  # raised again below
            failure = error
    try:
        if failure is not None:
            raise failure
    finally:
        del failure  # its traceback leads back to this frame


async def _connect(
    url: URL, factory: SocketFactory, options: dict[str, object], handshake: Handshake, seconds: float
) -> tuple[trio.abc.Stream, Upgrade]:
    with trio.move_on_after(seconds):
        stream = await factory(url.host, url.port, **options)
        try:
            if url.scheme == "wss" and isinstance(stream, trio.SocketStream):
                raise InsecureConnection(
                    f"{url.origin} needs TLS, and the Socket factory made a bare TCP stream"
                )
            return stream, await handshake.perform(stream)
        except BaseException:
            await close_now(stream)
            raise
    raise trio.TooSlowError(
        f"{url.origin} opened no WebSocket within {seconds:g} s. A longer open_timeout, or None, waits longer"
    )


def _parse(url: str | URL) -> URL:
    if isinstance(url, URL):
        if url.scheme not in ("ws", "wss"):
            raise InvalidURL(f"{url.origin} is not a ws: or wss: URL")
        return url
    target = URL.parse(url, schemes=("ws", "wss"))
    # RFC 6455 §3: a fragment means nothing here, and MUST NOT be used.
    if "#" in url:
        raise InvalidURL("a WebSocket URL has no fragment: write '#' as %23 if it is part of the path")
    return target


def _seconds(timeout: float | None) -> float:
    if timeout is None:
        return math.inf
    if not timeout > 0:
        raise ValueError(f"open_timeout is {timeout} s: it must be above 0, or None")
    return timeout
