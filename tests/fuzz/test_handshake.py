"""Whatever a server says, a client ends with a connection or with a `TLSError`, soon, and leaves nothing
open.

Theory of operation: see `fuzz.hostile_plans` for what servers do and `fuzz.hostile_server` for how they do
it. If a client succeeds, then what the server meant to say is what has come, byte for byte.
"""

from __future__ import annotations

import dataclasses
import time
from functools import cache

import trio
from hypothesis import strategies as st
from trio.testing import memory_stream_pair

from fuzz import corpus
from fuzz.budget import fuzzed
from fuzz.hostile_plans import Plan, plans
from fuzz.hostile_server import Watched, converse, meet
from support import ocsp
from support.identities import identity
from support.scripted_flows import EVERYTHING, FLOWS, Flow, Shelf
from support.scripted_script import authority, leaf
from trio_certs import Manifest, Trust
from trio_secure import TLSConfig
from trio_secure._versions import Version

# Seconds of one CPU that both sides may take for anything, however slow the machine.
_BUSY = 5


@cache
def _configs() -> tuple[TLSConfig, ...]:
    """Clients that ask for different things."""
    trust = Trust([authority().certificate_der], manifest=Manifest())
    # What the first verification reads, read without a clock that jumps over it.
    trio.run(trust.prepare)
    shown = [identity("p256"), identity("rsa2048")]
    everything = EVERYTHING.replace
    return (
        EVERYTHING,
        everything(trace=str, key_log=str, grease=True, hello_padding=512, record_padding=256),
        everything(verify=True, trust=trust),
        everything(verify=True, trust=trust, ocsp="require", trace=str),
        everything(client_identities=shown, post_handshake_auth=True, trace=str),
        everything(client_identities=shown[1], certificate_authorities=[b"\x30\0"]),
        everything(record_size_limit=512, alpn=["h2", "http/1.1"], signed_certificate_timestamps=True),
        everything(max_fragment_length=512, require_extended_master_secret=True),
        everything(groups=None, key_shares=None),
        everything(max_version=Version.TLS12),
        everything(
            groups=["x25519", "secp256r1", "ffdhe2048", "x448"], certificate_compression=(), ocsp="ignore"
        ),
    )


@cache
def _flows() -> tuple[Flow, ...]:
    """Every flow, and those that end in a real staple besides."""
    staple = ocsp.good(leaf("p256"), authority())
    stapled = [flow for flow in FLOWS if flow.script.status is not None]
    return (*FLOWS, *(Flow(flow.name, dataclasses.replace(flow.script, status=staple)) for flow in stapled))


_numbers = st.integers(0, 999)


@fuzzed(_numbers, st.sampled_from((0, 0, 0, *range(1, 11))), plans, weight=14, quick=100)
def test_a_hostile_server_is_refused_or_survived(flow: int, config: int, plan: Plan) -> None:
    began = time.thread_time()
    encounter = meet(_flows()[flow % len(_flows())], plan, _configs()[config])
    assert time.thread_time() - began < _BUSY
    assert encounter.info is None or encounter.is_as_meant
    if plan.honest and not config:
        assert encounter.info is not None


_bytes = st.binary(max_size=60)


def _records_of(kind: int, version: bytes, body: bytes, times: int) -> bytes:
    return (bytes([kind]) + version + len(body).to_bytes(2, "big") + body) * times


def _message(kind: int, body: bytes) -> bytes:
    return bytes([kind, 0, 0, len(body)]) + body


_records = st.builds(
    _records_of,
    st.sampled_from((20, 21, 22, 22, 22, 23, 24, 0)),
    st.sampled_from((b"\3\3", b"\3\3", b"\3\1", b"\3\0", b"HT")),
    _bytes | st.builds(_message, st.integers(0, 25), _bytes),
    st.sampled_from((1, 1, 1, 50)),
)


@fuzzed(st.lists(_bytes | _records, max_size=6), st.sampled_from(range(11)), st.sampled_from((1, 7, 2**18)))
def test_random_bytes_are_refused(pieces: list[bytes], config: int, most: int) -> None:
    configuration = _configs()[config].replace(cache=Shelf())

    async def main() -> None:
        ours, theirs = memory_stream_pair()
        await theirs.send_all(b"".join(pieces))
        await theirs.send_eof()
        _, info = await converse(Watched(ours, most), configuration)
        assert info is None

    corpus.run(main)
