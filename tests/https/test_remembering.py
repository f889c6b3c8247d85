from __future__ import annotations

from support.http_peers import always, ok, peers
from trio_https import Client
from trio_https._cookies import Cookie, CookieJar
from trio_https._outgoing import Outgoing
from trio_https._remembering import Remembering

URL = "http://h.example/x/y"


async def test_a_cookie_goes_back() -> None:
    answer = ok(
        b"", "Set-Cookie: a=1; Path=/", "set-cookie: b=\xc3\xa4", "Set-Cookie: c=3; Domain=other.example"
    )
    jar = CookieJar()
    async with peers(always(answer)) as factory, Client(factory) as client:
        send = Remembering(client._transport, jar)
        for url in (URL, URL, "http://other.example/"):
            async with send(Outgoing.of("GET", url)) as response:
                assert response.status == 200
        async with send(Outgoing.of("GET", URL, headers={"cookie": "mine"})) as response:
            assert response.status == 200
    sent = [seen.headers.get("cookie") for seen in factory.requests[::3]]
    assert sent == [None, "mine"]
    assert "cookie" not in factory.requests[2].headers


async def test_bytes_beyond_ascii_come_back_as_they_came() -> None:
    jar = CookieJar()
    jar.add(Cookie("b", "\xc3\xa4", "h.example"))
    raw: list[bytes] = []

    async with peers(always(ok())) as factory, Client(factory) as client:
        request = Outgoing.of("GET", URL)
        async with Remembering(client._transport, jar)(request) as response:
            assert response.status == 200
        assert request.headers == Outgoing.of("GET", URL).headers
    assert raw == []
