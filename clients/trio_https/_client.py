"""The HTTP client: requests to any server, over connections that are used again.

Theory of operation: `Client.stream` is everything; the other methods read the whole response inside it. It
makes the request (so that nonsense is refused before anything happens), and hands it to a stack of senders (see
`_sender`) whose lowest is the transport. Each is a block inside the other, and each cleans up after itself.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import trio

from ._body import BodyLike
from ._connector import Connector
from ._defaults import SocketFactory
from ._headers import HeadersLike, fields
from ._limits import Deadlines, Limits
from ._outgoing import Outgoing
from ._response import Response, StreamingResponse
from ._sender import Sender
from ._transport import Transport
from ._url import URL


class Client(trio.abc.AsyncResource):
    """An HTTP/1.1 client: `async with Client() as client: page = await client.get("https://example.com/")`.

    One client serves any number of tasks and servers. Leaving its block closes its connections; what is still
    running on them raises `trio.ClosedResourceError`.

    Args:
        Socket: the factory of streams for every URL, called with host and port; what it returns is awaited
            for the stream. It alone decides whether the connection is secure. By default,
            `trio_secure.SecureSocket` for `https:` URLs and `trio_secure.Socket` for `http:` ones.
        secure: handed to `Socket` as `secure=`, if given; not to the default factory of `http:` URLs.
        headers: sent with every request, unless the request has its own of the same name.
        limits: caps on connections and responses.
        deadlines: how long to wait for a server. Use `trio.fail_after` for a request as a whole.

    Raises:
        InvalidRequest, TypeError: the headers are not headers.
    """

    def __init__(
        self,
        Socket: SocketFactory | None = None,  # noqa: N803  # the name of the Moddable documentation
        secure: object = None,
        *,
        headers: HeadersLike | None = None,
        limits: Limits | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        self._headers = fields(headers)
        self._limits = limits or Limits()
        deadlines = deadlines or Deadlines()
        self._transport = Transport(Connector(Socket, secure, deadlines), self._limits, deadlines)
        # Layers that follow, retry or authenticate go on top of it, each a Sender over the one below.
        self._send: Sender = self._transport

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str | URL,
        *,
        headers: HeadersLike | None = None,
        body: BodyLike | None = None,
    ) -> AsyncGenerator[StreamingResponse]:
        """Send a request; the block gets the response as soon as its header has arrived.

        A response that is not read to its end costs its connection, which is then closed. A body is sent
        while the block runs, and given up soon after the end of the response.

        Args:
            method: any method but CONNECT, in the case it is to be sent in.
            url: an `http:` or `https:` URL.
            headers: a mapping, or pairs of name and value.
            body: bytes, `str` (sent as UTF-8), or an asynchronous iterable of bytes (sent chunked, unless a
                Content-Length header announces its size).

        Raises:
            InvalidURL, InvalidRequest, TypeError: the request cannot be sent as it is.
            OSError, or what else the Socket factory raises: there is no connection.
            TooSlow: one of the `Deadlines` passed.
            HTTPError: another of its kinds; see there.
        """
        request = Outgoing.of(method, url, headers, body, self._headers)
        async with self._send(request) as response:
            yield response

    async def request(
        self,
        method: str,
        url: str | URL,
        *,
        headers: HeadersLike | None = None,
        body: BodyLike | None = None,
        max_body: int | None = None,
    ) -> Response:
        """Send a request, as `stream` does, and read the whole response.

        Args:
            method: as for `stream`.
            url: as for `stream`.
            headers: as for `stream`.
            body: as for `stream`.
            max_body: the most bytes of body to accept; `Limits.body` by default.

        Raises:
            ResponseTooLarge: the body is longer than that.
            Exception: as for `stream`.
        """
        async with self.stream(method, url, headers=headers, body=body) as response:
            return await response.read(self._limits.body if max_body is None else max_body)

    async def get(
        self, url: str | URL, *, headers: HeadersLike | None = None, max_body: int | None = None
    ) -> Response:
        """GET the URL; arguments and errors are those of `request`."""
        return await self.request("GET", url, headers=headers, max_body=max_body)

    async def head(self, url: str | URL, *, headers: HeadersLike | None = None) -> Response:
        """HEAD: what GET would answer, without the body; arguments and errors are those of `request`."""
        return await self.request("HEAD", url, headers=headers)

    async def post(
        self,
        url: str | URL,
        body: BodyLike | None = None,
        *,
        headers: HeadersLike | None = None,
        max_body: int | None = None,
    ) -> Response:
        """POST the body; arguments and errors are those of `request`."""
        return await self.request("POST", url, headers=headers, body=body, max_body=max_body)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()
