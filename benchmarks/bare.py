"""The wall: what no TLS stream on Trio and `cryptography` can go without, as a contestant.

Theory of operation: the handshake is ours, and from then on there is nothing but the system calls, the records and
the one checkpoint that Trio asks of each call. No lock, no alert, no change of keys, no end, no look at who calls:
this is not a TLS stream, and no stream can be cheaper.
"""

from __future__ import annotations

import os

import trio

from benchmarks.case import SERVER_NAME
from benchmarks.contestants import Handshake
from trio_secure import SecureStream, TLSConfig
from trio_secure._channel import _AT_ONCE as PIECE
from trio_secure._protection import HEADER_LENGTH, MAX_CONTENT, ContentType
from trio_secure._rooms import ROOM


class Bare(trio.abc.Stream):
    """Application data over the keys and the socket of `stream`."""

    def __init__(self, stream: SecureStream[trio.SocketStream]) -> None:
        channel = stream._sending._channel
        self._stream, self._socket = stream, stream.transport_stream.socket
        self._opener, self._sealer = channel.reader.opener, channel.writer.sealer
        self._sealed = memoryview(bytearray(ROOM))
        self._received, self._opened = memoryview(bytearray(ROOM)), memoryview(bytearray(ROOM))
        # What came right behind the handshake.
        buffered = channel.reader._view[channel.reader._start : channel.reader._end]
        self._start, self._end = 0, len(buffered)
        self._received[: self._end] = buffered

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Seal and write."""
        await trio.lowlevel.checkpoint_if_cancelled()
        view, waited = memoryview(data), False
        for start in range(0, len(view), PIECE):
            piece = view[start : start + PIECE]
            length = self._sealer.seal_all(ContentType.APPLICATION_DATA, piece, MAX_CONTENT, self._sealed)
            rest = self._sealed[:length]
            while rest:
                try:
                    rest = rest[os.write(self._socket.fileno(), rest) :]
                except BlockingIOError:
                    await trio.lowlevel.wait_writable(self._socket)
                    waited = True
        if not waited:
            await trio.lowlevel.cancel_shielded_checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Read and open; tickets are dropped."""
        await trio.lowlevel.checkpoint_if_cancelled()
        waited, limit = False, max_bytes or ROOM
        while not (data := self._open(limit)):
            kept = self._end - self._start
            self._received[:kept] = self._received[self._start : self._end]
            self._start, self._end = 0, kept
            try:
                self._end += os.readv(self._socket.fileno(), (self._received[kept:],))
            except BlockingIOError:
                await trio.lowlevel.wait_readable(self._socket)
                waited = True
        if not waited:
            await trio.lowlevel.cancel_shielded_checkpoint()
        return data

    def _open(self, limit: int) -> bytes:
        view, out = self._received, self._opened
        while self._start < self._end:
            opened = self._opener.open_data(view, self._start, self._end, out, limit, 0)
            self._start = opened.stop
            if opened.length:
                return out[: opened.length].tobytes()
            body = self._start + HEADER_LENGTH
            stop = body + int.from_bytes(view[body - 2 : body], "big")
            if stop > self._end:
                break
            self._opener.open(view[self._start : stop], out)
            self._start = stop
        return b""

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until there is room in the socket."""
        await trio.lowlevel.wait_writable(self._socket)

    async def aclose(self) -> None:
        """Close the connection."""
        await trio.aclose_forcefully(self._stream)


def bare(authority: bytes) -> Handshake:
    """The contestant."""
    config = TLSConfig(certificate=authority, min_version=0x0304, cache=False)

    async def handshake(transport: trio.SocketStream) -> trio.abc.Stream:
        stream = await SecureStream.wrap(transport, SERVER_NAME, config)
        return Bare(stream)

    return handshake
