from __future__ import annotations

from collections.abc import Awaitable
from typing import cast

import pytest
import trio

from support.http_peers import Peers, always, answering, ok, peers
from trio_https import URL, Client, InvalidURL, ProxyRefused
from trio_https._auth import Auth, BasicAuth
from trio_https._outgoing import Outgoing
from trio_https._proxies import Proxy, ProxyAddress, Proxying, reached
from trio_https._route import Route


class FakeProxy(Proxy):
    """A proxy that connects to peers in memory; it takes `http:` requests without a tunnel if it has an `auth`."""

    def __init__(self, factory: Peers, auth: Auth | None = None, *, bypass: str = "") -> None:
        self.name = "fake://proxy"
        self.factory = factory
        self.auth = auth
        self.bypass = bypass

    def __call__(self, host: str, port: int, /) -> Awaitable[trio.abc.Stream]:
        return self.factory(host, port, by="proxy")

    def chosen(self, url: URL) -> Proxy | None:
        return None if url.host == self.bypass else super().chosen(url)

    def route(self, url: URL) -> Route:
        way = super().route(url)
        return Route(way.name, way.key, way.transport, absolute_form=self.auth is not None)

    @property
    def forward_auth(self) -> Auth | None:
        return self.auth or super().forward_auth


class OverStream:
    """A Socket factory in the manner of `SecureSocket`."""

    def __init__(self, factory: Peers) -> None:
        self.factory = factory

    async def __call__(self, host: str, port: int, **options: object) -> trio.abc.Stream:
        transport = cast("Peers | None", options.get("Socket"))
        if transport is not None:
            return await transport(host, port)
        return await self.factory(host, port)


async def test_requests_go_through_the_proxy_that_is_chosen() -> None:
    async with peers(always(ok())) as factory, Client(OverStream(factory)) as client:
        send = Proxying(client._transport, FakeProxy(factory, bypass="near.example"))
        for host in ("h.example", "near.example", "h.example"):
            async with send(Outgoing.of("GET", f"https://{host}/x")) as response:
                assert response.status == 200
    assert factory.calls == [("h.example", 443, {"by": "proxy"}), ("near.example", 443, {})]
    assert [seen.target for seen in factory.requests] == ["/x"] * 3


async def test_a_proxy_without_a_tunnel_is_told_the_url_and_who_asks() -> None:
    refusal = ok(b"", 'Proxy-Authenticate: Basic realm="x"', status="407 No")
    async with peers(answering(refusal, ok())) as factory, Client(OverStream(factory)) as client:
        send = Proxying(client._transport, FakeProxy(factory, BasicAuth("u", "p")))
        for status in (407, 200):
            async with send(Outgoing.of("GET", "http://h.example/x")) as response:
                assert response.status == status
    assert [seen.target for seen in factory.requests] == ["http://h.example/x"] * 2
    assert factory.requests[0].headers["proxy-authorization"] == "Basic dTpw"
    assert factory.requests[0].headers["host"] == "h.example"


async def test_a_server_is_not_told_what_the_proxy_is() -> None:
    async with peers(always(ok())) as factory, Client(OverStream(factory)) as client:
        send = Proxying(client._transport, FakeProxy(factory, BasicAuth("u", "p")))
        async with send(Outgoing.of("GET", "https://h.example/x")) as response:
            assert response.status == 200
    assert factory.requests[0].target == "/x"
    assert "proxy-authorization" not in factory.requests[0].headers


def test_it_says_what_it_is_and_no_more() -> None:
    proxy = FakeProxy(None, BasicAuth("u", "secret"))  # type: ignore[arg-type]
    assert repr(proxy) == "<FakeProxy fake://proxy>"
    assert FakeProxy(None).forward_auth is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port", "name"),
    [
        ("http://proxy.example:3128", "http", "proxy.example", 3128, "http://proxy.example:3128"),
        ("HTTP://proxy.example/", "http", "proxy.example", 80, "http://proxy.example:80"),
        ("https://[::1]", "https", "::1", 443, "https://[::1]:443"),
        ("socks5://10.0.0.1", "socks5", "10.0.0.1", 1080, "socks5://10.0.0.1:1080"),
        ("socks5h://[::1]:80", "socks5h", "::1", 80, "socks5h://[::1]:80"),
    ],
)
def test_addresses(text: str, scheme: str, host: str, port: int, name: str) -> None:
    address = ProxyAddress.parse(text, "http", "https", "socks5", "socks5h")
    assert address == (scheme, host, port)
    assert address.name == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("proxy.example:3128", "begins with http:// or https://"),
        ("ftp://proxy.example", "begins with http://"),
        ("http://proxy.example/path", "no path"),
        ("http://proxy.example#x", "no path"),
        ("http://", "no host"),
        ("http://proxy.example:0", "port"),
        ("http://user@proxy.example", "credentials"),
    ],
)
def test_what_is_no_address(text: str, message: str) -> None:
    with pytest.raises(InvalidURL, match=message):
        ProxyAddress.parse(text, "http", "https")


async def test_a_proxy_that_is_not_there_is_not_taken_for_the_server() -> None:
    async def nobody(host: str, port: int, **options: object) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        raise ConnectionRefusedError(111, "Connection refused")

    with pytest.raises(ProxyRefused, match=r"the proxy http://p:1 cannot be reached: Connection refused"):
        await reached(nobody, "p", 1, "http://p:1")
