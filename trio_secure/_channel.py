"""Records over a transport: the one place that touches the stream underneath.

Theory of operation
-------------------
A `trio.SocketStream` has a file descriptor, to which records are written and from which what is there is read
straight into the record reader's space, both by the operating system's own calls; every other stream, any on
Windows, and a socket that somebody else made up (`trio.socket.set_custom_socket_factory`) is asked by its methods.
How a transport ends or breaks becomes `Truncated` here, so everything above knows one kind of failure.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Iterable, Iterator
from typing import NoReturn

import trio

from ._errors import Truncated
from ._protection import MAX_CONTENT, ContentType
from ._records import RecordReader, RecordWriter
from ._rooms import ROOM, give_back, take_room
from ._suites import Buffer

# RFC 9846 §5.1 [8446 §5.1]: the record version of "an initial ClientHello [...] MAY also be 0x0301 for
# compatibility purposes".
_INITIAL_VERSION = 0x0301

# What is sealed and written at once: few enough bytes to be in the processor's cache still when the system copies
# them, and the receiver begins on them while the next are sealed.
_AT_ONCE = 4 * MAX_CONTENT

# Fewer bytes than this are all that there was: who sends much has the next record on its way.
_LITTLE = MAX_CONTENT

_BROKE = "the connection broke before the server closed it"
_BROKE_SENDING = "the connection broke while sending"


class Channel:
    """A transport with a record reader and a record writer on it."""

    def __init__(self, transport: trio.abc.Stream) -> None:
        self.transport = transport
        self.reader = RecordReader()
        self.writer = RecordWriter(_INITIAL_VERSION)
        self._socket = _system_socket(transport) if hasattr(os, "readv") else None
        # Whether looking again at once would most likely be in vain: little came the last time, or nothing yet.
        self._emptied = True

    async def fill(self) -> None:
        """Wait for more bytes from the peer; when cancelled, none are lost.

        Raises:
            Truncated: the transport ended or broke.
        """
        reader, socket = self.reader, self._socket
        if socket is None:
            count = await self._ask()
        else:
            # A socket that was closed cannot be waited for, and says so when it is read.
            waited = self._emptied and socket.fileno() >= 0
            if waited:
                await trio.lowlevel.wait_readable(socket)
            else:
                await trio.lowlevel.checkpoint_if_cancelled()
            while True:
                try:
                    # What is there goes straight into the reader; while there is nothing, that holds no memory.
                    count = os.readv(socket.fileno(), (reader.space(),))
                    break
                except BlockingIOError:
                    reader.rest()
                    await trio.lowlevel.wait_readable(socket)
                    waited = True
                except OSError as error:
                    _fail(error, _BROKE)
            reader.received(count)
            self._emptied = count < _LITTLE
            if not waited:
                await trio.lowlevel.cancel_shielded_checkpoint()
        if not count:
            raise Truncated("the connection ended without close_notify: what was received may be incomplete")

    async def _ask(self) -> int:
        """Have the transport give what it has."""
        reader = self.reader
        reader.rest()
        try:
            data = await self.transport.receive_some(ROOM - reader.buffered)
        except trio.BrokenResourceError as error:
            raise Truncated(_BROKE) from error
        reader.feed(data)
        return len(data)

    def send_data(self, content: memoryview) -> Awaitable[None]:
        """Seal application data and hand it to the transport.

        Raises:
            Truncated: the transport broke.
        """
        if self._socket is None or len(content) <= MAX_CONTENT:
            return self.send(self.writer.seal(ContentType.APPLICATION_DATA, content))
        return _write(self._socket, self._sealed(content))

    def _sealed(self, content: memoryview) -> Iterator[memoryview]:
        # Only a socket is known to be done with what it was given when it asks for more.
        room = take_room()
        try:
            for start in range(0, len(content), _AT_ONCE):
                yield self.writer.seal(ContentType.APPLICATION_DATA, content[start : start + _AT_ONCE], room)
        finally:
            give_back(room)

    def send(self, records: Buffer, *, checkpoint: bool = True) -> Awaitable[None]:
        """Hand sealed records to the transport.

        A cancellation is noticed only where this has to wait: what was sealed is better sent.

        Args:
            records: what to hand on.
            checkpoint: whether other tasks have their turn even where this need not wait.

        Raises:
            Truncated: the transport broke.
        """
        if self._socket is not None:
            return _write(self._socket, (memoryview(records),), checkpoint=checkpoint)
        return self._hand_over(records)

    async def _hand_over(self, records: Buffer) -> None:
        try:
            await self.transport.send_all(records)
        except trio.BrokenResourceError as error:
            raise Truncated(_BROKE_SENDING) from error


async def _write(
    socket: trio.socket.SocketType, pieces: Iterable[memoryview], *, checkpoint: bool = True
) -> None:
    """Write each piece, waiting only for room in the socket."""
    waited = not checkpoint
    for rest in pieces:
        while rest:
            try:
                rest = rest[os.write(socket.fileno(), rest) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(socket)
                waited = True
            except OSError as error:
                _fail(error, _BROKE_SENDING)
    if not waited:
        await trio.lowlevel.cancel_shielded_checkpoint()


def _fail(error: OSError, what: str) -> NoReturn:
    """Raise what the failure of a socket means; `trio.SocketStream` goes by the same codes."""
    if error.errno in (errno.EBADF, errno.ENOTSOCK):
        raise trio.ClosedResourceError("this socket was already closed") from None
    broken = trio.BrokenResourceError(f"socket connection broken: {error}")
    broken.__cause__ = error
    raise Truncated(what) from broken


def _system_socket(transport: trio.abc.Stream) -> trio.socket.SocketType | None:
    """The operating system's socket that `transport` is, if it is one."""
    if not isinstance(transport, trio.SocketStream):
        return None
    # What is no socket of Trio's own is one of a network that an application's tests have made up.
    own = type(transport.socket).__module__.partition(".")[0] == trio.__name__
    return transport.socket if own else None
