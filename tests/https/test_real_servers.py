"""The client against servers this project did not write, over TCP and TLS on the loopback."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any  # ASGI messages are dictionaries with values of any type

import hypercorn.trio
import pytest
import trio
import trio.testing
from hypercorn.config import Config

from support.authority import Authority
from support.cancellation import every_checkpoint
from support.http_peers import ok
from support.http_server import http_server
from support.tls_server import tls_server
from trio_https import Client, Limits, Request, TruncatedBody
from trio_secure import CertificateRefused

PAGES = {"/": b"hello", "/large": bytes(range(256)) * 8192, "/empty": b""}
Message = MutableMapping[str, Any]


async def _application(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Echoes the request's body, chunked, as it arrives; `/early` answers before it has read any of it."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
    status = 413 if scope["path"] == "/early" else 200
    await send({"type": "http.response.start", "status": status, "headers": []})
    if status == 200:
        while (message := await receive())["type"] == "http.request":
            await send({"type": "http.response.body", "body": message["body"], "more_body": True})
            if not message["more_body"]:
                break
    await send({"type": "http.response.body", "body": b"."})


@asynccontextmanager
async def hypercorn_server() -> AsyncGenerator[str]:
    """Hypercorn in this event loop; gives the URL."""
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None
    server: Any = hypercorn.trio  # its signature is too wide for a type checker
    async with trio.open_nursery() as nursery:
        serve = partial(server.serve, _application, config, shutdown_trigger=trio.sleep_forever)
        binds = await nursery.start(serve)
        yield binds[0]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("tls", [False, True])
async def test_pythons_own_server(tls: bool, tmp_path: Path) -> None:
    authority = Authority.make()
    leaf = (authority.issue("localhost"), tmp_path) if tls else None
    secure = {"certificate": authority.certificate_der}
    with http_server(PAGES, tls=leaf) as server:
        url = f"{'https' if tls else 'http'}://localhost:{server.port}"
        async with Client(secure=secure) as client:
            for path, page in PAGES.items():
                assert (await client.get(url + path)).content == page
            assert (await client.get(url + "/absent")).status == 404
            assert (await client.head(url + "/large")).content == b""
            assert (await client.post(url + "/", bytes(200_000))).content == bytes(200_000)
            digest = hashlib.sha256()
            async with client.stream("GET", url + "/large") as response:
                async for chunk in response:
                    digest.update(chunk)
            assert digest.digest() == hashlib.sha256(PAGES["/large"]).digest()
        assert len(server.connections) == 1


async def test_a_body_that_ends_with_a_tcp_connection() -> None:
    with http_server(PAGES, version="HTTP/1.0") as server:
        async with Client() as client:
            for _ in range(2):
                assert (await client.get(f"http://localhost:{server.port}/large")).content == PAGES["/large"]
        assert len(server.connections) == 2


async def test_a_body_that_ends_without_close_notify_is_cut_short(tmp_path: Path) -> None:
    # Python's server closes the TCP connection and says nothing in TLS.
    authority = Authority.make()
    secure = {"certificate": authority.certificate_der}
    with http_server(PAGES, version="HTTP/1.0", tls=(authority.issue("localhost"), tmp_path)) as server:
        async with Client(secure=secure) as client:
            with pytest.raises(TruncatedBody, match="without close_notify"):
                await client.get(f"https://localhost:{server.port}/large")


async def test_a_tls_connection_the_server_closed_is_not_used_again() -> None:
    async def forgetful(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(ok(b"hello"))

    authority = Authority.make()
    async with (
        tls_server(authority.issue("localhost"), forgetful) as port,
        Client(secure={"certificate": authority.certificate_der}) as client,
    ):
        for _ in range(3):
            assert (await client.get(f"https://localhost:{port}/")).text == "hello"
            await trio.testing.wait_all_tasks_blocked(0.01)


async def test_an_untrusted_server_is_the_sockets_error(tmp_path: Path) -> None:
    with http_server(PAGES, tls=(Authority.make().issue("localhost"), tmp_path)) as server:
        async with Client() as client:
            with pytest.raises(CertificateRefused):
                await client.get(f"https://localhost:{server.port}/")
        with pytest.raises(CertificateRefused):
            await Request(host="localhost", port=server.port, secure={}, response=str)


async def test_hypercorn_echoes_while_it_reads() -> None:
    async def source() -> AsyncGenerator[bytes]:
        for number in range(20):
            yield bytes([number]) * 50_000

    async with hypercorn_server() as url, Client() as client:
        for _ in range(2):
            async with client.stream("POST", url, body=source()) as response:
                content = b"".join([chunk async for chunk in response])
            assert content == b"".join([bytes([number]) * 50_000 for number in range(20)]) + b"."
        assert (await client.get(url)).content == b"."


async def test_hypercorn_answers_early() -> None:
    async with hypercorn_server() as url, Client() as client:
        answer = await client.post(url + "/early", bytes(10_000_000))
        assert answer.status == 413
        assert (await client.get(url)).status == 200


@pytest.mark.parametrize("tls", [False, True])
async def test_cancelled_at_any_checkpoint_the_client_goes_on(tls: bool, tmp_path: Path) -> None:
    authority = Authority.make()
    leaf = (authority.issue("localhost"), tmp_path) if tls else None
    with http_server(PAGES, tls=leaf) as server:
        url = f"{'https' if tls else 'http'}://localhost:{server.port}"
        async with Client(
            secure={"certificate": authority.certificate_der}, limits=Limits(connections=1)
        ) as client:

            async def use() -> bool:
                return (await client.post(url + "/", bytes(40_000))).content == bytes(40_000)

            for cancelling in every_checkpoint():
                assert await cancelling.run(use) or cancelling.cancelled
                with trio.fail_after(10):
                    assert (await client.get(url + "/")).content == b"hello"
