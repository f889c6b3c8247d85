"""The server's end of a WebSocket, written by hand, with the freedom to break every rule.

Theory of operation: `Peer` speaks over any stream; it reads the client's handshake, answers it (rightly or
wrongly), and then sends and reads frames one by one. It shares no code with the client, so both cannot be
wrong in the same way: it masks and unmasks with a loop, and fails the test if a client's frame is unmasked,
cut short, or has a length that is not in its shortest form.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Unpack  # a client may be given anything to send

import trio
import trio.testing

from trio_wss import WebSocket, open_websocket
from trio_wss._open import OpenOptions

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass(frozen=True)
class Frame:
    """A frame as it was on the wire, unmasked."""

    opcode: int
    payload: bytes
    final: bool = True
    compressed: bool = False


@dataclass(frozen=True)
class Request:
    """The client's handshake."""

    line: str
    fields: tuple[tuple[str, str], ...]

    def get_all(self, name: str) -> list[str]:
        """The values of all fields of that name."""
        return [value for field, value in self.fields if field.lower() == name.lower()]


def frame(
    opcode: int, payload: bytes = b"", *, final: bool = True, reserved: int = 0, mask: bytes = b""
) -> bytes:
    """A frame for the wire. `reserved` are the reserved bits, 0 to 7; a server's frame has no `mask`."""
    first = (final << 7) | (reserved << 4) | opcode
    masked = bool(mask) << 7
    if len(payload) < 126:
        head = bytes([first, masked | len(payload)])
    elif len(payload) < 1 << 16:
        head = bytes([first, masked | 126]) + len(payload).to_bytes(2)
    else:
        head = bytes([first, masked | 127]) + len(payload).to_bytes(8)
    return head + mask + (apply_mask(payload, mask) if mask else payload)


def close_frame(code: int, reason: str = "") -> bytes:
    """A Close frame for the wire."""
    return frame(CLOSE, code.to_bytes(2) + reason.encode())


def apply_mask(data: bytes, mask: bytes) -> bytes:
    """Octet i XOR mask octet i MOD 4 (RFC 6455 §5.3)."""
    return bytes(octet ^ one for octet, one in zip(data, cycle(mask), strict=False))


class Peer:
    """A server for one client."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.compresses = False
        self._unread = b""

    async def read_request(self) -> Request:
        """Read the client's handshake."""
        while b"\r\n\r\n" not in self._unread:
            await self._more()
        head, self._unread = self._unread.split(b"\r\n\r\n", 1)
        line, *fields = head.decode("ascii").split("\r\n")
        return Request(line, tuple((name, value) for name, value in (f.split(": ", 1) for f in fields)))

    async def accept(self, *more: str, behind: bytes = b"") -> Request:
        """Read the client's handshake and accept it, with more header fields, and bytes behind them."""
        request = await self.read_request()
        self.compresses = any("permessage-deflate" in field for field in more)
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept_token(request)}",
            *more,
        ]
        await self.stream.send_all("\r\n".join([*lines, "", ""]).encode("latin-1") + behind)
        return request

    async def send(self, data: bytes) -> None:
        """Send bytes; see `frame` and `close_frame`."""
        await self.stream.send_all(data)

    async def frame(self) -> Frame | None:
        """The client's next frame; `None` when the client has closed the transport between two frames."""
        if not self._unread and not await self._more(ends=True):
            return None
        first, second = await self._take(2)
        assert second & 0x80, "the client sent an unmasked frame"
        assert not first & 0x30, "the client set a reserved bit"
        assert not first & 0x40 or self.compresses, "the client compressed, and that was not agreed"
        length = second & 0x7F
        if length >= 126:
            size = 2 if length == 126 else 8
            length = int.from_bytes(await self._take(size))
            assert length >= (126 if size == 2 else 1 << 16), "the length is not in its shortest form"
        mask = await self._take(4)
        payload = apply_mask(await self._take(length), mask)
        return Frame(first & 0x0F, payload, bool(first & 0x80), bool(first & 0x40))

    async def frames(self) -> list[Frame]:
        """All frames until the client closes the transport."""
        found: list[Frame] = []
        while (one := await self.frame()) is not None:
            found.append(one)
        return found

    async def finish(self) -> list[Frame]:
        """Read frames up to the client's Close frame, answer it, and close; the frames that came."""
        found: list[Frame] = []
        while not found or found[-1].opcode != CLOSE:
            one = await self.frame()
            assert one is not None, f"the client closed the transport without a Close frame: {found}"
            found.append(one)
        await self.send(frame(CLOSE, found[-1].payload[:2]))
        await self.stream.aclose()
        return found

    async def _take(self, count: int) -> bytes:
        while len(self._unread) < count:
            await self._more()
        taken, self._unread = self._unread[:count], self._unread[count:]
        return taken

    async def _more(self, *, ends: bool = False) -> bool:
        data = await self.stream.receive_some()
        assert data or ends, f"the client ended the transport in the middle of something: {self._unread!r}"
        self._unread += data
        return bool(data)


def accept_token(request: Request) -> str:
    """What the server answers to the client's Sec-WebSocket-Key (RFC 6455 §4.2.2)."""
    (key,) = request.get_all("sec-websocket-key")
    assert len(base64.b64decode(key, validate=True)) == 16
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID).digest()).decode()  # noqa: S324  # the RFC's choice


@asynccontextmanager
async def connected(
    *fields: str, lockstep: bool = False, **options: Unpack[OpenOptions]
) -> AsyncGenerator[tuple[WebSocket, Peer]]:
    """A WebSocket and the peer at its other end, over memory; at the end the peer is gone.

    Args:
        *fields: further fields of the peer's answer to the handshake.
        lockstep: what one side sends waits until the other side receives it; otherwise it waits in memory.
        **options: of `open_websocket`; unless they say otherwise, no Pings are sent.
    """
    make_pair = trio.testing.lockstep_stream_pair if lockstep else trio.testing.memory_stream_pair
    client_end, server_end = make_pair()
    peer = Peer(server_end)

    accepted = trio.Event()

    async def accept() -> None:
        await peer.accept(*fields)
        accepted.set()

    async def socket(host: str, port: int) -> trio.abc.Stream:
        nursery.start_soon(accept)
        return client_end

    options = {"ping_interval": None, "Socket": socket, **options}
    async with (
        trio.open_nursery() as nursery,
        open_websocket("ws://server.test/", **options) as websocket,
    ):
        await accepted.wait()
        try:
            yield websocket, peer
        finally:
            await server_end.aclose()


async def pieces(*items: Any) -> AsyncGenerator[Any]:
    """The items, with a checkpoint before each; an exception among them is raised."""
    for item in items:
        await trio.lowlevel.checkpoint()
        if isinstance(item, Exception):
            raise item
        yield item


async def read_frames_into(frames: list[Frame | None], peer: Peer) -> None:
    """Collect frames until the client closes the transport; answer its Close frame."""
    while (one := await peer.frame()) is not None:
        frames.append(one)
        if one.opcode == CLOSE:
            await peer.send(frame(CLOSE, one.payload[:2]))
            await peer.stream.aclose()
            return
