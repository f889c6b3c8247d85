"""HTTP proxies: a tunnel made by CONNECT, through a proxy that is spoken to in the clear or over TLS.

Theory of operation: CONNECT is one request on a connection of its own, with h11 as its grammar; when the
proxy says yes, whatever follows belongs to the server, bytes that came together with the answer included. A
proxy that asks who is there (407) is answered on a new connection. The answer's header section is capped,
and nothing of its body is read: what a proxy says about a server it does not connect to is not from the
server, and must not look as if.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import NamedTuple

import h11
import trio

from ._auth import Asked, Auth, BasicAuth
from ._challenges import parse_challenges
from ._defaults import SocketFactory, default_socket
from ._errors import ProxyRefused
from ._headers import Field, Headers, HeadersLike, fields
from ._proxies import Proxy, ProxyAddress, reached
from ._route import Route
from ._upgrade import upgraded
from ._url import URL

_MOST_HEAD = 64 * 1024
_MOST_FIELDS = 256
_MOST_INTERIM = 16
_MOST_ROUNDS = 3


class HTTPProxy(Proxy):
    """A proxy that makes tunnels by CONNECT: `HTTPProxy("http://proxy.example:3128")`.

    It is a Socket factory. A `Client` sends `http:` requests to it without a tunnel, as proxies expect it.

    Args:
        url: `http://` or `https://`, host and port. Over `https:` the proxy itself is spoken to in TLS, and TLS to
            a server runs inside that. User and password in it are what `auth` would be.
        auth: answers a proxy that asks who is there; `BasicAuth` and `BearerAuth` are sent up front.
        headers: further fields for the proxy alone.
        secure: for TLS to the proxy; see the `secure` dictionary.
        Socket: the factory of the stream to the proxy; TCP by default. It may be another proxy.

    Raises:
        InvalidURL: the URL is not one of a proxy.
        InvalidRequest, TypeError: the headers are not headers.
    """

    def __init__(
        self,
        url: str,
        *,
        auth: Auth | None = None,
        headers: HeadersLike | None = None,
        secure: object = None,
        Socket: SocketFactory | None = None,  # noqa: N803  # the name of the Moddable documentation
    ) -> None:
        bare, in_url = BasicAuth.from_url(url)
        self._address = ProxyAddress.parse(bare, "http", "https")
        self._auth = auth or in_url
        self._headers = fields(headers)
        self._secure = secure
        self._Socket = Socket or trio.open_tcp_stream
        self.name = self._address.name
        self.host = self._address.host

    def __call__(self, host: str, port: int, /) -> Awaitable[trio.abc.Stream]:
        """A stream to host and port, through a tunnel.

        Raises:
            ProxyRefused: the proxy cannot be reached, does not make it, or does not speak HTTP.
            TLSError: there is no TLS to the proxy.
        """
        # Host and port are checked like those of any URL, at once: they become a line of the request.
        return self._tunnel(URL.of("http", host, port, "/"))

    def route(self, url: URL) -> Route:
        """A tunnel for `https:`; for `http:` the proxy itself, which is told the whole URL."""
        if url.scheme != "http":
            return super().route(url)
        return Route(f"proxy {self.name}", self, self._to_proxy, absolute_form=True)

    @property
    def forward_auth(self) -> Auth | None:
        """The credentials for requests without a tunnel."""
        return self._auth

    async def _to_proxy(self, host: str, port: int, /) -> trio.abc.Stream:
        """A stream to the proxy, wherever the request is going."""
        scheme, proxy_host, proxy_port = self._address
        if scheme == "http":
            return await reached(self._Socket, proxy_host, proxy_port, self.name)
        options = {} if self._secure is None else {"secure": self._secure}
        return await reached(
            default_socket(), proxy_host, proxy_port, self.name, Socket=self._Socket, **options
        )

    async def _tunnel(self, url: URL) -> trio.abc.Stream:
        host = f"[{url.host}]" if ":" in url.host else url.host
        target = f"{host}:{url.port}"
        asked = Asked(self.name, self._address.host, self._address.scheme == "https", "CONNECT", target)
        value = None if self._auth is None else await self._auth.up_front(asked)
        rounds_left = _MOST_ROUNDS
        while True:
            rounds_left -= 1
            stream = await self._to_proxy(url.host, url.port)
            try:
                answer = await _connect(stream, self._request(target, value), self.name)
                if 200 <= answer.status < 300:
                    return upgraded(stream, answer.rest)
            except BaseException:
                await trio.aclose_forcefully(stream)
                raise
            await trio.aclose_forcefully(stream)
            sent, value = value, None
            if answer.status == 407 and self._auth is not None and rounds_left:
                challenges = parse_challenges(answer.headers.get_all("proxy-authenticate"))
                value = await self._auth.answer(asked, challenges, sent)
            if value is None:
                raise ProxyRefused(self._refusal(target, answer), answer.status)

    def _request(self, target: str, value: str | None) -> h11.Request:
        headers: list[Field] = [
            (b"Host", target.encode("ascii")),
            (b"User-Agent", b"trio-https"),
            *self._headers,
        ]
        if value is not None:
            headers.append((b"Proxy-Authorization", value.encode("latin-1")))
        return h11.Request(method="CONNECT", target=target, headers=headers)

    def _refusal(self, target: str, answer: _Answer) -> str:
        said = f"{answer.status} {answer.reason}".rstrip()
        refusal = f"the proxy {self.name} did not connect to {target}, but answered {said}"
        if answer.status != 407:
            return refusal
        wanted = [each.scheme for each in parse_challenges(answer.headers.get_all("proxy-authenticate"))]
        kind = "other credentials" if self._auth else "credentials"
        return f"{refusal}: it wants {kind} ({', '.join(wanted) or 'of no kind it names'})"


class _Answer(NamedTuple):
    """What a proxy answered to CONNECT, and the bytes behind it."""

    status: int
    reason: str
    headers: Headers
    rest: bytes


async def _connect(stream: trio.abc.Stream, request: h11.Request, name: str) -> _Answer:
    """Ask for a tunnel on a new stream to the proxy.

    Raises:
        ProxyRefused: what comes back is no HTTP, too much of it, or nothing.
    """
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD)
    head = connection.send(request)
    connection.send(h11.EndOfMessage())
    interim = 0
    try:
        await stream.send_all(head)
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                # Nothing of the answer is large; and what follows it has to be kept.
                data = await stream.receive_some(4096)
                if not data:
                    raise ProxyRefused(f"the proxy {name} closed the connection instead of answering")
                connection.receive_data(bytes(data))
            elif isinstance(event, h11.Response):
                if len(event.headers) > _MOST_FIELDS:
                    raise ProxyRefused(f"the proxy {name} answered with {len(event.headers)} header fields")
                # RFC 9110 §9.3.6: "A client MUST ignore any Content-Length or Transfer-Encoding header fields
                # received in a successful response to CONNECT"; to h11 all that follows one is the tunnel's.
                reason = event.reason.decode("latin-1")
                return _Answer(
                    event.status_code, reason, Headers(event.headers.raw_items()), connection.trailing_data[0]
                )
            else:
                interim += 1
                if interim > _MOST_INTERIM:
                    raise ProxyRefused(f"the proxy {name} gave {interim} interim answers, and no final one")
    except h11.RemoteProtocolError as error:
        raise ProxyRefused(f"the proxy {name} did not answer in HTTP/1.1: {str(error)[:200]}") from error
    except trio.BrokenResourceError as error:
        raise ProxyRefused(f"the connection to the proxy {name} broke before it answered") from error
