"""Records over a transport: the one place that touches the stream underneath.

Theory of operation
-------------------
A `trio.SocketStream` can receive straight into the record reader's buffer, which saves an allocation and a copy
per read; every other stream is asked for bytes. How a transport ends or breaks becomes `Truncated` here, so
everything above knows one kind of failure.
"""

from __future__ import annotations

import errno
import threading

import trio

from ._errors import Truncated
from ._protection import MAX_CONTENT, ContentType
from ._records import RecordReader, RecordWriter
from ._suites import Buffer

# RFC 9846 §5.1 [8446 §5.1]: the record version of "an initial ClientHello [...] MAY also be 0x0301 for
# compatibility purposes".
_INITIAL_VERSION = 0x0301

# Where many records are sealed at once, to be used again: fresh pages for each send cost more than sealing into
# them. Only a socket is known to be done with them when it has sent them, so other transports get fresh ones.
_ROOM = 2**18 + 2**10
_SPARE_ROOMS = 4
_rooms = threading.local()


def _spare_rooms() -> list[memoryview]:
    try:
        spare: list[memoryview] = _rooms.spare
    except AttributeError:
        spare = _rooms.spare = []
    return spare


class Channel:
    """A transport with a record reader and a record writer on it."""

    def __init__(self, transport: trio.abc.Stream) -> None:
        self.transport = transport
        self.reader = RecordReader()
        self.writer = RecordWriter(_INITIAL_VERSION)
        self._socket = transport.socket if isinstance(transport, trio.SocketStream) else None

    async def fill(self) -> None:
        """Wait for more bytes from the peer; when cancelled, none are lost.

        Raises:
            Truncated: the transport ended or broke.
        """
        space = self.reader.space()
        try:
            if self._socket is not None:
                count = await self._receive_into(self._socket, space)
            else:
                data = await self.transport.receive_some(len(space))
                count = len(data)
                space[:count] = data
        except trio.BrokenResourceError as error:
            raise Truncated("the connection broke before the server closed it") from error
        if not count:
            raise Truncated("the connection ended without close_notify: what was received may be incomplete")
        self.reader.received(count)

    @staticmethod
    async def _receive_into(socket: trio.socket.SocketType, space: memoryview) -> int:
        # What trio.SocketStream.receive_some does with the errors of its socket.
        try:
            return await socket.recv_into(space)
        except OSError as error:
            if error.errno in (errno.EBADF, errno.ENOTSOCK):
                raise trio.ClosedResourceError("this socket was already closed") from None
            raise trio.BrokenResourceError(f"socket connection broken: {error}") from error

    async def send_data(self, content: memoryview) -> None:
        """Seal application data and hand it to the transport.

        Raises:
            Truncated: the transport broke.
        """
        if self._socket is None or len(content) <= MAX_CONTENT:
            await self.send(self.writer.seal(ContentType.APPLICATION_DATA, content))
            return
        spare = _spare_rooms()
        room = spare.pop() if spare else memoryview(bytearray(_ROOM))
        try:
            await self.send(self.writer.seal(ContentType.APPLICATION_DATA, content, room))
        finally:
            if len(spare) < _SPARE_ROOMS:
                spare.append(room)

    async def send(self, records: Buffer) -> None:
        """Hand sealed records to the transport.

        Raises:
            Truncated: the transport broke.
        """
        try:
            await self.transport.send_all(records)
        except trio.BrokenResourceError as error:
            raise Truncated("the connection broke while sending") from error
