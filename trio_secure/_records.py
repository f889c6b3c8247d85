"""The record layer: framing what comes in, fragmenting what goes out (RFC 9846 §5.1 [8446 §5.1]).

Theory of operation
-------------------
The transport writes into a `RecordReader`'s `space()`, and records are opened straight out of it: `next` gives one
record of any type, `read` has the opener open every complete application-data record at once, which is its tight
loop. The space is a room that is taken when there is something to write and given back when all that remains is
the beginning of a record, so a download reads in large pieces and a quiet connection costs next to nothing.

`RecordWriter` cuts contents into fragments and seals them side by side into one buffer, so that the transport is
handed many records at a time.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

from ._errors import AlertDescription, PeerMisbehaved, TLSError
from ._protection import (
    HEADER_LENGTH,
    MAX_CONTENT,
    MAX_EMPTY,
    ContentType,
    Opener,
    PlainOpener,
    PlainSealer,
    Sealer,
    other_version,
)
from ._protection13 import Sealer13
from ._rooms import ROOM, give_back, take_room
from ._suites import Buffer
from ._versions import Version

#: The most that `read` gives at once: everything that a room holds. Below about 200 KiB the wake-ups dominate.
MAX_READ = ROOM

#: Change_cipher_spec records that middlebox compatibility makes us drop; nobody needs more than one or two.
_MAX_DROPPED = 32

# Where opened records land before they become one bytes object: opening never waits, so one per thread serves
# every connection of that thread's Trio.
_scratch = threading.local()
_SCRATCH = MAX_READ + MAX_CONTENT + 2048

_NOTHING = memoryview(b"")


def _output() -> memoryview:
    try:
        view: memoryview = _scratch.view
    except AttributeError:
        view = _scratch.view = memoryview(bytearray(_SCRATCH))
    return view


class Record(NamedTuple):
    """A record's content type and its content."""

    content_type: int
    content: bytes


class RecordReader:
    """Turns bytes into records."""

    def __init__(self) -> None:
        #: While set, unprotected change_cipher_spec records are dropped (TLS 1.3, until the peer's Finished).
        self.drops_change_cipher_spec = True
        self._opener: Opener = PlainOpener()
        self._max_content: int | None = None
        self._dropped = 0
        self._empty = 0
        # What was received and not yet opened: in a room, or by itself if it is less than a record.
        self._view = _NOTHING
        self._start = 0
        self._end = 0

    @property
    def opener(self) -> Opener:
        """What opens the records that come next."""
        return self._opener

    @opener.setter
    def opener(self, opener: Opener) -> None:
        if self._max_content is not None:
            opener.limit(self._max_content)
        self._opener = opener

    def settle(self, version: Version) -> None:
        """The version is known: unprotected records that come now must bear it, or in TLS 1.3 may bear any.

        What was passed over because it might be TLS 1.3 is held against the server if it is not.
        """
        if version < Version.TLS13 and self._dropped:
            early = f"a change_cipher_spec came before {version.label} was agreed on"
            raise PeerMisbehaved(AlertDescription.UNEXPECTED_MESSAGE, early)
        if isinstance(self._opener, PlainOpener):
            self._opener = self._opener.settled(version)

    def limit_content(self, content: int, *, unprotected: bool) -> None:
        """Refuse records of more than `content` bytes of content, under this key and all that follow.

        Args:
            content: what was agreed by max_fragment_length (RFC 6066 §4); or by record_size_limit (RFC 8449 §4),
                which in TLS 1.3 counts the content type too, so that there the content is one byte less.
            unprotected: whether this holds for unprotected records too. RFC 6066 §4: "the client and server MUST
                immediately begin fragmenting messages"; but RFC 8449 §4: "Unprotected messages are not subject to
                this limit."
        """
        self._max_content = content
        if unprotected or not isinstance(self._opener, PlainOpener):
            self._opener.limit(content)

    @property
    def buffered(self) -> int:
        """Bytes received and not yet opened."""
        return self._end - self._start

    def space(self) -> memoryview:
        """Where the transport may write what it has; never empty. Who has to wait lets the reader `rest` first."""
        if self._start == self._end:
            if self._view.readonly:
                self._view = take_room()
            self._start = self._end = 0
        elif self._view.readonly:
            self._move(take_room())
        elif self._start:
            self._move(self._view)
        if self._end == len(self._view):
            self._move(memoryview(bytearray(2 * self._end)))
        return self._view[self._end :]

    def received(self, count: int) -> None:
        """`count` bytes were written into `space()`."""
        self._end += count

    def rest(self) -> None:
        """Give the room back, if there is no more in it than a record may be long."""
        room, kept = self._view, self._end - self._start
        if room.readonly:  # it has been given back, and what was kept of it is done with
            if not kept:
                self._view, self._start, self._end = _NOTHING, 0, 0
        elif kept < MAX_CONTENT + 2048:
            self._view = memoryview(room[self._start : self._end].tobytes()) if kept else _NOTHING
            self._start, self._end = 0, kept
            give_back(room)

    def feed(self, data: Buffer) -> None:
        """Take bytes from a transport that cannot write into `space()`."""
        at = 0
        while at < len(data):
            space = self.space()
            count = min(len(space), len(data) - at)
            space[:count] = data[at : at + count]
            self.received(count)
            at += count

    def next(self) -> Record | None:
        """The next record, whatever its type; None when it is not complete yet."""
        while end := self._frame():
            if self.drops_change_cipher_spec and self._view[self._start] == ContentType.CHANGE_CIPHER_SPEC:
                self._drop(end)
                continue
            output = _output()
            content_type, length = self._opener.open(self._view[self._start : end], output)
            self._start = end
            self.rest()
            return Record(content_type, output[:length].tobytes())
        return None

    def read(self, limit: int) -> bytes:
        """The content of the complete application-data records that come next, about `limit` bytes of it.

        Empty when there are none, or when something else comes next, be it a record that cannot be opened: `next`
        tells which.
        """
        self._refuse_flood()
        output = _output()
        limit = min(limit, MAX_READ)
        opened = self._opener.open_data(self._view, self._start, self._end, output, limit, self._empty)
        self._start, filled, self._empty = opened
        if not filled:
            self._refuse_flood()
        self.rest()
        return output[:filled].tobytes()

    def _frame(self) -> int:
        """Where the record at the front ends, or 0 when it is not complete."""
        start, view = self._start, self._view
        if self._end - start < HEADER_LENGTH:
            return 0
        fragment = view[start + 3] << 8 | view[start + 4]
        if fragment > self._opener.max_fragment or view[start] not in _KNOWN_TYPES:
            raise self._bad_header(view[start], fragment)
        end = start + HEADER_LENGTH + fragment
        return end if end <= self._end else 0

    def _bad_header(self, content_type: int, fragment: int) -> TLSError:
        # RFC 9846 §5 [8446 §5]: "If a TLS implementation receives an unexpected record type, it MUST terminate
        # the connection with an 'unexpected_message' alert"; RFC 5246 §6 says the same. RFC 4346 §6 "SHOULD just
        # ignore it", without end: nobody does any more.
        if content_type not in _KNOWN_TYPES:
            begin = self._view[self._start : min(self._end, self._start + 48)].tobytes()
            return PeerMisbehaved(AlertDescription.UNEXPECTED_MESSAGE, _not_tls(begin))
        header = self._view[self._start : self._start + HEADER_LENGTH]
        if isinstance(self._opener, PlainOpener) and not self._opener.fits(header):
            return other_version(header)
        # RFC 9846 §5.2 [8446 §5.2]: "An endpoint that receives a record that exceeds this length MUST terminate
        # the connection with a 'record_overflow' alert."
        return PeerMisbehaved(
            AlertDescription.RECORD_OVERFLOW,
            f"a record announces {fragment} bytes, more than the {self._opener.max_fragment} allowed",
        )

    def _refuse_flood(self) -> None:
        if self._empty > MAX_EMPTY:
            raise PeerMisbehaved(
                AlertDescription.UNEXPECTED_MESSAGE, f"more than {MAX_EMPTY} records in a row hold nothing"
            )

    def _drop(self, end: int) -> None:
        # RFC 9846 §5 [8446 §5]: "An implementation which receives any other change_cipher_spec value or which
        # receives a protected change_cipher_spec record MUST abort the handshake with an 'unexpected_message'".
        self._dropped += 1
        if self._view[self._start + HEADER_LENGTH : end].tobytes() != b"\x01" or self._dropped > _MAX_DROPPED:
            raise PeerMisbehaved(
                AlertDescription.UNEXPECTED_MESSAGE, "a change_cipher_spec that makes no sense"
            )
        self._start = end

    def _move(self, room: memoryview) -> None:
        """Put what was received to the front of `room`."""
        kept = self.buffered
        room[:kept] = self._view[self._start : self._end]
        self._view, self._start, self._end = room, 0, kept


_KNOWN_TYPES = frozenset(ContentType)
_OTHER_PROTOCOLS = (
    (b"HTTP/", "plain HTTP"),
    (b"<", "plain HTTP"),
    (b"SSH-", "SSH"),
    (b"220", "a greeting in clear text (SMTP or FTP), which wants STARTTLS"),
    (b"* OK", "a greeting in clear text (IMAP), which wants STARTTLS"),
    (b"+OK", "a greeting in clear text (POP3), which wants STARTTLS"),
)


def _not_tls(begin: bytes) -> str:
    line = begin.splitlines()[0]
    for prefix, protocol in _OTHER_PROTOCOLS:
        if begin.startswith(prefix):
            return f"the server does not speak TLS on this port, it answered in {protocol}: {_text(line)}"
    is_text = line and all(32 <= byte < 127 for byte in line)
    shown = _text(line) if is_text else f"the bytes {begin.hex(' ')}"
    return f"the server sent something that is not a TLS record: {shown}"


def _text(line: bytes) -> str:
    """Quoted, with all that is not plain ASCII escaped: it comes from nobody knows whom, and goes to terminals."""
    return '"' + "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in line) + '"'


class RecordWriter:
    """Turns contents into records."""

    def __init__(self, initial_version: int) -> None:
        self.sealer: Sealer = PlainSealer(initial_version)
        #: The most content that the peer takes in one record.
        self.max_content = MAX_CONTENT
        #: In TLS 1.3, the plaintext of each record is padded to a multiple of so many bytes; 0 pads nothing.
        self.padding = 0

    def seal(self, content_type: int, content: Buffer, out: memoryview | None = None) -> memoryview:
        """The records that carry `content`, one after another; at least one.

        Args:
            content_type: of all of them.
            content: what to cut into records.
            out: memory to put them into, if they fit.
        """
        view, sealer, size = memoryview(content), self.sealer, self.max_content
        total = len(view)
        if self.padding and isinstance(sealer, Sealer13):
            return self._seal_padded(content_type, view, sealer)
        needed = total + (-(-total // size) or 1) * sealer.overhead
        if out is None or len(out) < needed:
            out = memoryview(bytearray(needed))
        if total <= size:
            return out[: sealer.seal(content_type, view, out)]
        return out[: sealer.seal_all(content_type, view, size, out)]

    def _seal_padded(self, content_type: int, view: memoryview, sealer: Sealer13) -> memoryview:
        size = self.max_content
        count = -(-len(view) // size) or 1
        out = memoryview(bytearray(count * (size + sealer.overhead)))
        at = 0
        for start in range(0, len(view) or 1, size):
            content = view[start : start + size]
            # The content type counts; and RFC 9846 §5.4 [8446 §5.4]: "The presence of padding does not change the
            # overall record size limitations".
            padding = min(-(len(content) + 1) % self.padding, size - len(content))
            at += sealer.seal(content_type, content, out[at:], padding)
        return out[:at]
