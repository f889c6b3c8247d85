"""The layers together, in their order."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from support.cancellation import every_checkpoint
from support.http_peers import Peer, Script, always, ok, peers
from trio_https import (
    Auth,
    BasicAuth,
    Client,
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
