"""What the protocol has besides versions, suites and groups, with every server that has it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from support.authority import KeyKind
from support.interop_cases import GREASE, UP_TO_THIS, Case, common_cases, feature_cases
from support.interop_connection import Servers
from support.interop_family import PROTOCOL, TIMESTAMP, Extra
from support.interop_material import Certificate
from support.interop_recording import longest_record
from trio_secure import ClientIdentity, MemoryCache, Session, TraceEvent, TraceMessage
from trio_secure._sessions import Session12
from trio_secure._versions import Version

# The most that protection adds to the content of a record: an IV, a MAC of SHA-384 and a block of padding; in
# TLS 1.3 the type and a tag.
_EXPANSION = 16 + 48 + 16
_CLIENT_KEYS: dict[str, KeyKind] = {
    "client_rsa": "rsa2048",
    "client_p256": "p256",
    "client_ed25519": "ed25519",
}


def _each(*features: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", feature_cases(*features), ids=str)


class _SeenCache(MemoryCache):
    """A cache that remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Session] = []

    async def put(self, key: str, session: Session | None, /) -> None:
        if session is not None:
            self.kept.append(session)
        await super().put(key, session)


@pytest.mark.parametrize("case", common_cases(UP_TO_THIS), ids=str)
async def test_the_highest_version_both_have(case: Case, servers: Servers) -> None:
    async with servers.connect(case.peer, case.version, min_version=Version.TLS10) as connection:
        await connection.check()
        assert connection.stream.info.version == case.version


@pytest.mark.parametrize("case", common_cases(GREASE), ids=str)
async def test_what_a_server_has_to_pass_over(case: Case, servers: Servers) -> None:
    """Reserved values in every list of the hello, and padding in the hello and in every record."""
    async with servers.connect(
        case.peer, case.version, grease=True, hello_padding=4096, record_padding=1000
    ) as connection:
        await connection.check()


@_each("alpn")
async def test_application_protocol(case: Case, servers: Servers) -> None:
    async with servers.connect(case.peer, case.version, alpn=["never/1", PROTOCOL]) as connection:
        seen = await connection.check()
        assert connection.stream.info.alpn == PROTOCOL
    assert seen.alpn in {None, PROTOCOL}


@_each("session_id", "ticket", "psk")
async def test_resumption(case: Case, servers: Servers) -> None:
    extra = Extra.NO_TICKETS if case.what == "session_id" else Extra.NOTHING
    cache = _SeenCache()
    async with servers.connect(case.peer, case.version, extra=extra, cache=cache) as connection:
        await connection.check()
        first = connection.stream.info
    session = cache.kept[-1]
    if isinstance(session, Session12):
        assert bool(session.ticket) == (case.what == "ticket")
    async with servers.connect(case.peer, case.version, extra=extra, cache=cache) as connection:
        await connection.check()
        second = connection.stream.info
    assert (first.resumed, second.resumed) == (False, True)
    assert second.peer_certificates == first.peer_certificates
    assert second.verified_chain == first.verified_chain


@_each("early_data")
async def test_early_data(case: Case, servers: Servers) -> None:
    cache, extra = MemoryCache(), Extra.EARLY_DATA
    async with servers.connect(case.peer, case.version, extra=extra, cache=cache) as connection:
        await connection.check()
    early = b"0123\n"
    async with servers.connect(
        case.peer, case.version, extra=extra, cache=cache, early_data=early
    ) as connection:
        await connection.check()
        info = connection.stream.info
    assert info.resumed
    assert info.early_data_accepted


@_each("retry", "cookie")
async def test_a_share_of_a_group_that_the_server_lacks(case: Case, servers: Servers) -> None:
    absent, events = case.peer.absent, list[TraceEvent]()
    groups: dict[str, Any] = {"groups": [absent, "secp384r1"], "key_shares": [absent]}
    async with servers.connect(case.peer, case.version, trace=events.append, **groups) as connection:
        await connection.check()
        assert connection.retried
        assert connection.stream.info.group == "secp384r1"
    (retry,) = [event for event in events if event.name == "HelloRetryRequest"]
    assert isinstance(retry, TraceMessage)
    assert ("cookie" in [extension.name for extension in retry.extensions]) == (
        "cookie" in case.peer.features
    )


@_each("retry_psk")
async def test_resumption_after_a_hello_retry_request(case: Case, servers: Servers) -> None:
    cache, absent = MemoryCache(), case.peer.absent
    groups: dict[str, Any] = {"groups": [absent, "secp384r1"], "key_shares": [absent]}
    for resumed in (False, True):
        async with servers.connect(case.peer, case.version, cache=cache, **groups) as connection:
            await connection.check()
            assert connection.retried
            assert connection.stream.info.resumed == resumed


@_each(*_CLIENT_KEYS)
async def test_a_client_certificate(case: Case, servers: Servers) -> None:
    key = _CLIENT_KEYS[case.what]
    leaf = servers.material.client(key)
    identity = ClientIdentity.load(leaf.chain_pem, leaf.key_pem)
    async with servers.connect(
        case.peer, case.version, case.certificate, Extra.CLIENT_CERTIFICATE, client_identities=identity
    ) as connection:
        seen = await connection.check()
        assert connection.stream.info.client_certificates == (leaf.certificate_der,)
    # wolfSSL accepts a certificate with Ed25519 without being able to show it.
    assert seen.client in {key, None}


@_each("post_handshake")
async def test_a_client_certificate_after_the_handshake(case: Case, servers: Servers) -> None:
    leaf = servers.material.client("p256")
    identity = ClientIdentity.load(leaf.chain_pem, leaf.key_pem)
    async with servers.connect(
        case.peer, case.version, client_identities=identity, post_handshake_auth=True
    ) as connection:
        seen = await connection.check()
        assert seen.client == ""
        await connection.conversation.authenticate(connection.stream)
        seen = await connection.check()
    # GnuTLS says only that it has accepted it.
    assert seen.client in {"p256", None}


@_each("fragments")
async def test_small_fragments(case: Case, servers: Servers) -> None:
    async with servers.connect(case.peer, case.version, max_fragment_length=1024) as connection:
        await connection.check()
        assert connection.stream.info.max_fragment_length == 1024
        recorded = connection.recorded
    for way in (recorded.sent, recorded.received):
        assert longest_record(way) <= 1024 + _EXPANSION


@_each("record_size")
async def test_a_limit_on_records(case: Case, servers: Servers) -> None:
    """Each side sets the limit of what it receives."""
    async with servers.connect(case.peer, case.version, record_size_limit=700) as connection:
        await connection.check()
        limit = connection.stream.info.record_size_limit
        recorded = connection.recorded
    assert limit is not None
    assert longest_record(recorded.received) <= 700 + _EXPANSION
    assert longest_record(recorded.sent) <= limit + _EXPANSION


@_each("our_update")
async def test_key_updates_of_the_client(case: Case, servers: Servers) -> None:
    events: list[TraceEvent] = []
    async with servers.connect(case.peer, case.version, trace=events.append) as connection:
        await connection.check()
        for both in (False, True, True):
            await connection.stream.update_keys(both=both)
            await connection.echo()
        await connection.check()
    updates = [event.direction for event in events if event.name == "KeyUpdate"]
    assert updates.count("sent") >= 3
    assert updates.count("received") >= 2


@_each("their_update")
async def test_key_updates_of_the_server(case: Case, servers: Servers) -> None:
    events: list[TraceEvent] = []
    async with servers.connect(case.peer, case.version, trace=events.append) as connection:
        await connection.check()
        for ask in (False, True, True):
            await connection.conversation.update(connection.stream, ask=ask)
            await connection.echo()
        await connection.check()
    updates = [event.direction for event in events if event.name == "KeyUpdate"]
    assert updates.count("received") >= 2
    assert updates.count("sent") >= 2


@_each("staple")
async def test_a_staple(case: Case, servers: Servers) -> None:
    async with servers.connect(case.peer, case.version, ocsp="require") as connection:
        await connection.check()
        staple = servers.material.server(Certificate.RSA).staple.read_bytes()
        assert connection.stream.info.ocsp_response == staple


@_each("timestamps")
async def test_timestamps(case: Case, servers: Servers) -> None:
    async with servers.connect(case.peer, case.version, signed_certificate_timestamps=True) as connection:
        await connection.check()
        assert connection.stream.info.signed_certificate_timestamps == (TIMESTAMP,)


@_each("exporter")
async def test_keying_material(case: Case, servers: Servers) -> None:
    async with servers.connect(case.peer, case.version) as connection:
        # ... compares it.
        seen = await connection.check()
    assert seen.exported


@_each("bindings")
async def test_channel_bindings(case: Case, servers: Servers) -> None:
    async with servers.connect(case.peer, case.version) as connection:
        seen = await connection.check()
        ours = {name: connection.stream.channel_binding(name).hex() for name, _theirs in seen.bindings}
    assert ours == dict(seen.bindings)
    assert ("tls-unique" in ours) == (case.version < Version.TLS13)
    assert {"tls-server-end-point", "tls-exporter"} <= ours.keys()


@_each("extended")
async def test_an_extended_master_secret_is_required(case: Case, servers: Servers) -> None:
    async with servers.connect(case.peer, case.version, require_extended_master_secret=True) as connection:
        await connection.check()
        assert connection.stream.info.extended_master_secret


@_each("encrypt_then_mac")
async def test_encryption_before_authentication(case: Case, servers: Servers) -> None:
    async with servers.connect(
        case.peer, case.version, cipher_suites=["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"]
    ) as connection:
        await connection.check()
        assert connection.stream.info.encrypt_then_mac


@_each("renegotiation")
async def test_a_renegotiation_is_refused(case: Case, servers: Servers) -> None:
    async with servers.connect(case.peer, case.version) as connection:
        await connection.check()
        said = await connection.conversation.renegotiate(connection.stream)
    assert re.search("(?i)no.renegotiation", said), said


@_each("compression")
async def test_a_compressed_certificate(case: Case, servers: Servers) -> None:
    events: list[TraceEvent] = []
    async with servers.connect(case.peer, case.version, trace=events.append) as connection:
        await connection.check()
    assert "CompressedCertificate" in [event.name for event in events if event.direction == "received"]
