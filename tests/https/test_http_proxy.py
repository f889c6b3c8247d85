from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing

from support.authority import Authority
from support.cancellation import every_checkpoint
from support.http_peers import Peer, Script, answering, ok, peers
from support.tls_server import tls_server
from trio_https import URL, InvalidURL, ProxyRefused
from trio_https._auth import BasicAuth
from trio_https._auth_digest import DigestAuth
from trio_https._http_proxy import HTTPProxy

PROXY = "http://proxy.example:3128"
YES = b"HTTP/1.1 200 Connection established\r\n\r\n"


async def greet(peer: Peer) -> None:
    """A proxy that connects to a server that greets and then echoes."""
    await peer.request_head()
    await peer.send(YES + b"welcome")
    while data := await peer.stream.receive_some():
        await peer.send(bytes(data))


async def test_a_tunnel() -> None:
    async with peers(greet) as factory:
        stream = await HTTPProxy(PROXY, Socket=factory, headers={"X-Own": "1"})("h.example", 443)
        assert await stream.receive_some() == b"welcome"
        await stream.send_all(b"hello")
        assert await stream.receive_some() == b"hello"
        await stream.aclose()
        assert factory.open == 0
    assert factory.calls == [("proxy.example", 3128, {})]
    [seen] = factory.requests
    assert (seen.method, seen.target, seen.headers["host"]) == ("CONNECT", "h.example:443", "h.example:443")
    assert seen.headers["x-own"] == "1"
    assert "proxy-authorization" not in seen.headers


async def test_without_bytes_behind_the_answer_the_stream_is_the_proxys() -> None:
    async with peers(answering(YES.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n"))) as factory:
        stream = await HTTPProxy(PROXY, Socket=factory)("::1", 443)
        assert stream is factory.streams[0]
    assert factory.requests[0].target == "[::1]:443"


async def test_byte_by_byte() -> None:
    async with peers(answering(b"HTTP/1.1 103 Early\r\n\r\n" + YES + b"x"), most=1) as factory:
        stream = await HTTPProxy(PROXY, Socket=factory)("h.example", 443)
        assert await stream.receive_some() == b"x"


@pytest.mark.parametrize("url", ["http://u:p@proxy.example:3128", PROXY])
async def test_credentials_are_sent_up_front(url: str) -> None:
    auth = None if "@" in url else BasicAuth("u", "p")
    async with peers(answering(YES)) as factory:
        await HTTPProxy(url, Socket=factory, auth=auth)("h.example", 443)
    assert factory.requests[0].headers["proxy-authorization"] == "Basic dTpw"


async def test_a_challenge_is_answered_on_a_new_connection() -> None:
    async def asks(peer: Peer) -> None:
        seen = await peer.request_head()
        if "proxy-authorization" in seen.headers:
            await peer.send(YES)
        else:
            challenge = 'Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"'
            await peer.send(ok(b"no", challenge, status="407 No"))

    async with peers(asks) as factory:
        await HTTPProxy(PROXY, Socket=factory, auth=DigestAuth("u", "p"))("h.example", 443)
        assert [stream.closed for stream in factory.streams] == [True, False]
    assert 'uri="h.example:443"' in factory.requests[1].headers["proxy-authorization"]


CHALLENGE = 'Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"'


@pytest.mark.parametrize(
    ("answer", "options", "message", "status"),
    [
        (ok(b"<html>", status="403 Forbidden"), {}, "answered 403 Forbidden$", 403),
        (ok(b"", "Proxy-Authenticate: Basic", status="407 No"), {}, r"it wants credentials \(basic\)", 407),
        (ok(b"", status="407 "), {}, "credentials .of no kind", 407),
        (
            ok(b"", CHALLENGE, status="407 No"),
            {"auth": DigestAuth("u", "p")},
            r"407 No: it wants other credentials \(digest\)",
            407,
        ),
        (b"SSH-2.0-x\r\n\r\n", {}, "did not answer in HTTP/1.1", None),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000, {}, "did not answer in HTTP/1.1", None),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n", {}, "300 header fields", None),
        (b"HTTP/1.1 103 Early\r\n\r\n" * 17, {}, "17 interim answers", None),
        (b"HTTP/1.1 20", {}, "closed the connection instead", None),
    ],
)
async def test_a_proxy_that_does_not_connect(
    answer: bytes, options: dict[str, Any], message: str, status: int | None
) -> None:
    async with peers(answering(answer)) as factory:
        with pytest.raises(ProxyRefused, match=message) as caught:
            await HTTPProxy(PROXY, Socket=factory, **options)("h.example", 443)
        assert caught.value.status == status
        assert factory.open == 0


async def test_a_proxy_that_breaks() -> None:
    async def broken(host: str, port: int) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        near, far = trio.testing.memory_stream_pair()
        await far.aclose()
        return near

    with pytest.raises(ProxyRefused, match="broke before it answered"):
        await HTTPProxy(PROXY, Socket=broken)("h.example", 443)


async def test_one_proxy_behind_another() -> None:
    async def both(peer: Peer) -> None:
        await peer.request_head()
        await peer.send(YES)
        await peer.request_head()
        await peer.send(YES + b"there")

    async with peers(both) as factory:
        first = HTTPProxy("http://first.example", Socket=factory)
        stream = await HTTPProxy("http://second.example:8080", Socket=first)("h.example", 443)
        assert await stream.receive_some() == b"there"
    assert [seen.target for seen in factory.requests] == ["second.example:8080", "h.example:443"]


async def test_over_tls_and_to_the_proxy_itself() -> None:
    authority = Authority.make()

    async def proxy(stream: trio.abc.Stream) -> None:
        data = bytes(await stream.receive_some())
        await stream.send_all(YES if data.startswith(b"CONNECT") else b"forwarded")

    async with tls_server(authority.issue("localhost"), proxy) as port:
        for secure in ({"certificate": authority.certificate_der}, {"verify": False}):
            maker = HTTPProxy(f"https://localhost:{port}", secure=secure)
            await (await maker("h.example", 443)).aclose()
            route = maker.route(URL.parse("http://h.example/"))
            assert route.transport is not None
            assert route.absolute_form
            async with await route.transport("h.example", 80) as stream:
                await stream.send_all(b"GET")
                assert await stream.receive_some() == b"forwarded"
        with pytest.raises(trio.BrokenResourceError, match="certificate"):
            await HTTPProxy(f"https://localhost:{port}")("h.example", 443)


def test_the_way_of_a_url() -> None:
    auth = BasicAuth("u", "p")
    proxy = HTTPProxy(PROXY, auth=auth)
    tunnel = proxy.route(URL.parse("https://h.example/"))
    assert (tunnel.transport, tunnel.absolute_form) == (proxy, False)
    assert proxy.route(URL.parse("http://h.example/")) == proxy.route(URL.parse("http://other.example/"))
    assert proxy.forward_auth is auth
    assert repr(HTTPProxy("http://u:secret@proxy.example")) == "<HTTPProxy http://proxy.example:80>"


@pytest.mark.parametrize("url", ["proxy.example", "socks5://proxy.example", "http://proxy.example/x"])
def test_what_is_no_proxy(url: str) -> None:
    with pytest.raises(InvalidURL):
        HTTPProxy(url)


@pytest.mark.parametrize(
    ("host", "port"), [("h.example\r\nX: y", 443), ("h.example/", 443), ("", 443), ("h", 0)]
)
def test_where_nobody_connects_to(host: str, port: int) -> None:
    with pytest.raises(InvalidURL):
        HTTPProxy(PROXY)(host, port)


@pytest.mark.parametrize("script", [greet, answering(ok(status="407 No"))])
async def test_cancelled_at_any_checkpoint_nothing_stays_open(script: Script) -> None:
    for cancelling in every_checkpoint():
        async with peers(script) as factory:

            async def use() -> None:
                try:
                    stream = await HTTPProxy(PROXY, Socket=factory)("h.example", 443)
                except ProxyRefused:
                    return
                await stream.aclose()

            await cancelling.run(use)
            assert factory.open == 0
