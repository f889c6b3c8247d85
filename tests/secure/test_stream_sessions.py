"""Streams that resume sessions: with real servers, with caches of the user's, and under one trust only."""

from __future__ import annotations

import dataclasses
import ssl
from collections.abc import Sequence
from typing import Any, cast

import pytest
import trio
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from support.alterations import flip, shorten
from support.authority import Leaf, self_signed
from support.cancellation import every_checkpoint
from support.counting_stream import CountingStream
from support.identities import identity
from support.openssl_peer import (
    NAME,
    TRANSPORT_ERRORS,
    OpenSSLPeer,
    authority,
    default_leaf,
    secure_pair,
    server_context,
    trusting,
)
from support.scripted_script import Alteration, Script, leaf
from support.scripted_server import PLAIN, accepted, expect_refusal, met, refused
from support.scripted_sessions import Memory
from support.scripted_wire import ServerWire
from trio_certs import Trust, VerifiedChain
from trio_secure import (
    AlertDescription,
    CertificateRefused,
    MemoryCache,
    SecureStream,
    Session,
    TLSConfig,
    TLSError,
    Truncated,
)
from trio_secure._session_cache import PROCESS_CACHE
from trio_secure._versions import Version

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
both_versions = pytest.mark.parametrize("version", [TLS12, TLS13], ids=["1.2", "1.3"])
Secure = SecureStream[trio.abc.Stream]
_ALERT = AlertDescription


def real_server(version: int = TLS13, server_leaf: Leaf | None = None) -> ssl.SSLContext:
    """One that gives tickets, and knows them again."""
    return server_context(server_leaf, version=version, tickets=2)


async def meet(context: ssl.SSLContext, config: TLSConfig, *, port: int | None = None) -> Secure:
    """A connection with an OpenSSL server, over which something has come."""
    ours, theirs = memory_stream_pair()
    peer = OpenSSLPeer(theirs, context)
    streams: list[Secure] = []

    async def connect() -> None:
        streams.append(await Secure.wrap(ours, NAME, config, port=port))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(connect)
        nursery.start_soon(peer.do_handshake)
    (stream,) = streams
    await peer.send_all(b"hello")
    assert await stream.receive_some() == b"hello"
    return stream


# ---- real servers


@both_versions
async def test_the_second_connection_is_a_resumed_one(version: int) -> None:
    context, config = real_server(version), trusting(cache=MemoryCache())
    streams = [await meet(context, config) for _ in range(4)]
    assert [stream.info.resumed for stream in streams] == [False, True, True, True]
    first = streams[0].info
    for stream in streams[1:]:
        assert stream.info.version == version
        assert stream.info.peer_certificates == first.peer_certificates == (default_leaf().certificate_der,)
        assert stream.info.verified_chain == first.verified_chain
        assert stream.info.verified_chain[-1] == authority().certificate_der
        assert stream.info.signature_scheme == first.signature_scheme


@both_versions
async def test_the_connections_of_a_process_share_a_cache(version: int) -> None:
    context = real_server(version)
    assert not (await meet(context, trusting())).info.resumed
    assert len(PROCESS_CACHE) > 0
    assert (await meet(context, trusting())).info.resumed


@both_versions
async def test_without_a_cache_every_handshake_is_a_full_one(version: int) -> None:
    context = real_server(version)
    for _ in range(2):
        assert not (await meet(context, trusting(cache=False))).info.resumed
    assert len(PROCESS_CACHE) == 0


@both_versions
async def test_a_certificate_is_verified_once(version: int) -> None:
    class Counting:
        calls = 0

        async def verify(self, chain: Sequence[bytes], server_name: str, /, **more: Any) -> VerifiedChain:
            Counting.calls += 1
            return await Trust([authority().certificate_der]).verify(chain, server_name, **more)

    context, config = real_server(version), TLSConfig(trust=Counting(), cache=MemoryCache())
    for _ in range(3):
        await meet(context, config)
    assert Counting.calls == 1


@both_versions
async def test_a_session_is_not_offered_to_another_port(version: int) -> None:
    context, config = real_server(version), trusting(cache=MemoryCache())
    ports = [443, 8443, None, 443, 8443, None]
    resumed = [(await meet(context, config, port=port)).info.resumed for port in ports]
    assert resumed == [False] * 3 + [True] * 3


@both_versions
async def test_a_session_made_without_verification_does_not_replace_it(version: int) -> None:
    """Nor one made under any other trust; `test_session_keeper` goes through all there is."""
    context, cache = real_server(version, self_signed(NAME)), MemoryCache()
    assert not (await meet(context, TLSConfig(verify=False, cache=cache))).info.resumed
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_handshake_or_not, OpenSSLPeer(theirs, context))
        with pytest.raises(CertificateRefused):
            await Secure.wrap(ours, NAME, trusting(cache=cache))
    assert (await meet(context, TLSConfig(verify=False, cache=cache))).info.resumed


async def _handshake_or_not(peer: OpenSSLPeer) -> None:
    with pytest.raises((ssl.SSLError, *TRANSPORT_ERRORS)):
        await peer.do_handshake()


@both_versions
async def test_a_session_shows_nobody_else(version: int) -> None:
    """A server may take a session for the client that showed itself when it was made."""
    context, cache = real_server(version), MemoryCache()
    alone, shown = trusting(cache=cache), trusting(cache=cache, client_identities=[identity()])
    resumed = [(await meet(context, config)).info.resumed for config in (alone, shown, alone, shown)]
    assert resumed == [False, False, True, True]


@both_versions
async def test_a_server_that_has_forgotten_does_a_full_handshake(version: int) -> None:
    config = trusting(cache=MemoryCache())
    assert not (await meet(real_server(version), config)).info.resumed
    # Another context has other keys for its tickets.
    assert not (await meet(real_server(version), config)).info.resumed


# ---- caches of the user's


class Cache:
    """A cache that takes its time, and may fail."""

    def __init__(self, *sessions: object) -> None:
        self.sessions = list(sessions)
        self.gate = trio.Event()
        self.error: Exception | None = None
        self.closed: list[int] = []

    async def get(self, key: str, /) -> Session | None:
        await self._wait()
        return cast("Session | None", self.sessions[0] if self.sessions else None)

    async def put(self, key: str, session: Session | None, /) -> None:
        await self._wait()
        if session is None:
            del self.sessions[:1]
        else:
            self.sessions.insert(0, session)

    async def _wait(self) -> None:
        await self.gate.wait()
        if self.error is not None:
            self.closed.append(CountingStream.open_streams)
            raise self.error


async def test_a_slow_cache_is_waited_for_before_anything_is_sent(autojump_clock: object) -> None:
    cache = Cache()
    ours, theirs = memory_stream_pair()
    peer = OpenSSLPeer(theirs, server_context())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Secure.wrap, ours, NAME, trusting(cache=cache))
        await wait_all_tasks_blocked()
        with trio.move_on_after(1) as scope:
            await theirs.receive_some()
        assert scope.cancelled_caught
        cache.gate.set()
        await peer.do_handshake()


async def test_a_cache_that_is_cancelled_leaves_nothing_open() -> None:
    ours, _ = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Secure.wrap, CountingStream(ours), NAME, trusting(cache=Cache()))
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert CountingStream.open_streams == 0


@pytest.mark.parametrize(
    ("sessions", "error", "kind"),
    [
        ((), OSError("the disk is full"), OSError),
        ((), Truncated("the cache's server is gone"), Truncated),
        ((7,), None, TypeError),
        ((b"session",), None, TypeError),
    ],
)
async def test_a_cache_that_gives_no_session_ends_the_connection(
    sessions: Sequence[object], error: Exception | None, kind: type[Exception]
) -> None:
    cache = Cache(*sessions)
    cache.gate.set()
    cache.error = error
    ours, _ = memory_stream_pair()
    with pytest.raises(kind) as caught:
        await Secure.wrap(CountingStream(ours), NAME, trusting(cache=cache))
    assert error is None or caught.value is error
    assert CountingStream.open_streams == 0


@both_versions
async def test_a_slow_cache_holds_up_the_receiver_alone(version: int) -> None:
    """The handshake is over, and sending goes on while it takes its time; nothing is lost when it is cancelled."""
    cache = Cache()
    context, config = real_server(version), trusting(cache=cache)
    cache.gate.set()
    stream, peer = await secure_pair(context, config=config)
    cache.gate = trio.Event()
    await peer.send_all(b"hello")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.receive_some)
        await wait_all_tasks_blocked()
        await stream.send_all(b"question")
        assert await peer.receive_some() == b"question"
        nursery.cancel_scope.cancel()
    cache.gate.set()
    assert await stream.receive_some() == b"hello"
    assert (await meet(context, config)).info.resumed


@both_versions
async def test_a_cache_that_takes_nothing_is_told_of_once_for_each_session(version: int) -> None:
    """OpenSSL gives one in TLS 1.2, and two tickets in TLS 1.3."""
    cache = Cache()
    cache.gate.set()
    stream, peer = await secure_pair(real_server(version), config=trusting(cache=cache))
    cache.error = OSError("the disk is full")
    await peer.send_all(b"hello")
    for _ in range(1 if version == TLS12 else 2):
        with pytest.raises(OSError, match="the disk is full"):
            await stream.receive_some()
    assert await stream.receive_some() == b"hello"
    await stream.send_all(b"question")
    assert await peer.receive_some() == b"question"


async def test_what_nobody_has_received_anything_behind_is_kept_when_the_stream_is_closed() -> None:
    cache = Cache()
    cache.gate.set()
    context = real_server(TLS12)
    stream, _ = await secure_pair(context, config=trusting(cache=cache))
    assert cache.sessions == []
    await stream.aclose()
    assert len(cache.sessions) == 1
    # Closing again does nothing.
    await stream.aclose()
    assert len(cache.sessions) == 1


async def test_a_slow_cache_does_not_hold_up_closing_for_long(autojump_clock: trio.testing.MockClock) -> None:
    cache = Cache()
    cache.gate.set()
    ours, theirs = memory_stream_pair()
    stream, _ = await secure_pair(
        real_server(TLS12), transports=lambda: (CountingStream(ours), theirs), config=trusting(cache=cache)
    )
    cache.gate = trio.Event()
    await stream.aclose()
    assert autojump_clock.current_time() <= 1
    assert CountingStream.open_streams == 0


async def test_a_cache_that_fails_when_the_stream_is_closed_tells_so_behind_a_closed_transport() -> None:
    cache = Cache()
    cache.gate.set()
    ours, theirs = memory_stream_pair()
    stream, _ = await secure_pair(
        real_server(TLS12), transports=lambda: (CountingStream(ours), theirs), config=trusting(cache=cache)
    )
    cache.error = OSError("the disk is full")
    with pytest.raises(OSError, match="the disk is full"):
        await stream.aclose()
    assert CountingStream.open_streams == 0
    await stream.aclose()


async def test_a_handshake_that_resumes_is_cancelled_at_any_checkpoint_and_leaves_nothing_open() -> None:
    context = real_server()
    config = trusting(cache=MemoryCache())
    await meet(context, config)
    for cancelling in every_checkpoint():
        ours, theirs = memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_handshake_if_possible, OpenSSLPeer(theirs, context))
            stream = await cancelling.run(Secure.wrap, CountingStream(ours), NAME, config)
            if stream is not None:
                await stream.aclose()
        assert CountingStream.open_streams == 0


async def _handshake_if_possible(peer: OpenSSLPeer) -> None:
    try:
        await peer.do_handshake()
    except (ssl.SSLError, *TRANSPORT_ERRORS):
        return


# ---- sessions that end badly

_old = pytest.mark.parametrize("version", [Version.TLS12, Version.TLS11, Version.TLS10])


def _scripted(version: Version, memory: Memory, **fields: object) -> Script:
    script = Script(version=version, leaf=leaf("p256"), memory=memory, ticket=b"a ticket")
    return dataclasses.replace(script, **fields)  # type: ignore[arg-type]  # any field of a Script


def _resuming(version: Version) -> TLSConfig:
    return PLAIN.replace(min_version=version, max_version=version, cache=MemoryCache())


@_old
@pytest.mark.parametrize(
    ("step", "alteration", "alert"),
    [("Finished", flip(-1), _ALERT.DECRYPT_ERROR), ("NewSessionTicket", shorten(1), _ALERT.DECODE_ERROR)],
)
async def test_the_session_of_a_resumption_that_fails_is_not_offered_again(
    version: Version, step: str, alteration: Alteration, alert: AlertDescription
) -> None:
    """RFC 5246 §7.2.2."""
    memory, config = Memory(), _resuming(version)
    await accepted(_scripted(version, memory), config)
    meeting = await accepted(_scripted(version, memory), config)
    assert meeting.info is not None
    assert meeting.info.resumed
    await expect_refusal(_scripted(version, memory, alter={step: alteration}), alert, config)
    meeting = await accepted(_scripted(version, memory), config)
    assert meeting.info is not None
    assert not meeting.info.resumed
    assert not meeting.server.resumed


@_old
async def test_a_session_whose_server_says_nothing_is_not_offered_again(version: Version) -> None:
    """It may be what the server stumbles over."""
    memory, config = Memory(), _resuming(version)
    await accepted(_scripted(version, memory), config)
    meeting = await refused(_scripted(version, memory, cut=0, heard=_leave), config)
    assert isinstance(meeting.error, Truncated)
    meeting = await accepted(_scripted(version, memory), config)
    assert meeting.info is not None
    assert not meeting.info.resumed


async def _leave(server: ServerWire) -> None:
    await server.transport.aclose()


@_old
@pytest.mark.parametrize("ending", ["alert", "nonsense", "cut"])
async def test_the_session_of_a_connection_that_fails_is_not_resumed(version: Version, ending: str) -> None:
    """RFC 5246 §7.2.2; without a close_notify, RFC 2246 §7.2.1 alone is so strict."""

    async def then(server: ServerWire) -> None:
        await server.send_data(b"hello")
        await server.receive_data()
        if ending == "alert":
            server.send_alert(_ALERT.INTERNAL_ERROR)
        elif ending == "nonsense":
            server.send_bytes(b"\x17" + version.to_bytes(2, "big") + b"\x00\x40" + bytes(64))
        await server.flush()
        await server.end()

    memory, config = Memory(), _resuming(version)
    async with met(_scripted(version, memory, then=then), config) as (stream, _):
        assert await _receive(stream, 5) == b"hello"
        assert len(cast("MemoryCache", config.cache)) == 1
        await stream.send_all(b"x")
        with pytest.raises(TLSError):
            await stream.receive_some()
    lasts = ending == "cut" and version > Version.TLS10
    assert len(cast("MemoryCache", config.cache)) == lasts


async def _receive(stream: Secure, count: int) -> bytes:
    received = b""
    while len(received) < count:
        received += await stream.receive_some()
    return received


async def test_a_full_handshake_that_fails_leaves_no_session() -> None:
    memory, config = Memory(), _resuming(Version.TLS12)
    await expect_refusal(
        _scripted(Version.TLS12, memory, alter={"Finished": flip(-1)}), _ALERT.DECRYPT_ERROR, config
    )
    assert len(cast("MemoryCache", config.cache)) == 0


async def test_a_cache_in_trouble_does_not_hide_why_a_handshake_failed() -> None:
    """It is in the notes; and the transport is closed before anybody waits for the cache."""
    memory = Memory()
    config = _resuming(Version.TLS12)
    await accepted(_scripted(Version.TLS12, memory), config)
    (entry,) = cast("MemoryCache", config.cache)._entries.values()
    cache = Cache(*entry.sessions)
    cache.gate.set()

    async def fail(server: ServerWire) -> None:
        cache.error = OSError("the disk is full")

    script = _scripted(Version.TLS12, memory, heard=fail, alter={"Finished": flip(-1)})
    meeting = await refused(script, config.replace(cache=cache))
    assert meeting.error is not None
    assert meeting.error.alert is _ALERT.DECRYPT_ERROR
    assert meeting.error.__notes__ == ["the session cache has failed as well: OSError: the disk is full"]
    assert cache.closed == [0]
