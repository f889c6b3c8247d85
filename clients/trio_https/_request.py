"""One request in the shape of the Moddable SDK's `Request`.

Theory of operation: a `Request` is a description; awaiting it, or entering it, runs it with a client of its
own that has one connection and says so (`Connection: close`). Everything else is `Client`'s.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Generic, TypedDict, TypeVar, Unpack, cast, overload

from ._body import BodyLike
from ._client import Client
from ._defaults import SocketFactory, is_secure
from ._headers import Field, HeadersLike, Text, fields, merged
from ._limits import Deadlines, Limits
from ._outgoing import Outgoing
from ._response import Response, StreamingResponse
from ._url import URL

T = TypeVar("T")


class _Options(TypedDict, total=False):
    address: str | None
    port: int | None
    path: str
    method: str
    headers: HeadersLike | Iterable[object] | None
    body: BodyLike | None
    Socket: SocketFactory | None
    secure: object
    limits: Limits | None
    deadlines: Deadlines | None


class Request(Generic[T]):
    """A request to one server: `text = await Request(host="example.com", path="/", response=str, port=443)`.

    Awaiting it gives the body as text (`response=str`) or as bytes (`response=bytes`), or the whole
    `Response` with status and headers (`response=None`). `async with Request(…) as response` streams instead,
    whatever `response` says; the block gets a `StreamingResponse`. Each await or block sends the request
    once, on a new connection.

    The status is not looked at: the page that says "404" is a page.

    Args:
        host: a name or an IP address; `address` if not given.
        address: the IP address to connect to, in place of looking `host` up; the request and the certificate are
                still for `host`. A `Socket` of the caller's own then gets a factory to connect through, `Socket=`.
        port: 443 by default if the connection is secure, else 80. It is secure if `secure` is given or
            `Socket` is `SecureSocket`. (In the Moddable SDK the default is 80 even then.)
        path: path and query.
        method: sent as it is.
        headers: a mapping, pairs of name and value, or a flat list `[name, value, name, value]` as in the
            Moddable SDK, whose values may be anything that `str` takes.
        body: as for `Client.stream`.
        response: `str`, `bytes` or `None`.
        Socket: the factory of the stream. By default `trio_secure.SecureSocket` if `secure` is given or the
            port is 443, else `trio_secure.Socket`.
        secure: handed to `Socket` as `secure=`, if given.
        limits, deadlines: as for `Client`.

    Raises:
        InvalidURL: host, port or path cannot be used.
        InvalidRequest: the method or a header is not one.
        TypeError: an argument is of a wrong type.
    """

    @overload
    def __init__(
        self: Request[str], *, host: str | None = None, response: type[str], **options: Unpack[_Options]
    ) -> None: ...
    @overload
    def __init__(
        self: Request[bytes], *, host: str | None = None, response: type[bytes], **options: Unpack[_Options]
    ) -> None: ...
    @overload
    def __init__(
        self: Request[Response],
        *,
        host: str | None = None,
        response: None = None,
        **options: Unpack[_Options],
    ) -> None: ...
    def __init__(
        self,
        *,
        host: str | None = None,
        address: str | None = None,
        port: int | None = None,
        path: str = "/",
        method: str = "GET",
        headers: HeadersLike | Iterable[object] | None = None,
        body: BodyLike | None = None,
        response: type[str | bytes] | None = None,
        Socket: SocketFactory | None = None,  # noqa: N803  # the name of the Moddable documentation
        secure: object = None,
        limits: Limits | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        if response not in (str, bytes, None):
            raise TypeError(f"response must be str, bytes or None, not {response!r}")
        scheme = "https" if secure is not None or port == 443 or _is_secure(Socket) else "http"
        name = host if host is not None else address
        if name is None:
            raise TypeError("a Request needs a host, or an address")
        self._url = URL.of(scheme, name, (443 if scheme == "https" else 80) if port is None else port, path)
        # By the name as the connection will have it, which is in lower case and ASCII.
        self._resolve = None if address is None else {self._url.host: address}
        self._method = method
        self._headers = merged(_fields(headers), [(b"Connection", b"close")])
        self._body = body
        self._kind = response
        self._Socket = Socket
        self._secure = secure
        self._limits = limits
        self._deadlines = deadlines
        self._stack = AsyncExitStack()
        # Made again when the request is sent; here it checks what was given.
        Outgoing.of(method, self._url, self._headers, body)

    def __await__(self) -> Generator[Any, Any, T]:
        return self._run().__await__()

    async def __aenter__(self) -> StreamingResponse:
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(self._client())
            response = await stack.enter_async_context(
                client.stream(self._method, self._url, headers=self._headers, body=self._body)
            )
            self._stack = stack.pop_all()
            return response

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self._stack.__aexit__(exc_type, exc_value, traceback)

    def __repr__(self) -> str:
        return f"<Request {self._method} {self._url}>"

    async def _run(self) -> T:
        async with self._client() as client:
            response = await client.request(self._method, self._url, headers=self._headers, body=self._body)
        result = response if self._kind is None else response.text if self._kind is str else response.content
        return cast("T", result)  # the overloads of `__init__` tie T to the argument

    def _client(self) -> Client:
        return Client(
            self._Socket,
            self._secure,
            redirects=None,  # one request to one server is what was asked for
            limits=self._limits,
            deadlines=self._deadlines,
            resolve=self._resolve,
        )


def _is_secure(Socket: SocketFactory | None) -> bool:  # noqa: N803  # as above
    return Socket is not None and is_secure(Socket)


def _fields(headers: HeadersLike | Iterable[object] | None) -> list[Field]:
    """The headers in any of the shapes accepted, the flat list included."""
    if not isinstance(headers, list | tuple) or not any(isinstance(item, Text) for item in headers):
        return fields(cast("HeadersLike | None", headers))  # it checks what it gets
    if len(headers) % 2:
        raise TypeError(
            f"a flat list of headers needs a value for every name, and this one has {len(headers)} items"
        )
    values = [item if isinstance(item, Text) else str(item) for item in headers]
    return fields(list(zip(values[::2], values[1::2], strict=True)))
