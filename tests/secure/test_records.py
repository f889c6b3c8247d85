from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.openssl_tls12 import records_of
from support.properties import bounded, survives
from support.record_keys import (
    CBC_PROTECTIONS,
    PROTECTIONS,
    SUITES_13,
    Protection,
    inner_13,
    pair,
    seal,
    traffic_secret,
)
from support.refusals import refused
from support.rfc8448 import TRACES, Trace
from trio_secure._errors import AlertDescription, TLSError
from trio_secure._protection import (
    MAX_CONTENT,
    ContentType,
    Opener,
    PlainOpener,
    PlainSealer,
)
from trio_secure._protection13 import Opener13, Sealer13
from trio_secure._records import MAX_READ, Record, RecordReader, RecordWriter
from trio_secure._rooms import ROOM
from trio_secure._suites import SUITES_BY_NAME
from trio_secure._versions import Version

APPLICATION_DATA, HANDSHAKE, ALERT = (
    ContentType.APPLICATION_DATA,
    ContentType.HANDSHAKE,
    ContentType.ALERT,
)
CCS = b"\x14\x03\x03\0\1\1"
UNEXPECTED_MESSAGE = AlertDescription.UNEXPECTED_MESSAGE
_protections = pytest.mark.parametrize("protection", PROTECTIONS, ids=lambda row: row.name)
TLS13 = Protection(SUITES_13[0], Version.TLS13)
TLS12 = Protection(SUITES_BY_NAME["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"], Version.TLS12)
TLS10 = next(row for row in CBC_PROTECTIONS if row.version == Version.TLS10)


def _ends(protection: Protection = TLS13) -> tuple[RecordWriter, RecordReader]:
    """A writer and a reader that share a key."""
    writer, reader = RecordWriter(0x0303), RecordReader()
    writer.sealer, reader.opener = pair(protection)
    return writer, reader


def _plain(content_type: int, content: bytes) -> bytes:
    return seal(PlainSealer(0x0303), content_type, content)


def _all(reader: RecordReader) -> list[Record]:
    records: list[Record] = []
    while record := reader.next():
        records.append(record)
    return records


# Framing


def test_nothing_comes_out_of_nothing() -> None:
    reader = RecordReader()
    assert reader.next() is None
    assert reader.read(100) == b""
    assert reader.buffered == 0


@pytest.mark.parametrize("size", [1, 4, 5, 6, 64, 10_000])
def test_records_come_out_whole_however_they_arrive(size: int) -> None:
    expected = [Record(HANDSHAKE, b"hello"), Record(ALERT, b"\1\0"), Record(HANDSHAKE, b"x" * 5000)]
    flow = b"".join(_plain(*record) for record in expected)
    reader, seen = RecordReader(), list[Record]()
    for at in range(0, len(flow), size):
        reader.feed(flow[at : at + size])
        seen += _all(reader)
    assert seen == expected
    assert reader.buffered == 0


def test_an_empty_record_is_a_record() -> None:
    reader = RecordReader()
    reader.feed(_plain(HANDSHAKE, b""))
    assert reader.next() == Record(HANDSHAKE, b"")
    assert reader.next() is None


def test_what_is_received_and_not_opened_is_counted() -> None:
    reader = RecordReader()
    reader.feed(_plain(HANDSHAKE, b"abc") + b"\x16\x03")
    assert reader.buffered == 10
    reader.next()
    assert reader.buffered == 2


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_is_fed(kind: type[bytes | bytearray | memoryview]) -> None:
    reader = RecordReader()
    reader.feed(kind(_plain(HANDSHAKE, b"abc")))
    assert reader.next() == Record(HANDSHAKE, b"abc")


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.name)
def test_the_unprotected_records_of_rfc_8448_come_back(trace: Trace) -> None:
    records = [step.values["complete record"] for step in trace.steps if "complete record" in step.values]
    for record in records:
        if record[0] != APPLICATION_DATA:
            reader, writer = RecordReader(), RecordWriter(int.from_bytes(record[1:3], "big"))
            reader.drops_change_cipher_spec = False
            reader.feed(record)
            assert reader.next() == Record(record[0], record[5:])
            assert writer.seal(record[0], record[5:]) == record


# Space and received


def test_the_transport_may_write_into_the_space() -> None:
    reader = RecordReader()
    flow = _plain(HANDSHAKE, b"abc") * 3
    for octet in flow:
        reader.space()[0] = octet
        reader.received(1)
    assert _all(reader) == [Record(HANDSHAKE, b"abc")] * 3


def _receive(reader: RecordReader, flow: bytes) -> list[int]:
    """Let a transport that has all of `flow` at hand fill every space to the brim; gives the sizes offered."""
    sizes, at = list[int](), 0
    while at < len(flow):
        space = reader.space()
        count = min(len(space), len(flow) - at)
        space[:count] = flow[at : at + count]
        reader.received(count)
        sizes.append(len(space))
        at += count
        while reader.read(MAX_READ):
            pass
    return sizes


def test_there_is_space_for_many_records() -> None:
    writer, reader = _ends()
    sizes = _receive(reader, bytes(writer.seal(APPLICATION_DATA, bytes(8 * MAX_READ))))
    assert sizes[0] == ROOM
    # What is left of a record takes a part of it.
    assert min(sizes[1:]) >= ROOM - MAX_CONTENT - writer.sealer.overhead


def _holds_a_room(reader: RecordReader) -> bool:
    return not reader._view.readonly


def test_a_reader_holds_no_room_for_less_than_a_record() -> None:
    writer, reader = _ends()
    flow = bytes(writer.seal(APPLICATION_DATA, bytes(2 * MAX_CONTENT)))
    for at in range(0, len(flow), 1000):
        reader.feed(flow[at : at + 1000])
        assert reader.read(1) in (b"", bytes(MAX_CONTENT))
        assert not _holds_a_room(reader)
    reader.feed(bytes(writer.seal(HANDSHAKE, b"abc")) * 2)
    assert reader.next() == Record(HANDSHAKE, b"abc")
    assert not _holds_a_room(reader)


def test_a_reader_keeps_the_room_while_records_wait_in_it() -> None:
    writer, reader = _ends()
    reader.feed(bytes(writer.seal(APPLICATION_DATA, bytes(4 * MAX_CONTENT))))
    assert reader.read(1) == bytes(MAX_CONTENT)
    assert _holds_a_room(reader)
    assert reader.read(MAX_READ) == bytes(3 * MAX_CONTENT)
    assert not _holds_a_room(reader)


def test_what_is_held_makes_way_for_the_space() -> None:
    reader = RecordReader()
    reader.feed(_plain(HANDSHAKE, bytes(MAX_CONTENT)) * 3)
    assert len(reader.space()) == ROOM - reader.buffered
    assert reader.next() is not None
    assert len(reader.space()) == ROOM - reader.buffered
    assert len(_all(reader)) == 2


def test_the_space_is_never_empty_though_nobody_reads() -> None:
    reader, flow = RecordReader(), _plain(HANDSHAKE, bytes(MAX_CONTENT)) * 40
    at = 0
    while at < len(flow):
        space = reader.space()
        assert len(space)
        count = min(len(space), len(flow) - at)
        space[:count] = flow[at : at + count]
        reader.received(count)
        at += count
    assert reader.buffered == len(flow) > 2 * MAX_READ
    assert len(_all(reader)) == 40


@_protections
@pytest.mark.parametrize("size", [1000, 1460, 16384])
def test_the_largest_records_arrive_in_segments(protection: Protection, size: int) -> None:
    writer, reader = _ends(protection)
    content = bytes(range(256)) * 192
    flow = bytes(writer.seal(APPLICATION_DATA, content))
    seen = b""
    for at in range(0, len(flow), size):
        reader.feed(flow[at : at + size])
        while piece := reader.read(MAX_READ):
            seen += piece
    assert seen == content


# Lengths and types


@pytest.mark.parametrize(
    ("opener", "most"),
    [
        (PlainOpener(), 2**14),
        (Opener13(traffic_secret()), 2**14 + 256),
        (pair(TLS12)[1], 2**14 + 2048),
    ],
    ids=["plain", "TLS 1.3", "TLS 1.2"],
)
@pytest.mark.parametrize("reads", [False, True])
def test_an_excessive_length_is_refused_before_the_record_is_there(
    opener: Opener, most: int, reads: bool
) -> None:
    reader = RecordReader()
    reader.opener = opener
    reader.feed(b"\x17\x03\x03" + most.to_bytes(2, "big"))
    assert reader.next() is None
    reader = RecordReader()
    reader.opener = opener
    reader.feed(b"\x17\x03\x03" + (most + 1).to_bytes(2, "big"))
    with refused(
        AlertDescription.RECORD_OVERFLOW, f"announces {most + 1} bytes, more than the {most} allowed"
    ):
        assert not reads or reader.read(100) == b""
        reader.next()


_OTHER_PROTOCOLS = [
    (b"HTTP/1.1 400 Bad Request\r\nServer: x", 'it answered in plain HTTP: "HTTP/1.1 400 Bad Request"$'),
    (b"<html>\n<head>", 'it answered in plain HTTP: "<html>"$'),
    (b"SSH-2.0-OpenSSH_9.6\r\n", 'it answered in SSH: "SSH-2.0-OpenSSH_9.6"$'),
    (b'SSH-2.0-\x1b]0;\xff"\n', r'in SSH: "SSH-2.0-\\x1b\]0;\\xff""$'),
    (b"220 mail.example ESMTP\r\n", "SMTP or FTP.*STARTTLS"),
    (b"* OK IMAP4rev1\r\n", "IMAP.*STARTTLS"),
    (b"+OK POP3\r\n", "POP3.*STARTTLS"),
    (b"-ERR no\r\n", 'not a TLS record: "-ERR no"$'),
    (b"\n\n\n\n\n", "not a TLS record: the bytes 0a 0a 0a 0a 0a$"),
    (b"\0\0\0\0\0\0\0", "not a TLS record: the bytes 00 00 00 00 00 00 00$"),
    (b"\x80\x2e\x01\x03\x01", "sent something that is not a TLS record"),
    (b"\x18\x03\x03\0\3\1\0\0", "sent something that is not a TLS record"),
]


@pytest.mark.parametrize(("begin", "says"), _OTHER_PROTOCOLS)
def test_another_protocol_is_recognized(begin: bytes, says: str) -> None:
    reader = RecordReader()
    reader.feed(begin)
    with refused(UNEXPECTED_MESSAGE, says):
        reader.next()


def test_only_the_beginning_of_another_protocol_is_shown() -> None:
    reader = RecordReader()
    reader.feed(b"x" * 4000)
    with refused(UNEXPECTED_MESSAGE, f': "{"x" * 48}"$'):
        reader.next()


# change_cipher_spec


def test_a_change_cipher_spec_is_dropped_among_protected_records() -> None:
    writer, reader = _ends()
    first = bytes(writer.seal(HANDSHAKE, b"one"))
    reader.feed(CCS + first + CCS + bytes(writer.seal(HANDSHAKE, b"two")))
    assert _all(reader) == [Record(HANDSHAKE, b"one"), Record(HANDSHAKE, b"two")]


def test_a_change_cipher_spec_comes_out_where_tls_1_2_wants_it() -> None:
    reader = RecordReader()
    reader.drops_change_cipher_spec = False
    reader.feed(CCS)
    assert reader.next() == Record(ContentType.CHANGE_CIPHER_SPEC, b"\1")


def test_a_change_cipher_spec_after_the_tls_1_3_handshake_is_refused() -> None:
    _, reader = _ends()
    reader.drops_change_cipher_spec = False
    reader.feed(CCS)
    with refused(UNEXPECTED_MESSAGE, "an unprotected record of type 20"):
        reader.next()


@pytest.mark.parametrize("content", [b"", b"\0", b"\2", b"\1\1"])
def test_a_change_cipher_spec_of_another_value_is_refused(content: bytes) -> None:
    reader = RecordReader()
    reader.feed(_plain(ContentType.CHANGE_CIPHER_SPEC, content))
    with refused(UNEXPECTED_MESSAGE, "makes no sense"):
        reader.next()


def test_a_flood_of_change_cipher_specs_is_refused() -> None:
    reader = RecordReader()
    reader.feed(CCS * 32)
    assert reader.next() is None
    reader.feed(CCS)
    with refused(UNEXPECTED_MESSAGE, "makes no sense"):
        reader.next()


def test_a_change_cipher_spec_stops_reading_until_it_is_dropped() -> None:
    writer, reader = _ends()
    reader.feed(bytes(writer.seal(APPLICATION_DATA, b"a")) + CCS + bytes(writer.seal(APPLICATION_DATA, b"b")))
    assert reader.read(100) == b"a"
    assert reader.read(100) == b""
    assert reader.next() == Record(APPLICATION_DATA, b"b")


# Reading


@_protections
def test_reading_opens_every_record_that_is_there(protection: Protection) -> None:
    writer, reader = _ends(protection)
    content = bytes(range(256)) * 300
    flow = bytes(writer.seal(APPLICATION_DATA, content))
    assert len(list(records_of(flow))) == (10 if protection.version == Version.TLS10 else 5)
    reader.feed(flow[:-1])
    assert reader.read(MAX_READ) == content[: 4 * MAX_CONTENT + (protection.version == Version.TLS10)]
    assert reader.read(MAX_READ) == b""
    reader.feed(flow[-1:])
    assert reader.read(MAX_READ) == content[4 * MAX_CONTENT + (protection.version == Version.TLS10) :]


@pytest.mark.parametrize(
    ("limit", "expected"), [(1, b"aaa"), (3, b"aaa"), (4, b"aaabbb"), (100, b"aaabbbccc")]
)
def test_reading_stops_with_the_record_that_reaches_the_limit(limit: int, expected: bytes) -> None:
    writer, reader = _ends()
    for content in (b"aaa", b"bbb", b"ccc"):
        reader.feed(bytes(writer.seal(APPLICATION_DATA, content)))
    assert reader.read(limit) == expected


def test_no_limit_exceeds_the_scratch() -> None:
    writer, reader = _ends(TLS12)
    content = bytes(MAX_READ + 3 * MAX_CONTENT)
    flow = bytes(writer.seal(APPLICATION_DATA, content))
    reader.feed(flow)
    assert len(reader.read(2**40)) == MAX_READ
    assert len(reader.read(2**40)) == 3 * MAX_CONTENT


def test_empty_records_are_read_over() -> None:
    writer, reader = _ends()
    for content in (b"", b"a", b"", b"", b"b", b""):
        reader.feed(bytes(writer.seal(APPLICATION_DATA, content)))
    assert reader.read(100) == b"ab"
    assert reader.read(100) == b""
    assert reader.buffered == 0


def test_padding_between_records_leaves_no_gap() -> None:
    _, reader = _ends()
    for sequence, content in enumerate((b"one", b"two")):
        reader.feed(inner_13(SUITES_13[0], sequence, content + b"\x17" + bytes(50)))
    assert reader.read(100) == b"onetwo"


@pytest.mark.parametrize("before", [b"", b"abc"])
def test_a_record_of_another_type_is_set_aside_in_tls_1_3(before: bytes) -> None:
    """Outside it looks like application data, so it is known only when it is open."""
    writer, reader = _ends()
    flow = bytes(writer.seal(APPLICATION_DATA, before)) if before else b""
    flow += bytes(writer.seal(HANDSHAKE, b"ticket")) + bytes(writer.seal(APPLICATION_DATA, b"def"))
    reader.feed(flow)
    assert reader.read(100) == before
    assert reader.read(100) == b""
    assert reader.next() == Record(HANDSHAKE, b"ticket")
    assert reader.read(100) == b"def"


def test_a_record_of_another_type_stops_reading_in_tls_1_2() -> None:
    writer, reader = _ends(TLS12)
    reader.feed(bytes(writer.seal(APPLICATION_DATA, b"abc")) + bytes(writer.seal(ALERT, b"\1\0")))
    assert reader.read(100) == b"abc"
    assert reader.read(100) == b""
    assert reader.next() == Record(ALERT, b"\1\0")


def _altered(record: bytes) -> bytes:
    return record[:-1] + bytes([record[-1] ^ 1])


@_protections
def test_what_came_before_a_bad_record_is_given_out_first(protection: Protection) -> None:
    writer, reader = _ends(protection)
    good, bad = (bytes(writer.seal(APPLICATION_DATA, content)) for content in (b"good", b"!"))
    reader.feed(good + _altered(bad))
    assert reader.read(100) == b"good"
    for _ in range(2):
        assert reader.read(100) == b""
        with refused(AlertDescription.BAD_RECORD_MAC):
            reader.next()


@pytest.mark.parametrize("begin", [b"\x17\x03\x03\xff\xff", b"HTTP/1.1"])
def test_what_came_before_a_bad_header_is_given_out_first(begin: bytes) -> None:
    writer, reader = _ends()
    reader.feed(bytes(writer.seal(APPLICATION_DATA, b"good")) + begin)
    assert reader.read(100) == b"good"
    assert reader.read(100) == b""
    with pytest.raises(TLSError):
        reader.next()


@pytest.mark.parametrize(
    ("inner", "alert"),
    [
        (bytes(7), UNEXPECTED_MESSAGE),
        (b"\x17" + bytes(MAX_CONTENT + 1), AlertDescription.RECORD_OVERFLOW),
    ],
)
def test_a_bad_record_keeps_its_own_alert_after_what_came_before(
    inner: bytes, alert: AlertDescription
) -> None:
    _, reader = _ends()
    reader.feed(inner_13(SUITES_13[0], 0, b"good\x17") + inner_13(SUITES_13[0], 1, inner))
    assert reader.read(100) == b"good"
    assert reader.read(100) == b""
    with refused(alert):
        reader.next()


# Keys change


def test_the_opener_changes_between_two_records_of_one_segment() -> None:
    reader = RecordReader()
    sealer, opener = pair(TLS13)
    reader.feed(_plain(HANDSHAKE, b"hello") + seal(sealer, HANDSHAKE, b"secret"))
    assert reader.next() == Record(HANDSHAKE, b"hello")
    reader.opener = opener
    assert reader.next() == Record(HANDSHAKE, b"secret")


# Writing


@_protections
@pytest.mark.parametrize(
    ("length", "count"),
    [(0, 1), (1, 1), (MAX_CONTENT, 1), (MAX_CONTENT + 1, 2), (3 * MAX_CONTENT, 3)],
)
def test_content_is_cut_into_records(protection: Protection, length: int, count: int) -> None:
    writer, reader = _ends(protection)
    content = bytes(length)
    flow = bytes(writer.seal(HANDSHAKE, content))
    assert len(list(records_of(flow))) == count
    reader.feed(flow)
    assert b"".join(record.content for record in _all(reader)) == content


def test_the_fragment_length_is_configurable() -> None:
    writer = RecordWriter(0x0301)
    writer.max_content = 4
    assert list(records_of(bytes(writer.seal(HANDSHAKE, bytearray(b"0123456789"))))) == [
        b"\x16\x03\x01\0\x040123",
        b"\x16\x03\x01\0\x044567",
        b"\x16\x03\x01\0\x0289",
    ]


@_protections
def test_application_data_is_cut_where_a_record_may_not_show_its_iv(protection: Protection) -> None:
    """In TLS 1.0, each content goes out as its first byte and the rest of it."""
    writer, reader = _ends(protection)
    content = bytes(range(256)) * 128
    flow = bytes(writer.seal(APPLICATION_DATA, content))
    reader.feed(flow)
    sizes = [len(record.content) for record in _all(reader)]
    if protection.version == Version.TLS10:
        assert sizes == [1, MAX_CONTENT - 1] * 2
    else:
        assert sizes == [MAX_CONTENT] * 2


# Padding


def _inner_sizes(flow: bytes) -> list[int]:
    return [len(record) - 5 - 16 for record in records_of(flow)]


@pytest.mark.parametrize(
    ("length", "padding", "sizes"),
    [
        (0, 16, [16]),
        (15, 16, [16]),
        (16, 16, [32]),
        (100, 64, [128]),
        (1, 1, [2]),
        (MAX_CONTENT, 64, [MAX_CONTENT + 1]),
        (MAX_CONTENT - 1, 4096, [MAX_CONTENT]),
        (MAX_CONTENT + 1, 4096, [MAX_CONTENT + 1, 4096]),
        (5, 2**20, [MAX_CONTENT + 1]),
    ],
)
def test_plaintexts_are_padded_as_far_as_a_record_goes(length: int, padding: int, sizes: list[int]) -> None:
    """RFC 9846 §5.4 [8446 §5.4]; the content type counts."""
    writer, reader = _ends()
    writer.padding = padding
    flow = bytes(writer.seal(APPLICATION_DATA, b"x" * length))
    assert _inner_sizes(flow) == sizes
    reader.feed(flow)
    assert b"".join(record.content for record in _all(reader)) == b"x" * length


def test_padding_keeps_to_the_limit_of_the_peer() -> None:
    writer, reader = _ends()
    writer.padding, writer.max_content = 50, 63
    reader.limit_content(63, unprotected=False)
    flow = bytes(writer.seal(APPLICATION_DATA, b"x" * 70))
    assert _inner_sizes(flow) == [64, 50]
    reader.feed(flow)
    assert reader.read(100) == b"x" * 70


def test_padding_goes_on_with_the_next_key() -> None:
    writer, _ = _ends()
    writer.padding = 64
    writer.sealer = Sealer13(traffic_secret().next())
    assert _inner_sizes(bytes(writer.seal(HANDSHAKE, b"x"))) == [64]


@pytest.mark.parametrize("protection", [TLS10, TLS12], ids=lambda row: row.name)
def test_older_records_have_no_room_for_padding(protection: Protection) -> None:
    writer, _ = _ends(protection)
    plain = bytes(writer.seal(HANDSHAKE, b"x"))
    writer.padding = 64
    assert len(writer.seal(HANDSHAKE, b"x")) == len(plain)


# Limits of the content


@_protections
def test_a_limit_of_the_content_goes_on_with_the_next_key(protection: Protection) -> None:
    for limited_before in (False, True):
        writer, reader = _ends(protection)
        if limited_before:
            reader = RecordReader()
            reader.limit_content(64, unprotected=False)
            reader.opener = pair(protection)[1]
        else:
            reader.limit_content(64, unprotected=False)
        reader.feed(bytes(writer.seal(HANDSHAKE, bytes(64))))
        assert reader.next() == Record(HANDSHAKE, bytes(64))
        reader.feed(bytes(writer.seal(HANDSHAKE, bytes(65))))
        with refused(AlertDescription.RECORD_OVERFLOW, "65 bytes, more than 64|announces"):
            reader.next()


@pytest.mark.parametrize("unprotected", [False, True])
def test_a_limit_may_hold_for_unprotected_records_too(unprotected: bool) -> None:
    """RFC 6066 §4: "MUST immediately"; RFC 8449 §4: "Unprotected messages are not subject to this limit"."""
    reader = RecordReader()
    reader.limit_content(512, unprotected=unprotected)
    reader.feed(_plain(HANDSHAKE, bytes(512)))
    assert reader.next() == Record(HANDSHAKE, bytes(512))
    reader.feed(_plain(HANDSHAKE, bytes(513)))
    if unprotected:
        with refused(AlertDescription.RECORD_OVERFLOW, "announces 513 bytes, more than the 512 allowed"):
            reader.next()
    else:
        assert reader.next() == Record(HANDSHAKE, bytes(513))


# Versions


@pytest.mark.parametrize("record_version", [0x0000, 0x0200, 0x0404, 0xFFFF])
@pytest.mark.parametrize("version", Version)
def test_a_foreign_version_is_ignored_if_it_turns_out_to_be_tls13(
    version: Version, record_version: int
) -> None:
    """RFC 9846 §5.1 [8446 §5.1]: it "MUST be ignored for all purposes"; older versions know no such rule."""
    reader = RecordReader()
    reader.feed(seal(PlainSealer(record_version), HANDSHAKE, b"hello"))
    assert reader.next() == Record(HANDSHAKE, b"hello")
    if version >= Version.TLS13:
        reader.settle(version)
        return
    with refused(AlertDescription.PROTOCOL_VERSION, f"of version 0x{record_version:04x}"):
        reader.settle(version)


@pytest.mark.parametrize("reads", [False, True])
def test_a_record_of_another_version_is_refused(reads: bool) -> None:
    reader = RecordReader()
    reader.settle(Version.TLS12)
    reader.feed(b"\x17\x02\x00\0\3abc")
    with refused(AlertDescription.PROTOCOL_VERSION, "of version 0x0200"):
        assert not reads or reader.read(100) == b""
        reader.next()


def test_a_header_of_another_version_is_refused_before_its_length_is() -> None:
    reader = RecordReader()
    reader.settle(Version.TLS12)
    reader.feed(b"\x16\x40\x00\xff\xff")
    with refused(AlertDescription.PROTOCOL_VERSION, "of version 0x4000"):
        reader.next()


@pytest.mark.parametrize("version", Version)
def test_a_change_cipher_spec_that_was_dropped_is_remembered(version: Version) -> None:
    reader = RecordReader()
    reader.feed(CCS)
    assert reader.next() is None
    if version >= Version.TLS13:
        reader.settle(version)
        return
    with refused(AlertDescription.UNEXPECTED_MESSAGE, f"change_cipher_spec came before {version.label}"):
        reader.settle(version)


@pytest.mark.parametrize("version", [Version.TLS10, Version.TLS11, Version.TLS12])
def test_once_the_version_is_settled_records_must_bear_it(version: Version) -> None:
    reader = RecordReader()
    reader.feed(seal(PlainSealer(0x0301), HANDSHAKE, b"hello"))
    assert reader.next() == Record(HANDSHAKE, b"hello")
    reader.settle(version)
    reader.feed(seal(PlainSealer(version), HANDSHAKE, b"abc") + seal(PlainSealer(0x0304), HANDSHAKE, b"abc"))
    assert reader.next() == Record(HANDSHAKE, b"abc")
    with refused(AlertDescription.PROTOCOL_VERSION, "of version 0x0304"):
        reader.next()


def test_in_tls_1_3_they_may_bear_any() -> None:
    reader = RecordReader()
    reader.settle(Version.TLS13)
    reader.feed(b"\x16\x02\x00\0\3abc")
    assert reader.next() == Record(HANDSHAKE, b"abc")


def test_a_settled_version_keeps_the_limit_and_the_key() -> None:
    for unprotected in (False, True):
        reader = RecordReader()
        reader.limit_content(512, unprotected=unprotected)
        reader.settle(Version.TLS12)
        assert reader.opener.max_fragment == (512 if unprotected else MAX_CONTENT)
    _, reader = _ends()
    opener = reader.opener
    reader.settle(Version.TLS13)
    assert reader.opener is opener


# Empty records


@pytest.mark.parametrize("protection", [TLS10, TLS12, TLS13], ids=lambda row: row.name)
@pytest.mark.parametrize("arrive", ["at once", "one by one"])
def test_empty_records_are_read_over_and_too_many_in_a_row_are_refused(
    protection: Protection, arrive: str
) -> None:
    """RFC 5246 §6.2.1: "Zero-length fragments of Application data MAY be sent"."""
    writer, reader = _ends(protection)
    # As many as there may be, data, and as many again.
    for content in [b""] * 32 + [b"a"] + [b""] * 32:
        reader.feed(bytes(writer.seal(APPLICATION_DATA, content)))
        if arrive == "one by one":
            assert reader.read(100) == content
    if arrive == "at once":
        assert reader.read(100) == b"a"
    reader.feed(bytes(writer.seal(APPLICATION_DATA, b"")))
    for _ in range(2):
        with refused(UNEXPECTED_MESSAGE, "more than 32 records in a row hold nothing"):
            reader.read(100)


def test_what_came_before_too_many_empty_records_is_given_out_first() -> None:
    writer, reader = _ends()
    for content in [b"good", *[b""] * 33, b"late"]:
        reader.feed(bytes(writer.seal(APPLICATION_DATA, content)))
    assert reader.read(100) == b"good"
    with refused(UNEXPECTED_MESSAGE, "hold nothing"):
        reader.read(100)


# Anything


_flows = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.builds(_plain, st.sampled_from(list(ContentType)), st.binary(max_size=40)),
        st.just(CCS),
    ),
    max_size=8,
)


@bounded
@given(
    _flows, st.lists(st.integers(1, 50), min_size=1), st.sampled_from(["plain", "TLS10", "TLS12", "TLS13"])
)
def test_any_bytes_are_records_or_refused(flow: list[bytes], sizes: list[int], state: str) -> None:
    def read_all(data: bytes) -> None:
        reader = RecordReader()
        if state != "plain":
            _, reader.opener = pair({"TLS10": TLS10, "TLS12": TLS12, "TLS13": TLS13}[state])
        while data:
            size = sizes[len(data) % len(sizes)]
            reader.feed(data[:size])
            data = data[size:]
            while reader.next() or reader.read(7):
                pass

    survives(read_all, b"".join(flow))
