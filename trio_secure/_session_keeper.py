"""What a connection takes from the session cache and what it leaves there.

Theory of operation
-------------------
A cache may take its time, so asking it and giving to it are asynchronous; what is to be kept waits here until
somebody has the time. The key under which sessions stand is made of everything that decides whom a connection
trusts, so that no session made under other trust is ever offered.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

from ._config import TLSConfig
from ._identity import first_expiry
from ._messages13 import NewSessionTicket
from ._names import ServerName
from ._resumption import session_from_handshake12, session_from_ticket13, usable
from ._session_cache import TICKETS_PER_KEY, session_key, spend, take
from ._sessions import KnownPeer, Session, Session12, Session13, SessionCache
from ._wire import Established

# More tickets than this at once are not worth keeping: the cache keeps no more either.
_MAX_WAITING = 4


class SessionKeeper:
    """One connection's dealings with a cache.

    Args:
        cache: where sessions are kept.
        config: the connection's configuration.
        name: the server's name.
        port: its port, if it is known.
        trust: what stands for the configuration's idea of whom to trust, as in `session_key`.
        clock: the wall clock, in seconds since the epoch.
    """

    def __init__(
        self,
        cache: SessionCache,
        config: TLSConfig,
        name: ServerName | None,
        port: int | None,
        trust: str,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cache = cache
        self._config = config
        self._name = name
        self._clock = clock
        self._key = session_key(name.text if name else "", port, trust)
        # There is a keeper for each connection, most with nothing in these: as tuples they then take no memory.
        self._waiting: tuple[Session, ...] = ()
        # The session of TLS 1.2 or below that this connection is resumed from, or has left.
        self._own: Session12 | None = None
        # The latest tickets that it has brought.
        self._tickets: tuple[Session13, ...] = ()

    async def take(self) -> Session | None:
        """A session that may be offered, if there is one."""
        session = await take(self._cache, self._key, self._clock())
        config = self._config
        if session is None or not usable(
            session, self._name, config.suite_rows, config.lowest, config.highest
        ):
            return None
        self._own = session if isinstance(session, Session12) else None
        return session

    async def give_up(self, error: Exception) -> None:
        """The connection has failed with `error`, and its session with it.

        RFC 5246 §7.2.2: "Servers and clients MUST forget any session-identifiers, keys, and secrets associated
        with a failed connection. Thus, any connection terminated with a fatal alert MUST NOT be resumed." By RFC
        9846 §6 [8446 §6], tickets of TLS 1.3 "SHOULD be discarded if possible", and within this process it
        is. Trouble that the cache makes is noted at `error`, which goes before it.
        """
        self._waiting = ()
        for ticket in self._tickets:
            spend(ticket)
        own, self._own = self._own, None
        if own is None:
            return
        try:
            # Another connection may have left another session since, and to ask is the way to tell which is meant.
            found = await self._cache.get(self._key)
            if found == own:
                await self._cache.put(self._key, None)
            elif isinstance(found, Session13):
                # A cache gives such a one away.
                await self._cache.put(self._key, found)
        except Exception as trouble:  # noqa: BLE001  # whatever a cache of the user's may raise
            error.add_note(f"the session cache has failed as well: {type(trouble).__name__}: {trouble}")

    def meet(self, established: Established) -> None:
        """A handshake is over: what it leaves waits to be kept."""
        self._established = established
        self._met = self._clock()
        new = established.session
        if new is None:
            return
        session = session_from_handshake12(
            version=established.version,
            suite=established.suite,
            master_secret=new.master.secret,
            extended_master_secret=new.extended_master_secret,
            max_fragment_length=new.max_fragment_length,
            session_id=new.session_id,
            ticket=new.ticket,
            resumed=established.resumed,
            known=self._known,
            now=self._met,
        )
        if session is not None:
            self._own = session
            self._add(session)

    def receive(self, ticket: NewSessionTicket) -> None:
        """A ticket of TLS 1.3: the session it brings waits to be kept."""
        resumption = self._established.resumption
        if resumption is None:
            return
        session = session_from_ticket13(
            ticket, resumption, self._known, self._established.alpn, self._clock()
        )
        if session is not None:
            self._tickets = (*self._tickets, session)[-TICKETS_PER_KEY:]
            self._add(session)

    def _add(self, session: Session) -> None:
        self._waiting = (*self._waiting, session)[-_MAX_WAITING:]

    @property
    def waiting(self) -> bool:
        """Whether there is something to keep."""
        return bool(self._waiting)

    async def keep(self) -> None:
        """Put what waits into the cache; what is cancelled on the way waits on."""
        while self._waiting:
            session, *rest = self._waiting
            self._waiting = tuple(rest)
            try:
                await self._cache.put(self._key, session)
            except Exception:
                # The cache's own trouble: it is told once, and the session is not tried again.
                raise
            except BaseException:
                self._waiting = (session, *self._waiting)
                raise

    @functools.cached_property
    def _known(self) -> KnownPeer:
        resumed, peer = self._established.resumed, self._established.peer
        if resumed is not None:
            return resumed.known
        return KnownPeer.met(peer, self._met, first_expiry(peer.verified_chain))
