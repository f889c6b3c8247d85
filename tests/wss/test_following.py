from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, Unpack

import pytest
import trio
import trio.testing

import trio_secure
from support.counting_stream import CountingStream
from support.websocket_peer import Peer, Request
from trio_https import (
    URL,
    Asked,
    Auth,
    BasicAuth,
    Challenge,
    CookieJar,
    DigestAuth,
    RedirectRefused,
    Redirects,
)
from trio_wss import Backoff, UpgradeRefused, open_websocket, reconnecting, wrap_websocket
from trio_wss._open import OpenOptions

HERE = "ws://server.test/chat?room=1"
Answer = Callable[[Peer], Awaitable[None]]


def refusing(status: int, *fields: str) -> Answer:
    async def answer(peer: Peer) -> None:
        head = [f"HTTP/1.1 {status} No", "Content-Length: 0", *fields, "", ""]
        await peer.send("\r\n".join(head).encode("latin-1"))

    return answer


def redirecting(location: str, *fields: str, status: int = 302) -> Answer:
    return refusing(status, f"Location: {location}", *fields)


class World:
    """A Socket factory that leads to servers in memory, which answer the requests one after the other."""

    def __init__(self, nursery: trio.Nursery, *answers: Answer, fields: Sequence[str] = ()) -> None:
        self._nursery = nursery
        self._answers = list(answers)
        self._fields = fields
        self.asked: list[str] = []
        self.given: list[dict[str, object]] = []
        self.requests: list[Request] = []

    async def __call__(self, host: str, port: int, **options: object) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        self.asked.append(f"{host}:{port}")
        self.given.append(options)
        return self.stream()

    def stream(self) -> trio.abc.Stream:
        client_end, server_end = trio.testing.memory_stream_pair()
        self._nursery.start_soon(self._serve, server_end)
        return CountingStream(client_end)

    async def _serve(self, stream: trio.abc.Stream) -> None:
        peer = Replaying(stream)
        self.requests.append(await peer.peek())
        if self._answers:
            await self._answers.pop(0)(peer)
        else:
            await peer.accept(*self._fields)
            await peer.finish()


class Replaying(Peer):
    """A peer whose request can be looked at before it is answered."""

    async def peek(self) -> Request:
        request = await super().read_request()
        self._request = request
        return request

    async def read_request(self) -> Request:
        return self._request


async def opened(world: World, url: str = HERE, **options: Unpack[OpenOptions]) -> None:
    options = {"Socket": world, **options}
    async with open_websocket(url, **options):
        assert CountingStream.open_streams == 1
    assert CountingStream.open_streams == 0


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "asked", "target"),
    [
        ("/other", "server.test:80", "/other"),
        ("other?x=2#part", "server.test:80", "/other?x=2"),
        ("/a b/\xc3\xa4", "server.test:80", "/a%20b/%C3%A4"),
        ("//elsewhere.test:81/x", "elsewhere.test:81", "/x"),
        ("ws://elsewhere.test/", "elsewhere.test:80", "/"),
        ("http://elsewhere.test/", "elsewhere.test:80", "/"),
        ("wss://elsewhere.test/", "elsewhere.test:443", "/"),
        ("https://elsewhere.test/", "elsewhere.test:443", "/"),
    ],
)
async def test_a_redirect_is_followed(status: int, location: str, asked: str, target: str) -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery, redirecting(location, status=status))
        await opened(world)
        assert world.asked == ["server.test:80", asked]
        assert world.requests[1].line == f"GET {target} HTTP/1.1"


async def test_to_another_origin_nothing_goes_along_that_tells_who_asks() -> None:
    headers = {"User-Agent": "me", "X-Api-Key": "secret", "Cookie": "a=b", "Origin": "http://x"}
    async with trio.open_nursery() as nursery:
        world = World(nursery, redirecting("/same"), redirecting("ws://elsewhere.test/"))
        await opened(world, headers=headers, auth=BasicAuth("user", "password"), subprotocols=["chat"])
        same, elsewhere = world.requests[1:]
        assert same.get_all("x-api-key") == ["secret"]
        assert len(same.get_all("authorization")) == 1
        for name in ("x-api-key", "cookie", "origin", "authorization"):
            assert elsewhere.get_all(name) == []
        assert elsewhere.get_all("user-agent") == ["me"]
        assert elsewhere.get_all("sec-websocket-protocol") == ["chat"]
        assert same.get_all("sec-websocket-key") != elsewhere.get_all("sec-websocket-key")


async def test_a_client_certificate_is_not_for_whom_it_is_redirected_to() -> None:
    secure = {"verify": False, "clientCertificates": b"c", "clientKey": b"k"}
    given: list[object] = []

    async with trio.open_nursery() as nursery:
        way = [redirecting("/in"), redirecting("wss://elsewhere.test/"), redirecting("wss://server.test/")]

        class Recording(trio_secure.SecureSocket):
            def __init__(self, host: str, port: int, *, secure: object) -> None:
                super().__init__(host, port)
                given.append(secure)

            def __await__(self) -> Generator[Any, Any, Any]:
                return world(self.host, self.port).__await__()

        world = World(nursery, *way)
        await opened(world, "wss://server.test/", Socket=Recording, secure=secure)
        assert given == [secure, secure, {"verify": False}, {"verify": False}]
        # What a factory of another kind does with it is its own affair.
        world = World(nursery, *way)
        await opened(world, "wss://server.test/", secure=secure)
        assert world.given == [{"secure": secure}] * 4


async def test_the_port_and_the_scheme_make_another_origin() -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery, redirecting("ws://server.test:81/"))
        await opened(world, headers={"X-Api-Key": "secret"})
        assert world.requests[1].get_all("x-api-key") == []


async def test_a_redirect_from_wss_to_ws_is_refused_unless_it_is_allowed() -> None:
    async with trio.open_nursery() as nursery:
        for place in ("ws://server.test/", "http://server.test/"):
            with pytest.raises(RedirectRefused, match="not secure"):
                await opened(World(nursery, redirecting(place)), "wss://server.test/")
        world = World(nursery, redirecting("ws://server.test/"))
        await opened(world, "wss://server.test/", redirects=Redirects(downgrade=True))
        assert world.asked == ["server.test:443", "server.test:80"]


async def test_redirects_in_a_row_have_a_limit() -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery, *[redirecting(f"/{number}") for number in range(20)])
        with pytest.raises(RedirectRefused, match="redirect 4 in a row") as caught:
            await opened(world, redirects=Redirects(limit=3))
        assert isinstance(caught.value.__cause__, UpgradeRefused)
        assert len(world.requests) == 4
        assert CountingStream.open_streams == 0


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (redirecting("ftp://server.test/"), "nobody can follow"),
        (redirecting("ws://user:password@server.test/"), "nobody can follow"),
        (redirecting("ws://[::1"), "it is no URL"),
        (redirecting("/a", "Location: /b"), "several places"),
    ],
)
async def test_a_redirect_that_leads_nowhere_is_refused(answer: Answer, message: str) -> None:
    async with trio.open_nursery() as nursery:
        with pytest.raises(RedirectRefused, match=message):
            await opened(World(nursery, answer))


@pytest.mark.parametrize(
    "answer", [refusing(302), refusing(404, "Location: /x"), refusing(304, "Location: /x")]
)
async def test_what_is_no_redirect_is_a_refusal(answer: Answer) -> None:
    async with trio.open_nursery() as nursery:
        with pytest.raises(UpgradeRefused):
            await opened(World(nursery, answer))


async def test_following_can_be_switched_off() -> None:
    async with trio.open_nursery() as nursery:
        with pytest.raises(UpgradeRefused) as caught:
            await opened(World(nursery, redirecting("/other")), redirects=None)
        assert (caught.value.status, caught.value.headers["location"]) == (302, "/other")


async def test_all_of_it_has_one_deadline(autojump_clock: trio.abc.Clock) -> None:
    def slowly(location: str) -> Answer:
        async def answer(peer: Peer) -> None:
            await trio.sleep(2)
            await redirecting(location)(peer)

        return answer

    async with trio.open_nursery() as nursery:
        world = World(nursery, *[slowly(f"/{number}") for number in range(9)])
        with pytest.raises(trio.TooSlowError, match="within 5 s"):
            await opened(world, open_timeout=5)
        nursery.cancel_scope.cancel()


# Credentials


async def test_basic_credentials_are_sent_at_once() -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery)
        await opened(world, auth=BasicAuth("user", "password"))
        assert world.requests[0].get_all("authorization") == ["Basic dXNlcjpwYXNzd29yZA=="]


async def test_a_challenge_is_answered_on_a_new_connection() -> None:
    challenge = refusing(401, 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256')
    async with trio.open_nursery() as nursery:
        world = World(nursery, challenge)
        await opened(world, auth=DigestAuth("user", "password"))
        first, second = world.requests
        assert first.get_all("authorization") == []
        (value,) = second.get_all("authorization")
        assert value.startswith("Digest ")
        assert 'uri="/chat?room=1"' in value


class Counting(Auth):
    """Answers every challenge with another number."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []

    async def answer(self, asked: Asked, challenges: Sequence[Challenge], sent: str | None) -> str | None:
        self.asked.append(asked)
        return f"Count {len(self.asked)}" if challenges else None


async def test_a_server_that_is_never_content_is_asked_three_times() -> None:
    auth = Counting()
    async with trio.open_nursery() as nursery:
        world = World(nursery, *[refusing(401, "WWW-Authenticate: Count")] * 9)
        with pytest.raises(UpgradeRefused, match="401"):
            await opened(world, auth=auth)
        sent = [request.get_all("authorization") for request in world.requests]
        assert sent == [[], ["Count 1"], ["Count 2"]]
        assert auth.asked[0] == Asked("ws://server.test", "server.test", False, "GET", "/chat?room=1")


@pytest.mark.parametrize(
    "answer",
    [refusing(401), refusing(401, "WWW-Authenticate: \xff"), refusing(403, "WWW-Authenticate: Count")],
)
async def test_without_an_answer_a_refusal_is_one(answer: Answer) -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery, answer)
        with pytest.raises(UpgradeRefused):
            await opened(world, auth=Counting())
        assert len(world.requests) == 1


async def test_an_authorization_header_of_the_caller_s_is_used_as_it_is() -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery, refusing(401, "WWW-Authenticate: Count"))
        with pytest.raises(UpgradeRefused):
            await opened(world, headers={"AUTHORIZATION": "Mine"}, auth=BasicAuth("user", "x"))
        assert [request.get_all("authorization") for request in world.requests] == [["Mine"]]


# Cookies


async def test_cookies_are_kept_from_every_answer_and_sent_where_they_belong() -> None:
    jar = CookieJar()
    async with trio.open_nursery() as nursery:
        world = World(
            nursery,
            redirecting("/chat/room", "Set-Cookie: a=1", "Set-Cookie: b=2"),
            fields=["Set-Cookie: c=3"],
        )
        await opened(world, cookies=jar)
        assert world.requests[0].get_all("cookie") == []
        assert world.requests[1].get_all("cookie") == ["a=1; b=2"]
        assert jar.header(URL.parse("http://server.test/chat/x")) == "c=3; a=1; b=2"
        assert jar.header(URL.parse("http://elsewhere.test/")) is None


async def test_a_cookie_header_of_the_caller_s_is_used_as_it_is() -> None:
    jar = CookieJar()
    jar.store(URL.parse("http://server.test/"), ["a=1"])
    async with trio.open_nursery() as nursery:
        world = World(nursery)
        await opened(world, headers={"Cookie": "mine=1"}, cookies=jar)
        assert world.requests[0].get_all("cookie") == ["mine=1"]


# Over a stream that is there


async def test_over_a_stream_that_is_there_everything_is_asked_once() -> None:
    jar = CookieJar()
    jar.store(URL.parse("http://server.test/"), ["a=1"])
    async with trio.open_nursery() as nursery:
        world = World(nursery)
        async with wrap_websocket(world.stream(), HERE, auth=BasicAuth("user", "x"), cookies=jar):
            pass
        assert len(world.requests[0].get_all("authorization")) == 1
        assert world.requests[0].get_all("cookie") == ["a=1"]
        for answer in (refusing(401, "WWW-Authenticate: Count"), redirecting("/other")):
            world = World(nursery, answer)
            with pytest.raises(UpgradeRefused):
                async with wrap_websocket(world.stream(), HERE, auth=Counting()):
                    pass
            assert CountingStream.open_streams == 0


async def test_credentials_that_fail_leave_nothing_open() -> None:
    class Failing(Auth):
        async def up_front(self, asked: Asked) -> str | None:
            raise LookupError("no token")

    stream = CountingStream(trio.testing.memory_stream_pair()[0])
    with pytest.raises(LookupError, match="no token"):
        async with wrap_websocket(stream, HERE, auth=Failing()):
            pass
    assert CountingStream.open_streams == 0


async def test_reconnecting_follows_each_time(autojump_clock: trio.abc.Clock) -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery, redirecting("/other"), refusing(503), redirecting("/other"))
        rounds = 0
        async with reconnecting(HERE, Socket=world, backoff=Backoff(initial=0)) as connections:
            async for _ in connections:
                rounds += 1
                if rounds == 2:
                    break
        assert len(world.requests) == 5
