"""Record protection: what all versions share, and records before there are keys.

Theory of operation
-------------------
An `Opener` reads a whole record, header included, and writes its content into memory it is given; a `Sealer`
does the reverse. Both count records themselves, and count only those that succeeded:

    RFC 5246 §6.1: "The sequence number MUST be set to zero whenever a connection state is made the active state."

There are four kinds:

* `PlainOpener`, `PlainSealer`, here: before keys exist.
* `Opener13`, `Sealer13` in `_protection13`.
* `Opener12`, `Sealer12` in `_protection12`: the AEADs of TLS 1.2.
* `OpenerCBC`, `SealerCBC` in `_protection_cbc`: CBC and HMAC, of TLS 1.0 to 1.2.

`_protection12` chooses between the last two.
"""

from __future__ import annotations

import enum
from typing import NamedTuple, Protocol

from ._errors import AlertDescription, PeerMisbehaved, TLSError
from ._suites import Buffer
from ._versions import Version

HEADER_LENGTH = 5
#: RFC 9846 §5.1 [8446 §5.1]: the longest content of a record.
MAX_CONTENT = 2**14
#: Application-data records without content that may follow one another. They are allowed (RFC 5246 §6.2.1), and
#: some servers of TLS 1.0 send one before each record against chosen plaintexts; nobody needs many in a row.
MAX_EMPTY = 32
_MAJOR = 3


class ContentType(enum.IntEnum):
    """RFC 9846 §5.1 [8446 §5.1]."""

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23


class Epoch(enum.StrEnum):
    """Which keys protect what is sent or received. Before TLS 1.3 there is only the first and the last."""

    PLAINTEXT = "plaintext"
    EARLY_DATA = "early data"
    HANDSHAKE = "handshake"
    APPLICATION = "application"


class Opened(NamedTuple):
    """What was in a record: its content type and how many bytes were written."""

    content_type: int
    length: int


class OpenedData(NamedTuple):
    """What was in many records: where they ended, how many bytes were written, how many held nothing at last."""

    stop: int
    length: int
    empty: int


class Opener(Protocol):
    """The reading side of a key."""

    #: The longest fragment a header may announce.
    max_fragment: int

    def limit(self, content: int) -> None:
        """From now on, refuse a record of more than `content` bytes of content, padding of TLS 1.3 included."""
        ...

    def open(self, record: memoryview, out: memoryview) -> Opened:
        """Write the content of `record` (header included) to the front of `out`."""
        ...

    def open_data(
        self, view: memoryview, start: int, end: int, out: memoryview, limit: int, empty: int
    ) -> OpenedData:
        """Open the records of application data at `view[start:end]`, their contents side by side in `out`.

        Stops once `limit` bytes are there, and before whatever is not a complete record of application data:
        `open` says what that is, or what is wrong with it. Stops, too, behind more than `MAX_EMPTY` records in a
        row without content; before the first of these there have been `empty`.
        """
        ...


class Sealer(Protocol):
    """The writing side of a key."""

    #: The most that sealing adds to a content, headers included.
    overhead: int

    @property
    def remaining(self) -> int:
        """How many more records this key may protect."""
        ...

    def seal(self, content_type: int, content: Buffer, out: memoryview) -> int:
        """Write the record or records of one content to the front of `out` and say how long they are."""
        ...

    def seal_all(self, content_type: int, content: memoryview, size: int, out: memoryview) -> int:
        """Cut `content` into contents of at most `size` bytes, at least one, and `seal` them side by side."""
        ...


def undecipherable() -> PeerMisbehaved:
    """The one thing that is said of a record that fails its check, whatever is wrong with it."""
    # RFC 9846 §5.2 [8446 §5.2]: "If the decryption fails, the receiver MUST terminate the connection with a
    # 'bad_record_mac' alert."
    return PeerMisbehaved(
        AlertDescription.BAD_RECORD_MAC, "a record does not decrypt: it was altered on the way"
    )


def too_long(length: int, allowed: int) -> PeerMisbehaved:
    """A record whose content is longer than agreed."""
    return PeerMisbehaved(
        AlertDescription.RECORD_OVERFLOW, f"a record holds {length} bytes, more than {allowed}"
    )


def other_version(record: memoryview) -> PeerMisbehaved:
    """A record of another version than the connection's."""
    version = int.from_bytes(record[1:3], "big")
    return PeerMisbehaved(AlertDescription.PROTOCOL_VERSION, f"a record is of version 0x{version:04x}")


def pseudo_header(sequence: int, content_type: int, version: bytes, length: int) -> bytes:
    """What TLS 1.2 and older authenticate before the content or fragment of `length` bytes.

    RFC 5246 §6.2.3.1, §6.2.3.3: seq_num + TLSCompressed.type + TLSCompressed.version + TLSCompressed.length.
    """
    return sequence.to_bytes(8, "big") + bytes([content_type]) + version + length.to_bytes(2, "big")


def open_data_in_turn(
    opener: Opener, view: memoryview, start: int, end: int, out: memoryview, limit: int, empty: int
) -> OpenedData:
    """`Opener.open_data` for records that take so long to open that the way there does not matter."""
    filled = 0
    while filled < limit and end - start >= HEADER_LENGTH and empty <= MAX_EMPTY:
        stop = start + HEADER_LENGTH + int.from_bytes(view[start + 3 : start + HEADER_LENGTH], "big")
        is_data = view[start] == ContentType.APPLICATION_DATA
        if stop > end or not is_data or stop - start > HEADER_LENGTH + opener.max_fragment:
            break
        try:
            length = opener.open(view[start:stop], out[filled:]).length
        except TLSError:
            break
        empty = 0 if length else empty + 1
        filled, start = filled + length, stop
    return OpenedData(start, filled, empty)


def seal_in_turn(sealer: Sealer, content_type: int, content: memoryview, size: int, out: memoryview) -> int:
    """`Sealer.seal_all` for records whose way there does not matter."""
    at = 0
    for start in range(0, len(content) or 1, size):
        at += sealer.seal(content_type, content[start : start + size], out[at:])
    return at


class PlainOpener:
    """Before the first key; `version` is the connection's, once that is settled."""

    def __init__(self, version: Version | None = None) -> None:
        self.max_fragment = MAX_CONTENT
        self._version = version
        # What came before the version was settled and would not have done below TLS 1.3.
        self._foreign: memoryview | None = None

    def settled(self, version: Version) -> PlainOpener:
        """What opens records once the version is known."""
        if version < Version.TLS13 and self._foreign is not None:
            raise other_version(self._foreign)
        opener = PlainOpener(version)
        opener.limit(self.max_fragment)
        return opener

    def limit(self, content: int) -> None:
        """Refuse longer fragments."""
        self.max_fragment = content

    def fits(self, record: memoryview) -> bool:
        """Whether the record's header has a version that it may have."""
        # RFC 9846 §5.1 [8446 §5.1]: "This field is deprecated and MUST be ignored for all purposes." Before, it is
        # "The version of the protocol being employed" (RFC 5246 §6.2.1).
        if self._version is None or self._version >= Version.TLS13:
            return True
        return record[1] << 8 | record[2] == self._version

    def open(self, record: memoryview, out: memoryview) -> Opened:
        """Copy the fragment."""
        if not self.fits(record):
            raise other_version(record)
        if self._version is None and record[1] != _MAJOR:
            self._foreign = memoryview(record[:HEADER_LENGTH].tobytes())
        length = len(record) - HEADER_LENGTH
        out[:length] = record[HEADER_LENGTH:]
        return Opened(record[0], length)

    def open_data(
        self, view: memoryview, start: int, end: int, out: memoryview, limit: int, empty: int
    ) -> OpenedData:
        """As `Opener.open_data`."""
        return open_data_in_turn(self, view, start, end, out, limit, empty)


class PlainSealer:
    """Before the first key; `version` is the record version to write."""

    overhead = HEADER_LENGTH
    remaining = 2**64

    def __init__(self, version: int) -> None:
        self._version = version.to_bytes(2, "big")

    def seal(self, content_type: int, content: Buffer, out: memoryview) -> int:
        """Put a header before the content."""
        length = HEADER_LENGTH + len(content)
        out[:HEADER_LENGTH] = bytes([content_type]) + self._version + len(content).to_bytes(2, "big")
        out[HEADER_LENGTH:length] = content
        return length

    def seal_all(self, content_type: int, content: memoryview, size: int, out: memoryview) -> int:
        """As `Sealer.seal_all`."""
        return seal_in_turn(self, content_type, content, size, out)
