"""Through proxies that other people wrote, in the clear and in TLS; and to servers that ask who is there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import trio

from support import proxies, servers
from support.authority import Authority
from support.http_server import http_server
from support.proxies import PASSWORD, USER
from support.servers import RunningServer
from trio_https import (
    BasicAuth,
    Client,
    DigestAuth,
    EnvironmentProxies,
    HTTPProxy,
    Proxy,
    ProxyRefused,
    SOCKSProxy,
)
from trio_secure import SecureSocket
from trio_wss import open_websocket

PAGES = {"/": b"hello", "/large": bytes(range(256)) * 4096}
Start = Callable[[Path], AbstractAsyncContextManager[RunningServer]]


async def use(proxy: Proxy, authority: Authority, folder: Path) -> None:
    """Get pages of an `http:` and an `https:` server by way of the proxy."""
    with (
        http_server(PAGES) as plain,
        http_server(PAGES, tls=(authority.issue("localhost"), folder)) as secure,
    ):
        async with Client(proxy, {"certificate": authority.certificate_der}) as client:
            for _ in range(2):
                for url in (f"http://localhost:{plain.port}", f"https://localhost:{secure.port}"):
                    for path, page in PAGES.items():
                        assert (await client.get(url + path)).content == page
        assert len(secure.connections) == 1


@pytest.mark.parametrize("login", [False, True])
async def test_tinyproxy(login: bool, authority: Authority, tmp_path: Path) -> None:
    async with proxies.tinyproxy(tmp_path, login=login) as running:
        credentials = f"{USER}:{PASSWORD}@" if login else ""
        await use(HTTPProxy(f"http://{credentials}127.0.0.1:{running.port}"), authority, tmp_path)
        if login:
            # It says 407 to who has no credentials, and this to who has wrong ones.
            with pytest.raises(ProxyRefused, match="401 Unauthorized"):
                await HTTPProxy(f"http://x:y@127.0.0.1:{running.port}")("localhost", 443)
        with pytest.raises(ProxyRefused, match="500 "):
            await HTTPProxy(f"http://{credentials}127.0.0.1:{running.port}")("localhost", 1)


@pytest.mark.parametrize("login", [False, True])
async def test_microsocks(login: bool, authority: Authority, tmp_path: Path) -> None:
    async with proxies.microsocks(tmp_path, login=login) as running:
        credentials = f"{USER}:{PASSWORD}@" if login else ""
        await use(SOCKSProxy(f"socks5h://{credentials}127.0.0.1:{running.port}"), authority, tmp_path)
        if login:
            for wrong in ("", "x:y@"):
                with pytest.raises(ProxyRefused, match=r"credentials|does not accept"):
                    await SOCKSProxy(f"socks5://{wrong}127.0.0.1:{running.port}")("localhost", 443)


async def test_dante(authority: Authority, tmp_path: Path) -> None:
    async with proxies.dante(tmp_path) as running:
        proxy = SOCKSProxy(f"socks5://127.0.0.1:{running.port}")
        await use(proxy, authority, tmp_path)
        with pytest.raises(ProxyRefused, match="rules forbid"):
            await proxy("127.0.0.1", 1)
        with pytest.raises(ProxyRefused, match="nothing listens"):
            await proxy("127.0.0.1", servers.free_port())


@pytest.mark.parametrize("algorithm", [None, "Basic", "Digest"])
@pytest.mark.parametrize("tls", [False, True])
async def test_apache(algorithm: str | None, tls: bool, authority: Authority, tmp_path: Path) -> None:
    """With `tls` this is TLS in TLS: to the proxy, and inside that to the server."""
    auth = {None: None, "Basic": BasicAuth(USER, PASSWORD), "Digest": DigestAuth(USER, PASSWORD)}[algorithm]
    leaf = authority.issue("localhost") if tls else None
    async with proxies.apache(leaf, algorithm=algorithm) as running:
        url = f"{'https' if tls else 'http'}://localhost:{running.port}"
        proxy = HTTPProxy(url, auth=auth, secure={"certificate": authority.certificate_der})
        await use(proxy, authority, tmp_path)


async def test_one_behind_another_and_tls_in_tls_in_tls(authority: Authority, tmp_path: Path) -> None:
    trust = {"certificate": authority.certificate_der}
    folders = [tmp_path / name for name in ("socks", "tls")]
    for folder in folders:
        folder.mkdir()
    with http_server(PAGES, tls=(authority.issue("localhost"), folders[1])) as server:
        async with (
            proxies.apache(authority.issue("localhost")) as one,
            proxies.apache(authority.issue("localhost")) as two,
            proxies.microsocks(folders[0]) as socks,
        ):
            first = SOCKSProxy(f"socks5://127.0.0.1:{socks.port}")
            second = HTTPProxy(f"https://localhost:{one.port}", secure=trust, Socket=first)
            third = HTTPProxy(f"https://localhost:{two.port}", secure=trust, Socket=second)
            async with Client(third, trust) as client:
                page = await client.get(f"https://localhost:{server.port}/large")
            assert page.content == PAGES["/large"]
            stream = await SecureSocket("localhost", server.port, secure=trust, Socket=third)
            await stream.send_all(b"GET / HTTP/1.0\r\n\r\n")
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
            await trio.aclose_forcefully(stream)


async def test_proxies_of_the_environment(authority: Authority, tmp_path: Path) -> None:
    async with proxies.tinyproxy(tmp_path) as running:
        # Nothing on this machine is reached through a proxy; so the server has another address of this machine.
        environment = {"ALL_PROXY": f"127.0.0.1:{running.port}", "no_proxy": "direct.example"}
        factory = EnvironmentProxies(environment)
        with http_server(PAGES) as server:
            async with Client(factory, resolve={"direct.example": "127.0.0.1"}) as client:
                assert (await client.get(f"http://direct.example:{server.port}/")).text == "hello"
                assert (await client.get(f"http://localhost:{server.port}/")).text == "hello"
                assert len(server.connections) == 2
                refused = await client.get(f"http://nowhere.invalid:{server.port}/")
                assert refused.status == 500
        assert "nowhere.invalid" in running.said()


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_websocket_through_a_proxy(scheme: str, authority: Authority, tmp_path: Path) -> None:
    proxy_folder = tmp_path / "proxy"
    proxy_folder.mkdir()
    starts: dict[str, Start] = {"http": proxies.tinyproxy, "socks5": proxies.microsocks}
    makes: dict[str, Callable[[str], Proxy]] = {"http": HTTPProxy, "socks5": SOCKSProxy}
    trust = {"certificate": authority.certificate_der}
    async with (
        servers.websockets_echo(authority.issue("localhost"), tmp_path, "1.3") as echo,
        starts[scheme](proxy_folder) as running,
    ):
        proxy = makes[scheme](f"{scheme}://127.0.0.1:{running.port}")
        async with open_websocket(f"wss://localhost:{echo.port}/", Socket=proxy, secure=trust) as websocket:
            await websocket.send("hello")
            assert await websocket.receive() == "hello"


@pytest.mark.parametrize("algorithm", ["Basic", "Digest"])
async def test_a_server_that_wants_to_know_who_is_there(algorithm: str, authority: Authority) -> None:
    auth = BasicAuth(USER, PASSWORD) if algorithm == "Basic" else DigestAuth(USER, PASSWORD)
    leaf = authority.issue("localhost")
    async with (
        proxies.apache(leaf, pages={"page": b"hello"}, algorithm=algorithm) as running,
        Client(secure={"certificate": authority.certificate_der}) as client,
    ):
        url = f"{running.url}/page"
        assert (await client.head(url)).status == 401
        assert (await client.head(url, auth=type(auth)(USER, "wrong"))).status == 401
        for _ in range(3):
            assert (await client.head(url, auth=auth)).status == 200
