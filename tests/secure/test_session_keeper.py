"""What a connection takes from a cache and leaves there, and that no session serves under other trust."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from support.authority import Authority
from support.crl import revocation_list
from support.identities import identity
from support.openssl_peer import authority
from support.sessions import KNOWN, NAME, NOW, PEER, session12, session13
from trio_certs import Manifest, Pin, Resource, Store, Trust, VerifiedChain
from trio_secure import ClientIdentity, MemoryCache, TLSConfig, TLSError
from trio_secure._client_identity import LoadedIdentity
from trio_secure._identity import VerifiedPeer
from trio_secure._keys12 import MasterSecret
from trio_secure._keys13 import ResumptionSecret
from trio_secure._messages12 import NewSessionTicket as Ticket12
from trio_secure._messages13 import NewSessionTicket
from trio_secure._names import ServerName
from trio_secure._resumption import ID_LIFETIME
from trio_secure._session_keeper import SessionKeeper
from trio_secure._sessions import MAX_LIFETIME, Session, Session12, Session13
from trio_secure._trust import trust_key
from trio_secure._versions import Version
from trio_secure._wire import Established, NewSession12

_DEFAULT = TLSConfig()
_SUITE12, _SUITE13 = session12().suite, session13().suite


class Cache:
    """A cache that remembers what it was asked, and does as it is told."""

    def __init__(self, *sessions: object) -> None:
        self.sessions: list[object] = list(sessions)
        self.asked: list[str] = []
        self.put_in: list[Session | None] = []
        self.error: Exception | None = None
        self.gate: trio.Event | None = None

    async def get(self, key: str, /) -> Session | None:
        self.asked.append(key)
        await self._wait()
        return cast("Session | None", self.sessions[0] if self.sessions else None)

    async def put(self, key: str, session: Session | None, /) -> None:
        self.asked.append(key)
        await self._wait()
        self.put_in.append(session)
        if session is None:
            self.sessions = self.sessions[1:]
        else:
            self.sessions.insert(0, session)

    async def _wait(self) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error


def _keeper(
    cache: Any,
    config: TLSConfig = _DEFAULT,
    *,
    name: ServerName | None = NAME,
    port: int | None = 443,
    clock: Callable[[], float] = lambda: NOW,
) -> SessionKeeper:
    return SessionKeeper(cache, config, name, port, trust_key(config), clock=clock)


async def _key(config: TLSConfig, name: ServerName | None = NAME, port: int | None = 443) -> str:
    """Where a connection's sessions stand."""
    cache = Cache()
    await _keeper(cache, config, name=name, port=port).take()
    (key,) = cache.asked
    return key


def _settled13(**changes: Any) -> Established:
    settled = Established(
        version=Version.TLS13,
        suite=_SUITE13,
        group="x25519",
        peer=dataclasses.replace(PEER, verified_chain=()),
        resumption=ResumptionSecret(_SUITE13, bytes(32)),
    )
    return dataclasses.replace(settled, **changes)


def _settled12(ticket: bytes | None = None, **changes: Any) -> Established:
    message = None if ticket is None else Ticket12(0, ticket)
    settled = Established(
        version=Version.TLS12,
        suite=_SUITE12,
        group="x25519",
        peer=dataclasses.replace(PEER, verified_chain=()),
        session=NewSession12(MasterSecret(_SUITE12, Version.TLS12, bytes(48)), True, bytes(32), message, 512),
    )
    return dataclasses.replace(settled, **changes)


def _ticket(lifetime: int = 3600, nonce: bytes = b"n", age_add: int = 7) -> NewSessionTicket:
    return NewSessionTicket(lifetime, age_add, nonce, b"ticket " + nonce, {})


# Under which trust a session is found again


class _Vault(ClientIdentity):
    """An identity of the user's own making."""

    async def ready(self) -> LoadedIdentity:
        return identity()


class _Verdicts:
    """A trust of the user's own making, which cannot be told from another by what it says of itself."""

    __slots__ = ()

    async def verify(self, chain: Sequence[bytes], server_name: str, /, **_: object) -> VerifiedChain:
        raise AssertionError("nobody asks")


_OTHER = Authority.make(name="Another CA")
_TRUST, _VAULT = Trust([authority().certificate_der]), _Vault()
# Each value stands for other trust than every other, and than the default.
_DECIDING: dict[str, list[object]] = {
    "verify": [False],
    "certificate": [
        authority().certificate_der,
        authority().certificate_pem,
        _OTHER.certificate_der,
        "ca.pem",
        Path("other.pem"),
        ["ca.pem", "other.pem"],
        [authority().certificate_der, _OTHER.certificate_der],
        Resource("ca1.der"),
        Resource("ca2.der"),
        Resource("ca1.der", Manifest(["$(CERTS)/ca1"])),
    ],
    "manifest": [Manifest(), Manifest(["$(CERTS)/ca1"]), Manifest(["$(CERTS)/ca1", "$(CERTS)/ca2"])],
    # `test_every_field_of_a_trust_has_sessions_of_its_own` goes through what makes one.
    "trust": [_TRUST, Trust(), Trust([authority().certificate_der], ocsp="require")],
    "ocsp": ["ignore", "require"],
    "signature_algorithms": [["ed25519"], ["ecdsa_secp256r1_sha256"]],
    "groups": [["x25519"], ["secp256r1"]],
    "signed_certificate_timestamps": [True],
    "client_identities": [
        [identity("p256")],
        [identity("p384")],
        [identity("p256"), identity("p384")],
        [identity("p384"), identity("p256")],
        [_VAULT],
        [_Vault()],
    ],
    "max_fragment_length": [512, 1024],
}
# What changes nothing about whom a connection trusts, or is looked at when a session is about to be offered.
_OTHERS: dict[str, object] = {
    "min_version": Version.TLS10,
    "max_version": Version.TLS12,
    "cipher_suites": ["TLS_AES_128_GCM_SHA256"],
    "switches": {"DHE_RSA": False},
    "key_shares": ["secp256r1"],
    "alpn": ["h2"],
    # It comes to the keeper as the name.
    "server_name": "another.example",
    # Two hints to the server.
    "certificate_signature_algorithms": ["ed25519"],
    "certificate_authorities": [b"name"],
    "post_handshake_auth": True,
    "certificate_compression": (),
    "cache": False,
    "require_extended_master_secret": True,
    "record_size_limit": 1000,
    "hello_padding": 512,
    "record_padding": 512,
    "grease": True,
    "trace": print,
    "key_log": print,
}


def test_of_every_field_it_is_known_whether_it_decides_about_trust() -> None:
    """A new field has to be put into one of the two tables, and then into `trust_parts` or not."""
    fields = {field.name for field in dataclasses.fields(TLSConfig)}
    assert fields == _DECIDING.keys() | _OTHERS.keys()
    assert not _DECIDING.keys() & _OTHERS.keys()


async def test_no_two_trusts_have_sessions_in_common() -> None:
    configs = [_DEFAULT] + [
        _DEFAULT.replace(**{field: value}) for field, values in _DECIDING.items() for value in values
    ]
    keys = [await _key(config) for config in configs]
    assert len(set(keys)) == len(configs)


_OF_A_TRUST: dict[str, list[object]] = {
    "anchors": [[authority().certificate_der], ["ca.pem"], [Path("other.pem")], [Resource("ca1.der")]],
    "manifest": [Manifest(), Manifest(["$(CERTS)/ca1"])],
    "sources": [[], [Store()], [Manifest()]],
    "pins": [[Pin.key(bytes(32))], [Pin.certificate(bytes(32))]],
    "crls": [[revocation_list(authority())], [revocation_list(_OTHER)]],
    "ocsp": ["ignore", "require"],
    "clock": [lambda: datetime.now(UTC)],
    "store": [Store("elsewhere")],
}


async def test_every_field_of_a_trust_has_sessions_of_its_own() -> None:
    """What a Trust is made of decides: no two that differ in a field have sessions in common."""
    assert _OF_A_TRUST.keys() == {field.name for field in dataclasses.fields(Trust) if field.init}
    trusts = [Trust(**cast("Any", {name: one})) for name, values in _OF_A_TRUST.items() for one in values]
    keys = [await _key(_DEFAULT.replace(trust=trust)) for trust in (*trusts, Trust())]
    assert len(set(keys)) == len(trusts) + 1


async def test_what_was_read_from_a_file_is_what_has_the_sessions() -> None:
    """The file may hold something else by now, so a path is not enough to know a trust by."""
    one, other = Trust(["ca.pem"]), Trust(["ca.pem"])
    assert one != other
    assert await _key(_DEFAULT.replace(trust=one)) != await _key(_DEFAULT.replace(trust=other))


async def test_two_differences_do_not_make_up_for_each_other() -> None:
    keys: list[str] = []
    for one, two in itertools.combinations(_DECIDING, 2):
        config = _DEFAULT.replace(**{one: _DECIDING[one][0], two: _DECIDING[two][0]})
        keys.append(await _key(config))
    keys += [await _key(_DEFAULT.replace(**{field: values[0]})) for field, values in _DECIDING.items()]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("field", _OTHERS)
async def test_what_is_no_trust_has_sessions_in_common(field: str) -> None:
    assert await _key(_DEFAULT.replace(**{field: _OTHERS[field]})) == await _key(_DEFAULT)


@pytest.mark.parametrize("field", _DECIDING)
async def test_the_same_trust_finds_its_sessions_again(field: str) -> None:
    for value in _DECIDING[field]:
        first, second = (_DEFAULT.replace(**{field: value}) for _ in range(2))
        assert await _key(first) == await _key(second)


async def test_a_trust_that_does_not_say_what_it_is_finds_those_of_its_own_configuration_alone() -> None:
    config = _DEFAULT.replace(trust=_Verdicts())
    assert await _key(config) == await _key(config)
    assert await _key(config) != await _key(config.replace())


async def test_a_name_and_a_port_have_sessions_of_their_own() -> None:
    places = [
        (name, port)
        for name in (NAME, ServerName.parse("other.example"), ServerName.parse("::1"), None)
        for port in (443, 8443, None)
    ]
    keys = [await _key(_DEFAULT, name, port) for name, port in places]
    assert len(set(keys)) == len(places)
    assert keys[0].startswith("server.example:443 ")


# Taking


@pytest.mark.parametrize("session", [session12(), session13()], ids=["12", "13"])
async def test_a_session_that_fits_is_taken(session: Session) -> None:
    assert await _keeper(Cache(session)).take() is session


@pytest.mark.parametrize(
    ("session", "changes"),
    [
        (session12(), {"min_version": Version.TLS13}),
        (session12(), {"cipher_suites": ["TLS_AES_128_GCM_SHA256"]}),
        (session12(extended_master_secret=False), {}),
        (session12(lifetime=1, created=NOW - 2), {}),
        (session13(1), {"max_version": Version.TLS12}),
        (session13(2), {"cipher_suites": ["TLS_AES_256_GCM_SHA384"]}),
        (session13(3, lifetime=1, created=NOW - 2), {}),
    ],
)
async def test_a_session_that_does_not_fit_is_not(session: Session, changes: dict[str, Any]) -> None:
    assert await _keeper(Cache(session), _DEFAULT.replace(**changes)).take() is None


async def test_a_session_of_another_name_is_not_offered_whatever_the_cache_says() -> None:
    assert await _keeper(Cache(session12()), name=ServerName.parse("other.example")).take() is None
    assert await _keeper(Cache(session12()), name=None).take() is None


async def test_a_ticket_is_forgotten_when_it_is_taken() -> None:
    cache = Cache(session13(11))
    assert await _keeper(cache).take() == session13(11)
    assert cache.put_in == [None]


@pytest.mark.parametrize("nonsense", [7, "session", b"session", object()])
async def test_what_is_no_session_is_refused(nonsense: object) -> None:
    with pytest.raises(TypeError, match=r"Cache\.get gave \w+, not a Session"):
        await _keeper(Cache(nonsense)).take()


async def test_what_a_cache_raises_passes_through() -> None:
    cache = Cache()
    cache.error = OSError("the disk is full")
    with pytest.raises(OSError, match="the disk is full"):
        await _keeper(cache).take()


# Leaving


@pytest.mark.parametrize(
    ("ticket", "lifetime", "identifier"),
    [(None, ID_LIFETIME, bytes(32)), (b"ticket", ID_LIFETIME, b""), (b"", ID_LIFETIME, bytes(32))],
)
async def test_a_handshake_of_tls12_leaves_a_session(
    ticket: bytes | None, lifetime: int, identifier: bytes
) -> None:
    cache = Cache()
    keeper = _keeper(cache)
    keeper.meet(_settled12(ticket))
    assert keeper.waiting
    await keeper.keep()
    assert not keeper.waiting
    (session,) = cache.put_in
    assert isinstance(session, Session12)
    assert (session.session_id, session.ticket) == (identifier, ticket or b"")
    assert (session.created, session.lifetime) == (NOW, lifetime)
    assert session.max_fragment_length == 512
    assert session.master_secret == bytes(48)
    assert session.known.peer == _settled12().peer


async def test_a_resumed_one_leaves_a_session_only_with_a_new_ticket() -> None:
    for ticket, count in ((None, 0), (b"new", 1)):
        cache = Cache(session12())
        keeper = _keeper(cache)
        resumed = await keeper.take()
        keeper.meet(_settled12(ticket, resumed=resumed))
        await keeper.keep()
        assert len(cache.put_in) == count
        # The server was met when it was, and is not trusted any longer for having been resumed.
        assert all(session is not None and session.known is KNOWN for session in cache.put_in)


async def test_a_ticket_of_tls13_waits_to_be_kept() -> None:
    cache = Cache()
    keeper = _keeper(cache)
    keeper.meet(_settled13(alpn=b"h2"))
    assert not keeper.waiting
    keeper.receive(_ticket())
    assert keeper.waiting
    await keeper.keep()
    (session,) = cache.put_in
    assert isinstance(session, Session13)
    assert (session.ticket, session.alpn, session.lifetime) == (b"ticket n", b"h2", 3600)
    assert session.known.until == NOW + MAX_LIFETIME


async def test_a_ticket_without_a_lifetime_or_a_secret_is_passed_over() -> None:
    keeper = _keeper(Cache())
    keeper.meet(_settled13())
    keeper.receive(_ticket(0))
    assert not keeper.waiting
    keeper = _keeper(Cache())
    keeper.meet(_settled13(resumption=None))
    keeper.receive(_ticket())
    assert not keeper.waiting


async def test_of_many_tickets_the_last_few_are_kept() -> None:
    cache = Cache()
    keeper = _keeper(cache)
    keeper.meet(_settled13())
    for number in range(1000):
        keeper.receive(_ticket(nonce=b"%d" % number))
    await keeper.keep()
    kept = [session.ticket for session in cache.put_in if isinstance(session, Session13)]
    assert kept == [b"ticket %d" % number for number in range(996, 1000)]


async def test_a_peer_is_known_from_the_handshake_on_however_late_its_tickets_come() -> None:
    now = [NOW]
    cache = Cache()
    keeper = _keeper(cache, clock=lambda: now[0])
    keeper.meet(_settled13())
    now[0] += 6 * 86400
    keeper.receive(_ticket(lifetime=MAX_LIFETIME))
    await keeper.keep()
    (session,) = cache.put_in
    assert session is not None
    assert session.created == now[0]
    assert session.expires == NOW + MAX_LIFETIME


async def test_a_session_does_not_outlive_the_certificates() -> None:
    leaf = authority().issue("server.example")
    chain = (leaf.certificate_der, authority().certificate_der)
    expiry = min(one.not_valid_after_utc for one in (leaf.certificate, authority().certificate)).timestamp()
    cache, begin = Cache(), expiry - 3600
    keeper = _keeper(cache, clock=lambda: begin)
    keeper.meet(_settled13(peer=VerifiedPeer(chain, None, chain, None)))
    keeper.receive(_ticket(lifetime=MAX_LIFETIME))
    await keeper.keep()
    (session,) = cache.put_in
    assert session is not None
    assert session.expires == expiry


async def test_what_a_cache_does_not_take_is_told_once_and_the_rest_is_kept() -> None:
    cache = Cache()
    keeper = _keeper(cache)
    keeper.meet(_settled13())
    keeper.receive(_ticket(nonce=b"1"))
    keeper.receive(_ticket(nonce=b"2"))
    cache.error = OSError("the disk is full")
    with pytest.raises(OSError, match="the disk is full"):
        await keeper.keep()
    cache.error = None
    assert keeper.waiting
    await keeper.keep()
    (session,) = cache.put_in
    assert isinstance(session, Session13)
    assert session.ticket == b"ticket 2"


async def test_what_is_cancelled_on_the_way_waits_on() -> None:
    cache = Cache()
    cache.gate = trio.Event()
    keeper = _keeper(cache)
    keeper.meet(_settled13())
    for number in range(4):
        keeper.receive(_ticket(nonce=b"%d" % number))
    for _ in range(3):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keeper.keep)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert keeper.waiting
    cache.gate.set()
    await keeper.keep()
    kept = [session.ticket for session in cache.put_in if isinstance(session, Session13)]
    assert kept == [b"ticket %d" % number for number in range(4)]


# Failing


async def test_the_session_of_a_failed_resumption_is_forgotten() -> None:
    cache = MemoryCache(clock=lambda: NOW)
    keeper = _keeper(cache)
    keeper.meet(_settled12())
    await keeper.keep()
    second = _keeper(cache)
    assert await second.take() is not None
    error = TLSError("x")
    await second.give_up(error)
    assert len(cache) == 0
    assert not hasattr(error, "__notes__")
    # Once is enough.
    await keeper.keep()
    await second.give_up(error)


async def test_the_session_that_a_failed_connection_has_left_is_forgotten() -> None:
    for kept in (True, False):
        cache = MemoryCache(clock=lambda: NOW)
        keeper = _keeper(cache)
        keeper.meet(_settled12())
        if kept:
            await keeper.keep()
        await keeper.give_up(TLSError("x"))
        assert len(cache) == 0
        assert not keeper.waiting


async def test_the_session_of_another_connection_stays() -> None:
    cache = MemoryCache(clock=lambda: NOW)
    failing, other = _keeper(cache), _keeper(cache)
    failing.meet(_settled12(b"one"))
    await failing.keep()
    other.meet(_settled12(b"two"))
    await other.keep()
    await failing.give_up(TLSError("x"))
    found = await _keeper(cache).take()
    assert isinstance(found, Session12)
    assert found.ticket == b"two"


async def test_a_ticket_of_another_connection_goes_back() -> None:
    cache = MemoryCache(clock=lambda: NOW)
    failing, other = _keeper(cache), _keeper(cache)
    failing.meet(_settled12())
    await failing.keep()
    other.meet(_settled13())
    other.receive(_ticket())
    await other.keep()
    await failing.give_up(TLSError("x"))
    assert isinstance(await _keeper(cache).take(), Session13)


@pytest.mark.parametrize("kept", [True, False])
async def test_the_tickets_of_a_failed_connection_are_discarded(kept: bool) -> None:
    """RFC 9846 §6 [8446 §6]; those of another one stay."""
    cache = MemoryCache(clock=lambda: NOW)
    failing, other = _keeper(cache), _keeper(cache)
    other.meet(_settled13(resumption=ResumptionSecret(_SUITE13, os.urandom(32))))
    other.receive(_ticket())
    await other.keep()
    failing.meet(_settled13(resumption=ResumptionSecret(_SUITE13, os.urandom(32))))
    failing.receive(_ticket(nonce=b"1"))
    failing.receive(_ticket(nonce=b"2"))
    if kept:
        await failing.keep()
    await failing.give_up(TLSError("x"))
    assert not failing.waiting
    assert isinstance(await _keeper(cache).take(), Session13)
    assert await _keeper(cache).take() is None


async def test_a_cache_in_trouble_does_not_hide_why_a_connection_failed() -> None:
    cache = Cache()
    keeper = _keeper(cache)
    keeper.meet(_settled12())
    cache.error = OSError("the disk is full")
    error = TLSError("x")
    await keeper.give_up(error)
    assert error.__notes__ == ["the session cache has failed as well: OSError: the disk is full"]
