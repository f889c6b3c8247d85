"""HTTP servers in memory: a Socket factory whose streams end at a script.

Theory of operation: `Peers` is a Socket factory. Each call makes a pair of in-memory streams, starts the
script on the far end in the test's nursery, and returns the near end, wrapped so that the test can ask which
streams are still open and can have every byte delivered alone. A script is an async function that gets a
`Peer`; it reads requests with h11, whose server side checks what the client sent, and answers with whatever
bytes the test is about.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache

import h11
import trio
from trio.testing import memory_stream_pair

from support.openssl_peer import NAME, OpenSSLPeer, server_context, trusting
from trio_secure import SecureStream

Script = Callable[["Peer"], Awaitable[None]]


@dataclass
class Seen:
    """A request as the server saw it; `headers` by name, in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""


class NearEnd(trio.abc.HalfCloseableStream):
    """The client's end of a stream: knows whether it is closed, and delivers at most `most` bytes at once."""

    def __init__(self, stream: trio.abc.HalfCloseableStream, most: int | None = None) -> None:
        self._stream = stream
        self._most = most
        self.closed = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._stream.receive_some(self._most or max_bytes)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        self.closed = True
        await self._stream.aclose()


class Peer:
    """The server's end of one connection."""

    def __init__(self, stream: trio.abc.HalfCloseableStream, number: int, requests: list[Seen]) -> None:
        self.stream = stream
        self.number = number
        """0 for the first connection, 1 for the second, and so on."""
        self._requests = requests
        self._h11 = h11.Connection(h11.SERVER)

    async def request(self) -> Seen:
        """Read one request to its end."""
        seen = await self.request_head()
        while piece := await self.request_body():
            seen.body += piece
        return seen

    async def request_head(self) -> Seen:
        """Read the head of a request, and leave its body."""
        left_over, _ = self._h11.trailing_data
        self._h11 = h11.Connection(h11.SERVER)
        if left_over:
            self._h11.receive_data(left_over)
        event = await self._event()
        assert isinstance(event, h11.Request)
        headers = {name.decode(): value.decode() for name, value in event.headers}
        seen = Seen(event.method.decode(), event.target.decode(), headers)
        self._requests.append(seen)
        return seen

    async def request_body(self) -> bytes:
        """The next piece of the request's body, `b""` at its end."""
        event = await self._event()
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    async def _event(self) -> h11.Event:
        while (event := self._h11.next_event()) is h11.NEED_DATA:
            data = await self.stream.receive_some()
            if not data:
                raise trio.BrokenResourceError("the client is gone")
            self._h11.receive_data(bytes(data))
        assert isinstance(event, h11.Event)
        return event

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        await self.stream.send_all(data)


@dataclass
class Peers:
    """A Socket factory: every connection is a new pair of streams with `script` at the far end."""

    nursery: trio.Nursery
    script: Script
    most: int | None = None
    """The most bytes the client receives at once."""
    pair: Callable[[], tuple[trio.abc.HalfCloseableStream, trio.abc.HalfCloseableStream]] = memory_stream_pair
    calls: list[tuple[str, int, dict[str, object]]] = field(
        default_factory=list[tuple[str, int, dict[str, object]]]
    )
    streams: list[NearEnd] = field(default_factory=list[NearEnd])
    requests: list[Seen] = field(default_factory=list[Seen])

    async def __call__(self, host: str, port: int, **options: object) -> NearEnd:
        """Connect."""
        await trio.lowlevel.checkpoint()
        self.calls.append((host, port, options))
        near, far = self.pair()
        stream = NearEnd(near, self.most)
        self.nursery.start_soon(self._serve, Peer(far, len(self.streams), self.requests))
        self.streams.append(stream)
        return stream

    @property
    def open(self) -> int:
        """How many streams the client has not closed."""
        return sum(not stream.closed for stream in self.streams)

    async def _serve(self, peer: Peer) -> None:
        async with peer.stream:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await self.script(peer)


@cache
def _context() -> ssl.SSLContext:
    return server_context()


@dataclass
class SecurePeers(Peers):
    """The same over TLS: OpenSSL at the far end, and this project's TLS over the near one."""

    patience: Callable[[], float] = float
    """How many seconds the server takes before it answers the client's hello."""

    async def __call__(self, host: str, port: int, **options: object) -> trio.abc.Stream:  # type: ignore[override]
        """Connect, and shake hands."""
        return await SecureStream.wrap(await super().__call__(host, port, **options), NAME, trusting())

    async def _serve(self, peer: Peer) -> None:
        secure = OpenSSLPeer(peer.stream, _context())
        peer.stream = secure
        async with secure:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError, ssl.SSLError):
                await trio.sleep(self.patience())
                await secure.do_handshake()
                await self.script(peer)


def answering(*answers: bytes) -> Script:
    """Reads a request for each answer and gives the answer, in turn; then closes."""

    async def script(peer: Peer) -> None:
        for answer in answers:
            await peer.request()
            await peer.send(answer)

    return script


def always(answer: bytes) -> Script:
    """Gives every request the same answer, until the client is gone."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(answer)

    return script


@asynccontextmanager
async def peers(script: Script, most: int | None = None) -> AsyncGenerator[Peers]:
    """`Peers` for a block; what still runs at its end is cancelled."""
    async with trio.open_nursery() as nursery:
        yield Peers(nursery, script, most)
        nursery.cancel_scope.cancel()


def ok(body: bytes = b"", *headers: str, status: str = "200 OK") -> bytes:
    """A response with Content-Length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(*pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """A response in the chunked coding."""
    coded = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + coded + end
