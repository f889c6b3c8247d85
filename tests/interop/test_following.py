"""Redirects, cookies, challenges and retries with Hypercorn, which parses and frames them in its own way."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any  # ASGI messages are dictionaries with values of any type

import hypercorn.trio
import pytest
import trio
from hypercorn.config import Config

from trio_https import Client, CookieJar, RedirectRefused, Redirects, Retries

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Site:
    """A site in the manner of httpbin."""

    def __init__(self) -> None:
        self.busy = 2

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for answer in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{answer}.complete"})
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        status, headers, page = self.answer(scope, dict(scope["headers"]), body)
        encoded = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        await send({"type": "http.response.body", "body": page})

    def answer(
        self, scope: Message, headers: dict[bytes, bytes], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, headers and body."""
        _, what, *rest = scope["path"].split("/")
        if what == "redirect":
            status, left = int(rest[0]), int(rest[1])
            return status, [("Location", f"/redirect/{status}/{left - 1}" if left else "/echo")], b"moved"
        if what == "set":
            cookies = [("Set-Cookie", "a=1; Path=/; HttpOnly"), ("Set-Cookie", "b=2; Max-Age=0")]
            return 302, [*cookies, ("Location", "/echo")], b""
        if what == "busy" and self.busy:
            self.busy -= 1
            return 503, [("Retry-After", "0")], b"busy"
        seen = [scope["method"].encode(), headers.get(b"cookie", b""), body]
        return 200, [], b"|".join(seen)


@asynccontextmanager
async def site() -> AsyncGenerator[str]:
    """The site in this event loop; gives its URL."""
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None
    server: Any = hypercorn.trio  # its signature is too wide for a type checker
    async with trio.open_nursery() as nursery:
        binds = await nursery.start(
            partial(server.serve, Site(), config, shutdown_trigger=trio.sleep_forever)
        )
        yield binds[0]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("status", "seen"),
    [(301, b"GET||"), (302, b"GET||"), (303, b"GET||"), (307, b"POST||body"), (308, b"POST||body")],
)
async def test_redirects(status: int, seen: bytes) -> None:
    async with site() as url, Client(redirects=Redirects(limit=4)) as client:
        response = await client.post(f"{url}/redirect/{status}/3", b"body")
        assert response.content == seen
        assert [head.status for head in response.history] == [status] * 4
        with pytest.raises(RedirectRefused, match="in a row"):
            await client.post(f"{url}/redirect/{status}/4", b"body")
        assert (await client.get(f"{url}/redirect/{status}/0", follow=False)).content == b"moved"


async def test_cookies() -> None:
    jar = CookieJar()
    async with site() as url, Client(cookies=jar) as client:
        assert (await client.get(f"{url}/set")).content == b"GET|a=1|"
        assert (await client.get(f"{url}/echo")).content == b"GET|a=1|"
    assert [(cookie.name, cookie.domain, cookie.http_only) for cookie in jar] == [("a", "127.0.0.1", True)]


async def test_retries() -> None:
    async with site() as url, Client(retries=Retries()) as client:
        assert (await client.get(f"{url}/busy")).content == b"GET||"
