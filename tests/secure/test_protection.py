from __future__ import annotations

import threading

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from support.openssl_tls12 import REQUEST, RESPONSE, connection12
from support.properties import bounded
from support.record_keys import (
    SUITES_12,
    SUITES_13,
    inner_13,
    open_record,
    pair,
    record_12,
    seal,
    traffic_secret,
    write_key,
)
from support.refusals import refused
from support.rfc8448 import TRACES, Trace
from trio_secure._errors import AlertDescription, PeerMisbehaved
from trio_secure._keys12 import MasterSecret
from trio_secure._keys13 import TrafficSecret
from trio_secure._protection import (
    MAX_CONTENT,
    ContentType,
    Opener12,
    Opener13,
    PlainOpener,
    PlainSealer,
    Sealer12,
    Sealer13,
)
from trio_secure._suites import CIPHER_SUITES, CipherSuite

APPLICATION_DATA, HANDSHAKE = ContentType.APPLICATION_DATA, ContentType.HANDSHAKE
_suites = pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
_suites_12 = pytest.mark.parametrize("suite", SUITES_12, ids=lambda suite: suite.name)
_suites_13 = pytest.mark.parametrize("suite", SUITES_13, ids=lambda suite: suite.name)
_traces = pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.name)


# Plain records


@pytest.mark.parametrize("version", [0x0301, 0x0303])
@pytest.mark.parametrize("content", [b"", b"abc", bytes(MAX_CONTENT)])
def test_a_plain_record_comes_back(version: int, content: bytes) -> None:
    sealer = PlainSealer(version)
    record = seal(sealer, HANDSHAKE, content)
    header = b"\x16" + version.to_bytes(2, "big") + len(content).to_bytes(2, "big")
    assert record == header + content
    assert open_record(PlainOpener(), record) == (HANDSHAKE, content)
    assert PlainOpener.max_fragment == MAX_CONTENT
    assert sealer.remaining >= 2**64


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


# A connection of OpenSSL


@_suites_12
def test_the_records_of_openssl_open(suite: CipherSuite) -> None:
    connection = connection12(suite)
    keys = MasterSecret(suite, connection.master_secret).write_keys(
        connection.client_random, connection.server_random
    )
    flows = (connection.client, REQUEST), (connection.server, RESPONSE)
    for key, (records, content) in zip(keys, flows, strict=True):
        opener = Opener12(key)
        opened = [open_record(opener, record) for record in records]
        assert opened[0][0] == HANDSHAKE
        assert opened[1:] == [(APPLICATION_DATA, content), (ContentType.ALERT, b"\1\0")]


# Every suite, by a second hand


@_suites_13
@pytest.mark.parametrize("content", [b"", b"abc", bytes(MAX_CONTENT)])
def test_tls_1_3_records_are_what_cryptography_makes(suite: CipherSuite, content: bytes) -> None:
    sealer, opener = Sealer13(traffic_secret(suite)), Opener13(traffic_secret(suite))
    for sequence in range(3):
        record = inner_13(suite, sequence, content + b"\x17")
        assert seal(sealer, APPLICATION_DATA, content) == record
        assert open_record(opener, record) == (APPLICATION_DATA, content)


@_suites_12
@pytest.mark.parametrize("content", [b"", b"abc", bytes(MAX_CONTENT)])
def test_tls_1_2_records_are_what_cryptography_makes(suite: CipherSuite, content: bytes) -> None:
    sealer, opener = Sealer12(write_key(suite)), Opener12(write_key(suite))
    for sequence in range(3):
        record = record_12(suite, sequence, HANDSHAKE, content)
        assert seal(sealer, HANDSHAKE, content) == record
        assert open_record(opener, record) == (HANDSHAKE, content)


@_suites_12
def test_the_explicit_nonce_is_the_peers_choice(suite: CipherSuite) -> None:
    """RFC 5288 §3: only the sender has to know how it makes them unique."""
    if "GCM" not in suite.name:
        return
    key, explicit = write_key(suite), b"anything"
    additional = bytes(8) + b"\x17\x03\x03\0\3"
    fragment = explicit + AESGCM(key.key).encrypt(key.iv + explicit, b"abc", additional)
    record = b"\x17\x03\x03" + len(fragment).to_bytes(2, "big") + fragment
    assert open_record(Opener12(key), record) == (APPLICATION_DATA, b"abc")


@_suites
def test_a_key_counts_the_records_it_may_still_protect(suite: CipherSuite) -> None:
    sealer, _ = pair(suite)
    assert sealer.remaining == suite.aead.record_limit
    seal(sealer, APPLICATION_DATA, b"abc")
    assert sealer.remaining == suite.aead.record_limit - 1


@_suites
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_is_sealed(suite: CipherSuite, kind: type[bytes | bytearray | memoryview]) -> None:
    sealer, opener = pair(suite)
    out = memoryview(bytearray(3 + sealer.overhead + 7))
    length = sealer.seal(APPLICATION_DATA, kind(b"abc"), out)
    assert length == 3 + sealer.overhead
    assert not any(out[length:])
    assert open_record(opener, bytes(out[:length])) == (APPLICATION_DATA, b"abc")


# Altered records


@_suites
def test_a_flipped_bit_anywhere_is_refused_and_counts_for_nothing(suite: CipherSuite) -> None:
    sealer, opener = pair(suite)
    record = seal(sealer, HANDSHAKE, b"abc")
    # The version and the length of a TLS 1.2 header are authenticated as the receiver knows them.
    tls13 = suite in SUITES_13
    places = [at for at in range(len(record)) if tls13 or at == 0 or at >= 5]
    for at in places:
        altered = bytearray(record)
        altered[at] ^= 0x01
        with pytest.raises(PeerMisbehaved) as caught:
            open_record(opener, bytes(altered))
        expected = (
            AlertDescription.UNEXPECTED_MESSAGE if tls13 and at == 0 else AlertDescription.BAD_RECORD_MAC
        )
        assert caught.value.alert is expected
    assert open_record(opener, record) == (HANDSHAKE, b"abc")


@_suites
def test_records_out_of_order_and_repeated_ones_are_refused(suite: CipherSuite) -> None:
    sealer, opener = pair(suite)
    first, second = seal(sealer, APPLICATION_DATA, b"a"), seal(sealer, APPLICATION_DATA, b"b")
    if "GCM" in suite.name and suite in SUITES_12:
        assert first[5:13] != second[5:13]
    with refused(AlertDescription.BAD_RECORD_MAC):
        open_record(opener, second)
    open_record(opener, first)
    with refused(AlertDescription.BAD_RECORD_MAC, "altered on the way"):
        open_record(opener, first)
    open_record(opener, second)


@_suites
def test_a_record_shorter_than_its_overhead_is_refused(suite: CipherSuite) -> None:
    sealer, opener = pair(suite)
    for length in range(sealer.overhead - 5):
        record = b"\x17\x03\x03" + length.to_bytes(2, "big") + bytes(length)
        with refused(AlertDescription.BAD_RECORD_MAC):
            open_record(opener, record)


# Padding and content types in TLS 1.3


@_suites_13
@pytest.mark.parametrize("padding", [0, 1, 255, 4096])
@pytest.mark.parametrize("content", [b"", b"abc", b"ends in zeros\0\0"])
def test_padding_is_taken_off(suite: CipherSuite, padding: int, content: bytes) -> None:
    record = inner_13(suite, 0, content + b"\x16" + bytes(padding))
    assert open_record(Opener13(traffic_secret(suite)), record) == (HANDSHAKE, content)


@_suites_13
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


@_suites_13
@pytest.mark.parametrize("inner", [bytes(MAX_CONTENT + 1) + b"\x17", b"a\x17" + bytes(MAX_CONTENT)])
def test_an_inner_plaintext_that_is_too_long_is_refused_each_time(suite: CipherSuite, inner: bytes) -> None:
    """RFC 9846 §5.4 [8446 §5.4]: padding counts."""
    opener = Opener13(traffic_secret(suite))
    for _ in range(2):
        with refused(AlertDescription.RECORD_OVERFLOW, f"a record holds {MAX_CONTENT + 1} bytes"):
            open_record(opener, inner_13(suite, 0, inner))


@_suites_12
def test_a_tls_1_2_content_that_is_too_long_is_refused_each_time(suite: CipherSuite) -> None:
    opener = Opener12(write_key(suite))
    for _ in range(2):
        with refused(AlertDescription.RECORD_OVERFLOW, f"a record holds {MAX_CONTENT + 1} bytes"):
            open_record(opener, record_12(suite, 0, APPLICATION_DATA, bytes(MAX_CONTENT + 1)))


def test_the_longest_fragments_are_the_rfcs() -> None:
    assert Opener13.max_fragment == 2**14 + 256
    assert Opener12.max_fragment == 2**14 + 2048


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


@bounded
@given(st.sampled_from(["TLS12", "TLS13"]), st.binary(max_size=80))
def test_any_fragment_is_refused(version: str, fragment: bytes) -> None:
    _, opener = pair((SUITES_12 if version == "TLS12" else SUITES_13)[0])
    with refused(AlertDescription.BAD_RECORD_MAC):
        open_record(opener, b"\x17\x03\x03" + len(fragment).to_bytes(2, "big") + fragment)
