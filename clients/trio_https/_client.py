"""The HTTP client: requests to any server, over connections that are used again.

Theory of operation: `Client.stream` is everything; the other methods read the whole response inside it. It
makes the request (so that nonsense is refused before anything happens), and hands it to a stack of senders (see
`_sender`) whose lowest is the transport. Each is a block inside the other, and each cleans up after itself.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import trio

from ._auth import Auth
from ._body import NO_BODY, BodyLike
from ._connector import Connector
from ._cookies import CookieJar
from ._defaults import SocketFactory
from ._dial import Dial, Resolve
from ._forms import with_params
from ._headers import HeadersLike, fields, merged
from ._layers import stacked
from ._limits import Deadlines, Limits
from ._options import DownloadOptions, RequestOptions, WithoutBody
from ._outgoing import DEFAULT_HEADERS, Outgoing, check_method
from ._payload import NOTHING, payload
from ._proxies import Proxy
from ._redirects import Redirects
from ._response import Response, StreamingResponse
from ._retries import Retries
from ._trace import EventHook
from ._transport import Transport
from ._url import URL

if TYPE_CHECKING:
    from ._download import Downloaded
    from ._transfer import Progress

_REDIRECTS = Redirects()
_MOST_MADE = 64


class Client(trio.abc.AsyncResource):
    """An HTTP/1.1 client: `async with Client() as client: page = await client.get("https://example.com/")`.

    One client serves any number of tasks and servers. Leaving its block closes its connections; what is still
    running on them raises `trio.ClosedResourceError`.

    Args:
        Socket: the factory of streams for every URL, called with host and port; what it returns is awaited
            for the stream. It alone decides whether the connection is secure. By default,
            `trio_secure.SecureSocket` for `https:` URLs and TCP for `http:` ones. A `Proxy` is what those
            run over, and is told about `http:` requests as proxies expect it.
        secure: handed to `Socket` as `secure=`, if given; not for `http:` URLs without a factory. A client
            certificate in it is for every server that requests are made to, but for none they are redirected to
            from there, if it is `SecureSocket` that gets it.
        headers: sent with every request, unless the request has its own of the same name.
        auth: answers every server that requests are made to, but none they are redirected to from there.
        cookies: a jar to keep cookies in; by default none are kept.
        redirects: how redirects are followed; `None` follows none.
        retries: when to try again; by default never.
        limits: caps on connections and responses.
        deadlines: how long to wait for a server. Use `trio.fail_after` for a request as a whole.
        resolve: addresses to connect to in place of looking a name up: from `host:port`, or `host` for any
            port, to an IP address or several. The name is still what is verified.
        local_address: the IP address to connect from.
        unix_socket: the path of a Unix socket to connect to, whatever the URL's host.
        on_event: called with an `Event` for each phase of each request.

    A `Socket` of the caller's own gets `resolve`, `local_address` and `unix_socket` in the form of a factory, as
    `Socket=`, which it is to connect through.

    Raises:
        InvalidRequest, TypeError: the headers are not headers.
        TypeError, ValueError: an option is no good.
    """

    def __init__(
        self,
        Socket: SocketFactory | None = None,  # noqa: N803  # the name of the Moddable documentation
        secure: object = None,
        *,
        headers: HeadersLike | None = None,
        auth: Auth | None = None,
        cookies: CookieJar | None = None,
        redirects: Redirects | None = _REDIRECTS,
        retries: Retries | None = None,
        limits: Limits | None = None,
        deadlines: Deadlines | None = None,
        resolve: Resolve | None = None,
        local_address: str | None = None,
        unix_socket: str | None = None,
        on_event: EventHook | None = None,
    ) -> None:
        # With the defaults, once and for all.
        self._headers = tuple(merged(fields(headers), DEFAULT_HEADERS))
        self._limits = limits or Limits()
        self._auth = auth
        self._retries = retries
        self._made: dict[tuple[str, str], Outgoing] = {}
        proxy = Socket if isinstance(Socket, Proxy) else None
        connector = Connector(None if proxy else Socket, secure, Dial(resolve, local_address, unix_socket))
        self._transport = Transport(connector, self._limits, deadlines or Deadlines(), on_event)
        layers = partial(stacked, self._transport, proxy=proxy, cookies=cookies, redirects=redirects)
        self._send = layers(retries=retries)
        # A download goes on after a failure by itself, from where it was.
        self._send_once = layers()

    @asynccontextmanager
    async def stream(
        self, method: str, url: str | URL, **options: Unpack[RequestOptions]
    ) -> AsyncGenerator[StreamingResponse]:
        """Send a request; the block gets the response as soon as its header has arrived.

        A response that is not read to its end costs its connection, which is then closed. A body is sent
        while the block runs, and given up soon after the end of the response.

        Args:
            method: any method but CONNECT, in the case it is to be sent in.
            url: an `http:` or `https:` URL.
            **options: see `RequestOptions`.

        Raises:
            InvalidURL, InvalidRequest, TypeError: the request cannot be sent as it is.
            OSError: or whatever the Socket factory raises; there is no connection.
            TooSlow: one of the `Deadlines` passed.
            HTTPError: another of its kinds; see there.
        """
        async with self._send(self._outgoing(method, url, **options)) as response:
            yield response

    async def request(
        self, method: str, url: str | URL, *, max_body: int | None = None, **options: Unpack[RequestOptions]
    ) -> Response:
        """Send a request, as `stream` does, and read the whole response.

        Args:
            method: as for `stream`.
            url: as for `stream`.
            max_body: the most bytes of body to accept; `Limits.body` by default.
            **options: as for `stream`.

        Raises:
            ResponseTooLarge: the body is longer than that.
            Exception: as for `stream`.
        """
        async with self._send(self._outgoing(method, url, **options)) as response:
            return await response.read_on(self._limits.body if max_body is None else max_body)

    async def get(
        self, url: str | URL, *, max_body: int | None = None, **options: Unpack[RequestOptions]
    ) -> Response:
        """GET the URL; arguments and errors are those of `request`."""
        return await self.request("GET", url, max_body=max_body, **options)

    async def head(self, url: str | URL, **options: Unpack[RequestOptions]) -> Response:
        """HEAD: what GET would answer, without the body; arguments and errors are those of `request`."""
        return await self.request("HEAD", url, **options)

    async def options(
        self, url: str | URL, *, max_body: int | None = None, **options: Unpack[RequestOptions]
    ) -> Response:
        """OPTIONS: what can be done with the URL; arguments and errors are those of `request`."""
        return await self.request("OPTIONS", url, max_body=max_body, **options)

    async def post(
        self,
        url: str | URL,
        body: BodyLike | None = None,
        *,
        max_body: int | None = None,
        **options: Unpack[WithoutBody],
    ) -> Response:
        """POST the body; arguments and errors are those of `request`."""
        return await self.request("POST", url, max_body=max_body, body=body, **options)

    async def put(
        self,
        url: str | URL,
        body: BodyLike | None = None,
        *,
        max_body: int | None = None,
        **options: Unpack[WithoutBody],
    ) -> Response:
        """PUT the body; arguments and errors are those of `request`."""
        return await self.request("PUT", url, max_body=max_body, body=body, **options)

    async def patch(
        self,
        url: str | URL,
        body: BodyLike | None = None,
        *,
        max_body: int | None = None,
        **options: Unpack[WithoutBody],
    ) -> Response:
        """PATCH with the body; arguments and errors are those of `request`."""
        return await self.request("PATCH", url, max_body=max_body, body=body, **options)

    async def delete(
        self, url: str | URL, *, max_body: int | None = None, **options: Unpack[RequestOptions]
    ) -> Response:
        """DELETE the URL; arguments and errors are those of `request`."""
        return await self.request("DELETE", url, max_body=max_body, **options)

    async def download(
        self,
        url: str | URL,
        path: str | Path,
        *,
        sha256: str | bytes | None = None,
        resume: bool = True,
        connections: int = 1,
        max_size: int | None = None,
        retries: Retries | None = None,
        progress: Progress | None = None,
        **options: Unpack[DownloadOptions],
    ) -> Downloaded:
        """GET the URL into a file, which is there when all of it has come, and not before.

        What has come is kept beside the file while it is not complete, and whoever downloads it next goes on from
        there, if the server has the same bytes still.

        Args:
            url: as for `stream`.
            path: the file; what it held is replaced.
            sha256: what it is to hash to, as 64 hexadecimal digits or 32 bytes. A server's own Repr-Digest
            is always
                looked at.
            resume: `False` begins anew, and leaves nothing behind when it fails.
            connections: how many parts to get at once, each at least 1 MiB, from a server that can.
            max_size: the most bytes to accept.
            retries: when to go on after a failure; the client's by default.
            progress: called with the number of bytes that have come, and of those there are, if known.
            **options: see `DownloadOptions`.

        Raises:
            DownloadBusy: somebody else is downloading to the same file.
            DigestMismatch: it is not what it was to be.
            DownloadError: the server does not have it, or not for long enough.
            OSError: a file cannot be written.
            Exception: as for `stream`.
        """
        from ._download import download, parse_sha256
        from ._transfer import Terms

        expected = parse_sha256(sha256)
        if connections < 1:
            raise ValueError(f"connections must be at least 1, not {connections}")
        terms = Terms(self._limits, connections, max_size, progress)
        return await download(
            self._send_once,
            self._outgoing("GET", url, **options),
            path,
            terms,
            sha256=expected,
            resume=resume,
            retries=retries or self._retries,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    def _outgoing(self, method: str, url: str | URL, **options: Unpack[RequestOptions]) -> Outgoing:
        if not options:
            return self._plain(method, url)
        parsed = url if isinstance(url, URL) else URL.parse(url)
        body, described = payload(
            options.get("body"), options.get("json", NOTHING), options.get("data"), options.get("files")
        )
        if options.get("expect"):
            described.append((b"Expect", b"100-continue"))
        given = merged(fields(options.get("headers")), described)
        return Outgoing(
            method=method,
            url=with_params(parsed, options.get("params")),
            headers=tuple(merged(given, self._headers)),
            body=body,
            trailers=options.get("trailers"),
            auth=options.get("auth") or self._auth,
            follow=options.get("follow", True),
            decode=options.get("decode", True),
            deadlines=options.get("deadlines"),
            on_informational=options.get("on_informational"),
        )

    def _plain(self, method: str, url: str | URL) -> Outgoing:
        """A request of which nothing is said but method and URL. It is a value, and mostly asked for again."""
        check_method(method)
        if isinstance(url, str) and (known := self._made.get((method, url))) is not None:
            return known
        parsed = url if isinstance(url, URL) else URL.parse(url)
        made = Outgoing(method=method, url=parsed, headers=self._headers, body=NO_BODY, auth=self._auth)
        if isinstance(url, str):
            if len(self._made) >= _MOST_MADE:
                self._made.clear()
            self._made[method, url] = made
        return made
