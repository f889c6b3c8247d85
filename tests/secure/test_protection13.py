from __future__ import annotations

import threading

import pytest

from support.many_records import check_many_records, open_many
from support.record_keys import SUITES_13, Protection, inner_13, open_record, seal, traffic_secret
from support.refusals import refused
from support.rfc8448 import TRACES, Trace
from trio_secure._errors import AlertDescription
from trio_secure._keys13 import TrafficSecret
from trio_secure._protection import MAX_CONTENT, ContentType
from trio_secure._protection13 import Opener13, Sealer13
from trio_secure._suites import CipherSuite
from trio_secure._versions import Version

APPLICATION_DATA, HANDSHAKE = ContentType.APPLICATION_DATA, ContentType.HANDSHAKE
_suites = pytest.mark.parametrize("suite", SUITES_13, ids=lambda suite: suite.name)
_traces = pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.name)


# The traces of RFC 8448


def _secret(trace: Trace, who: str, stage: str) -> TrafficSecret:
    secrets = trace.handshake_secrets if stage == "handshake" else trace.application_secrets
    return secrets.client if who == "client" else secrets.server


@_traces
def test_the_records_of_rfc_8448_open_and_are_sealed_byte_for_byte(trace: Trace) -> None:
    ends = {
        (who, stage): (Opener13(_secret(trace, who, stage)), Sealer13(_secret(trace, who, stage)))
        for who in ("client", "server")
        for stage in ("handshake", "application")
    }
    assert trace.protected
    for sent in trace.protected:
        opener, sealer = ends[sent.who, sent.stage]
        assert open_record(opener, sent.record) == (sent.content_type, sent.payload)
        assert seal(sealer, sent.content_type, sent.payload) == sent.record


@_traces
def test_the_protected_handshake_messages_of_rfc_8448_are_those_it_constructs(trace: Trace) -> None:
    records = [sent for sent in trace.protected if sent.content_type == HANDSHAKE]
    for who in ("client", "server"):
        flight = b"".join(sent.payload for sent in records if sent.who == who)
        sent_messages = [message.wire for message in trace.messages if message.who == who]
        hellos = sum(message.who == who for message in trace.hellos)
        assert flight == b"".join(sent_messages[hellos:])


# Every suite, by a second hand


@_suites
@pytest.mark.parametrize("content", [b"", b"abc", bytes(MAX_CONTENT)])
def test_records_are_what_cryptography_makes(suite: CipherSuite, content: bytes) -> None:
    sealer, opener = Sealer13(traffic_secret(suite)), Opener13(traffic_secret(suite))
    for sequence in range(3):
        record = inner_13(suite, sequence, content + b"\x17")
        assert seal(sealer, APPLICATION_DATA, content) == record
        assert open_record(opener, record) == (APPLICATION_DATA, content)


# Padding and content types


@_suites
@pytest.mark.parametrize("padding", [0, 1, 255, 4096])
@pytest.mark.parametrize("content", [b"", b"abc", b"ends in zeros\0\0"])
def test_padding_is_put_on_and_taken_off(suite: CipherSuite, padding: int, content: bytes) -> None:
    record = inner_13(suite, 0, content + b"\x16" + bytes(padding))
    out = memoryview(bytearray(len(record)))
    sealer = Sealer13(traffic_secret(suite))
    # What the place held before does not show.
    seal(sealer, HANDSHAKE, b"\xff" * MAX_CONTENT)
    sealer = Sealer13(traffic_secret(suite))
    assert sealer.seal(HANDSHAKE, content, out, padding) == len(record)
    assert out == record
    assert open_record(Opener13(traffic_secret(suite)), record) == (HANDSHAKE, content)


@_suites
@pytest.mark.parametrize("length", [0, 1, 100, MAX_CONTENT + 1])
def test_a_record_of_nothing_but_padding_is_refused_each_time(suite: CipherSuite, length: int) -> None:
    """A record that fails leaves no trace: it fails again, and for the same reason."""
    opener = Opener13(traffic_secret(suite))
    for _ in range(2):
        with refused(AlertDescription.UNEXPECTED_MESSAGE, "nothing but padding"):
            open_record(opener, inner_13(suite, 0, bytes(length)))


@pytest.mark.parametrize(
    "outer", [ContentType.CHANGE_CIPHER_SPEC, ContentType.ALERT, ContentType.HANDSHAKE, 99]
)
def test_an_unprotected_record_among_protected_ones_is_refused(outer: int) -> None:
    record = bytes([outer]) + inner_13(SUITES_13[0], 0, b"abc\x17")[1:]
    with refused(AlertDescription.UNEXPECTED_MESSAGE, f"an unprotected record of type {outer}"):
        open_record(Opener13(traffic_secret()), record)


# Lengths


@_suites
@pytest.mark.parametrize("inner", [bytes(MAX_CONTENT + 1) + b"\x17", b"a\x17" + bytes(MAX_CONTENT)])
def test_an_inner_plaintext_that_is_too_long_is_refused_each_time(suite: CipherSuite, inner: bytes) -> None:
    """RFC 9846 §5.4 [8446 §5.4]: padding counts."""
    opener = Opener13(traffic_secret(suite))
    for _ in range(2):
        with refused(AlertDescription.RECORD_OVERFLOW, f"a record holds {MAX_CONTENT + 1} bytes"):
            open_record(opener, inner_13(suite, 0, inner))


@pytest.mark.parametrize(
    ("inner", "fits"),
    [
        (bytes(63) + b"\x17", True),
        (bytes(64) + b"\x17", True),
        (b"a\x17" + bytes(63), True),
        (bytes(65) + b"\x17", False),
        (b"a\x17" + bytes(64), False),
    ],
)
def test_padding_counts_towards_a_limit(inner: bytes, fits: bool) -> None:
    """RFC 9846 §5.4 [8446 §5.4]: "the reduced limit applies to the full plaintext"."""
    opener = Opener13(traffic_secret())
    opener.limit(64)
    if fits:
        assert open_record(opener, inner_13(SUITES_13[0], 0, inner))[0] == APPLICATION_DATA
    else:
        with refused(AlertDescription.RECORD_OVERFLOW, "a record holds 65 bytes, more than 64"):
            open_record(opener, inner_13(SUITES_13[0], 0, inner))


def test_the_longest_fragment_is_the_rfcs() -> None:
    assert Opener13(traffic_secret()).max_fragment == 2**14 + 256


@_suites
def test_what_is_short_or_altered_is_refused(suite: CipherSuite) -> None:
    ours, theirs = Sealer13(traffic_secret(suite)), Opener13(traffic_secret(suite))
    record = seal(ours, HANDSHAKE, b"")
    assert ours.remaining == suite.cipher.record_limit - 1
    for bad in (b"\x17\x03\x03\0\x0f" + bytes(15), record[:-1] + bytes([record[-1] ^ 1])):
        with refused(AlertDescription.BAD_RECORD_MAC):
            open_record(theirs, bad)
    assert open_record(theirs, record) == (HANDSHAKE, b"")


# Threads


def test_threads_do_not_share_the_place_where_content_meets_its_type() -> None:
    records: dict[int, list[bytes]] = {}

    def run(octet: int) -> None:
        sealer = Sealer13(traffic_secret())
        records[octet] = [seal(sealer, APPLICATION_DATA, bytes([octet]) * 4096) for _ in range(50)]

    threads = [threading.Thread(target=run, args=(octet,)) for octet in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for octet, sealed in records.items():
        opener = Opener13(traffic_secret())
        assert {open_record(opener, record) for record in sealed} == {
            (APPLICATION_DATA, bytes([octet]) * 4096)
        }


# Many records at once


@_suites
def test_many_records_at_once_are_as_one_by_one(suite: CipherSuite) -> None:
    check_many_records(Protection(suite, Version.TLS13))


def test_padding_among_many_records_leaves_no_gap() -> None:
    suite = SUITES_13[0]
    inners = [b"one\x17", b"two\x17" + bytes(50), b"\x17" + bytes(9), b"three\x17\0"]
    flow = b"".join(inner_13(suite, sequence, inner) for sequence, inner in enumerate(inners))
    assert open_many(Opener13(traffic_secret(suite)), flow)[0] == b"onetwothree"


@pytest.mark.parametrize("inner", [bytes(7), b"ticket\x16" + bytes(5)])
def test_what_padding_hides_is_left_for_open(inner: bytes) -> None:
    suite = SUITES_13[0]
    strange = inner_13(suite, 1, inner)
    content, _, rest = open_many(Opener13(traffic_secret(suite)), inner_13(suite, 0, b"one\x17") + strange)
    assert (content, rest) == (b"one", strange)
