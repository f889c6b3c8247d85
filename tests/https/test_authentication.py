from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import pytest

from support.http_peers import Peer, always, answering, ok, peers
from trio_https import Client
from trio_https._auth import Asked, Auth, BasicAuth
from trio_https._auth_digest import DigestAuth
from trio_https._authentication import PROXY, Authenticating
from trio_https._challenges import Challenge
from trio_https._outgoing import Outgoing

URL = "http://h.example/x"
DIGEST = ok(b"", 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"', status="401 No")


def layer(client: Client) -> Authenticating:
    return Authenticating(client._transport)


async def test_credentials_are_sent_up_front() -> None:
    async with peers(always(ok(b"yes"))) as factory, Client(factory) as client:
        request = Outgoing.of("GET", URL).replace(auth=BasicAuth("u", "p"))
        async with layer(client)(request) as response:
            assert response.status == 200
            assert response.history == ()
    assert [seen.headers["authorization"] for seen in factory.requests] == ["Basic dTpw"]


async def test_without_credentials_nothing_is_sent_and_a_header_of_the_callers_wins() -> None:
    async with peers(always(ok(b"", status="401 No"))) as factory, Client(factory) as client:
        for request in (
            Outgoing.of("GET", URL),
            Outgoing.of("GET", URL).replace(auth=Auth()),
            Outgoing.of("GET", URL, headers={"authorization": "mine"}).replace(auth=BasicAuth("u", "p")),
        ):
            async with layer(client)(request) as response:
                assert response.status == 401
    assert [seen.headers.get("authorization") for seen in factory.requests] == [None, None, "mine"]


async def test_a_challenge_is_answered_on_the_same_connection_and_later_up_front() -> None:
    auth = DigestAuth("u", "p")
    answers = [DIGEST, ok(b"yes"), ok(b"again")]
    async with peers(answering(*answers)) as factory, Client(factory) as client:
        for count in (1, 2):
            request = Outgoing.of("POST", URL, body=b"body").replace(auth=auth)
            async with layer(client)(request) as response:
                assert response.status == 200
                assert [head.status for head in response.history] == ([401] if count == 1 else [])
    assert [seen.body for seen in factory.requests] == [b"body"] * 3
    assert 'uri="/x"' in factory.requests[1].headers["authorization"]
    assert "nc=00000002" in factory.requests[2].headers["authorization"]
    assert len(factory.streams) == 1


async def test_a_wrong_password_is_tried_once() -> None:
    async with peers(always(DIGEST)) as factory, Client(factory) as client:
        request = Outgoing.of("GET", URL).replace(auth=DigestAuth("u", "p"))
        async with layer(client)(request) as response:
            assert response.status == 401
    assert len(factory.requests) == 2


async def test_a_server_that_always_has_a_new_nonce_is_not_answered_for_ever() -> None:
    number = 0

    async def stale(peer: Peer) -> None:
        nonlocal number
        while True:
            await peer.request()
            number += 1
            await peer.send(
                ok(
                    b"",
                    f'WWW-Authenticate: Digest realm="r", nonce="{number}", qop="auth", stale=true',
                    status="401 No",
                )
            )

    async with peers(stale) as factory, Client(factory) as client:
        request = Outgoing.of("GET", URL).replace(auth=DigestAuth("u", "p"))
        async with layer(client)(request) as response:
            assert response.status == 401
            assert len(response.history) == 2
    assert number == 3


async def test_a_body_that_cannot_be_sent_again_is_not() -> None:
    async def body() -> AsyncGenerator[bytes]:
        yield b"once"

    async with peers(always(DIGEST)) as factory, Client(factory) as client:
        request = Outgoing.of("POST", URL, body=body()).replace(auth=DigestAuth("u", "p"))
        async with layer(client)(request) as response:
            assert response.status == 401
    assert len(factory.requests) == 1


@pytest.mark.parametrize("secure", [False, True])
async def test_what_credentials_are_asked_about(secure: bool) -> None:
    class Curious(Auth):
        def __init__(self) -> None:
            self.asked: list[Asked] = []

        async def up_front(self, asked: Asked) -> str | None:
            self.asked.append(asked)
            return None

        async def answer(self, asked: Asked, challenges: Sequence[Challenge], sent: str | None) -> str | None:
            raise AssertionError("a proxy's challenge on a server's response")

    auth = Curious()
    scheme = "https" if secure else "http"
    async with peers(always(ok(b"", status="407 No"))) as factory, Client(factory) as client:
        request = Outgoing.of("PUT", f"{scheme}://h.example:8080/x?y", body=b"1").replace(auth=auth)
        async with layer(client)(request) as response:
            assert response.status == 407
    [asked] = auth.asked
    assert (asked.origin, asked.host, asked.secure) == (f"{scheme}://h.example:8080", "h.example", secure)
    assert (asked.method, asked.target, bytes(asked.body or b"")) == ("PUT", "/x?y", b"1")
    assert PROXY.status == 407
