"""A program of somebody else, as a type checker sees it: it uses the public names of all packages.

Theory of operation: `nox -s consumer` checks it with mypy and pyright, both strict, in a folder of its own against
the installed wheel. That finds a `py.typed` that is missing, a name that is not re-exported, and a type that a
user cannot write down. Nobody runs it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import assert_type

import httpx
import trio

from trio_certs import CertificateFacts, Manifest, Pin, Store, Trust, VerifiedChain
from trio_https import Client, HTTPProxy, Request, Response, Retries, SocketFactory
from trio_secure import (
    CertificateRefused,
    ClientIdentity,
    ConnectionInfo,
    SecureSocket,
    SecureStream,
    TLSConfig,
    TLSError,
    TraceEvent,
)
from trio_secure.testing import Authority, Server, StalledAt
from trio_secure_adapters import open_ssl_over_tcp_stream
from trio_secure_adapters.httpx import SecureTransport
from trio_secure_cli import main as command
from trio_secure_report import ConnectionWarning, render_report, warnings_about, write_report
from trio_wss import WebSocket, open_websocket


async def sign(scheme: str, data: bytes) -> bytes:
    """A signer that is elsewhere."""
    return scheme.encode() + data


def watch(event: TraceEvent) -> None:
    """A trace."""
    assert_type(event.at, float)


async def connecting(host: str, port: int) -> trio.abc.Stream:
    """A Socket factory."""
    return await trio.open_tcp_stream(host, port)


async def streams(transport: trio.SocketStream, certificates: bytes) -> None:
    """TLS over a socket, and over that."""
    trust = Trust(sources=[Store()], pins=[Pin.key(bytes(32))])
    identity = ClientIdentity.signing(certificates, sign)
    config = TLSConfig(alpn=["http/1.1"], trust=trust, client_identities=identity, trace=watch)
    stream = await SecureStream.wrap(transport, "example.com", config)
    assert_type(stream, SecureStream[trio.SocketStream])
    assert_type(stream.transport_stream, trio.SocketStream)
    assert_type(stream.info, ConnectionInfo)
    async with SecureSocket("example.com", 443, secure={"trace": True}, Socket=connecting) as other:
        assert_type(await other.receive_some(), bytes)
    try:
        await trust.verify(stream.info.peer_certificates, "example.com")
    except CertificateRefused as refused:
        raise TLSError(str(refused)) from refused


async def clients(path: str) -> str:
    """HTTPS and WSS."""
    manifest = await Manifest.load(path)
    factory: SocketFactory = HTTPProxy("http://proxy.example:3128")
    async with Client(factory, secure={"manifest": manifest}, retries=Retries()) as client:
        page = await client.get("https://example.com/")
        assert_type(page, Response)
        async with client.stream("GET", "https://example.com/") as response:
            async for chunk in response:
                assert_type(chunk, bytes)
    async with open_websocket("wss://echo.example/") as ws:
        assert_type(ws, WebSocket)
        assert_type(await ws.receive(), str | bytes)
    text = await Request(host="example.com", path="/", response=str, port=443)
    assert_type(text, str)
    return text


async def from_elsewhere() -> None:
    """Below other libraries, and without a network."""
    async with httpx.AsyncClient(transport=SecureTransport({"verify": False}, http2=True)) as client:
        assert_type(await client.get("https://example.com/"), httpx.Response)
    stream: trio.abc.Stream = await open_ssl_over_tcp_stream("example.com", 443)
    await stream.aclose()
    async with Authority().serve("example.com", fault=StalledAt(9)) as server:
        assert_type(server, Server)
        async with Client(Socket=server.SecureSocket) as own:
            await own.get("https://example.com/")


def reports(info: ConnectionInfo, events: list[TraceEvent], path: Path) -> str:
    """A connection as a page."""
    write_report(events, path)
    assert_type(warnings_about(info, datetime.now(UTC), events), tuple[ConnectionWarning, ...])
    return render_report(events)


def others(chain: VerifiedChain, der: bytes) -> int:
    """Certificates, and the command."""
    assert_type(CertificateFacts.parse(der).der, bytes)
    assert_type(chain.chain, tuple[bytes, ...])
    return command(["--help"])
