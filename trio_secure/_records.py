"""The record layer: framing what comes in, fragmenting what goes out (RFC 9846 §5.1 [8446 §5.1]).

Theory of operation
-------------------
`RecordReader` owns one input buffer. The transport writes into `space()`, and records are opened straight out of
it: `next` gives one record of any type, `read` is the tight loop that opens every complete application-data
record at once. The buffer starts small, doubles when a read fills it, and halves when a connection has
gone quiet, so a download reads in large pieces and an idle connection costs next to nothing.

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
    ContentType,
    Opener,
    PlainOpener,
    PlainSealer,
    Sealer,
    other_version,
)
from ._protection13 import Sealer13
from ._suites import Buffer
from ._versions import Version

#: The smallest and the largest input buffer. Records are opened as they lie in it, so the largest decides how
#: many are opened per wake-up: below about 200 KiB the wake-ups dominate.
MIN_BUFFER = 2**12
MAX_BUFFER = 2**18

#: Change_cipher_spec records that middlebox compatibility makes us drop; nobody needs more than one or two.
_MAX_DROPPED = 32
#: Application-data records without content that may follow one another. They are allowed (RFC 5246 §6.2.1), and
#: some servers of TLS 1.0 send one before each record against chosen plaintexts; nobody needs many in a row.
_MAX_EMPTY = 32

# Where opened records land before they become one bytes object: opening never waits, so one per thread serves
# every connection of that thread's Trio.
_scratch = threading.local()
_SCRATCH = MAX_BUFFER + MAX_CONTENT + 2048


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
        self._view = memoryview(bytearray(MIN_BUFFER))
        self._start = 0
        self._end = 0
        self._set_aside: Record | None = None

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
        """The version is known: unprotected records that come now must bear it, or in TLS 1.3 may bear any."""
        if isinstance(self._opener, PlainOpener):
            settled = PlainOpener(version)
            settled.limit(self._opener.max_fragment)
            self._opener = settled

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

    @property
    def holds_anything(self) -> bool:
        """Whether there is a record, or a part of one."""
        return self.buffered > 0 or self._set_aside is not None

    def space(self) -> memoryview:
        """Where the transport may write what it receives next; never empty."""
        if self._start:
            remainder = self.buffered
            self._view[:remainder] = self._view[self._start : self._end]
            self._start, self._end = 0, remainder
        if self._end == len(self._view):
            self._resize(2 * len(self._view))
        return self._view[self._end :]

    def received(self, count: int) -> None:
        """`count` bytes were written into `space()`."""
        self._end += count
        if self._end == len(self._view) and self._end < MAX_BUFFER:
            self._resize(2 * self._end)
        elif 8 * self._end <= len(self._view) > MIN_BUFFER:
            self._resize(len(self._view) // 2)

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
        if (record := self._set_aside) is not None:
            self._set_aside = None
            return record
        while end := self._frame():
            if self.drops_change_cipher_spec and self._view[self._start] == ContentType.CHANGE_CIPHER_SPEC:
                self._drop(end)
                continue
            output = _output()
            content_type, length = self._opener.open(self._view[self._start : end], output)
            self._start = end
            return Record(content_type, output[:length].tobytes())
        return None

    def read(self, limit: int) -> bytes:
        """The content of the complete application-data records that come next, about `limit` bytes of it.

        Empty when there are none, or when something else comes next: `next` tells which. A record that cannot be
        opened raises only once everything before it has been given out.
        """
        # The hot loop. Each record is opened onto the end of the content before it, which in TLS 1.3 overwrites
        # that one's content type, so the contents come out contiguous and are copied once. Nothing is allocated
        # per record but three views; a record that fails leaves no trace, so it fails again on the next call.
        if self._set_aside is not None:
            return b""
        self._refuse_flood()
        output, filled = _output(), 0
        view, open_record = self._view, self._opener.open
        limit = min(limit, MAX_BUFFER)
        try:
            while filled < limit and (end := self._frame()):
                if view[self._start] != ContentType.APPLICATION_DATA:
                    break
                content_type, length = open_record(view[self._start : end], output[filled:])
                self._start = end
                if content_type != ContentType.APPLICATION_DATA:
                    self._set_aside = Record(content_type, output[filled : filled + length].tobytes())
                    break
                filled += length
                if length:
                    self._empty = 0
                else:
                    self._empty += 1
                    self._refuse_flood()
        except TLSError:
            if not filled:
                raise
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
        # the connection with an 'unexpected_message' alert."
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
        if self._empty > _MAX_EMPTY:
            raise PeerMisbehaved(
                AlertDescription.UNEXPECTED_MESSAGE, f"more than {_MAX_EMPTY} records in a row hold nothing"
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

    def _resize(self, size: int) -> None:
        """A buffer of another size, with what is in the old one."""
        remainder = self._view[self._start : self._end]
        self._view = memoryview(bytearray(size))
        self._view[: len(remainder)] = remainder
        self._start, self._end = 0, len(remainder)


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
    for prefix, protocol in _OTHER_PROTOCOLS:
        if begin.startswith(prefix):
            return f"the server does not speak TLS on this port, it answered in {protocol}: {begin!r}"
    return f"the server sent something that is not a TLS record: {begin!r}"


class RecordWriter:
    """Turns contents into records."""

    def __init__(self, initial_version: int) -> None:
        self.sealer: Sealer = PlainSealer(initial_version)
        #: The most content that the peer takes in one record.
        self.max_content = MAX_CONTENT
        #: In TLS 1.3, the plaintext of each record is padded to a multiple of so many bytes; 0 pads nothing.
        self.padding = 0

    def seal(self, content_type: int, content: Buffer) -> memoryview:
        """The records that carry `content`, one after another; at least one."""
        view, sealer, size = memoryview(content), self.sealer, self.max_content
        total = len(view)
        count = -(-total // size) or 1
        if self.padding and isinstance(sealer, Sealer13):
            return self._seal_padded(content_type, view, sealer, count)
        out = memoryview(bytearray(total + count * sealer.overhead))
        at = 0
        for start in range(0, total or 1, size):
            at += sealer.seal(content_type, view[start : start + size], out[at:])
        return out[:at]

    def _seal_padded(self, content_type: int, view: memoryview, sealer: Sealer13, count: int) -> memoryview:
        size = self.max_content
        out = memoryview(bytearray(count * (size + sealer.overhead)))
        at = 0
        for start in range(0, len(view) or 1, size):
            content = view[start : start + size]
            # The content type counts; and RFC 9846 §5.4 [8446 §5.4]: "The presence of padding does not change the
            # overall record size limitations".
            padding = min(-(len(content) + 1) % self.padding, size - len(content))
            at += sealer.seal(content_type, content, out[at:], padding)
        return out[:at]
