"""Pings on their way, and the pongs that answer them.

Theory of operation: a Pong carries the payload of the Ping it answers (RFC 6455 §5.5.3). A peer with
several Pings to answer may answer only the latest, so a Pong also settles every Ping sent before its own.
Pongs nobody waits for are allowed and ignored.
"""

from __future__ import annotations

import math

import trio


class Flight:
    """One Ping that is on its way."""

    def __init__(self) -> None:
        self._sent_at = trio.current_time()
        self.landed = trio.Event()
        """Set when the Pong has come, or will not come any more."""
        self.latency = math.nan
        """Seconds from sending the Ping to reading its Pong; not a number as long as none has come."""

    def land(self) -> None:
        """The Pong has come."""
        self.latency = trio.current_time() - self._sent_at
        self.landed.set()


class Pings:
    """The Pings without a Pong, oldest first."""

    def __init__(self) -> None:
        self.latency = math.nan
        """Seconds that the last Ping to be answered took; not a number as long as none has been."""
        self._flights: dict[bytes, Flight] = {}

    def __contains__(self, payload: bytes) -> bool:
        return payload in self._flights

    def sent(self, payload: bytes) -> Flight:
        """Note that a Ping has been sent."""
        flight = self._flights[payload] = Flight()
        return flight

    def forget(self, payload: bytes, flight: Flight) -> None:
        """Nobody waits for this Ping's Pong any more."""
        if self._flights.get(payload) is flight:
            del self._flights[payload]

    def answered(self, payload: bytes) -> None:
        """A Pong has come."""
        if payload not in self._flights:
            return
        sent = list(self._flights)
        for earlier in sent[: sent.index(payload) + 1]:
            flight = self._flights.pop(earlier)
            flight.land()
            self.latency = flight.latency

    def end(self) -> None:
        """No more Pongs will come."""
        for flight in self._flights.values():
            flight.landed.set()
        self._flights.clear()
