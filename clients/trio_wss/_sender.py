"""Messages on their way out: encoded, compressed where that was agreed, one at a time.

Theory of operation: a lock that serves in order of arrival lets one message pass at a time, so fragments are
never interleaved with another message (RFC 6455 §5.4), and the compressor sees messages in the order in which
they go out. Between the moment a frame begins to be compressed, which cannot be undone because the next
message may refer to it, and the moment it is put into the outbox, cancellation is held off; that takes a few
milliseconds per 128 KiB, and other tasks run meanwhile. So a cancelled `send` has sent nothing, or a whole
frame.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable
from contextlib import aclosing
from typing import NoReturn, TypeGuard

import trio
from wsproto.frame_protocol import Opcode

from ._close_codes import INTERNAL_ERROR
from ._connection import Connection
from ._deflate import Deflate, Deflater
from ._encoder import Binary, Data, contiguous, data_frame

_BINARY = (bytes, bytearray, memoryview)


class Sender:
    """Sends the messages of one connection."""

    def __init__(self, connection: Connection, deflate: Deflate | None) -> None:
        self._connection = connection
        self._deflater = None if deflate is None else Deflater(deflate)
        self._turn = trio.StrictFIFOLock()

    async def send(self, message: Data | AsyncIterable[Data]) -> None:
        """Send a message; see `WebSocket.send`."""
        if isinstance(message, (str, *_BINARY)):
            opcode, payload = _encoded(message)
            await trio.lowlevel.checkpoint_if_cancelled()
            try:
                self._turn.acquire_nowait()
            except trio.WouldBlock:
                await self._turn.acquire()
            try:
                await self._send_whole(opcode, payload)
            finally:
                self._turn.release()
            # Behind putting the frame, so that the writer has its turn meanwhile.
            await trio.lowlevel.cancel_shielded_checkpoint()
        elif inspect.isasyncgen(message):
            async with aclosing(message), self._turn:
                await self._send_fragments(message)
        elif isinstance(message, AsyncIterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            async with self._turn:
                await self._send_fragments(message)
        else:
            kind = type(message).__name__
            raise TypeError(f"a message is str, bytes-like, or an async iterable of one of them, not {kind}")

    async def room(self) -> None:
        """Wait until a frame may be put into the outbox. No checkpoint may come between this and putting it.

        Raises:
            WebSocketError: the connection has ended.
            trio.ClosedResourceError: this side has closed it.
        """
        connection = self._connection
        await connection.outbox.room()
        if not connection.outbox.open:
            if not connection.left:
                await connection.ended.wait()
            self.raise_end()

    def raise_end(self) -> NoReturn:
        """Say why nothing can be sent or received any more."""
        if self._connection.left:
            raise trio.ClosedResourceError("this side has closed the WebSocket")
        raise self._connection.error()

    async def _send_whole(self, opcode: Opcode, payload: Binary) -> None:
        await self.room()
        deflater = self._deflater
        compressed = deflater is not None and _size(payload) >= deflater.min_size
        if compressed:
            payload = await self._compressed(payload, final=True)
        self._connection.outbox.put(data_frame(opcode, payload, compressed=compressed))
        self._connection.counts.messages_sent += 1

    async def _send_fragments(self, fragments: AsyncIterable[object]) -> None:
        connection = self._connection
        begun: Opcode | None = None
        try:
            async for fragment in fragments:
                if not _is_data(fragment):
                    raise TypeError(f"a fragment is str or bytes-like, not {type(fragment).__name__}")
                opcode, payload = _encoded(fragment)
                if begun not in (None, opcode):
                    raise TypeError("the fragments of a message are all str or all bytes-like")
                await self._put_fragment(opcode, payload, first=begun is None, final=False)
                begun = opcode
            if begun is not None:
                await self._put_fragment(begun, b"", first=False, final=True)
                connection.counts.messages_sent += 1
        except BaseException:
            if begun is not None and connection.outbox.open:
                connection.leave(INTERNAL_ERROR, "a message could not be finished")
            raise

    async def _put_fragment(self, opcode: Opcode, payload: Binary, *, first: bool, final: bool) -> None:
        await self.room()
        if self._deflater is not None:
            payload = await self._compressed(payload, final=final)
        frame = data_frame(
            opcode if first else Opcode.CONTINUATION,
            payload,
            final=final,
            compressed=first and self._deflater is not None,
        )
        self._connection.outbox.put(frame)

    async def _compressed(self, payload: Binary, *, final: bool) -> Binary:
        """Compress the payload of a frame, without being cancelled.

        Raises:
            WebSocketError: the connection has ended meanwhile.
            trio.ClosedResourceError: this side has closed it meanwhile.
        """
        deflater = self._deflater
        parts: list[bytes] = []
        for part in deflater.compress(payload, final=final) if deflater else ():
            if parts:
                await trio.lowlevel.cancel_shielded_checkpoint()
            parts.append(part)
        if not self._connection.outbox.open:
            await self.room()
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _encoded(data: Data) -> tuple[Opcode, Binary]:
    if isinstance(data, str):
        return Opcode.TEXT, data.encode()
    return Opcode.BINARY, contiguous(data)


def _is_data(value: object) -> TypeGuard[Data]:
    return isinstance(value, (str, *_BINARY))


def _size(payload: Binary) -> int:
    return payload.nbytes if isinstance(payload, memoryview) else len(payload)
