from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import trio
import trio.testing

from support.authority import Authority as FileAuthority
from support.scripted_proxies import connect_proxy
from support.servers import hypercorn
from support.tls_server import tcp_server
from support.websocket_peer import TEXT, Peer, close_frame, frame
from trio_secure import CertificateRefused, SecureStream
from trio_secure.testing import Authority, ServerStream, WrongName
from trio_secure_adapters.websockets import connect

AUTHORITY = Authority()
SECURE = {"certificate": AUTHORITY.certificate}


async def greet(stream: ServerStream) -> None:
    """One message, and the closing handshake."""
    peer = Peer(stream)
    await peer.accept()
    await stream.send_all(frame(TEXT, b"hello") + close_frame(1000))
    await peer.finish()


async def test_messages_come_and_go_with_a_real_server(tmp_path: Path) -> None:
    authority = FileAuthority.make()
    async with hypercorn(tmp_path, authority.issue("localhost"), tmp_path) as server:
        secure = {"certificate": authority.certificate_der}
        url = server.url.replace("https", "wss")
        async with connect(url, secure=secure) as connection:
            assert isinstance(connection.stream, SecureStream)
            for message in ("hello", b"\x00\x01", "x" * 300_000):
                await connection.send(message)
                assert await connection.recv() == message
        async with (
            tcp_server(connect_proxy) as port,
            connect(url, secure=secure, proxy=f"http://127.0.0.1:{port}") as connection,
        ):
            await connection.send("by proxy")
            assert await connection.recv() == "by proxy"


@pytest.mark.parametrize("how", ["argument", "environment"])
async def test_tls_to_a_proxy_is_ours_too(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = FileAuthority.make()
    async with (
        hypercorn(tmp_path, authority.issue("localhost"), tmp_path) as server,
        AUTHORITY.serve("localhost", handler=connect_proxy) as serving,
        tcp_server(serving.handle) as port,
    ):
        options: dict[str, Any] = {
            "secure": {"certificate": authority.certificate_der},
            "proxy_secure": SECURE,
        }
        proxy = f"https://someone:secret@localhost:{port}"
        if how == "environment":
            for name in ("no_proxy", "NO_PROXY", "wss_proxy", "socks_proxy", "all_proxy"):
                monkeypatch.delenv(name, raising=False)
            monkeypatch.setenv("https_proxy", proxy)
        else:
            options["proxy"] = proxy
        async with connect(server.url.replace("https", "wss"), **options) as connection:
            await connection.send("by proxy")
            assert await connection.recv() == "by proxy"
            stream: Any = connection.stream
            assert isinstance(stream, SecureStream)
            assert isinstance(cast("Any", stream).transport_stream, SecureStream)


async def test_a_proxy_is_verified_and_not_told_who_asks_before() -> None:
    heard: list[bytes] = []

    async def proxy(stream: ServerStream) -> None:
        heard.append(await stream.receive_some())

    async with (
        AUTHORITY.serve("localhost", handler=proxy, fault=WrongName()) as serving,
        tcp_server(serving.handle) as port,
    ):
        url = f"https://someone:secret@localhost:{port}"
        with pytest.raises(CertificateRefused):
            async with connect("wss://example.com/", secure=SECURE, proxy_secure=SECURE, proxy=url):
                pass
    assert heard == []


async def test_a_unix_socket_has_no_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "https://localhost:1")
    path = str(tmp_path / "socket")
    with trio.socket.socket(trio.socket.AF_UNIX) as listening:
        await listening.bind(path)
        listening.listen()
        async with AUTHORITY.serve("example.com", handler=greet) as server, trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, server.handle, [trio.SocketListener(listening)])
            async with connect("wss://example.com/", secure=SECURE, unix=True, path=path) as connection:
                assert await connection.recv() == "hello"
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize("how", ["Socket", "stream"])
async def test_any_stream_carries_it(how: str) -> None:
    async with AUTHORITY.serve("example.com", handler=greet) as server:
        given: dict[str, Any] = {"Socket": server.Socket}
        if how == "stream":
            given = {"stream": await server.Socket("example.com", 443)}
        async with connect("wss://example.com/", secure=SECURE, **given) as connection:
            assert await connection.recv() == "hello"


async def test_the_server_is_verified() -> None:
    async with AUTHORITY.serve("example.com", fault=WrongName()) as server:
        with pytest.raises(CertificateRefused):
            async with connect("wss://example.com/", secure=SECURE, Socket=server.Socket):
                pass


def test_bad_settings_and_contexts_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="unknown key 'verfy'"):
        connect("wss://example.com/", secure={"verfy": False})
    with pytest.raises(ValueError, match="unknown key 'verfy'"):
        connect("wss://example.com/", proxy_secure={"verfy": False})
    with pytest.raises(TypeError, match="with secure="):
        connect("wss://example.com/", ssl=object())
    with pytest.raises(TypeError, match="with proxy_secure="):
        connect("wss://example.com/", proxy_ssl=object())


async def test_cancelled_while_it_connects_it_leaves_nothing_open() -> None:
    ours, theirs = trio.testing.memory_stream_pair()

    async def factory(host: str, port: int) -> trio.abc.Stream:
        return ours

    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:

            async def opening() -> None:
                async with connect("wss://example.com/", secure=SECURE, Socket=factory):
                    pass

            nursery.start_soon(opening)
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
    while await theirs.receive_some():
        pass
