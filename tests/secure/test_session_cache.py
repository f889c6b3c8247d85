from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from support.properties import bounded
from support.sessions import KNOWN, NOW, session12, session13
from trio_secure import _session_cache
from trio_secure._session_cache import (
    TICKETS_PER_KEY,
    MemoryCache,
    session_key,
    take,
    trust_digest,
)
from trio_secure._sessions import KnownPeer, Session, SessionCache


class Clock:
    """A wall clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _nothing_spent() -> None:
    """Every test may take the same tickets: they are told apart by their PSK, for the whole process."""
    _session_cache._spent.clear()


@pytest.fixture
def cache(clock: Clock) -> MemoryCache:
    return MemoryCache(clock=clock)


async def _all(cache: SessionCache, key: str) -> list[Session]:
    """What `get` gives until it gives nothing."""
    found: list[Session] = []
    while (session := await cache.get(key)) is not None:
        found.append(session)
        await cache.put(key, None)
    return found


def test_a_memory_cache_is_a_cache(cache: MemoryCache) -> None:
    assert isinstance(cache, SessionCache)


@pytest.mark.parametrize(("size", "max_bytes"), [(0, 1), (1, 0), (-1, 1)])
def test_a_cache_that_holds_nothing(size: int, max_bytes: int) -> None:
    with pytest.raises(ValueError, match="holds nothing"):
        MemoryCache(size, max_bytes=max_bytes)


async def test_an_unknown_key(cache: MemoryCache) -> None:
    assert await cache.get("key") is None
    await cache.put("key", None)
    assert len(cache) == 0


async def test_a_session_of_tls12_stays_until_it_is_forgotten(cache: MemoryCache) -> None:
    session = session12()
    await cache.put("key", session)
    assert await cache.get("key") is await cache.get("key") is session
    assert await cache.get("other") is None
    await cache.put("key", None)
    assert await cache.get("key") is None


async def test_a_ticket_of_tls13_is_given_once(cache: MemoryCache) -> None:
    await cache.put("key", session13(1))
    assert await cache.get("key") == session13(1)
    assert await cache.get("key") is None
    assert len(cache) == 0


async def test_the_newest_ticket_comes_first_and_a_few_are_kept(cache: MemoryCache) -> None:
    for number in range(6):
        await cache.put("key", session13(number))
    assert len(cache) == TICKETS_PER_KEY == 4
    assert [await cache.get("key") for _ in range(5)] == [*map(session13, (5, 4, 3, 2)), None]


async def test_a_newer_session_of_tls12_replaces_an_older_one(cache: MemoryCache) -> None:
    await cache.put("key", session12(session_id=b"old"))
    await cache.put("key", session13(1))
    await cache.put("key", session12(session_id=b"new"))
    assert await _all(cache, "key") == [session12(session_id=b"new"), session13(1)]


async def test_a_ticket_stands_before_an_older_session_of_tls12(cache: MemoryCache) -> None:
    await cache.put("key", session12())
    await cache.put("key", session13(1))
    assert await _all(cache, "key") == [session13(1), session12()]


async def test_only_what_was_given_is_forgotten(cache: MemoryCache) -> None:
    """Another connection may have left a new session since."""
    await cache.put("key", session12(session_id=b"old"))
    await cache.put("key", None)
    assert len(cache) == 1, "nothing had been given"
    assert await cache.get("key") is not None
    new = session12(session_id=b"new")
    await cache.put("key", new)
    await cache.put("key", None)
    assert await cache.get("key") is new


async def test_forgetting_a_ticket_that_was_given_away_leaves_the_others(cache: MemoryCache) -> None:
    await cache.put("key", session13(1))
    await cache.put("key", session13(2))
    assert await cache.get("key") == session13(2)
    await cache.put("key", None)
    await cache.put("key", None)
    assert await cache.get("key") == session13(1)


async def test_expired_sessions_are_dropped(cache: MemoryCache, clock: Clock) -> None:
    await cache.put("key", session13(1, lifetime=10))
    await cache.put("key", session13(2, lifetime=5))
    clock.now += 6
    assert await cache.get("key") == session13(1, lifetime=10)
    await cache.put("key", session12(lifetime=10))
    clock.now += 6
    assert await cache.get("key") is None
    assert len(cache) == 0


async def test_a_session_that_has_expired_already_is_not_kept(cache: MemoryCache) -> None:
    await cache.put("key", session13(known=KnownPeer.met(KNOWN.peer, NOW, expires_by=NOW - 1)))
    assert len(cache) == 0


async def test_the_servers_longest_unused_are_forgotten_first(clock: Clock) -> None:
    cache = MemoryCache(2, clock=clock)
    await cache.put("a", session12())
    await cache.put("b", session12())
    await cache.get("a")
    await cache.put("c", session13(1))
    await cache.put("c", session13(2))
    assert await cache.get("b") is None
    assert await cache.get("a") is not None
    assert await cache.get("c") is not None


async def test_memory_is_bounded(clock: Clock) -> None:
    size = session13().size
    cache = MemoryCache(max_bytes=3 * size, clock=clock)
    for number in range(3):
        await cache.put("a", session13(number))
    await cache.put("b", session13(3))
    assert len(cache) == 3
    assert await _all(cache, "a") == [session13(2), session13(1)]
    assert await _all(cache, "b") == [session13(3)]


async def test_a_session_too_large_for_the_cache_pushes_nothing_out(clock: Clock) -> None:
    cache = MemoryCache(max_bytes=session12().size, clock=clock)
    await cache.put("a", session12())
    await cache.put("b", session13(ticket=bytes(60000)))
    assert await cache.get("b") is None
    assert await cache.get("a") is not None


_keys = st.sampled_from("abcdef")
_kinds = st.sampled_from([12, 13])
_steps = st.lists(st.tuples(_keys, st.none() | st.just("forget") | st.tuples(_kinds, st.integers(0, 300))))


@bounded
@given(_steps, st.integers(1, 4), st.integers(1, 12))
def test_whatever_happens_a_cache_keeps_to_its_bounds(
    steps: Sequence[tuple[str, tuple[int, int] | str | None]], size: int, unit: int
) -> None:
    max_bytes = unit * 600
    given: list[Session] = []

    async def run() -> None:
        cache = MemoryCache(size, max_bytes=max_bytes, clock=lambda: NOW)
        for number, (key, what) in enumerate(steps):
            if what is None:
                session = await cache.get(key)
                if session is not None and not hasattr(session, "version"):
                    given.append(session)
            elif isinstance(what, str):
                await cache.put(key, None)
            else:
                kind, length = what
                ticket = bytes(length + 1)
                await cache.put(
                    key, session12(ticket=ticket) if kind == 12 else session13(number, ticket=ticket)
                )
            kept = [session for entry in cache._entries.values() for session in entry.sessions]
            assert len(cache) == len(kept)
            assert cache._bytes == sum(session.size for session in kept) <= max_bytes
            assert len(cache._entries) <= size
            assert all(1 <= len(entry.sessions) <= TICKETS_PER_KEY for entry in cache._entries.values())

    trio.run(run)
    assert len(given) == len({session.encode() for session in given}), "a ticket was given twice"


async def test_a_session_that_is_kept_twice_is_counted_twice(cache: MemoryCache) -> None:
    session = session13()
    for _ in range(2):
        await cache.put("k", session)
    assert cache._bytes == 2 * session.size
    assert await cache.get("k") is session
    assert await cache.get("k") is None
    assert cache._bytes == 0


def test_threads_do_not_get_into_each_others_way(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = MemoryCache(clock=lambda: NOW)
    remove, reached = MemoryCache._remove, threading.Event()

    def slow(self: MemoryCache, key: str, entry: _session_cache._Entry, session: Session) -> None:
        # While one thread is in the middle of it, the other has all the time it wants.
        if threading.current_thread() is first:
            reached.set()
            second.join(timeout=0.5)
        remove(self, key, entry, session)

    monkeypatch.setattr(MemoryCache, "_remove", slow)
    trio.run(cache.put, "k", session13())
    given: list[Session | None] = []

    def take_one() -> None:
        given.append(trio.run(cache.get, "k"))

    def take_another() -> None:
        reached.wait(timeout=10)
        take_one()

    first, second = threading.Thread(target=take_one), threading.Thread(target=take_another)
    for thread in (second, first):
        thread.start()
    for thread in (second, first):
        thread.join(timeout=10)
    assert sorted(session is None for session in given) == [False, True]
    assert (len(cache), cache._bytes) == (0, 0)


def test_a_cache_says_what_it_holds_and_no_secret(cache: MemoryCache) -> None:
    assert repr(cache) == "<MemoryCache: 0 sessions with 0 servers>"


class SlowCache:
    """A user's cache: one session for each key, and every operation takes a second."""

    def __init__(self, *, forgets: bool = True) -> None:
        self.sessions: dict[str, bytes] = {}
        self.forgotten = 0
        self._forgets = forgets

    async def get(self, key: str, /) -> Session | None:
        data = self.sessions.get(key)
        await trio.sleep(1)
        return None if data is None else Session.decode(data)

    async def put(self, key: str, session: Session | None, /) -> None:
        await trio.sleep(1)
        if session is not None:
            self.sessions[key] = session.encode()
        elif self._forgets:
            self.sessions.pop(key, None)
            self.forgotten += 1


async def test_a_session_of_tls12_is_taken_and_stays(cache: MemoryCache) -> None:
    await cache.put("key", session12())
    for _ in range(3):
        assert await take(cache, "key", NOW) == session12()


async def test_a_ticket_of_tls13_is_forgotten_when_it_is_taken(autojump_clock: MockClock) -> None:
    cache = SlowCache()
    await cache.put("key", session13())
    assert await take(cache, "key", NOW) == session13()
    assert cache.sessions == {}
    assert await take(cache, "key", NOW) is None


async def test_a_ticket_is_taken_once_even_from_a_slow_cache(autojump_clock: MockClock) -> None:
    """All of them are given the ticket before the first can have it forgotten."""
    cache = SlowCache()
    await cache.put("key", session13())
    taken: list[Session | None] = []

    async def connect(delay: float) -> None:
        await trio.sleep(delay)
        taken.append(await take(cache, "key", NOW))

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(connect, number / 5)
    assert sorted(taken, key=lambda session: session is None) == [session13()] + [None] * 9


async def test_a_ticket_is_taken_once_even_if_the_taker_is_cancelled(autojump_clock: MockClock) -> None:
    cache = SlowCache()
    await cache.put("key", session13())
    with trio.move_on_after(1.5) as scope:
        await take(cache, "key", NOW)
    assert scope.cancelled_caught
    assert cache.sessions, "it could not be forgotten any more"
    assert await take(cache, "key", NOW) is None


async def test_a_ticket_is_taken_once_even_from_a_cache_that_never_forgets(autojump_clock: MockClock) -> None:
    cache = SlowCache(forgets=False)
    await cache.put("key", session13())
    assert await take(cache, "key", NOW) == session13()
    assert await take(cache, "key", NOW) is None
    assert await take(cache, "key", NOW) is None


async def test_many_takers_of_a_memory_cache_get_different_tickets(cache: MemoryCache) -> None:
    for number in range(4):
        await cache.put("key", session13(number))
    taken: list[Session | None] = []

    async def connect() -> None:
        await trio.lowlevel.checkpoint()
        taken.append(await take(cache, "key", NOW))

    async with trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(connect)
    assert [session for session in taken if session is not None] == [session13(n) for n in (3, 2, 1, 0)]


async def test_stale_sessions_are_passed_over_and_forgotten(autojump_clock: MockClock) -> None:
    for session in (session12(), session13()):
        cache = SlowCache()
        await cache.put("key", session)
        assert await take(cache, "key", NOW + 3601) is None
        assert cache.forgotten == 1


async def test_a_fresh_ticket_behind_stale_ones_is_found(clock: Clock) -> None:
    # The cache's clock is behind the one of whoever asks.
    cache = MemoryCache(clock=clock)
    await cache.put("key", session13(1))
    await cache.put("key", session13(2, lifetime=1))
    await cache.put("key", session13(3, lifetime=1))
    assert await take(cache, "key", NOW + 2) == session13(1)


async def test_what_is_no_session_is_blamed_on_the_cache() -> None:
    class Strange:
        async def get(self, key: str, /) -> Session | None:
            return b"session"  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

        async def put(self, key: str, session: Session | None, /) -> None:
            raise NotImplementedError

    with pytest.raises(TypeError, match=r"^Strange\.get gave bytes, not a Session$"):
        await take(Strange(), "key", NOW)


async def test_errors_of_a_cache_pass_through() -> None:
    class Broken(SlowCache):
        async def get(self, key: str, /) -> Session | None:
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await take(Broken(), "key", NOW)


async def test_what_is_remembered_of_used_tickets_is_bounded(
    cache: MemoryCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_session_cache, "_MAX_SPENT", 2)
    for number in range(5):
        await cache.put("key", session13(number))
        assert await take(cache, "key", NOW) == session13(number)
    assert len(_session_cache._spent) == 2


def test_a_key_is_text_that_does_not_depend_on_the_process() -> None:
    digest = trust_digest([b"a", "b"])
    expected = hashlib.sha256(b"b" + bytes(7) + b"\x01a" + b"s" + bytes(7) + b"\x01b").hexdigest()
    assert digest == expected
    assert session_key("example.com", 443, digest) == f"example.com:443 {expected}"
    assert session_key("2001:db8::1", 8443, "d") == "[2001:db8::1]:8443 d"
    assert session_key("example.com", None, "d") == "example.com:* d"


_part = st.binary(max_size=3) | st.text("ab\0", max_size=3)
_parts = st.lists(_part, max_size=4)


@bounded
@given(_parts, _parts)
def test_two_lists_have_two_digests(one: list[bytes | str], other: list[bytes | str]) -> None:
    assert (trust_digest(one) == trust_digest(other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([b"ab"], [b"a", b"b"]),
        ([b"a", b""], [b"", b"a"]),
        ([b""], []),
        ([b"a"], ["a"]),
    ],
)
def test_nothing_is_lost_between_the_parts(one: list[bytes | str], other: list[bytes | str]) -> None:
    assert trust_digest(one) != trust_digest(other)
