"""From the events of one connection to what they tell together.

Theory of operation: events come in the order they happened. They are read once, and what the page needs on top,
the outcome above all, is picked out: whether the handshake was finished, where it failed and why, and which
certificates went by. A trace that just ends tells of a connection that somebody gave up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from trio_secure import ConnectionInfo, TraceAlert, TraceEvent, TraceMessage, TraceNote

from ._messages import certificates_of
from ._parts import words

MOST_EVENTS = 500
"""A connection that lives on makes more; these are the ones that tell of its handshake."""

Outcome = Literal["established", "failed", "unfinished"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a connection ended.

    Attributes:
        message: in words.
        phase: the message that was awaited or being looked at; empty when it is not known.
        alert: the alert's name, if there is one.
        place: the position among the events at which it is told.
        ours: whether this side refused; False when the peer did, or the connection broke.
        certificate: the certificate at fault in DER, if there is one.
    """

    message: str
    phase: str
    alert: str | None
    place: int
    ours: bool
    certificate: bytes | None


@dataclass(frozen=True, slots=True)
class Story:
    """What the events of one connection tell.

    Attributes:
        events: all of them, or the first `MOST_EVENTS`.
        more: whether there were others after these.
        outcome: of the handshake.
        info: what was settled, once established.
        failure: what ended the handshake.
        server_name: the name the client asked for.
        version: as people call it, once the server has chosen.
        chain: the certificates in DER, as the server sent them in this or an earlier handshake.
    """

    events: tuple[TraceEvent, ...]
    more: bool
    outcome: Outcome
    info: ConnectionInfo | None
    failure: Failure | None
    server_name: str
    version: str | None
    chain: tuple[bytes, ...]

    @classmethod
    def of(cls, events: Iterable[TraceEvent]) -> Story:
        """Read the events once."""
        read = iter(events)
        kept = tuple(islice(read, MOST_EVENTS))
        info = next((i for event in kept if (i := _info(event))), None)
        failure = None if info else next((f for n, e in enumerate(kept) if (f := _failure(n, e, kept))), None)
        messages = [event for event in kept if isinstance(event, TraceMessage)]
        sent = next((c for e in messages if e.direction == "received" and (c := certificates_of(e))), ())
        return cls(
            kept,
            next(read, None) is not None,
            "established" if info else "failed" if failure else "unfinished",
            info,
            failure,
            next((words(x.value) for e in messages for x in e.extensions if x.name == "server_name"), ""),
            next((v for event in messages if (v := _version(event))), None),
            sent or (info.peer_certificates if info else ()),
        )

    @property
    def last_received(self) -> str | None:
        """The name of the last message that came."""
        return next((event.name for event in reversed(self.events) if event.direction == "received"), None)


def _info(event: TraceEvent) -> ConnectionInfo | None:
    if isinstance(event, TraceNote) and event.name == "established":
        info = event.facts.get("info")
        return info if isinstance(info, ConnectionInfo) else None
    return None


def _failure(place: int, event: TraceEvent, events: tuple[TraceEvent, ...]) -> Failure | None:
    if not isinstance(event, TraceNote) or event.name != "failed":
        return None
    facts = event.facts
    # The message is not cut here: the page has room for more of it than of a field.
    message, alert, certificate = facts.get("message"), facts.get("alert"), facts.get("certificate")
    ours = any(isinstance(later, TraceAlert) and later.direction == "sent" for later in events[place:])
    return Failure(
        str(message or event.summary),
        words(facts.get("phase")),
        None if alert is None else words(alert),
        place,
        ours,
        certificate if isinstance(certificate, bytes) else None,
    )


def _version(event: TraceMessage) -> str | None:
    if event.name not in {"ServerHello", "HelloRetryRequest"}:
        return None
    chosen = [words(x.value) for x in event.extensions if x.name == "supported_versions"]
    return chosen[0] if chosen else words(event.fields.get("legacy_version"))
