from __future__ import annotations

import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.many_records import check_many_records
from support.openssl_tls12 import REQUEST, RESPONSE, connection12, server12
from support.properties import bounded
from support.record_keys import (
    CBC_PROTECTIONS,
    Protection,
    encrypted_cbc,
    framed,
    mac_cbc,
    minimal_padding,
    open_record,
    pair,
    record_cbc,
    seal,
    write_key,
)
from support.refusals import refused
from trio_secure import _protection_cbc
from trio_secure._errors import AlertDescription, PeerMisbehaved
from trio_secure._keys12 import MasterSecret
from trio_secure._protection import MAX_CONTENT, ContentType
from trio_secure._protection12 import opener, sealer
from trio_secure._protection_cbc import MAX_PADDING
from trio_secure._suites import BLOCK_LENGTH
from trio_secure._versions import Version

APPLICATION_DATA, HANDSHAKE = ContentType.APPLICATION_DATA, ContentType.HANDSHAKE
MAC_FIRST = [protection for protection in CBC_PROTECTIONS if not protection.encrypt_then_mac]
MAC_LAST = [protection for protection in CBC_PROTECTIONS if protection.encrypt_then_mac]


def _each(protections: list[Protection]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("protection", protections, ids=lambda row: row.name)


_protections = _each(CBC_PROTECTIONS)


def _bad_mac() -> pytest.RaisesExc[PeerMisbehaved]:
    return refused(AlertDescription.BAD_RECORD_MAC, "^a record does not decrypt: it was altered on the way$")


# By other hands


@_protections
def test_the_records_of_openssl_open(protection: Protection) -> None:
    suite, version, encrypt_then_mac = protection
    connection = connection12(suite, version, encrypt_then_mac=encrypt_then_mac)
    keys = MasterSecret(suite, version, connection.master_secret).write_keys(
        connection.client_random, connection.server_random
    )
    # OpenSSL sends an empty record before each in TLS 1.0.
    empty = [(APPLICATION_DATA, b"")] if version == Version.TLS10 else []
    flows = (connection.client, REQUEST), (connection.server, RESPONSE)
    for key, (records, content) in zip(keys, flows, strict=True):
        theirs = opener(key, encrypt_then_mac=encrypt_then_mac)
        opened = [open_record(theirs, record) for record in records]
        assert opened[0][0] == HANDSHAKE
        assert opened[1:] == [*empty, (APPLICATION_DATA, content), (ContentType.ALERT, b"\1\0")]


@_protections
def test_openssl_opens_what_is_sealed(protection: Protection) -> None:
    suite, version, encrypt_then_mac = protection
    connection, read = server12(suite, version, encrypt_then_mac=encrypt_then_mac)
    key, _ = MasterSecret(suite, version, connection.master_secret).write_keys(
        connection.client_random, connection.server_random
    )
    ours = sealer(key, encrypt_then_mac=encrypt_then_mac)
    (finished,) = connection.client
    again = seal(ours, *open_record(opener(key, encrypt_then_mac=encrypt_then_mac), finished))
    # Before TLS 1.1 there is no choice in how a record looks.
    assert (again == finished) is (version == Version.TLS10)
    received = read(seal(ours, APPLICATION_DATA, b"a sealed request"))
    if version == Version.TLS10:
        assert received == b"a"
        received += read(b"")
    assert received == b"a sealed request"


@_protections
@pytest.mark.parametrize("content", [b"", b"abc", bytes(range(256)) * 64])
def test_records_are_what_cryptography_makes(protection: Protection, content: bytes) -> None:
    ours, theirs = pair(protection)
    before = write_key(protection.suite, protection.version).iv
    for sequence in range(3):
        record = seal(ours, HANDSHAKE, content)
        iv = record[5:21] if protection.explicit_iv else before
        assert record == record_cbc(protection, content, sequence=sequence, content_type=HANDSHAKE, iv=iv)
        assert open_record(theirs, record) == (HANDSHAKE, content)
        end = len(record) - (protection.cbc.mac_length if protection.encrypt_then_mac else 0)
        before = record[end - BLOCK_LENGTH : end]


# IVs


@_protections
def test_the_iv_of_a_record(protection: Protection) -> None:
    """RFC 5246 §6.2.3.2: "MUST be unpredictable"; TLS 1.0 sends none, and begins with one from the key block."""
    ivs = {seal(pair(protection)[0], HANDSHAKE, b"abc")[5:21] for _ in range(8)}
    assert len(ivs) == (8 if protection.explicit_iv else 1)


@_protections
def test_application_data_is_split_in_tls_1_0_alone(protection: Protection) -> None:
    """The IV of what the application chose must not be known when it chose."""
    ours, theirs = pair(protection)
    records = seal(ours, APPLICATION_DATA, b"chosen")
    first = 5 + int.from_bytes(records[3:5], "big")
    if protection.version == Version.TLS10:
        assert open_record(theirs, records[:first]) == (APPLICATION_DATA, b"c")
        assert open_record(theirs, records[first:]) == (APPLICATION_DATA, b"hosen")
    else:
        assert open_record(theirs, records) == (APPLICATION_DATA, b"chosen")


@_each([protection for protection in CBC_PROTECTIONS if protection.version == Version.TLS10])
@pytest.mark.parametrize(
    ("content_type", "content"), [(APPLICATION_DATA, b""), (APPLICATION_DATA, b"c"), (HANDSHAKE, b"abc")]
)
def test_what_cannot_or_need_not_be_split_is_not(
    protection: Protection, content_type: int, content: bytes
) -> None:
    ours, theirs = pair(protection)
    assert open_record(theirs, seal(ours, content_type, content)) == (content_type, content)


# Padding


@_protections
def test_padding_of_every_length_is_taken_off(protection: Protection) -> None:
    """RFC 5246 §6.2.3.2: "The padding MAY be any length up to 255 bytes"."""
    mac_length = 0 if protection.encrypt_then_mac else protection.cbc.mac_length
    for length in range(MAX_PADDING):
        content = b"x" * (-(mac_length + length + 1) % BLOCK_LENGTH)
        record = record_cbc(protection, content, padding=bytes([length]) * (length + 1))
        _, theirs = pair(protection)
        assert open_record(theirs, record) == (APPLICATION_DATA, content)


@_protections
@pytest.mark.parametrize("length", [1, 2, 15, 16, 100, 255])
def test_every_byte_of_padding_is_checked(protection: Protection, length: int) -> None:
    """RFC 5246 §6.2.3.2: "The receiver MUST check this padding and MUST use the bad_record_mac alert"."""
    mac_length = 0 if protection.encrypt_then_mac else protection.cbc.mac_length
    content = b"x" * (-(mac_length + length + 1) % BLOCK_LENGTH)
    _, theirs = pair(protection)
    for at in range(length):
        padding = bytearray([length] * (length + 1))
        padding[at] ^= 0x01
        with _bad_mac():
            open_record(theirs, record_cbc(protection, content, padding=bytes(padding)))


@_protections
def test_padding_longer_than_what_there_is_is_refused(protection: Protection) -> None:
    mac_length = 0 if protection.encrypt_then_mac else protection.cbc.mac_length
    blocks = -(-(mac_length + 1) // BLOCK_LENGTH) * BLOCK_LENGTH
    _, theirs = pair(protection)
    # A record of padding alone: as much as fits beside the MAC opens, one byte more does not.
    for length in range(blocks - mac_length, MAX_PADDING):
        padding = bytes([length]) * (blocks - mac_length)
        with _bad_mac():
            open_record(theirs, record_cbc(protection, b"", padding=padding))
    fits = blocks - mac_length - 1
    assert open_record(theirs, record_cbc(protection, b"", padding=bytes([fits]) * (fits + 1)))[1] == b""


@_each(MAC_FIRST)
def test_padding_does_not_reach_into_the_mac(protection: Protection) -> None:
    """With a MAC that happens to look like padding there would be nothing left to check."""
    length = protection.cbc.mac_length + 15 - protection.cbc.mac_length % 16
    plain = bytes([length]) * (length + 1)
    iv = write_key(protection.suite, protection.version).iv or bytes(16)
    record = framed(protection.version, APPLICATION_DATA, encrypted_cbc(protection, plain, iv))
    with _bad_mac():
        open_record(pair(protection)[1], record)


# One failure


@_each(MAC_FIRST)
@pytest.mark.parametrize("at", [0, -1])
def test_a_wrong_mac_under_good_padding_is_refused(protection: Protection, at: int) -> None:
    mac = bytearray(mac_cbc(protection, 0, APPLICATION_DATA, b"abc"))
    mac[at] ^= 0x80
    plain = b"abc" + mac
    iv = write_key(protection.suite, protection.version).iv or bytes(16)
    fragment = encrypted_cbc(protection, plain + minimal_padding(len(plain)), iv)
    with _bad_mac():
        open_record(pair(protection)[1], framed(protection.version, APPLICATION_DATA, fragment))


@_each(MAC_LAST)
def test_what_fails_its_mac_is_not_decrypted(protection: Protection, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 7366 §3: "processing SHALL terminate immediately"."""

    def decrypts(*_: object) -> None:
        raise AssertionError("decrypts")

    _, theirs = pair(protection)
    record = record_cbc(protection, b"abc")
    monkeypatch.setattr(_protection_cbc, "Cipher", decrypts)
    for at in (5, len(record) - 1):
        altered = bytearray(record)
        altered[at] ^= 0x01
        with _bad_mac():
            open_record(theirs, bytes(altered))


@_protections
def test_records_that_are_no_blocks_are_refused(protection: Protection) -> None:
    record = record_cbc(protection, b"x" * 100)
    _, theirs = pair(protection)
    for length in range(len(record) - 5):
        cut = framed(protection.version, APPLICATION_DATA, record[5 : 5 + length])
        with _bad_mac():
            open_record(theirs, cut)
    assert open_record(theirs, record) == (APPLICATION_DATA, b"x" * 100)


@_protections
def test_a_failure_leaves_no_trace(protection: Protection) -> None:
    """Not even on the IV that TLS 1.0 carries from one record to the next."""
    ours, theirs = pair(protection)
    for content in (b"one", b"two"):
        record = seal(ours, HANDSHAKE, content)
        for _ in range(2):
            with _bad_mac():
                open_record(theirs, record[:-1] + bytes([record[-1] ^ 1]))
        assert open_record(theirs, record) == (HANDSHAKE, content)


@_protections
def test_a_content_that_is_too_long_is_refused_each_time(protection: Protection) -> None:
    _, theirs = pair(protection)
    assert theirs.max_fragment == 2**14 + 2048
    for _ in range(2):
        with refused(AlertDescription.RECORD_OVERFLOW, f"a record holds {MAX_CONTENT + 1} bytes"):
            open_record(theirs, record_cbc(protection, bytes(MAX_CONTENT + 1)))
    assert open_record(theirs, record_cbc(protection, b"abc")) == (APPLICATION_DATA, b"abc")


# As much work whatever the padding


class _Idle:
    """Stands for the hash whose work is thrown away, and keeps count of it."""

    def __init__(self, block_size: int) -> None:
        self.block_size = block_size
        self.hashed = 0

    def copy(self) -> _Idle:
        return self

    def update(self, data: bytes) -> None:
        self.hashed += len(data)


def _blocks(name: str, length: int) -> int:
    """How many blocks a hash takes for a message, by the padding of FIPS 180-4 §5.1."""
    size, word = (128, 16) if name == "sha384" else (64, 8)
    blocks, room = 1, size - word - 1
    while room < length:
        blocks, room = blocks + 1, room + size
    return blocks


@_each(MAC_FIRST)
@pytest.mark.parametrize("blocks", [7, 17, 40])
def test_the_hash_runs_over_as_many_blocks_whatever_the_padding(
    protection: Protection, blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Lucky Thirteen measures."""
    name, mac_length = protection.cbc.mac, protection.cbc.mac_length
    idle = _Idle(128 if name == "sha384" else 64)

    def new(_name: str) -> _Idle:
        return idle

    monkeypatch.setattr(_protection_cbc, "hashlib", types.SimpleNamespace(new=new))
    total = blocks * BLOCK_LENGTH
    work: set[int] = set()
    for length in range(min(MAX_PADDING, total - mac_length)):
        content = bytes(total - mac_length - length - 1)
        _, theirs = pair(protection)
        idle.hashed = 0
        record = record_cbc(protection, content, padding=bytes([length]) * (length + 1))
        assert open_record(theirs, record) == (APPLICATION_DATA, content)
        work.add(_blocks(name, 13 + len(content)) + idle.hashed // idle.block_size)
    # Of bad padding, nothing is taken off.
    _, theirs = pair(protection)
    idle.hashed = 0
    with _bad_mac():
        open_record(theirs, record_cbc(protection, bytes(total - mac_length - 2), padding=b"\0\1"))
    work.add(_blocks(name, 13 + total - mac_length - 1) + idle.hashed // idle.block_size)
    assert len(work) == 1


# What else holds


def _content(protection: Protection, plain: bytes) -> bytes | None:
    """What RFC 5246 §6.2.3.2 and RFC 7366 §3 make of a decrypted record, step by step; None if it is bad."""
    body, padding = plain[: -plain[-1] - 1], plain[-plain[-1] - 1 :]
    if len(plain) <= plain[-1] or set(padding) != {plain[-1]}:
        return None
    if protection.encrypt_then_mac:
        return body
    content, mac = body[: -protection.cbc.mac_length], body[-protection.cbc.mac_length :]
    return content if mac == mac_cbc(protection, 0, APPLICATION_DATA, content) else None


@bounded
@given(st.sampled_from(CBC_PROTECTIONS), st.binary(max_size=300), st.booleans(), st.binary(max_size=40))
def test_any_plaintext_under_the_right_key_opens_as_it_should(
    protection: Protection, content: bytes, maced: bool, tail: bytes
) -> None:
    """Whoever holds the key may still write nonsense."""
    plain = content + (mac_cbc(protection, 0, APPLICATION_DATA, content) if maced else b"") + tail
    plain += minimal_padding(len(plain))
    if tail:
        plain = plain[:-1] + tail[-1:]
    fragment = encrypted_cbc(
        protection, plain, write_key(protection.suite, protection.version).iv or bytes(16)
    )
    if protection.encrypt_then_mac:
        fragment += mac_cbc(protection, 0, APPLICATION_DATA, fragment)
    record = framed(protection.version, APPLICATION_DATA, fragment)
    _, theirs = pair(protection)
    expected = _content(protection, plain)
    if expected is None:
        with _bad_mac():
            open_record(theirs, record)
    else:
        assert open_record(theirs, record) == (APPLICATION_DATA, expected)


@_protections
def test_a_limit_holds_exactly(protection: Protection) -> None:
    """RFC 6066 §4, RFC 8449 §4."""
    ours, theirs = pair(protection)
    theirs.limit(64)
    assert theirs.max_fragment == protection.explicit_iv + 64 + protection.cbc.mac_length + 256
    assert open_record(theirs, seal(ours, HANDSHAKE, bytes(64))) == (HANDSHAKE, bytes(64))
    with refused(AlertDescription.RECORD_OVERFLOW, "a record holds 65 bytes, more than 64"):
        open_record(theirs, seal(ours, HANDSHAKE, bytes(65)))


@_protections
def test_the_records_of_a_key_are_counted(protection: Protection) -> None:
    ours, _ = pair(protection)
    seal(ours, APPLICATION_DATA, b"two, where they are split")
    sealed = 2 if protection.version == Version.TLS10 else 1
    assert ours.remaining == protection.cbc.record_limit - sealed


@_protections
def test_a_record_of_another_version_is_refused(protection: Protection) -> None:
    ours, theirs = pair(protection)
    record = bytearray(seal(ours, HANDSHAKE, b"abc"))
    record[2] += 1
    with refused(AlertDescription.PROTOCOL_VERSION, f"of version 0x{protection.version + 1:04x}"):
        open_record(theirs, bytes(record))


@_protections
def test_many_records_at_once_are_as_one_by_one(protection: Protection) -> None:
    check_many_records(protection)
