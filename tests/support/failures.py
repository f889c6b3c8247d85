"""Common failures, each provoked for real, with what there is to say about it: for docs/errors.md.

Theory of operation: a `Failure` sets up the server or the network that goes wrong on a `Stage`, whose host names
are resolved as in `support.little_internet`, and does what a user would. What it raises is what the page shows.
Parts that differ from run to run, such as serial numbers and dates, are shown as `…`.
"""

from __future__ import annotations

import re
import ssl
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
from cryptography import x509

from support.authority import DAY, Authority, Leaf, self_signed
from support.crl import revocation_list
from support.little_internet import Certificates, Resolver, little_internet
from support.servers import free_port
from support.tls_server import Handler, ignore, tcp_server
from trio_certs import Manifest, Pin, Trust
from trio_https import Client, Deadlines, HTTPProxy
from trio_secure import SecureSocket, TLSConfig
from trio_wss import open_websocket

HOST = "server.example"
_VARYING = (
    (r"serial 0x[0-9a-f]+", "serial …"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d( to \d{4}-\d\d-\d\d \d\d:\d\d:\d\d)? UTC", "…"),
    (r"sha256/[A-Za-z0-9+/=]{44}", "sha256/…"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:…"),
    (r"\b\d+\.\d+ s\b", "… s"),
)


class Stage:
    """Where a failure is set up: one host, `server.example`, whose ports are served as it wants."""

    def __init__(
        self, certificates: Certificates, resolver: Resolver, stack: AsyncExitStack, folder: Path
    ) -> None:
        self.certificates = certificates
        self.folder = folder
        self._resolver = resolver
        self._stack = stack

    @property
    def root(self) -> Authority:
        """The public CA that vouches for servers."""
        return self.certificates.public_root

    async def tcp(self, handler: Handler, port: int = 443) -> None:
        """Serve a port of the host."""
        self._resolver.ports[HOST, port] = await self._stack.enter_async_context(tcp_server(handler))

    async def tls(
        self,
        leaf: Leaf | None = None,
        handler: Handler = ignore,
    ) -> None:
        """Serve TLS on its port 443, on OpenSSL."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")  # for keys that are too weak
        context.load_cert_chain(*(leaf or self.root.issue(HOST)).write(self.folder, "failing"))

        async def serve(transport: trio.abc.Stream) -> None:
            stream = trio.SSLStream(transport, context, server_side=True, https_compatible=True)
            await stream.do_handshake()
            await handler(stream)

        await self.tcp(serve)

    async def openssl(self, setting: Callable[[ssl.SSLContext], None]) -> None:
        """The same for a server that refuses: Trio's stream would end without the alert that OpenSSL wrote."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.root.issue(HOST).write(self.folder, "failing"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old versions are what is wanted
            setting(context)

        async def serve(transport: trio.abc.Stream) -> None:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_side=True)
            refused = False
            while not refused:
                try:
                    tls.do_handshake()
                    tls.read(1)
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLError:
                    refused = True
                await transport.send_all(outgoing.read())
                incoming.write(await transport.receive_some())

        await self.tcp(serve)


@dataclass(frozen=True)
class Failure:
    """One way to fail."""

    title: str
    why: str
    remedy: str
    provoke: Callable[[Stage], Awaitable[object]]


@asynccontextmanager
async def stage(
    certificates: Certificates, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Stage]:
    """A stage for one failure."""
    # Outermost: what a failure enters into the stack ends with the stack, and so inside of the deadline.
    with trio.fail_after(20):
        async with (
            little_internet(certificates, folder, monkeypatch, HOST) as resolver,
            AsyncExitStack() as stack,
        ):
            yield Stage(certificates, resolver, stack, folder)


async def message_of(failure: Failure, on: Stage) -> str:
    """What the failure raises, as the page has it."""
    try:
        await failure.provoke(on)
    except Exception as error:  # noqa: BLE001 -- whatever it is goes onto the page
        text = f"{type(error).__name__}: {error}"
    else:
        raise AssertionError(f"{failure.title}: nothing failed")
    text = text.replace(f"{on.folder}/", "")
    for pattern, stand_in in _VARYING:
        text = re.sub(pattern, stand_in, text)
    return text


async def connect(**secure: object) -> None:
    """What most failures are about."""
    await SecureSocket(HOST, 443, secure=secure)


async def _name(on: Stage) -> None:
    await on.tls(on.root.issue("www.server.example", "api.server.example"))
    await connect()


async def _expired(on: Stage) -> None:
    await on.tls(on.root.issue(HOST, not_after=datetime.now(UTC).replace(microsecond=0) - DAY))
    await connect()


async def _early(on: Stage) -> None:
    await on.tls(on.root.issue(HOST, not_before=datetime.now(UTC).replace(microsecond=0) + DAY))
    await connect()


async def _clock(on: Stage) -> None:
    await on.tls(on.root.issue(HOST, intermediate=True))
    await connect(trust=Trust(clock=lambda: datetime(1970, 1, 1, tzinfo=UTC)))


async def _intermediate(on: Stage) -> None:
    await on.tls(replace(on.root.issue(HOST, intermediate=True), issuers=()))
    await connect()


async def _private(on: Stage) -> None:
    await on.tls(on.certificates.company.issue(HOST))
    await connect()


async def _opened(on: Stage) -> None:
    await on.tls(Authority.make(name="Company Web Filter").issue(HOST))
    await connect()


async def _self_signed(on: Stage) -> None:
    await on.tls(self_signed(HOST))
    await connect()


async def _left_out(on: Stage) -> None:
    await on.tls()
    manifest = on.folder / "manifest.json"
    manifest.write_text('{"resources": {"*": ["$(CERTS)/ca1"]}}')
    await connect(manifest=await Manifest.load(manifest))


async def _weak(on: Stage) -> None:
    await on.tls(on.root.issue(HOST, key="rsa1024"))
    await connect()


async def _revoked(on: Stage) -> None:
    leaf = on.root.issue(HOST)
    await on.tls(leaf)
    await connect(trust=Trust(crls=[revocation_list(on.root, leaf)]))


async def _staple(on: Stage) -> None:
    must = x509.TLSFeature([x509.TLSFeatureType.status_request])
    await on.tls(on.root.issue(HOST, extensions=[(must, False)]))
    await connect()


async def _pin(on: Stage) -> None:
    await on.tls()
    await connect(trust=Trust(pins=[Pin.key(bytes(32))]))


async def _plain(on: Stage) -> None:
    async def answer(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

    await on.tcp(answer)
    await connect()


async def _clear(on: Stage) -> None:
    async def refuse(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(bytes.fromhex("15 0301 0002 02 46"))  # what OpenSSL answers

    await on.tcp(refuse)
    async with Client() as client:
        await client.get(f"http://{HOST}:443/")


async def _ssh(on: Stage) -> None:
    async def greet(stream: trio.abc.Stream) -> None:
        await stream.send_all(b"SSH-2.0-OpenSSH_9.2p1\r\n")
        await ignore(stream)

    await on.tcp(greet)
    await connect()


async def _old(on: Stage) -> None:
    def old(context: ssl.SSLContext) -> None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    await on.openssl(old)
    await connect()


async def _suites(on: Stage) -> None:
    def old(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE-ECDSA-AES128-SHA256")

    await on.openssl(old)
    await connect()


async def _alpn(on: Stage) -> None:
    async def refuse(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(bytes.fromhex("15 0303 0002 02 78"))  # no_application_protocol (RFC 7301 §3.2)
        await ignore(stream)

    await on.tcp(refuse)
    await SecureSocket(HOST, 443, secure=TLSConfig(alpn=["h2"]))


async def _who(on: Stage) -> None:
    def ask(context: ssl.SSLContext) -> None:
        context.verify_mode = ssl.CERT_REQUIRED

    await on.openssl(ask)
    async with SecureSocket(HOST, 443) as stream:
        await stream.receive_some()


async def _proxy(on: Stage) -> None:
    async def refuse(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(
            b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=proxy\r\n"
            b"Content-Length: 0\r\n\r\n"
        )

    await on.tcp(refuse, 3128)
    async with Client(HTTPProxy(f"http://{HOST}:3128")) as client:
        await client.get("https://example.com/")


async def _dns(on: Stage) -> None:
    await SecureSocket("no-such-host.example", 443)


async def _refused(on: Stage) -> None:
    await SecureSocket("127.0.0.1", free_port())


async def _slow(on: Stage) -> None:
    await on.tcp(ignore)
    async with Client(deadlines=Deadlines(tls=0.05)) as client:
        await client.get(f"https://{HOST}/")


async def _hung_up(on: Stage) -> None:
    async def hang_up(stream: trio.abc.Stream) -> None:
        await stream.receive_some()

    await on.tcp(hang_up)
    await connect()


async def _cut(on: Stage) -> None:
    async def cut(stream: trio.abc.Stream) -> None:
        await stream.send_all(b"half of")

    await on.tls(handler=cut)
    async with SecureSocket(HOST, 443) as stream:
        async for _ in stream:
            pass


async def _body(on: Stage) -> None:
    async def cut(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of")

    await on.tls(handler=cut)
    async with Client() as client:
        await client.get(f"https://{HOST}/")


async def _upgrade(on: Stage) -> None:
    async def deny(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    await on.tls(handler=deny)
    async with open_websocket(f"wss://{HOST}/chat"):
        pass


FAILURES = (
    Failure(
        "The name is wrong",
        "The certificate is good, but for other names than the one that was asked for. Either the address "
        "is not the one meant, or the server was given the wrong certificate, often that of its default "
        "site.",
        "Connect under one of the names in the message. If the server is reached by another name on "
        'purpose, such as an address in a test, give the one to verify: `{"serverName": '
        '"www.server.example"}`.',
        _name,
    ),
    Failure(
        "The certificate has expired",
        "Its last day has passed, and nobody renewed it.",
        "The server's administrator has to renew it. There is no switch to accept it.",
        _expired,
    ),
    Failure(
        "The certificate is not valid yet",
        "Its first day has not come: it was made on a machine whose clock is ahead, or this clock is behind.",
        "Look at the clocks of both machines.",
        _early,
    ),
    Failure(
        "This machine's clock is wrong",
        "All certificates of the server are out of date in the same way, so it is more likely that the "
        "clock is. Small devices start in 1970 or 2000 until they are told the time.",
        "Set the clock. Where there is none, give `Trust(clock=…)` a function that knows better.",
        _clock,
    ),
    Failure(
        "An intermediate certificate is missing",
        "The server sent its own certificate, and not that of the CA in the middle which signed it. "
        "Browsers fetch it or remember it from elsewhere, so nobody noticed.",
        "The server has to send the whole chain but for the root; its CA offers that as a file. In the "
        "meantime, trust the intermediate with `certificate`.",
        _intermediate,
    ),
    Failure(
        "The CA is a private one",
        "The chain ends at a CA that is in no public list: a company's, or a cluster's own.",
        "[Trust it](howto/private-ca.md) by its certificate, which whoever runs the server has.",
        _private,
    ),
    Failure(
        "A box on the way opens TLS up",
        "A web filter or a virus scanner answers in place of the server, with a certificate of its own. "
        "The name of the CA in the message gives it away.",
        "Where that is meant to be so, trust the box's CA as a private one. Where not, somebody reads along.",
        _opened,
    ),
    Failure(
        "The certificate is self-signed",
        "It vouches for itself: a device, or a server that was just set up.",
        "If it is the one you expect (compare it on another way), trust that very certificate with "
        "`certificate`.",
        _self_signed,
    ),
    Failure(
        "The manifest leaves the CA out",
        "The application includes only some of the public CAs, and this server's is not among them.",
        "Add the line that the message names, or have it done: `trio-secure certs add server.example "
        "--manifest FILE`.",
        _left_out,
    ),
    Failure(
        "The key is too weak",
        "A key so short can be broken.",
        "The server needs a new key and a certificate for it.",
        _weak,
    ),
    Failure(
        "The certificate was revoked",
        "The issuer says, in a list that the application gave, that it is not to be used any more.",
        "The server needs another certificate. Find out why it was revoked before you trust what it said.",
        _revoked,
    ),
    Failure(
        "A promised staple is not there",
        "The certificate says (must-staple) that the server always sends along what its CA says about it "
        "(OCSP), and the server did not. It may have just been started.",
        "Try again in a minute. If it stays, the server's stapling has to be mended.",
        _staple,
    ),
    Failure(
        "Nothing on the path is pinned",
        "The chain is good, but none of the keys that the application insists on is on it: the server has "
        "got new ones, or somebody else has got a certificate for its name.",
        "Find out which. If it is the server, [pin](howto/pin-a-key.md) one of the keys in the message.",
        _pin,
    ),
    Failure(
        "Plain HTTP where TLS should be",
        "The server answers in HTTP: the port is that of `http:`, or TLS ends somewhere before it.",
        "Use the right port, or `http:` on purpose.",
        _plain,
    ),
    Failure(
        "TLS where plain HTTP is spoken",
        "The other way round: the address begins with `http:`, and the port is one for TLS. Servers answer that "
        "with an alert, with a page that says so, or not at all.",
        "Write `https:`.",
        _clear,
    ),
    Failure(
        "Something else than TLS",
        "Another service listens there, here SSH.",
        "Look at the port. Mail and database servers start without TLS and switch to it (STARTTLS): talk "
        "to them in the clear first, then wrap the stream.",
        _ssh,
    ),
    Failure(
        "The server is too old",
        "It knows no version of TLS that is offered. By default, those are 1.3 and 1.2.",
        "Have it updated; `trio-secure probe server.example --versions` tells what it speaks. Until then, "
        '`{"protocolVersion": 0x301}` accepts TLS 1.0, with a warning: it is not safe.',
        _old,
    ),
    Failure(
        "No suite in common",
        "Both know the version, and have no cipher suite, group or signature scheme in common. The alert "
        "does not say which.",
        "`trio-secure probe server.example --suites --groups --signatures` finds out what the server has; name "
        "that in `cipher_suites` or `groups`. Suites with CBC are offered only when named.",
        _suites,
    ),
    Failure(
        "No application protocol in common",
        "The server speaks none of the protocols that ALPN offers.",
        "Offer another, `http/1.1` for instance, or none.",
        _alpn,
    ),
    Failure(
        "The server wants a client certificate",
        "It asked who is there, and got no certificate or none that it likes. In TLS 1.3 it says so only "
        "after the handshake, to the first one who reads.",
        "Show one: [Client certificates](client-certificates.md), or `--cert FILE --key FILE` with the "
        "command. Whether one was shown is in `info.client_certificates`.",
        _who,
    ),
    Failure(
        "The proxy does not connect",
        "It is the proxy that speaks, and not the server: it wants credentials, or forbids the host.",
        "Give what it asks for: `HTTPProxy(url, auth=BasicAuth(user, password))`.",
        _proxy,
    ),
    Failure(
        "The name does not exist",
        "Nobody knows an address for the name: it is mistyped, or the machine has no network or no DNS.",
        "Look at the name, then at the network. Programs find the system's own number in `errno`.",
        _dns,
    ),
    Failure(
        "The connection is refused",
        "The machine is there, and nothing listens on the port.",
        "Look whether the server runs, and at the port.",
        _refused,
    ),
    Failure(
        "The server takes too long",
        "It accepted the connection and then said nothing for as long as the client's deadline.",
        "Try again. `Deadlines` has longer ones; a `SecureSocket` has none but what `trio.fail_after` says.",
        _slow,
    ),
    Failure(
        "The server hangs up in the handshake",
        "The connection ended without an alert. Some servers do that to names they do not serve, and some "
        "boxes on the way to what they do not know.",
        "[Look at the trace](howto/debug-a-handshake.md), and whether other clients get through.",
        _hung_up,
    ),
    Failure(
        "The connection is cut",
        "It ended without close_notify, which a server sends when it is done. So there may have been more, "
        "and somebody on the way may have cut it off.",
        "Where the protocol itself says how long its messages are, what was complete is complete. "
        "Otherwise ask again.",
        _cut,
    ),
    Failure(
        "A response is cut",
        "Fewer bytes came than the header said.",
        "Ask again; `Client.download` goes on from where it was.",
        _body,
    ),
    Failure(
        "The server opens no WebSocket",
        "It answered the request to switch protocols with something else.",
        "Look at the path, at what the server wants to know (`auth=`, `headers=`), and at `error.body`.",
        _upgrade,
    ),
)
