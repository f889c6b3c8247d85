"""Records over a transport: the one place that touches the stream underneath.

Theory of operation
-------------------
A `trio.SocketStream` has a file descriptor, from which what is there is read straight into the record reader's
space by the operating system's own call; every other stream, any on Windows, and a socket that somebody else made
up (`trio.socket.set_custom_socket_factory`) is asked for bytes. How a transport ends or breaks becomes `Truncated`
here, so everything above knows one kind of failure.
"""

from __future__ import annotations

import errno
import os

import trio

from ._errors import Truncated
from ._protection import MAX_CONTENT, ContentType
from ._records import RecordReader, RecordWriter
from ._rooms import ROOM, give_back, take_room
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
        self._socket = _system_socket(transport) if hasattr(os, "readv") else None

    async def fill(self) -> None:
        """Wait for more bytes from the peer; when cancelled, none are lost.

        Raises:
            Truncated: the transport ended or broke.
        """
        reader = self.reader
        try:
            if self._socket is not None:
                count = await self._receive_into(self._socket, reader)
            else:
                reader.rest()
                data = await self.transport.receive_some(ROOM - reader.buffered)
                count = len(data)
                reader.feed(data)
        except trio.BrokenResourceError as error:
            raise Truncated("the connection broke before the server closed it") from error
        if not count:
            raise Truncated("the connection ended without close_notify: what was received may be incomplete")

    @staticmethod
    async def _receive_into(socket: trio.socket.SocketType, reader: RecordReader) -> int:
        """What is there goes straight into the reader; while there is nothing, the reader holds no memory."""
        await trio.lowlevel.checkpoint_if_cancelled()
        waited = False
        while True:
            try:
                count = os.readv(socket.fileno(), (reader.space(),))
                break
            except BlockingIOError:
                reader.rest()
                await trio.lowlevel.wait_readable(socket)
                waited = True
            except OSError as error:
                # As trio.SocketStream.receive_some does with the errors of its socket.
                if error.errno in (errno.EBADF, errno.ENOTSOCK):
                    raise trio.ClosedResourceError("this socket was already closed") from None
                raise trio.BrokenResourceError(f"socket connection broken: {error}") from error
        reader.received(count)
        if not waited:
            await trio.lowlevel.cancel_shielded_checkpoint()
        return count

    async def send_data(self, content: memoryview) -> None:
        """Seal application data and hand it to the transport.

        Raises:
            Truncated: the transport broke.
        """
        if self._socket is None or len(content) <= MAX_CONTENT:
            await self.send(self.writer.seal(ContentType.APPLICATION_DATA, content))
            return
        # Only a socket is known to be done with the records when it has sent them.
        room = take_room()
        try:
            await self.send(self.writer.seal(ContentType.APPLICATION_DATA, content, room))
        finally:
            give_back(room)

    async def send(self, records: Buffer) -> None:
        """Hand sealed records to the transport.

        Raises:
            Truncated: the transport broke.
        """
        try:
            await self.transport.send_all(records)
        except trio.BrokenResourceError as error:
            raise Truncated("the connection broke while sending") from error


def _system_socket(transport: trio.abc.Stream) -> trio.socket.SocketType | None:
    """The operating system's socket that `transport` is, if it is one."""
    if not isinstance(transport, trio.SocketStream):
        return None
    # What is no socket of Trio's own is one of a network that an application's tests have made up.
    own = type(transport.socket).__module__.partition(".")[0] == trio.__name__
    return transport.socket if own else None
