"""Records before there are keys, and what holds for every kind of protection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.many_records import check_many_records, open_many
from support.properties import bounded
from support.record_keys import PROTECTIONS, Protection, framed, open_record, pair, seal
from support.refusals import refused
from trio_secure._errors import AlertDescription, PeerMisbehaved
from trio_secure._protection import (
    HEADER_LENGTH,
    MAX_CONTENT,
    ContentType,
    PlainOpener,
    PlainSealer,
    pseudo_header,
)
from trio_secure._suites import BLOCK_LENGTH, Cbc
from trio_secure._versions import Version

APPLICATION_DATA, HANDSHAKE = ContentType.APPLICATION_DATA, ContentType.HANDSHAKE
OVERFLOW, BAD_MAC = AlertDescription.RECORD_OVERFLOW, AlertDescription.BAD_RECORD_MAC
OLD_VERSIONS = [Version.TLS10, Version.TLS11, Version.TLS12]
_protections = pytest.mark.parametrize("protection", PROTECTIONS, ids=lambda row: row.name)
_old = pytest.mark.parametrize(
    "protection", [row for row in PROTECTIONS if row.version < Version.TLS13], ids=lambda row: row.name
)


# Plain records


@pytest.mark.parametrize("version", [0x0301, 0x0303])
@pytest.mark.parametrize("content", [b"", b"abc", bytes(MAX_CONTENT)])
def test_a_plain_record_comes_back(version: int, content: bytes) -> None:
    sealer = PlainSealer(version)
    record = seal(sealer, HANDSHAKE, content)
    header = b"\x16" + version.to_bytes(2, "big") + len(content).to_bytes(2, "big")
    assert record == header + content
    opener = PlainOpener()
    assert open_record(opener, record) == (HANDSHAKE, content)
    assert opener.max_fragment == MAX_CONTENT
    assert sealer.remaining >= 2**64


def test_plain_records_are_limited_by_their_header() -> None:
    opener = PlainOpener()
    opener.limit(512)
    assert opener.max_fragment == 512


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("record_version", [0x0300, 0x0301, 0x0303, 0x0304, 0x03FF])
def test_before_a_version_is_settled_any_minor_version_will_do(record_version: int, version: Version) -> None:
    record = seal(PlainSealer(record_version), HANDSHAKE, b"abc")
    opener = PlainOpener()
    opener.limit(512)
    assert open_record(opener, record) == (HANDSHAKE, b"abc")
    assert opener.settled(version).max_fragment == 512


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("record_version", [0x0000, 0x0002, 0x0203, 0x0403, 0xFEFD])
def test_another_major_version_is_for_tls13_alone(record_version: int, version: Version) -> None:
    opener = PlainOpener()
    record = seal(PlainSealer(record_version), HANDSHAKE, b"abc")
    assert open_record(opener, record) == (HANDSHAKE, b"abc")
    assert open_record(opener, seal(PlainSealer(0x0303), HANDSHAKE, b"abc")) == (HANDSHAKE, b"abc")
    if version >= Version.TLS13:
        assert opener.settled(version).fits(memoryview(record))
        return
    with refused(AlertDescription.PROTOCOL_VERSION, f"of version 0x{record_version:04x}"):
        opener.settled(version)


@pytest.mark.parametrize("version", OLD_VERSIONS, ids=lambda row: row.label)
@pytest.mark.parametrize("record_version", [0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0x0403])
def test_an_old_version_that_is_settled_is_the_only_one(version: Version, record_version: int) -> None:
    """RFC 5246 §6.2.1: "The version of the protocol being employed"."""
    record = seal(PlainSealer(record_version), HANDSHAKE, b"abc")
    if record_version == version:
        assert open_record(PlainOpener(version), record) == (HANDSHAKE, b"abc")
    else:
        with refused(AlertDescription.PROTOCOL_VERSION, f"of version 0x{record_version:04x}"):
            open_record(PlainOpener(version), record)


@pytest.mark.parametrize("record_version", [0x0000, 0x0301, 0x0303, 0x0304, 0xFFFF])
def test_in_tls_1_3_the_version_of_a_record_says_nothing(record_version: int) -> None:
    """RFC 9846 §5.1 [8446 §5.1]."""
    record = seal(PlainSealer(record_version), HANDSHAKE, b"abc")
    assert open_record(PlainOpener(Version.TLS13), record) == (HANDSHAKE, b"abc")


def test_what_is_authenticated_before_a_content() -> None:
    """RFC 5246 §6.2.3.3: seq_num + type + version + length."""
    assert pseudo_header(0x0102, 23, b"\x03\x01", 0x0304) == bytes.fromhex("0000000000000102 17 0301 0304")


# Every protection


@_protections
def test_a_key_counts_the_records_it_may_still_protect(protection: Protection) -> None:
    sealer, _ = pair(protection)
    limit = protection.suite.cipher.record_limit
    assert sealer.remaining == limit
    for sealed in (1, 2):
        seal(sealer, HANDSHAKE, b"abc")
        assert sealer.remaining == limit - sealed


@_protections
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_is_sealed(protection: Protection, kind: type[bytes | bytearray | memoryview]) -> None:
    sealer, opener = pair(protection)
    out = memoryview(bytearray(3 + sealer.overhead + 7))
    length = sealer.seal(HANDSHAKE, kind(b"abc"), out)
    assert length <= 3 + sealer.overhead
    assert not any(out[length:])
    assert open_record(opener, bytes(out[:length])) == (HANDSHAKE, b"abc")


@_protections
@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 255, MAX_CONTENT])
def test_what_is_sealed_opens_and_takes_no_more_than_the_overhead(
    protection: Protection, length: int
) -> None:
    sealer, opener = pair(protection)
    for _ in range(2):
        record = seal(sealer, HANDSHAKE, b"x" * length)
        assert len(record) <= length + sealer.overhead
        assert len(record) - HEADER_LENGTH <= opener.max_fragment
        assert open_record(opener, record) == (HANDSHAKE, b"x" * length)


@_protections
def test_a_flipped_bit_anywhere_is_refused_and_counts_for_nothing(protection: Protection) -> None:
    sealer, opener = pair(protection)
    record = seal(sealer, HANDSHAKE, b"abc")
    tls13 = protection.version == Version.TLS13
    # The length in an old header is authenticated as the receiver knows it.
    places = [at for at in range(len(record)) if tls13 or at not in (3, 4)]
    for at in places:
        altered = bytearray(record)
        altered[at] ^= 0x01
        with pytest.raises(PeerMisbehaved) as caught:
            open_record(opener, bytes(altered))
        expected = BAD_MAC
        if tls13 and at == 0:
            expected = AlertDescription.UNEXPECTED_MESSAGE
        if not tls13 and at in {1, 2}:
            expected = AlertDescription.PROTOCOL_VERSION
        assert caught.value.alert is expected
    assert open_record(opener, record) == (HANDSHAKE, b"abc")


@_protections
def test_records_out_of_order_and_repeated_ones_are_refused(protection: Protection) -> None:
    sealer, opener = pair(protection)
    first, second = seal(sealer, HANDSHAKE, b"a"), seal(sealer, HANDSHAKE, b"b")
    assert first[HEADER_LENGTH:] != second[HEADER_LENGTH:]
    with refused(BAD_MAC):
        open_record(opener, second)
    open_record(opener, first)
    with refused(BAD_MAC, "altered on the way"):
        open_record(opener, first)
    open_record(opener, second)


@_protections
def test_a_record_shorter_than_its_overhead_is_refused(protection: Protection) -> None:
    sealer, opener = pair(protection)
    shortest = len(seal(sealer, HANDSHAKE, b"")) - HEADER_LENGTH
    # TLS 1.3 may have a record of nothing but a content type; there is none of less.
    for length in range(shortest):
        with refused(BAD_MAC):
            open_record(opener, framed(protection.version, APPLICATION_DATA, bytes(length)))


@_protections
@pytest.mark.parametrize("limit", [64, 512, 4096, MAX_CONTENT - 1])
def test_a_limit_holds_exactly(protection: Protection, limit: int) -> None:
    """RFC 6066 §4, RFC 8449 §4."""
    sealer, opener = pair(protection)
    opener.limit(limit)
    fits = seal(sealer, HANDSHAKE, bytes(limit))
    assert len(fits) - HEADER_LENGTH <= opener.max_fragment
    assert open_record(opener, fits) == (HANDSHAKE, bytes(limit))
    with refused(OVERFLOW, f"a record holds {limit + 1} bytes, more than {limit}"):
        open_record(opener, seal(sealer, HANDSHAKE, bytes(limit + 1)))


@_protections
def test_the_longest_fragment_under_a_limit(protection: Protection) -> None:
    """Known before the record is there: RFC 6066 §4 counts 805 bytes for 512 with headers, padding and a MAC."""
    _, opener = pair(protection)
    opener.limit(512)
    cipher = protection.suite.cipher
    if isinstance(cipher, Cbc):
        iv = 0 if protection.version == Version.TLS10 else BLOCK_LENGTH
        expected = iv + 512 + cipher.mac_length + 256
    elif protection.version == Version.TLS13:
        expected = 512 + 1 + 16
    else:
        expected = (12 - cipher.implicit_iv) + 512 + 16
    assert opener.max_fragment == expected


@_old
@pytest.mark.parametrize("record_version", [0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0x0403])
def test_a_record_of_another_version_is_refused(protection: Protection, record_version: int) -> None:
    sealer, opener = pair(protection)
    record = bytearray(seal(sealer, HANDSHAKE, b"abc"))
    assert int.from_bytes(record[1:3], "big") == protection.version
    record[1:3] = record_version.to_bytes(2, "big")
    if record_version == protection.version:
        assert open_record(opener, bytes(record)) == (HANDSHAKE, b"abc")
    else:
        with refused(AlertDescription.PROTOCOL_VERSION, f"of version 0x{record_version:04x}"):
            open_record(opener, bytes(record))


@bounded
@given(st.sampled_from(PROTECTIONS), st.binary(max_size=80))
def test_any_fragment_is_refused(protection: Protection, fragment: bytes) -> None:
    _, opener = pair(protection)
    with refused(BAD_MAC):
        open_record(opener, framed(min(protection.version, Version.TLS12), APPLICATION_DATA, fragment))


# Many records at once


@_protections
def test_many_records_at_once_are_as_one_by_one(protection: Protection) -> None:
    check_many_records(protection)


def test_many_plain_records_at_once() -> None:
    sealer, opener = PlainSealer(Version.TLS12), PlainOpener()
    out = memoryview(bytearray(100))
    flow = bytes(out[: sealer.seal_all(APPLICATION_DATA, memoryview(b"abcde"), 2, out)])
    assert flow == b"\x17\3\3\0\2ab\x17\3\3\0\2cd\x17\3\3\0\1e"
    assert open_many(opener, flow)[0] == b"abcde"
