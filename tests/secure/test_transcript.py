from __future__ import annotations

import hashlib

import pytest

from support.rfc8448 import TRACES, Trace
from trio_secure._suites import SHA256, SHA384, Hash, Md5Sha1, TranscriptHash
from trio_secure._transcript import Transcript

_traces = pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.name)
_hashes = pytest.mark.parametrize("algorithm", [SHA256, SHA384], ids=lambda algorithm: algorithm.name)
_all_hashes = pytest.mark.parametrize("algorithm", [SHA256, SHA384, Md5Sha1], ids=["sha256", "sha384", "old"])


@_all_hashes
@pytest.mark.parametrize("settled_after", range(4))
def test_it_is_the_hash_of_the_messages_whenever_the_hash_is_settled(
    algorithm: TranscriptHash, settled_after: int
) -> None:
    transcript = Transcript()
    for at, message in enumerate([b"hello", b"hello yourself", b"done"]):
        if at == settled_after:
            transcript.use(algorithm)
        transcript.add(message)
    transcript.use(algorithm)
    assert transcript.digest() == algorithm.new(b"hellohello yourselfdone").digest()
    assert transcript.messages == b""


def test_settling_the_hash_again_changes_nothing() -> None:
    transcript = Transcript()
    transcript.add(b"a")
    transcript.use(SHA256)
    transcript.add(b"b")
    transcript.use(SHA256)
    assert transcript.digest() == hashlib.sha256(b"ab").digest()


def test_before_the_hash_is_settled_there_is_none() -> None:
    with pytest.raises(RuntimeError, match="not settled"):
        Transcript().digest()


def test_messages_are_kept_as_long_as_they_are_wanted() -> None:
    """RFC 5246 §7.4.8: a client may have to sign them under another hash."""
    transcript = Transcript()
    transcript.add(b"a")
    assert transcript.messages == b"a"
    transcript.use(SHA256, keep=True)
    transcript.add(b"b")
    assert transcript.messages == b"ab"
    transcript.use(SHA256)
    transcript.add(b"c")
    assert transcript.messages == b""
    assert transcript.digest() == hashlib.sha256(b"abc").digest()


@_all_hashes
@pytest.mark.parametrize("settled", [False, True])
def test_a_message_can_be_hashed_before_it_is_whole(algorithm: TranscriptHash, settled: bool) -> None:
    """RFC 9846 §4.3.11.2 [8446 §4.2.11.2]: a binder covers the ClientHello that it is a part of."""
    transcript = Transcript()
    transcript.add(b"before")
    if settled:
        transcript.use(algorithm)
    assert transcript.preview(algorithm, b"half") == algorithm.new(b"beforehalf").digest()
    assert transcript.preview(algorithm) == algorithm.new(b"before").digest()
    transcript.use(algorithm)
    assert transcript.digest() == algorithm.new(b"before").digest()


@pytest.mark.parametrize("settled", [False, True])
def test_a_copy_goes_its_own_way(settled: bool) -> None:
    transcript = Transcript()
    transcript.add(b"a")
    if settled:
        transcript.use(SHA256, keep=True)
    copy = transcript.copy()
    transcript.add(b"b")
    copy.add(b"c")
    assert (transcript.messages, copy.messages) == (b"ab", b"ac")
    for one in (transcript, copy):
        one.use(SHA256)
    assert transcript.digest() == hashlib.sha256(b"ab").digest()
    assert copy.digest() == hashlib.sha256(b"ac").digest()


@_hashes
def test_after_a_retry_the_first_hello_stands_as_its_hash(algorithm: Hash) -> None:
    """RFC 9846 §4.1 [8446 §4.4.1]: message_hash(254), a three-byte length, Hash(ClientHello1)."""
    transcript = Transcript()
    transcript.add(b"first hello")
    transcript.add(b"retry")
    transcript.use_after_retry(algorithm)
    transcript.add(b"second hello")
    first = hashlib.new(algorithm.name, b"first hello").digest()
    whole = bytes([254, 0, 0, len(first)]) + first + b"retry" + b"second hello"
    assert transcript.digest() == hashlib.new(algorithm.name, whole).digest()


@_traces
@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("c hs traffic", "ServerHello"),
        ("s hs traffic", "ServerHello"),
        ("c ap traffic", "Finished"),
        ("s ap traffic", "Finished"),
        ("exp master", "Finished"),
    ],
)
def test_the_transcript_hashes_of_rfc_8448(trace: Trace, label: str, message: str) -> None:
    assert trace.transcript_until(message).digest() == trace.transcript_hash(label)


@_traces
def test_the_transcript_hash_of_rfc_8448_after_the_clients_finished(trace: Trace) -> None:
    transcript = trace.transcript_until("Finished", "client")
    assert transcript.digest() == trace.transcript_hash("res master")
