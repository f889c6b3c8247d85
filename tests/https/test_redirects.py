from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from support.http_peers import Peer, always, answering, ok, peers
from trio_https import URL, Client, RedirectRefused
from trio_https._auth import BasicAuth
from trio_https._auth_netrc import NetrcAuth
from trio_https._headers import Headers
from trio_https._outgoing import Outgoing
from trio_https._redirects import Following, Redirects, redirected
from trio_https._response import ResponseHead

ONE = "https://one.example/a/b?c"


def answer(status: int, *locations: str, url: str = ONE) -> ResponseHead:
    return ResponseHead(
        url=URL.parse(url),
        method="GET",
        status=status,
        reason="",
        http_version="1.1",
        headers=Headers([(b"location", location.encode("latin-1")) for location in locations]),
    )


def following(
    status: int, location: str, method: str = "GET", url: str = ONE, **options: Any
) -> Outgoing | None:
    policy = options.pop("policy", Redirects())
    auth = options.pop("auth", None)
    request = Outgoing.of(method, url, **options).replace(auth=auth)
    return redirected(request, answer(status, location, url=url), policy)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("https://two.example/", "https://two.example/"),
        ("/x?y", "https://one.example/x?y"),
        ("x", "https://one.example/a/x"),
        ("../x", "https://one.example/x"),
        ("?x", "https://one.example/a/b?x"),
        ("//two.example:444/x", "https://two.example:444/x"),
        ("", "https://one.example/a/b?c"),
        ("/a b/ä", "https://one.example/a%20b/%C3%A4"),
        ("/\xc3\xa4", "https://one.example/%C3%A4"),
        ("HTTPS://TWO.example", "https://two.example/"),
    ],
)
def test_where_to(location: str, url: str) -> None:
    request = following(302, location)
    assert request is not None
    assert str(request.url) == url


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (301, "PUT", "PUT"),
        (302, "DELETE", "DELETE"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (302, "HEAD", "HEAD"),
        (302, "GET", "GET"),
    ],
)
def test_with_which_method(status: int, method: str, then: str) -> None:
    headers = {"Content-Type": "text/x", "Expect": "100-continue", "X-Own": "1"}
    request = following(status, "/x", method, body=b"body", headers=headers)
    assert request is not None
    assert request.method == then
    kept = method == then
    assert bytes(request.body.data or b"") == (b"body" if kept else b"")
    names = {name for name, _ in request.headers}
    assert (b"Content-Type" in names) is kept
    assert (b"Expect" in names) is kept
    assert b"X-Own" in names


@pytest.mark.parametrize("status", [200, 201, 300, 304, 305, 306, 404])
def test_what_is_no_redirect(status: int) -> None:
    assert following(status, "/x") is None
    assert redirected(Outgoing.of("GET", ONE), answer(302), Redirects()) is None


HEADERS = {
    "Authorization": "secret",
    "Cookie": "secret",
    "Proxy-Authorization": "secret",
    "X-Api-Key": "secret",
    "Host": "one.example",
    "Accept": "text/html",
    "Range": "bytes=1-",
    "Content-Type": "text/x",
}


@pytest.mark.parametrize(
    "location",
    ["https://two.example/", "https://one.example:444/", "https://x.one.example/", "http://one.example/"],
)
async def test_to_another_origin_nothing_goes_along_that_tells_who_asks(location: str) -> None:
    request = following(
        307,
        location,
        "POST",
        body=b"x",
        headers=HEADERS,
        auth=BasicAuth("u", "p"),
        policy=Redirects(downgrade=True),
    )
    assert request is not None
    assert request.auth is None
    assert request.anonymous
    sent = {name.decode().lower() for name, value in request.event.headers if value != b""}
    assert "secret" not in str(request.event.headers)
    assert {"accept", "range", "content-type", "host", "content-length"} <= sent
    assert dict(request.event.headers)[b"host"] == request.url.authority.encode()


async def test_within_an_origin_everything_goes_along() -> None:
    auth = BasicAuth("u", "p")
    request = following(302, "https://one.example:443/x", headers=HEADERS, auth=auth)
    assert request is not None
    assert request.auth is auth
    assert not request.anonymous
    assert {name.decode() for name, _ in request.headers} >= set(HEADERS)


async def test_the_way_back_is_as_anonymous_as_the_way_there() -> None:
    there = following(302, "https://two.example/")
    assert there is not None
    back = redirected(there, answer(302, ONE, url="https://two.example/"), Redirects())
    assert back is not None
    assert back.anonymous


def test_what_is_looked_up_by_host_is_looked_up_again() -> None:
    auth = NetrcAuth({})
    request = following(302, "https://two.example/", auth=auth)
    assert request is not None
    assert request.auth is auth


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("http://one.example/", "not secure: .*downgrade=True"),
        ("ftp://one.example/", "nobody can follow: .* scheme"),
        ("javascript:alert(1)", "nobody can follow"),
        ("https://user:hush@two.example/", "credentials"),
        ("https://[::1/", "it is no URL"),
        ("https://two.example\\@one.example/", "backslash"),
        ("https://two.example/\x85", "nobody can follow"),
    ],
)
def test_where_nobody_follows(location: str, message: str) -> None:
    with pytest.raises(RedirectRefused, match=message) as caught:
        following(302, location)
    assert "hush" not in str(caught.value)


def test_two_places_are_none() -> None:
    with pytest.raises(RedirectRefused, match="several places"):
        redirected(Outgoing.of("GET", ONE), answer(302, "/x", "/y"), Redirects())
    assert redirected(Outgoing.of("GET", ONE), answer(302, "/x", "/x"), Redirects()) is not None


def test_a_body_that_is_gone_is_not_sent_again() -> None:
    async def body() -> AsyncGenerator[bytes]:
        yield b"x"

    with pytest.raises(RedirectRefused, match=r"POST to https://one\.example/x, and its body"):
        following(307, "/x", "POST", body=body())
    request = following(303, "/x", "POST", body=body())
    assert request is not None
    assert request.replayable


def test_from_http_to_https_and_back_if_allowed() -> None:
    assert following(302, "https://one.example/", url="http://one.example/") is not None
    policy = Redirects(downgrade=True)
    assert following(302, "http://one.example/", policy=policy) is not None


@pytest.mark.parametrize(
    ("location", "fragment"), [("/x", "part"), ("/x#other", "other"), ("https://two.example/", "part")]
)
def test_a_fragment_is_inherited(location: str, fragment: str) -> None:
    request = following(302, location, url=ONE + "#part")
    assert request is not None
    assert request.url.fragment == fragment
    assert "#" not in str(request.url)


def test_a_limit_makes_sense() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Redirects(limit=0)


async def test_the_response_knows_its_history() -> None:
    hops = [ok(b"go", f"Location: /{number}", status="302 Found") for number in range(3)]
    async with peers(answering(*hops, ok(b"here"))) as factory, Client(factory) as client:
        send = Following(client._transport, Redirects())
        async with send(Outgoing.of("GET", "http://h.example/")) as response:
            assert [str(head.url) for head in response.history] == [
                "http://h.example/",
                "http://h.example/0",
                "http://h.example/1",
            ]
            assert str(response.url) == "http://h.example/2"
            assert (await response.read(10)).content == b"here"
    assert len(factory.streams) == 1


async def test_it_does_not_go_on_for_ever() -> None:
    async with (
        peers(always(ok(b"", "Location: /x", status="302 Found"))) as factory,
        Client(factory) as client,
    ):
        send = Following(client._transport, Redirects(limit=4))
        with pytest.raises(RedirectRefused, match="redirect 5 in a row"):
            async with send(Outgoing.of("GET", "http://h.example/")):
                raise AssertionError("there is no response")
    assert len(factory.requests) == 5


async def test_a_request_may_ask_for_the_redirect_itself() -> None:
    async with (
        peers(always(ok(b"", "Location: /x", status="302 Found"))) as factory,
        Client(factory) as client,
    ):
        send = Following(client._transport, Redirects())
        async with send(Outgoing.of("GET", "http://h.example/").replace(follow=False)) as response:
            assert response.status == 302


async def test_a_page_without_end_does_not_hold_a_redirect_up() -> None:
    async def endless(peer: Peer) -> None:
        await peer.request()
        if peer.number:
            await peer.send(ok(b"here"))
        else:
            await peer.send(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                await peer.send(b"ffff\r\n" + bytes(0xFFFF) + b"\r\n")

    async with peers(endless) as factory, Client(factory) as client:
        send = Following(client._transport, Redirects())
        async with send(Outgoing.of("GET", "http://h.example/")) as response:
            assert (await response.read(10)).content == b"here"
    assert len(factory.streams) == 2


async def test_most_responses_are_no_redirects() -> None:
    async with peers(always(ok(b"here"))) as factory, Client(factory) as client:
        send = Following(client._transport, Redirects())
        async with send(Outgoing.of("GET", "http://h.example/")) as response:
            assert response.history == ()
            assert (await response.read(10)).content == b"here"
    assert factory.open == 0
