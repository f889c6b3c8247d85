"""A little internet inside the test: host names, certificates, servers and a proxy, for code that knows no test.

Theory of operation: Trio asks a `HostnameResolver` of the test's for every name, whoever connects. It answers with
an address that is reserved for documentation (RFC 5737), and `trio.open_tcp_stream` is replaced by one that knows
which local server an address and a port stand for; so `https://example.com/` is fetched as it stands. The store of
public CAs is exchanged for one of throw-away roots, of which `ca9` vouches for `example.com`; so nothing has to be
told whom to trust. Other libraries are told by SSL_CERT_FILE. Names that are not here do not exist.

| host | is |
| --- | --- |
| example.com, www.example.com, echo.example | what `support.little_web` serves, under a public CA |
| intranet.example | the same under a company's own CA, `company-ca.pem` |
| mutual.example | the same, for clients that show `client.pem` |
| expired.example, wrong.example | servers with something wrong about their certificates |
| proxy.example:3128, secure-proxy.example | HTTP proxies that make tunnels by CONNECT; the second over TLS |
| proxy.example:1080 | a SOCKS5 proxy that asks for a user and a password |
"""

from __future__ import annotations

import errno
import json
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from support.authority import CLIENT_AUTH, Authority, Leaf
from support.little_web import web_server
from support.store import make_store
from support.tls_server import ignore, tcp_server, tls_server
from trio_certs import BUNDLED
from trio_secure import _trust

_PUBLIC_ROOT = 9
_DOCUMENTATION = "192.0.2."
PUBLIC = ("example.com", "www.example.com", "echo.example")
_STORE_ATTRIBUTES = ("folder", "_index", "_indexes", "_certificates")


@dataclass(frozen=True)
class Certificates:
    """Who vouches for whom, for all tests of a run."""

    roots: tuple[Authority, ...]
    company: Authority
    public: Leaf
    private: Leaf
    mutual: Leaf
    expired: Leaf
    proxy: Leaf
    client: Leaf

    @property
    def public_root(self) -> Authority:
        """The public CA that vouches for the servers."""
        return self.roots[_PUBLIC_ROOT]

    @classmethod
    def make(cls) -> Certificates:
        """All of them, fresh."""
        roots = tuple(Authority.make(name=f"Throw-away Root {number}") for number in range(11))
        company = Authority.make(name="Company CA")
        yesterday = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
        public = roots[_PUBLIC_ROOT]
        return cls(
            roots,
            company,
            public.issue(*PUBLIC),
            company.issue("intranet.example"),
            public.issue("mutual.example"),
            public.issue("expired.example", not_after=yesterday),
            public.issue("secure-proxy.example"),
            company.issue("client.example", eku=CLIENT_AUTH),
        )


class Resolver(trio.abc.HostnameResolver):
    """Answers with the local servers that stand for hosts."""

    def __init__(self, ports: dict[tuple[str, int], int], empty: Iterable[str] = ()) -> None:
        self.ports = ports
        self.opened: list[trio.SocketStream] = []
        hosts = sorted({host for host, _ in ports} | set(empty))
        self.addresses = {host: f"{_DOCUMENTATION}{number}" for number, host in enumerate(hosts, start=1)}
        self.hosts = {address: host for host, address in self.addresses.items()}

    async def getaddrinfo(
        self,
        host: bytes | None,
        port: bytes | str | int | None,
        family: int = 0,
        type: int = 0,  # noqa: A002  # the base class's name
        proto: int = 0,
        flags: int = 0,
    ) -> Any:  # the type that Trio gives it cannot be written down
        await trio.lowlevel.checkpoint()
        name = (host or b"").decode("ascii").rstrip(".")
        if name not in self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (
                socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (self.addresses[name], int(port or 0)),
            )
        ]

    def connecting(self, real: Callable[..., Awaitable[trio.SocketStream]]) -> Callable[..., object]:
        """`trio.open_tcp_stream` for who is in here."""

        async def open_tcp_stream(host: str, port: int, **options: object) -> trio.SocketStream:
            address = host
            if not host[-1].isdigit():
                ((*_, (address, _)),) = await self.getaddrinfo(host.encode("ascii"), port)
            if address not in self.hosts:
                return await real(host, port, **options)
            local = self.ports.get((self.hosts[address], port))
            if local is None:
                raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens on {address}:{port}")
            self.opened.append(await real("127.0.0.1", local))
            return self.opened[-1]

        return open_tcp_stream

    async def getnameinfo(self, sockaddr: object, flags: int) -> tuple[str, str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@asynccontextmanager
async def little_internet(
    certificates: Certificates, folder: Path, monkeypatch: pytest.MonkeyPatch, *empty: str
) -> AsyncGenerator[Resolver]:
    """All of it while the block runs.

    Args:
        certificates: who vouches for whom.
        folder: gets the files that pages name.
        monkeypatch: undoes what is exchanged.
        *empty: names of further hosts, on which nothing listens yet.
    """
    lay_out(certificates, folder)
    trust_the_roots(certificates, folder, monkeypatch)
    async with AsyncExitStack() as stack:
        keys = folder / "servers"
        public = await stack.enter_async_context(web_server(certificates.public, keys / "public"))
        private = await stack.enter_async_context(web_server(certificates.private, keys / "private"))
        client_ca = folder / "company-ca.pem"
        mutual = web_server(certificates.mutual, keys / "mutual", client_ca)
        expired = tls_server(certificates.expired, ignore)
        wrong = tls_server(certificates.public, ignore)
        proxy = tcp_server(connect_proxy)
        secure_proxy = tls_server(certificates.proxy, connect_proxy)
        ports = {(host, 443): public for host in PUBLIC} | {
            ("intranet.example", 443): private,
            ("mutual.example", 443): await stack.enter_async_context(mutual),
            ("expired.example", 443): await stack.enter_async_context(expired),
            ("wrong.example", 443): await stack.enter_async_context(wrong),
            ("proxy.example", 3128): await stack.enter_async_context(proxy),
            ("proxy.example", 1080): await stack.enter_async_context(tcp_server(socks_proxy)),
            ("secure-proxy.example", 443): await stack.enter_async_context(secure_proxy),
        }
        resolver = Resolver(ports, empty)
        monkeypatch.setattr(trio, "open_tcp_stream", resolver.connecting(trio.open_tcp_stream))
        before = trio.socket.set_custom_hostname_resolver(resolver)
        try:
            yield resolver
        finally:
            for stream in resolver.opened:  # what a page leaves open
                await trio.aclose_forcefully(stream)
            trio.socket.set_custom_hostname_resolver(before)


def lay_out(certificates: Certificates, folder: Path) -> None:
    """The files that pages name."""
    for kind in ("public", "private", "mutual"):
        (folder / "servers" / kind).mkdir(parents=True)
    certificates.company.write(folder, "company-ca")
    certificates.client.write(folder, "client")
    client = certificates.client
    assert isinstance(client.key, ec.EllipticCurvePrivateKey)
    secret = serialization.BestAvailableEncryption(b"password")
    bundle = pkcs12.serialize_key_and_certificates(b"client", client.key, client.certificate, None, secret)
    (folder / "client.p12").write_bytes(bundle)
    (folder / "cookies.txt").write_text("# Netscape HTTP Cookie File\n")
    (folder / "proxy-ca.pem").write_bytes(certificates.roots[_PUBLIC_ROOT].certificate_pem)
    (folder / "manifest.json").write_text(json.dumps({"resources": {"*": ["$(CERTS)/ca9"]}}))
    (folder / "certificates").mkdir()
    certificates.company.write(folder / "certificates")


def trust_the_roots(certificates: Certificates, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exchange the public CAs, for this project and for others."""
    store = make_store(folder / "servers" / "store", *certificates.roots)
    for name in _STORE_ATTRIBUTES:
        monkeypatch.setattr(BUNDLED, name, getattr(store, name))
    monkeypatch.setattr("trio_certs._store._BUNDLED_FOLDER", store.folder)
    _trust._trust_in.cache_clear()
    monkeypatch.setenv(
        "SSL_CERT_FILE", str(certificates.roots[_PUBLIC_ROOT].write(folder / "servers", "roots"))
    )


async def connect_proxy(stream: trio.abc.Stream) -> None:
    """An HTTP proxy that can do one thing: CONNECT (RFC 9110 §9.3.6)."""
    head = bytearray()
    while b"\r\n\r\n" not in head:
        piece = await stream.receive_some()
        if not piece:
            return
        head += piece
    method, target, _ = head.partition(b"\r\n")[0].decode().split(" ")
    if method != "CONNECT":
        await stream.send_all(b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n")
        return
    host, _, port = target.rpartition(":")
    await _tunnel(stream, host, int(port), b"HTTP/1.1 200 Connection established\r\n\r\n")


async def socks_proxy(stream: trio.abc.Stream) -> None:
    """A SOCKS5 proxy (RFC 1928) for a client that sends one message at a time, logs in, and names a host."""
    await stream.receive_some()
    await stream.send_all(b"\5\2")  # user name and password (RFC 1929)
    assert await stream.receive_some() == b"\1\4user\x08password"
    await stream.send_all(b"\1\0")
    asked = bytes(await stream.receive_some())
    assert asked[:4] == b"\5\1\0\3"
    host, port = asked[5 : 5 + asked[4]].decode(), int.from_bytes(asked[5 + asked[4] :], "big")
    await _tunnel(stream, host, port, b"\5\0\0\1" + bytes(6))


async def _tunnel(stream: trio.abc.Stream, host: str, port: int, answer: bytes) -> None:
    async with await trio.open_tcp_stream(host, port) as beyond, trio.open_nursery() as nursery:
        await stream.send_all(answer)
        nursery.start_soon(_pump, beyond, stream, nursery.cancel_scope)
        nursery.start_soon(_pump, stream, beyond, nursery.cancel_scope)


async def _pump(source: trio.abc.Stream, sink: trio.abc.Stream, both: trio.CancelScope) -> None:
    try:
        while data := await source.receive_some():
            await sink.send_all(data)
    except trio.BrokenResourceError:
        pass  # somebody has left, which ends the tunnel
    both.cancel()
