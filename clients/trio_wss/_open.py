"""Opening a WebSocket: from a URL to an open connection whose tasks run.

Theory of operation: `open_websocket` is an async context manager, because a connection has tasks (see
`_connection`) and tasks need a nursery, which lives as long as the block does. Those tasks raise nothing, so
the nursery has nothing of its own to report; it would only wrap what the block raises into an exception
group. Therefore the block's exception is held back while the nursery ends, and raised behind it as it was.

`connect_websocket` puts the tasks into a nursery of the caller's instead, and `wrap_websocket` begins with a
stream that is connected already. What the three have in common is an `Opening`, which checks everything it is
given before anything is connected.

Leaving the block closes the connection, and takes bounded time: see `WebSocket.aclose`.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypedDict, Unpack

import trio

from trio_https import (
    URL,
    Auth,
    CookieJar,
    HeadersLike,
    InsecureConnection,
    InvalidURL,
    Proxy,
    Redirects,
    SocketFactory,
)

from ._connection import Connection
from ._defaults import anonymous, chosen_socket, speaks_tls
from ._deflate import Deflate
from ._following import Following, Opened, Wanted
from ._handshake import Handshake, Upgrade, encoded
from ._limits import (
    DEFAULT_CLOSE_TIMEOUT,
    DEFAULT_MAX_BUFFERED,
    DEFAULT_MAX_FRAGMENTS,
    DEFAULT_MAX_MESSAGE_SIZE,
    DEFAULT_PING_INTERVAL,
    DEFAULT_PING_TIMEOUT,
    Limits,
)
from ._transport import close_now
from ._websocket import WebSocket

DEFAULT_OPEN_TIMEOUT = 30.0
DEFAULT_COMPRESSION = Deflate()
DEFAULT_REDIRECTS = Redirects()


class WrapOptions(TypedDict, total=False):
    """The options of a connection over a stream that is there; `open_websocket` describes them."""

    subprotocols: Sequence[str]
    headers: HeadersLike | None
    auth: Auth | None
    cookies: CookieJar | None
    compression: Deflate | None
    max_message_size: int | None
    max_frame_size: int | None
    max_fragments: int | None
    max_buffered: int
    ping_interval: float | None
    ping_timeout: float | None
    open_timeout: float | None
    close_timeout: float


class OpenOptions(WrapOptions, total=False):
    """The options of a connection; `open_websocket` describes them."""

    Socket: SocketFactory | None
    secure: object
    redirects: Redirects | None


@asynccontextmanager
async def open_websocket(url: str | URL, **options: Unpack[OpenOptions]) -> AsyncGenerator[WebSocket]:
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
        secure: passed on to the factory as `secure=` if it is not `None`: for `SecureSocket`, its dictionary. A
            client certificate in it is for this server, but for none it redirects to.
        subprotocols: those to offer, in order of preference. `ws.subprotocol` is the one the server chose.
        headers: further fields for the handshake request.
        auth: a `trio_https.Auth`, which answers the server, and none it redirects to.
        cookies: a `trio_https.CookieJar`, the HTTPS client's for instance; by default none are kept.
        redirects: how redirects are followed, by default ten of them and none from `wss:` to `ws:`; with
            `None`, a redirect is a refusal. To another origin none of `headers` goes along but User-Agent.
        compression: what to offer of permessage-deflate (RFC 7692), by default `Deflate()`; with `None`,
            messages are not compressed. `ws.compression` is what was agreed on.
        max_message_size: the longest message to accept, in bytes, 1 MiB by default; `None` for no limit. For
            a longer one the server is told 1009 as soon as a frame announces it, or inflates to it, and
            `receive` raises `MessageTooLarge`.
        max_frame_size: the longest frame to accept, in bytes on the wire, likewise. `None`, the default,
            leaves it to `max_message_size`.
        max_fragments: how many frames a message may come in, likewise; 131,072 by default.
        max_buffered: bytes of memory for messages that have come and not been received, 1 MiB by default.
            When it is used up nothing more is read, and the server is held back.
        ping_interval: seconds between the Pings that notice a server which is gone, 20 by default; `None`
            sends none. `ws.latency` is how long the last one took.
        ping_timeout: seconds, 20 by default. When nothing has come for as long after such a Ping, the
            connection ends with a `PingTimeout`; `None` waits for ever.
        open_timeout: seconds for everything up to the open connection, 30 by default; `None` for no limit.
        close_timeout: seconds for the closing handshake, whoever begins it, 10 by default.

    Raises:
        InvalidURL: the URL cannot be used.
        ValueError: a subprotocol, header, size or time that makes no sense.
        UpgradeRefused: the server answered with another status than 101.
        ProtocolViolation: the server did not answer as RFC 6455 has it.
        ConnectionLost: the connection ended during the handshake.
        RedirectRefused: the server redirects to where this client does not follow.
        ProxyRefused: the proxy does not connect.
        InsecureConnection: the URL is `wss:`, and the factory made a bare TCP stream.
        trio.TooSlowError: `open_timeout` has passed.
        OSError, TLSError: from the factory, or whatever else it raises.
    """
    opening = Opening(url, **options)
    async with _running(opening, opening.connect) as websocket:
        yield websocket


async def connect_websocket(
    nursery: trio.Nursery, url: str | URL, **options: Unpack[OpenOptions]
) -> WebSocket:
    """Open a WebSocket whose tasks run in a nursery of yours.

    The nursery cannot end before the connection has: close it with `await ws.aclose()`, or use it as
    `async with ws:`. The tasks do not react to the nursery's cancellation, lest half a frame be left on the
    wire; whoever cancels has to close the connection too.

    Args:
        nursery: where the connection's tasks run.
        url: as for `open_websocket`, which describes the options and the errors as well.
        **options: those of `open_websocket`.
    """
    opening = Opening(url, **options)
    stream, upgrade = await opening.connect()
    try:
        return opening.start(nursery, stream, upgrade)
    except BaseException:
        await close_now(stream)  # the nursery has ended meanwhile
        raise


@asynccontextmanager
async def wrap_websocket(
    stream: trio.abc.Stream, url: str | URL, **options: Unpack[WrapOptions]
) -> AsyncGenerator[WebSocket]:
    """Speak WebSocket over a stream that is connected already, for the length of an `async with` block.

    Args:
        stream: any Trio stream; it belongs to the WebSocket from here on, and is closed with it, also when
            the handshake fails.
        url: what the handshake asks for: host and path. Nothing is connected to it, and whether `wss:` is
            true is for the caller to know.
        **options: those of `open_websocket`, but for `Socket` and `secure`. It also describes the errors.
    """
    opening = Opening(url, **options)
    async with _running(opening, lambda: opening.adopt(stream)) as websocket:
        yield websocket


Connecting = Callable[[], Awaitable[Opened]]


@asynccontextmanager
async def _running(opening: Opening, connect: Connecting) -> AsyncGenerator[WebSocket]:
    stream, upgrade = await connect()
    async with (
        open_ungrouped_nursery() as nursery,
        opening.start(nursery, stream, upgrade) as websocket,
    ):
        yield websocket


@asynccontextmanager
async def open_ungrouped_nursery() -> AsyncGenerator[trio.Nursery]:
    """A nursery from which what its block raises comes as it is, and not in a group."""
    failure: BaseException | None = None
    async with trio.open_nursery() as nursery:
        try:
            yield nursery
        except BaseException as error:  # noqa: BLE001  # raised again below
            failure = error
    try:
        if failure is not None:
            raise failure
    finally:
        del failure  # its traceback leads back to this frame


class Opening:
    """What it takes to open one WebSocket, checked; see `open_websocket` for the arguments and errors."""

    def __init__(
        self,
        url: str | URL,
        *,
        Socket: SocketFactory | None = None,  # noqa: N803  # the name every client here gives its factory
        secure: object = None,
        subprotocols: Sequence[str] = (),
        headers: HeadersLike | None = None,
        auth: Auth | None = None,
        cookies: CookieJar | None = None,
        redirects: Redirects | None = DEFAULT_REDIRECTS,
        compression: Deflate | None = DEFAULT_COMPRESSION,
        max_message_size: int | None = DEFAULT_MAX_MESSAGE_SIZE,
        max_frame_size: int | None = None,
        max_fragments: int | None = DEFAULT_MAX_FRAGMENTS,
        max_buffered: int = DEFAULT_MAX_BUFFERED,
        ping_interval: float | None = DEFAULT_PING_INTERVAL,
        ping_timeout: float | None = DEFAULT_PING_TIMEOUT,
        open_timeout: float | None = DEFAULT_OPEN_TIMEOUT,
        close_timeout: float = DEFAULT_CLOSE_TIMEOUT,
    ) -> None:
        self._limits = Limits(
            max_message_size=max_message_size,
            max_frame_size=max_frame_size,
            max_fragments=max_fragments,
            max_buffered=max_buffered,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            close_timeout=close_timeout,
        )
        self._url = _parse(url)
        self._subprotocols, self._compression = subprotocols, compression
        self._wanted = Wanted(self._url, encoded(headers), auth)
        Handshake(self._url, subprotocols, self._wanted.fields, compression)  # to check what was given
        self._following = Following(cookies, redirects)
        self._Socket, self._secure = Socket, secure
        if self._url.scheme == "ws" and secure is not None and not self._takes_secure(self._url):
            raise ValueError("secure= is for wss: URLs, and for Socket factories that take it")
        self._seconds = _seconds(open_timeout)

    async def connect(self) -> Opened:
        """Make a stream and perform the handshake over it, wherever the URL leads."""
        with trio.move_on_after(self._seconds):
            return await self._following.open(self._wanted, self._attempt)
        raise self._too_slow()

    async def adopt(self, stream: trio.abc.Stream) -> Opened:
        """Perform the handshake over a stream that is there: once, since there is no other."""

        async def attempt(wanted: Wanted) -> Opened:
            return await self._perform(stream, wanted)

        try:
            with trio.move_on_after(self._seconds):
                return await self._following.authenticated(self._wanted, attempt, rounds=1)
        except BaseException:
            await close_now(stream)
            raise
        await close_now(stream)
        raise self._too_slow()

    def start(self, nursery: trio.Nursery, stream: trio.abc.Stream, upgrade: Upgrade) -> WebSocket:
        """Start the tasks of a connection whose handshake is done."""
        connection = Connection(stream, self._limits, upgrade.deflate, upgrade.received)
        nursery.start_soon(connection.run)
        return WebSocket(connection, upgrade)

    async def _attempt(self, wanted: Wanted) -> Opened:
        url, secure = wanted.url, self._secure
        # What a factory of the caller's own does with it is not known here.
        if wanted.anonymous and speaks_tls(self._Socket):
            secure = anonymous(secure)
        options = {"secure": secure} if secure is not None and self._takes_secure(url) else {}
        stream = await chosen_socket(self._Socket, url)(url.host, url.port, **options)
        if url.scheme == "wss" and isinstance(stream, trio.SocketStream):
            await close_now(stream)
            raise InsecureConnection(f"{url.origin} needs TLS, and the Socket factory made a bare TCP stream")
        return await self._perform(stream, wanted)

    async def _perform(self, stream: trio.abc.Stream, wanted: Wanted) -> Opened:
        try:
            handshake = Handshake(wanted.url, self._subprotocols, wanted.fields, self._compression)
            return stream, await handshake.perform(stream)
        except BaseException:
            await close_now(stream)
            raise

    def _takes_secure(self, url: URL) -> bool:
        """Whether the factory for this URL is one that `secure` may be handed to."""
        return url.scheme == "wss" or not (self._Socket is None or isinstance(self._Socket, Proxy))

    def _too_slow(self) -> trio.TooSlowError:
        return trio.TooSlowError(
            f"{self._url.origin} opened no WebSocket within {self._seconds:g} s. "
            "A longer open_timeout, or None, waits longer"
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
