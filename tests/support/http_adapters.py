"""What both generations of httpcore, and of httpx, are put through.

Theory of operation: the modules under test differ in a name, so each test file gives its own library and adapter
to these. They are `Any` here: the types are checked where the adapters are written.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from support.scripted_proxies import connect_proxy, https_server, socks_proxy
from support.tls_server import Handler, tcp_server
from trio_secure import SecureStream, TLSConfig
from trio_secure.testing import Authority, CutAt, Fault, NoCloseNotify, ServerStream, StalledAt, WrongName

AUTHORITY = Authority()
SECURE = {"certificate": AUTHORITY.certificate}


@asynccontextmanager
async def proxy_url(kind: str) -> AsyncGenerator[str | None]:
    """The URL of a running proxy of that kind: "none", "http", "https" or "socks5"."""
    async with AsyncExitStack() as stack:
        if kind == "none":
            yield None
            return
        if kind == "https":
            serving = AUTHORITY.serve("localhost", handler=connect_proxy)
            handler: Handler = (await stack.enter_async_context(serving)).handle
        else:
            handler = socks_proxy if kind == "socks5" else connect_proxy
        port = await stack.enter_async_context(tcp_server(handler))
        yield f"{kind}://{'localhost' if kind == 'https' else '127.0.0.1'}:{port}"


async def answer(stream: ServerStream) -> None:
    """One response, to whatever is asked."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += await stream.receive_some()
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")


class HTTPCore:
    """httpcore or httpcore2, and its adapter."""

    def __init__(self, library: Any, adapter: Any) -> None:
        self.library = library
        self.adapter = adapter

    async def exchange(self, folder: Path, kind: str, *, http2: bool) -> None:
        """Two requests through one connection, to a real server and through a real proxy."""
        async with AsyncExitStack() as stack:
            port = await stack.enter_async_context(https_server(AUTHORITY, folder))
            url = await stack.enter_async_context(proxy_url(kind))
            proxy = self.library.Proxy(url) if url else None
            options: dict[str, Any] = {"proxy": proxy, "proxy_secure": SECURE, "http2": http2}
            pool = self.adapter.connection_pool(secure=SECURE, **options)
            await stack.enter_async_context(pool)
            streams: list[object] = []
            for _ in range(2):
                response = await pool.request("POST", f"https://localhost:{port}/", content=b"x" * 100_000)
                assert response.content == b"HTTP/%s, 100000 bytes" % (b"2" if http2 else b"1.1")
                network = response.extensions["network_stream"]
                streams.append(network.get_extra_info("secure_stream"))
                assert network.get_extra_info("ssl_object").selected_alpn_protocol() in ("h2", "http/1.1")
            assert isinstance(streams[0], SecureStream)
            assert streams[0] is streams[1]

    async def fails(self, fault: Fault, error: str) -> None:
        """A fault, by the library's name for it."""
        async with (
            AUTHORITY.serve("example.com", handler=answer, fault=fault) as server,
            self.adapter.connection_pool(secure=SECURE, Socket=server.Socket) as pool,
        ):
            with pytest.raises(getattr(self.library, error)):
                await pool.request("GET", "https://example.com/", extensions={"timeout": _timeouts()})

    async def truncated(self) -> None:
        """A body that ends with the connection is not taken for complete when the connection was cut."""

        async def handler(stream: ServerStream) -> None:
            await stream.receive_some()
            await stream.send_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf of it")

        async with (
            AUTHORITY.serve("example.com", handler=handler, fault=NoCloseNotify()) as server,
            self.adapter.connection_pool(secure=SECURE, Socket=server.Socket) as pool,
        ):
            with pytest.raises(self.library.ReadError):
                await pool.request("GET", "https://example.com/")

    async def configuration(self) -> None:
        """A `TLSConfig` does as well as a dictionary."""
        async with (
            AUTHORITY.serve("example.com", handler=answer, alpn=["http/1.1"]) as server,
            self.adapter.connection_pool(secure=TLSConfig(verify=False), Socket=server.Socket) as pool,
        ):
            response = await pool.request("GET", "https://example.com/")
            assert response.content == b"hello"
            assert server.connections[0].alpn == "http/1.1"

    async def other_context(self) -> None:
        """A context that is not ours is not passed over."""
        async with AUTHORITY.serve("example.com") as server:
            backend = self.adapter.SecureBackend(server.Socket)
            async with self.library.AsyncConnectionPool(network_backend=backend) as pool:
                with pytest.raises(TypeError, match="needs a SecureContext"):
                    await pool.request("GET", "https://example.com/")


class HTTPX:
    """httpx or httpx2, and its adapter."""

    def __init__(self, library: Any, adapter: Any) -> None:
        self.library = library
        self.transport = adapter.SecureTransport

    async def exchange(self, folder: Path, kind: str, *, http2: bool) -> None:
        """A request to a real server, through a real proxy."""
        async with AsyncExitStack() as stack:
            port = await stack.enter_async_context(https_server(AUTHORITY, folder))
            url = await stack.enter_async_context(proxy_url(kind))
            transport = self.transport(SECURE, proxy=url, proxy_secure=SECURE, http2=http2)
            client = await stack.enter_async_context(self.library.AsyncClient(transport=transport))
            response = await client.post(f"https://localhost:{port}/", content=b"x" * 1000)
            assert response.text == f"HTTP/{'2' if http2 else '1.1'}, 1000 bytes"
            assert response.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
            network = response.extensions["network_stream"]
            assert isinstance(network.get_extra_info("secure_stream"), SecureStream)

    async def fails(self, fault: Fault, error: str) -> None:
        """A fault, by the library's name for it."""
        async with (
            AUTHORITY.serve("example.com", handler=answer, fault=fault) as server,
            self.library.AsyncClient(transport=self.transport(SECURE, Socket=server.Socket)) as client,
        ):
            with pytest.raises(getattr(self.library, error)):
                await client.get("https://example.com/", timeout=30)

    def bad_settings(self) -> None:
        """Bad settings are told of at once."""
        with pytest.raises(ValueError, match="unknown key 'verfy'"):
            self.transport({"verfy": False})


def _timeouts() -> dict[str, float]:
    return dict.fromkeys(("connect", "read", "write", "pool"), 30.0)


FAULTS = [
    pytest.param(WrongName(), "ConnectError", id="wrong name"),
    pytest.param(CutAt(100), "ConnectError", id="cut in the handshake"),
    pytest.param(StalledAt(100), "ConnectTimeout", id="stalled in the handshake"),
]
KINDS = [
    pytest.param(kind, http2, id=f"{kind}-{'h2' if http2 else 'h1'}")
    for kind in ("none", "http", "https", "socks5")
    for http2 in (False, True)
]
