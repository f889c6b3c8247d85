"""The HTTPS client against servers that other people wrote, each doing what it does best.

Theory of operation: files, keep-alive, HEAD and what a server compresses by itself against nginx, Apache and
Hypercorn; what static files cannot show (echo, trailers, early hints, 100-continue, an upgrade) against Node. That
the connection was used again is seen by counting the streams that were made.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import trio

from support import servers
from support.authority import Authority
from support.http_server import http_server
from support.servers import RunningServer
from trio_https import Client, Informational, TruncatedBody
from trio_secure import SecureSocket

_TEXT = b"hello " * 100_000
_BINARY = bytes(range(256)) * 8192


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "page.txt").write_bytes(_TEXT)
    (folder / "large").write_bytes(_BINARY)
    (folder / "empty").write_bytes(b"")
    return folder


@asynccontextmanager
async def _client(authority: Authority) -> AsyncGenerator[tuple[Client, list[trio.abc.Stream]]]:
    made: list[trio.abc.Stream] = []

    async def connect(host: str, port: int, *, secure: dict[str, object]) -> trio.abc.Stream:
        made.append(await SecureSocket(host, port, secure=secure))
        return made[-1]

    async with Client(connect, {"certificate": authority.certificate_der}) as client:
        yield client, made


def _serve(
    server: str, files: Path, authority: Authority, folder: Path
) -> AbstractAsyncContextManager[RunningServer]:
    leaf = authority.issue("localhost", intermediate=True)
    if server == "hypercorn":
        return servers.hypercorn(files, leaf, folder)
    return (servers.nginx if server == "nginx" else servers.apache)(files, leaf, folder, "1.3")


@pytest.mark.parametrize("server", ["nginx", "apache", "hypercorn"])
async def test_files_over_one_connection(
    server: str, files: Path, authority: Authority, tmp_path: Path
) -> None:
    async with (
        _serve(server, files, authority, tmp_path) as running,
        _client(authority) as (client, made),
    ):
        pages = [await client.get(f"{running.url}/page.txt") for _ in range(3)]
        assert [(page.status, page.content) for page in pages] == [(200, _TEXT)] * 3
        page = pages[-1]
        if server != "hypercorn":
            assert page.headers["content-encoding"] in ("gzip", "br")
        assert (await client.get(f"{running.url}/empty")).content == b""
        assert (await client.get(f"{running.url}/absent")).status == 404
        if server != "hypercorn":  # this application answers HEAD with a body, which Hypercorn leaves out
            head = await client.head(f"{running.url}/large")
            assert (head.content, head.headers["content-length"]) == (b"", str(len(_BINARY)))
        digest = hashlib.sha256()
        async with client.stream("GET", f"{running.url}/large", decode=False) as response:
            async for chunk in response:
                digest.update(chunk)
        assert digest.digest() == hashlib.sha256(_BINARY).digest()
        assert len(made) == 1
        assert page.timings.done is not None
        assert page.tls.version == 0x0304


@pytest.mark.parametrize("server", ["nginx", "apache"])
async def test_a_range(server: str, files: Path, authority: Authority, tmp_path: Path) -> None:
    async with _serve(server, files, authority, tmp_path) as running, _client(authority) as (client, _):
        part = await client.get(f"{running.url}/large", headers={"Range": "bytes=100-199"})
        assert (part.status, part.content) == (206, _BINARY[100:200])


@asynccontextmanager
async def _node(
    authority: Authority, folder: Path
) -> AsyncGenerator[tuple[str, Client, list[trio.abc.Stream]]]:
    leaf = authority.issue("localhost", intermediate=True)
    async with servers.node(leaf, folder) as running, _client(authority) as (client, made):
        yield running.url, client, made


async def _pieces(count: int) -> AsyncGenerator[bytes]:
    for number in range(count):
        yield bytes([number % 256]) * 50_000


async def test_node_echoes_while_it_is_sent_to_with_trailers_both_ways(
    authority: Authority, tmp_path: Path
) -> None:
    async with _node(authority, tmp_path) as (url, client, made):
        for _ in range(2):
            page = await client.post(f"{url}/echo", _pieces(100), trailers={"X-Sent": "yes"})
            assert page.content == b"".join([piece async for piece in _pieces(100)])
            assert dict(page.trailers) == {"x-length": "5000000", "x-got": "yes"}
        assert len(made) == 1


async def test_node_says_continue_or_does_not(authority: Authority, tmp_path: Path) -> None:
    async with _node(authority, tmp_path) as (url, client, _):
        page = await client.post(f"{url}/echo", b"hello", expect=True)
        assert ([one.status for one in page.informational], page.content) == ([100], b"hello")
        # It refuses the expectation, and gets the request without.
        page = await client.post(f"{url}/refuse", b"hello", expect=True)
        assert (page.status, page.content) == (200, _TEXT)


async def test_node_gives_early_hints_and_codings(authority: Authority, tmp_path: Path) -> None:
    told: list[Informational] = []
    async with _node(authority, tmp_path) as (url, client, made):
        page = await client.get(f"{url}/hints", on_informational=told.append)
        assert [one.status for one in told] == [103]
        assert told[0].headers["link"] == "</style.css>; rel=preload"
        for coding in ("gzip", "deflate", "raw", "br"):
            page = await client.get(f"{url}/", params={"coding": coding})
            assert page.content == _TEXT
        assert len(made) == 1


async def test_node_answers_early(authority: Authority, tmp_path: Path) -> None:
    async with _node(authority, tmp_path) as (url, client, _):
        page = await client.post(f"{url}/early", _pieces(10_000))
        assert (page.status, page.content) == (413, b"early")
        assert (await client.get(f"{url}/")).content == _TEXT


async def test_node_switches_protocols(authority: Authority, tmp_path: Path) -> None:
    async with _node(authority, tmp_path) as (url, client, _):
        headers = {"Connection": "upgrade", "Upgrade": "own"}
        async with client.stream("GET", f"{url}/", headers=headers) as response:
            assert response.status == 101
            stream = response.take_stream()
        async with stream:
            received = b""
            while len(received) < 5:
                received += await stream.receive_some()
            assert received == b"hello"
            await stream.send_all(b"own")
            assert await stream.receive_some() == b"own"


async def test_pythons_own_server(authority: Authority, tmp_path: Path) -> None:
    leaf = authority.issue("localhost")
    with http_server({"/large": _BINARY}, tls=(leaf, tmp_path)) as server:
        async with _client(authority) as (client, made):
            for _ in range(3):
                assert (await client.get(f"https://localhost:{server.port}/large")).content == _BINARY
            assert len(made) == 1


async def test_pythons_own_server_in_http_1_0_leaves_open_whether_that_was_all(
    authority: Authority, tmp_path: Path
) -> None:
    leaf = authority.issue("localhost")
    with http_server({"/large": _BINARY}, version="HTTP/1.0", tls=(leaf, tmp_path)) as server:
        async with _client(authority) as (client, _):
            # It announces no length, and closes without close_notify: anybody could have cut this.
            with pytest.raises(TruncatedBody, match=f"after {len(_BINARY)} bytes"):
                await client.get(f"https://localhost:{server.port}/large")
