"""The layers together, in their order."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing

import trio_secure
import trio_secure.testing
from support.cancellation import every_checkpoint
from support.http_peers import Peer, Script, always, ok, peers
from trio_https import (
    Auth,
    BasicAuth,
    Client,
    ConnectionLost,
    CookieJar,
    DigestAuth,
    HTTPProxy,
    Limits,
    NetrcAuth,
    RedirectRefused,
    Redirects,
    Retries,
)

DIGEST = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'
PAGE = "http://h.example/"


def site() -> Script:
    """`/` wants to know who asks, and sets a cookie; then it is busy once; then it redirects to `/in`."""
    state = {"busy": True}

    async def script(peer: Peer) -> None:
        while True:
            seen = await peer.request()
            if seen.target == "/in":
                await peer.send(ok(f"{seen.method} {seen.headers.get('cookie')}".encode()))
            elif "authorization" not in seen.headers:
                await peer.send(ok(b"", DIGEST, "Set-Cookie: a=1", status="401 Who"))
            elif state.pop("busy", False):
                await peer.send(ok(b"", status="503 Busy"))
            else:
                await peer.send(
                    ok(b"", "Location: /in", f"Set-Cookie: b={seen.headers['cookie']}", status="303 x")
                )

    return script


async def test_all_of_them(autojump_clock: trio.testing.MockClock) -> None:
    async with (
        peers(site()) as factory,
        Client(factory, cookies=CookieJar(), retries=Retries(any_method=True)) as client,
    ):
        response = await client.post(PAGE, b"body", auth=DigestAuth("u", "p"))
        assert response.text == "GET a=1; b=a=1"
        assert [head.status for head in response.history] == [303]
    assert [seen.method for seen in factory.requests] == ["POST", "POST", "POST", "GET"]
    assert len(factory.streams) == 1


async def test_redirects_are_followed_by_default_and_nothing_else_is_done() -> None:
    async with peers(site()) as factory, Client(factory) as client:
        assert (await client.get(PAGE, headers={"Authorization": "x", "Cookie": "c=2"})).status == 503
        response = await client.get(PAGE, headers={"Authorization": "x", "Cookie": "c=2"})
        assert response.text == "GET c=2"
        assert (await client.get(PAGE)).status == 401
        assert (
            await client.get(PAGE, headers={"Authorization": "x", "Cookie": ""}, follow=False)
        ).status == 303
    async with peers(always(ok(b"", "Location: /x", status="302 x"))) as factory:
        async with Client(factory, redirects=None) as client:
            assert (await client.get(PAGE)).status == 302
        async with Client(factory, redirects=Redirects(limit=2)) as client:
            with pytest.raises(RedirectRefused, match="redirect 3"):
                await client.get(PAGE)


async def test_credentials_of_the_client_are_not_for_whom_it_is_redirected_to() -> None:
    async def away(peer: Peer) -> None:
        seen = await peer.request()
        if seen.headers["host"] == "h.example":
            await peer.send(ok(b"", "Location: http://other.example/", status="302 x"))
        else:
            await peer.send(ok(repr(seen.headers.get("authorization")).encode()))

    async with peers(away) as factory, Client(factory, auth=BasicAuth("u", "p")) as client:
        assert (await client.get(PAGE)).text == "None"
        assert factory.requests[0].headers["authorization"] == "Basic dTpw"
        await client.get(PAGE, auth=Auth())
        assert "authorization" not in factory.requests[2].headers


@pytest.mark.parametrize("as_config", [False, True])
async def test_a_client_certificate_is_not_for_whom_it_is_redirected_to(as_config: bool) -> None:
    """Both servers insist on one, so whoever is not shown it refuses the connection."""
    authority = trio_secure.testing.Authority()

    async def handler(stream: trio.abc.Stream) -> None:
        while request := await stream.receive_some():
            away = b"GET /away" in request
            await stream.send_all(
                ok(b"hello", f"Location: https://two.example:{port}/", status="302 x")
                if away
                else ok(b"hello")
            )

    async with (
        authority.serve("one.example", "two.example", handler=handler, ask_client=True) as server,
        trio.open_nursery() as nursery,
    ):
        listeners = await nursery.start(trio.serve_tcp, server.handle, 0)
        port = listeners[0].socket.getsockname()[1]
        secure: Any = {"certificate": authority.certificate, **authority.identity("me@example")}
        if as_config:
            identity = trio_secure.ClientIdentity.load(secure["clientCertificates"], secure["clientKey"])
            secure = trio_secure.TLSConfig(certificate=authority.certificate, client_identities=identity)
        resolve = {"one.example": "127.0.0.1", "two.example": "127.0.0.1"}
        async with Client(secure=secure, resolve=resolve) as client:
            for host in ("one", "two"):
                assert (await client.get(f"https://{host}.example:{port}/")).text == "hello"
            # Not over the connection that is there, and not anew.
            with pytest.raises(ConnectionLost, match="certificate_required"):
                await client.get(f"https://one.example:{port}/away")
            # Within an origin it is shown.
            assert (await client.get(f"https://two.example:{port}/", follow=False)).text == "hello"
        nursery.cancel_scope.cancel()


async def test_a_proxy_is_asked_without_a_tunnel_for_http() -> None:
    async with (
        peers(always(ok(b"x"))) as factory,
        Client(HTTPProxy("http://u:p@proxy.example:3128", Socket=factory)) as client,
    ):
        assert (await client.get(PAGE)).text == "x"
        await client.get("http://h.example/y")
    assert factory.calls == [("proxy.example", 3128, {})]
    assert [seen.target for seen in factory.requests] == [PAGE, PAGE + "y"]
    assert factory.requests[0].headers["proxy-authorization"] == "Basic dTpw"


async def test_cancelled_at_any_checkpoint_no_slot_is_lost() -> None:
    for cancelling in every_checkpoint():
        async with peers(site()) as factory:
            retries = Retries(any_method=True, backoff=0)
            async with Client(
                factory, cookies=CookieJar(), retries=retries, limits=Limits(connections=1)
            ) as client:

                async def use() -> None:
                    await client.post(PAGE, b"body", auth=DigestAuth("u", "p"))

                await cancelling.run(use)
                with trio.fail_after(5):
                    assert (await client.get(PAGE + "in")).status == 200
            assert factory.open == 0


async def test_a_proxy_is_not_told_a_password_that_is_for_the_server() -> None:
    netrc = NetrcAuth({"h.example": BasicAuth("u", "server")}, cleartext=True)
    async with (
        peers(always(ok(b"x"))) as factory,
        Client(HTTPProxy("http://proxy.example", auth=netrc, Socket=factory)) as client,
    ):
        await client.get(PAGE)
    assert "proxy-authorization" not in factory.requests[0].headers
