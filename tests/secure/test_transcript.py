from __future__ import annotations

import hashlib

import pytest

from support.rfc8448 import TRACES, Trace
from trio_secure._suites import SHA256, SHA384, Hash
from trio_secure._transcript import Transcript

_traces = pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.name)
_hashes = pytest.mark.parametrize("algorithm", [SHA256, SHA384], ids=lambda algorithm: algorithm.name)


@_hashes
@pytest.mark.parametrize("settled_after", range(4))
def test_it_is_the_hash_of_the_messages_whenever_the_hash_is_settled(
    algorithm: Hash, settled_after: int
) -> None:
    transcript = Transcript()
    for at, message in enumerate([b"hello", b"hello yourself", b"done"]):
        if at == settled_after:
            transcript.use(algorithm)
        transcript.add(message)
    transcript.use(algorithm)
    assert transcript.digest() == hashlib.new(algorithm.name, b"hellohello yourselfdone").digest()


def test_settling_the_hash_again_changes_nothing() -> None:
    transcript = Transcript()
    transcript.add(b"a")
    transcript.use(SHA256)
    transcript.add(b"b")
    transcript.use(SHA256)
    assert transcript.digest() == hashlib.sha256(b"ab").digest()


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
