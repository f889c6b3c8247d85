"""A WebSocket in the shape of the Moddable SDK's `Client`.

Theory of operation: there, a `Client` is made from a dictionary of host, port, path and so on, and reports by
numbered callbacks. Here the same dictionary describes the connection, entering it opens it, and the block
gets a `WebSocket`. Everything else is `open_websocket`'s.

Not taken over: port 80 under TLS, an odd list of headers found only while connecting, an answer whose key is
not checked, masks of zeros, pongs without a mask, messages of 64 KiB at most and in one frame only, and a
connection that ends without saying so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TypedDict, Unpack, cast

import trio

from trio_https import URL, Auth, CookieJar, HeadersLike, SocketFactory

from ._defaults import is_secure
from ._deflate import Deflate
from ._open import Opening, open_websocket, wrap_websocket
from ._websocket import WebSocket


class _More(TypedDict, total=False):
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


class Client:
    """A WebSocket described by its parts: `async with Client(host="echo.example", port=443) as ws: ...`.

    The block gets an open `WebSocket`, which is closed when the block is left; each block opens a new one.

    Args:
        host: a name or an IP address.
        port: 443 by default if the connection is secure, else 80. It is secure if `secure` is given, `Socket`
            is `SecureSocket`, or the port is 443. (In the Moddable SDK the default is 80 even then.)
        path: path and query.
        protocol: a subprotocol, or several in order of preference, as a sequence or separated by commas.
        headers: a mapping, pairs of name and value, or a flat list `[name, value, name, value]` as in the
            Moddable SDK.
        Socket: the factory of the stream, as for `open_websocket`.
        secure: handed to `Socket` as `secure=`, if given.
        socket: a stream that is connected already, instead of `Socket`; it can be used for one block.
        **options: further options of `open_websocket`.

    Raises:
        InvalidURL: host, port or path cannot be used.
        ValueError: an option or a header makes no sense.
        TypeError: an argument is of a wrong type.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int | None = None,
        path: str = "/",
        protocol: str | Sequence[str] = (),
        headers: HeadersLike | Iterable[str] | None = None,
        Socket: SocketFactory | None = None,  # noqa: N803  # the name of the Moddable documentation
        secure: object = None,
        socket: trio.abc.Stream | None = None,
        **options: Unpack[_More],
    ) -> None:
        if socket is not None and (Socket is not None or secure is not None):
            raise ValueError("socket= is connected already: Socket= and secure= are for making one")
        encrypted = secure is not None or port == 443 or (Socket is not None and is_secure(Socket))
        scheme = "wss" if encrypted else "ws"
        self._url = URL.of(scheme, host, (443 if encrypted else 80) if port is None else port, path)
        self._subprotocols = _names(protocol)
        self._headers = _fields(headers)
        self._Socket = Socket
        self._secure = secure
        self._socket = socket
        self._options = options
        self._stack = AsyncExitStack()
        Opening(
            self._url,
            Socket=Socket,
            secure=secure,
            subprotocols=self._subprotocols,
            headers=self._headers,
            **options,
        )

    async def __aenter__(self) -> WebSocket:
        if self._socket is None:
            opening = open_websocket(
                self._url,
                Socket=self._Socket,
                secure=self._secure,
                subprotocols=self._subprotocols,
                headers=self._headers,
                **self._options,
            )
        else:
            opening = wrap_websocket(
                self._socket,
                self._url,
                subprotocols=self._subprotocols,
                headers=self._headers,
                **self._options,
            )
        return await self._stack.enter_async_context(opening)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self._stack.__aexit__(exc_type, exc_value, traceback)

    def __repr__(self) -> str:
        return f"<Client {self._url}>"


def _names(protocol: str | Sequence[str]) -> tuple[str, ...]:
    names = protocol.split(",") if isinstance(protocol, str) else protocol
    return tuple(name.strip() for name in names)


def _fields(headers: HeadersLike | Iterable[str] | None) -> HeadersLike | None:
    """The headers in any of the shapes accepted, the flat list included."""
    if not isinstance(headers, list | tuple) or not any(isinstance(item, str) for item in headers):
        return cast("HeadersLike | None", headers)
    if len(headers) % 2:
        raise ValueError(
            f"a flat list of headers needs a value for every name, and this one has {len(headers)} items"
        )
    flat = cast("Sequence[str]", headers)
    return list(zip(flat[::2], flat[1::2], strict=True))
