"""Proxies: Socket factories that reach a server through somebody else.

Theory of operation: a `Proxy` is called with host and port like any other Socket factory, and the stream it gives
leads to the server. So it can stand under TLS (`SecureSocket(host, 443, Socket=proxy)`), under another proxy, and
wherever a client takes a factory. What a client asks it beside that is the way of one URL: a chooser of proxies
gives another one, or none, and an HTTP proxy takes `http:` requests as they are, without a tunnel.

`Proxying` is the layer that asks, and that answers an HTTP proxy which wants to know who is there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from typing import NamedTuple

import trio

from ._auth import Auth
from ._authentication import PROXY, answering
from ._defaults import SocketFactory
from ._errors import InvalidURL, ProxyRefused
from ._outgoing import Outgoing
from ._response import StreamingResponse
from ._route import Route
from ._sender import Sender
from ._url import URL

_DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


class Proxy(ABC):
    """The base of all proxies: a Socket factory that reaches every server through another.

    `name` is what error messages call it: its URL, without credentials. `host` is the proxy's own, for credentials
    that are looked up by host.
    """

    name: str
    host: str = ""

    @abstractmethod
    def __call__(self, host: str, port: int, /) -> Awaitable[trio.abc.Stream]:
        """An awaitable of a stream that leads to host and port."""

    def chosen(self, url: URL) -> Proxy | None:
        """The proxy to use for a URL; `None` for none at all."""
        return self

    def route(self, url: URL) -> Route:
        """The way to the server of a URL through this proxy."""
        return Route(f"proxy {self.name}", self, self)

    @property
    def forward_auth(self) -> Auth | None:
        """What answers a proxy that takes requests without a tunnel; `None` for nothing."""
        return None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


async def reached(
    factory: SocketFactory, host: str, port: int, name: str, **options: object
) -> trio.abc.Stream:
    """A stream to a proxy.

    Raises:
        ProxyRefused: nobody answers there: said so that nobody takes it for the server.
        Exception: what else the factory raises.
    """
    try:
        return await factory(host, port, **options)
    except OSError as error:
        raise ProxyRefused(f"the proxy {name} cannot be reached: {error.strerror or error}") from error


class Proxying:
    """A `Sender` that sends requests through a proxy."""

    def __init__(self, send: Sender, proxy: Proxy) -> None:
        self._send = send
        self._proxy = proxy

    @asynccontextmanager
    async def __call__(self, request: Outgoing) -> AsyncGenerator[StreamingResponse]:
        """Send the request by way of the proxy for its URL.

        Raises:
            ProxyRefused: the proxy does not connect.
            Exception: what the layer below raises.
        """
        proxy = self._proxy.chosen(request.url)
        if proxy is not None:
            request = request.replace(route=proxy.route(request.url))
        auth = None if proxy is None else proxy.forward_auth
        if proxy is None or auth is None or request.url.scheme != "http":
            async with self._send(request) as response:
                yield response
        else:
            asker = (proxy.name, proxy.host)
            async with answering(self._send, request, auth, asker, PROXY) as response:
                yield response


class ProxyAddress(NamedTuple):
    """Where a proxy is, and how it is spoken to."""

    scheme: str
    host: str
    port: int

    @property
    def name(self) -> str:
        """What error messages call it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @classmethod
    def parse(cls, text: str, *schemes: str) -> ProxyAddress:
        """Take the URL of a proxy apart.

        Args:
            text: scheme, host and port, and nothing else: credentials have been taken out before.
            schemes: those accepted, out of `http`, `https`, `socks5` and `socks5h`.

        Raises:
            InvalidURL: it is not one.
        """
        scheme, _, rest = text.partition("://")
        scheme = scheme.lower()
        if scheme not in schemes:
            expected = " or ".join(f"{scheme}://" for scheme in schemes)
            raise InvalidURL(f"it begins with {expected}, as in {schemes[0]}://proxy.example:3128")
        # Host and port are written as in any URL; the two schemes differ in nothing but their default port.
        url, other = URL.parse(f"http://{rest}"), URL.parse(f"https://{rest}")
        if url.target != "/" or url.fragment:
            raise InvalidURL(
                f"it ends with the port: a proxy has no path, and this one has {url.target[:100]!r}"
            )
        return cls(scheme, url.host, url.port if url.port == other.port else _DEFAULT_PORTS[scheme])
