"""Whatever a transport brings, the record layer gives what was sealed, in order, or refuses it; and it
stays small.

Theory of operation: an honest writer's records are spoiled on the way and arrive in pieces of any size.
Under a key, nothing may come out but what went in, from the first record up to the first that was touched.
Without one, whatever comes out came in. A reader is used as the handshake and the stream use it: it is
given more only when it has nothing more to give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from fuzz.budget import fuzzed
from fuzz.mutations import Mutation, mutated_bytes, mutations
from support.properties import survives
from support.record_keys import PROTECTIONS, Protection, pair, seal
from trio_secure._errors import TLSError
from trio_secure._protection import MAX_CONTENT, ContentType, PlainSealer
from trio_secure._protection13 import Opener13
from trio_secure._records import RecordReader, RecordWriter
from trio_secure._rooms import ROOM
from trio_secure._versions import Version

_TYPES = st.sampled_from(ContentType)
_SIZES = st.sampled_from((0, 1, 2, 15, 16, 17, 31, 255, 256, 1000, MAX_CONTENT - 1, MAX_CONTENT))
_contents = st.lists(st.tuples(_TYPES, _SIZES | st.integers(0, 300)), max_size=8)
_changes = st.lists(mutations, max_size=3)
_pieces = st.lists(st.integers(1, 2**15) | st.integers(1, 40), min_size=1, max_size=5)
_protections = st.none() | st.sampled_from(PROTECTIONS)


@dataclass(frozen=True)
class _Received:
    """What came out of a reader: content types and contents, in order, and what ended it."""

    records: list[tuple[int, bytes]]
    error: TLSError | None

    def flow(self) -> list[tuple[int, int]]:
        """Each byte with its content type, since how data is cut into records is not kept."""
        return _flow(self.records)


def _flow(records: Sequence[tuple[int, bytes]]) -> list[tuple[int, int]]:
    return [(kind, byte) for kind, content in records for byte in content]


def _receive(reader: RecordReader, data: bytes, pieces: Sequence[int], limit: int | None) -> _Received:
    """Give a reader `data` in pieces, and take all that comes out: data in bulk if there is a limit."""
    received: list[tuple[int, bytes]] = []
    at, turn = 0, 0
    try:
        while True:
            if limit is not None and (bulk := reader.read(limit)):
                received.append((ContentType.APPLICATION_DATA, bulk))
                continue
            record = reader.next()
            if record is not None:
                assert len(record.content) <= MAX_CONTENT + 2048
                received.append(record)
                continue
            if at == len(data):
                return _Received(received, None)
            space = reader.space()
            count = min(len(space), pieces[turn % len(pieces)], len(data) - at)
            space[:count] = data[at : at + count]
            reader.received(count)
            assert 0 < count <= len(space) <= ROOM
            assert reader.buffered <= ROOM
            at, turn = at + count, turn + 1
    except TLSError as error:
        # What cannot be opened cannot be opened a second time either.
        survives(lambda _: reader.next(), b"")
        return _Received(received, error)


def _content(number: int, size: int) -> bytes:
    """Contents that differ from each other."""
    return bytes([number % 256]) * size


def _spoiled(records: list[bytes], changes: Sequence[Mutation], pool: Sequence[bytes]) -> bytes:
    """The records, some of them changed, and perhaps all of them together."""
    for change in changes[:2]:
        if records:
            place = change.node % len(records)
            if change.value % 4 == 0:
                records.insert(place, records[change.at % len(records)])
            elif change.value % 4 == 1:
                records.insert(place, records.pop(change.at % len(records)))
            else:
                records[place] = mutated_bytes(change, records[place], pool)
    data = b"".join(records)
    return mutated_bytes(changes[2], data, pool) if len(changes) > 2 else data


def _sealed(
    protection: Protection | None, contents: Sequence[tuple[int, int]]
) -> tuple[RecordReader, list[bytes]]:
    """A reader, and the records that are meant for it."""
    reader, writer = RecordReader(), RecordWriter(Version.TLS12)
    reader.drops_change_cipher_spec = False
    if protection is not None:
        writer.sealer, reader.opener = pair(protection)
    records = [bytes(writer.seal(kind, _content(i, size))) for i, (kind, size) in enumerate(contents)]
    return reader, records


@fuzzed(_protections, _contents, _pieces, st.none() | _SIZES.filter(bool))
def test_records_come_out_as_they_went_in(
    protection: Protection | None, contents: list[tuple[int, int]], pieces: list[int], limit: int | None
) -> None:
    reader, records = _sealed(protection, contents)
    received = _receive(reader, b"".join(records), pieces, limit)
    assert received.error is None
    assert received.flow() == _flow([(kind, _content(i, size)) for i, (kind, size) in enumerate(contents)])


@fuzzed(_protections, _contents, _changes, _pieces, st.none() | _SIZES.filter(bool), st.booleans(), weight=3)
def test_spoiled_records_are_refused_from_where_they_are_spoiled(
    protection: Protection | None,
    contents: list[tuple[int, int]],
    changes: list[Mutation],
    pieces: list[int],
    limit: int | None,
    drops: bool,
) -> None:
    reader, records = _sealed(protection, contents)
    reader.drops_change_cipher_spec = drops
    data = _spoiled(records, changes, [seal(PlainSealer(0x0303), 22, b"hello"), b"\x15\x03\x03\0\2\1\0"])
    received = _receive(reader, data, pieces, limit)
    if protection is None:
        assert sum(len(content) for _, content in received.records) <= len(data)
        return
    # Among those of TLS 1.3, change_cipher_spec records outside the protection are passed over. Older ones
    # look alike.
    if isinstance(reader.opener, Opener13) or not drops:
        sent = _flow([(kind, _content(i, size)) for i, (kind, size) in enumerate(contents)])
        assert received.flow() == sent[: len(received.flow())]


@fuzzed(_protections, st.integers(64, MAX_CONTENT), _contents, _changes, _pieces)
def test_nothing_comes_out_that_is_longer_than_agreed(
    protection: Protection | None,
    limit: int,
    contents: list[tuple[int, int]],
    changes: list[Mutation],
    pieces: list[int],
) -> None:
    reader, records = _sealed(protection, contents)
    reader.limit_content(limit, unprotected=True)
    received = _receive(reader, _spoiled(records, changes, ()), pieces, None)
    assert all(len(content) <= limit for _, content in received.records)


_headers = st.tuples(
    st.sampled_from((0, 20, 21, 22, 23, 24, 255)),
    st.sampled_from((0x0300, 0x0301, 0x0303, 0x0304, 0x4854, 0)),
    st.integers(0, 2**16 - 1) | _SIZES,
    st.binary(max_size=40),
)


@fuzzed(
    _protections, st.lists(_headers, max_size=20), _pieces, st.booleans(), st.sampled_from((None, 1, 2**16))
)
def test_any_bytes_are_framed_or_refused(
    protection: Protection | None,
    headers: list[tuple[int, int, int, bytes]],
    pieces: list[int],
    drops: bool,
    limit: int | None,
) -> None:
    reader, _ = _sealed(protection, ())
    reader.drops_change_cipher_spec = drops
    if protection is None and limit is None:
        reader.settle(Version.TLS12)
    data = b"".join(
        bytes([kind])
        + version.to_bytes(2, "big")
        + length.to_bytes(2, "big")
        + (body * (length + 1))[:length]
        for kind, version, length, body in headers
    )
    received = _receive(reader, data, pieces, limit)
    if protection is not None:
        assert not received.records


@fuzzed(st.binary(max_size=300), _pieces)
def test_a_great_many_records_are_taken_unless_they_hold_nothing(unit: bytes, pieces: list[int]) -> None:
    record = seal(PlainSealer(0x0303), ContentType.APPLICATION_DATA, unit)
    times = 2**18 // len(record)
    received = _receive(RecordReader(), record * times, [2**18, *pieces], 2**16)
    assert (received.error is None) is bool(unit)
    assert b"".join(content for _, content in received.records) == unit * times
