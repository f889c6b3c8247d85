"""The session cache: the one in memory, and how any cache is asked.

Theory of operation
-------------------
A cache is asked through `take` alone, which holds it to three promises: what comes out is a session, it is still
fresh, and a ticket of TLS 1.3 comes out once, whoever asks at the same time and however long the cache takes to
forget it:

    RFC 9846 §C.4 [8446 §C.4]: "Clients SHOULD NOT reuse a ticket for multiple connections. Reuse of a ticket
    allows passive observers to correlate different connections."

`MemoryCache` never waits inside, so that no other task of Trio's can come between; and since the process has one
that is used by whoever is not told another, in whichever thread, a lock keeps other threads out.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

from ._sessions import Session, Session12, Session13, SessionCache

#: How many sessions are kept for one key. Servers give two tickets to a connection, as a rule.
TICKETS_PER_KEY = 4
# How often a cache is asked again because what it gave is of no use.
_ATTEMPTS = TICKETS_PER_KEY + 1
# How many tickets are remembered as used. It has to be more than can be taken while one cache is slow to answer.
_MAX_SPENT = 4096


@dataclass(slots=True)
class _Entry:
    """What is known under one key: the newest first, and which of them was given last."""

    sessions: list[Session]
    given: Session | None = None


class MemoryCache:
    """Sessions in memory, those longest unused forgotten first.

    One cache may serve any number of connections, in any number of threads.

    Args:
        size: for how many servers sessions are kept.
        max_bytes: about how much memory they may take together.
        clock: the wall clock, in seconds since the epoch.

    Raises:
        ValueError: a limit is below 1.
    """

    def __init__(
        self, size: int = 256, *, max_bytes: int = 2**23, clock: Callable[[], float] = time.time
    ) -> None:
        if size < 1 or max_bytes < 1:
            raise ValueError(f"a cache of {size} servers and {max_bytes} bytes holds nothing")
        self._size = size
        self._max_bytes = max_bytes
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            return sum(len(entry.sessions) for entry in self._entries.values())

    def __repr__(self) -> str:
        return f"<MemoryCache: {len(self)} sessions with {len(self._entries)} servers>"

    async def get(self, key: str, /) -> Session | None:
        """The newest session for `key`. A ticket of TLS 1.3 is given away, one of TLS 1.2 stays."""
        with self._lock:
            return self._get(key)

    async def put(self, key: str, session: Session | None, /) -> None:
        """Keep a session, or forget the one that `get` gave last."""
        with self._lock:
            if session is None:
                self._forget(key)
            elif session.size <= self._max_bytes and session.is_fresh(self._clock()):
                self._keep(key, session)

    def _get(self, key: str) -> Session | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        now = self._clock()
        for stale in [session for session in entry.sessions if not session.is_fresh(now)]:
            self._remove(key, entry, stale)
        if not entry.sessions:
            return None
        entry.given = session = entry.sessions[0]
        self._entries.move_to_end(key)
        if isinstance(session, Session13):
            self._remove(key, entry, session)
        return session

    def _forget(self, key: str) -> None:
        entry = self._entries.get(key)
        if entry is not None and entry.given is not None:
            given, entry.given = entry.given, None
            # It may be gone: given away, or replaced by another connection's.
            if any(session is given for session in entry.sessions):
                self._remove(key, entry, given)

    def _keep(self, key: str, session: Session) -> None:
        entry = self._entries.setdefault(key, _Entry([]))
        entry.sessions.insert(0, session)
        self._bytes += session.size
        self._entries.move_to_end(key)
        # Up to TLS 1.2 a session lasts, so one is enough, and it is replaced by its like.
        if isinstance(session, Session12):
            for replaced in [old for old in entry.sessions[1:] if isinstance(old, Session12)]:
                self._remove(key, entry, replaced)
        for old in entry.sessions[TICKETS_PER_KEY:]:
            self._remove(key, entry, old)
        while len(self._entries) > self._size or self._bytes > self._max_bytes:
            oldest, entry = next(iter(self._entries.items()))
            self._remove(oldest, entry, entry.sessions[-1])

    def _remove(self, key: str, entry: _Entry, session: Session) -> None:
        kept = [other for other in entry.sessions if other is not session]
        # It may have been put here twice, where a cache around this one was cancelled in between.
        self._bytes -= session.size * (len(entry.sessions) - len(kept))
        entry.sessions = kept
        if not entry.sessions:
            del self._entries[key]


#: The cache of connections that are not told another.
PROCESS_CACHE = MemoryCache()


async def take(cache: SessionCache, key: str, now: float) -> Session | None:
    """A session to resume, out of any cache; one of TLS 1.3 is forgotten there, and never taken again.

    Args:
        cache: where to look. What it raises passes through.
        key: what to look for.
        now: the wall clock, in seconds since the epoch.

    Raises:
        TypeError: the cache gave something that is no session.
    """
    for _ in range(_ATTEMPTS):
        session = await cache.get(key)
        if session is None:
            return None
        if not isinstance(cast("object", session), Session):
            raise TypeError(f"{type(cache).__name__}.get gave {type(session).__name__}, not a Session")
        fresh = session.is_fresh(now)
        if fresh and isinstance(session, Session12):
            return session
        # Whoever is given the same ticket by a cache that has not forgotten it yet finds it used.
        unused = isinstance(session, Session13) and spend(session)
        await cache.put(key, None)
        if fresh and unused:
            return session
    return None


_spent: OrderedDict[bytes, object] = OrderedDict()


def spend(session: Session13) -> bool:
    """Use a ticket up, wherever it is kept: whether this process does so for the first time."""
    # The PSK is what is unique to a ticket; what it is named is up to each server.
    use = object()
    first = _spent.setdefault(hashlib.sha256(session.psk).digest(), use) is use
    while len(_spent) > _MAX_SPENT:
        _spent.popitem(last=False)
    return first


def session_key(host: str, port: int | None, trust: str) -> str:
    """The key of a server's sessions, the same in every process: "example.com:443 " and a digest.

    Args:
        host: the name that is connected to.
        port: where; None for a transport that does not tell.
        trust: what `trust_digest` gives for the configuration.
    """
    place = f"[{host}]" if ":" in host else host
    return f"{place}:{'*' if port is None else port} {trust}"


def trust_digest(parts: Iterable[bytes | str]) -> str:
    """A digest of everything that decides what a session may be used for, as hexadecimal digits.

    Args:
        parts: the values, in an order that is always the same. No two different lists give one digest: each value
            is hashed behind its kind and its length.
    """
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update((b"s" if isinstance(part, str) else b"b") + len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()
