"""Records over a transport: the one place that touches the stream underneath.

Theory of operation
-------------------
A `trio.SocketStream` can receive straight into the record reader's buffer, which saves an allocation and a copy
per read; every other stream is asked for bytes. How a transport ends or breaks becomes `Truncated` here, so
everything above knows one kind of failure.
"""

from __future__ import annotations

import errno

import trio

from ._errors import Truncated
from ._records import RecordReader, RecordWriter
from ._suites import Buffer

# RFC 9846 §5.1 [8446 §5.1]: the record version of "an initial ClientHello [...] MAY also be 0x0301 for
# compatibility purposes".
_INITIAL_VERSION = 0x0301


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

    async def send(self, records: Buffer) -> None:
        """Hand sealed records to the transport.

        Raises:
            Truncated: the transport broke.
        """
        try:
            await self.transport.send_all(records)
        except trio.BrokenResourceError as error:
            raise Truncated("the connection broke while sending") from error
