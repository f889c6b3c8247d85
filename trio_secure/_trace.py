"""What a connection does, as events that a person or a program can follow.

Theory of operation
-------------------
Whoever sends or receives something tells the `Tracer`, which makes an event of it and hands it to the user's sink
at that very moment. The tracer follows the keys: the epoch of each direction is that of the last change it was
told of, so nobody else keeps it. Without a trace there is no tracer, nothing is built and nothing is called.

What peers sent is put into values leniently, so nothing they send makes a trace fail; only the sink may raise, and
then ends the connection like any other error of its user.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, ParamSpec, TypeVar

from ._alerts import Alert
from ._errors import AlertLevel, CertificateRefused, TLSError, alert_name
from ._messages import ServerHello
from ._protection import Epoch
from ._trace_extensions import Size, TraceExtension, suite_name
from ._trace_text import details, extensions, fields, printable, summary, title

P = ParamSpec("P")
T = TypeVar("T")

Way = Literal["sent", "received"]
Direction = Literal["sent", "received", "note"]
_ARROWS: Mapping[Direction, str] = {"sent": "->", "received": "<-", "note": " *"}
_INDENT = " " * 19


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """One thing that happened on a connection; `str` gives it in words, without secrets.

    Most events are of a class below, which says more. This one alone stands for a change_cipher_spec record.

    Attributes:
        at: seconds since the connection's handshake began.
        direction: "sent", "received", or "note" for what happens on this side only.
        name: the message's name, "alert", or what the note is about.
        summary: one line of words; no secrets.
    """

    at: float
    direction: Direction
    name: str
    summary: str

    @property
    def heading(self) -> str:
        """What stands before the summary."""
        return self.name

    @property
    def details(self) -> tuple[str, ...]:
        """The lines below the first."""
        return ()

    def __str__(self) -> str:
        said = f"{self.heading}: {self.summary}" if self.summary else self.heading
        first = f"{self.at * 1000:9.2f} ms {_ARROWS[self.direction]} {said}"
        return "\n".join(printable(line) for line in (first, *(_INDENT + line for line in self.details)))


@dataclass(frozen=True, slots=True)
class TraceMessage(TraceEvent):
    """A handshake message.

    Attributes:
        type: its number (RFC 9846 §4 [8446 §4]).
        length: bytes in its body.
        epoch: the keys that protect it.
        fields: what it holds but for the extensions, by the RFC's names, in plain values: names for codes,
            hexadecimal for bytes, their length for long ones, DER for certificates.
        extensions: all of its extensions, decoded.
        raw: the message in wire form, its header included.
    """

    type: int
    length: int
    epoch: Epoch
    fields: Mapping[str, object]
    extensions: tuple[TraceExtension, ...]
    raw: bytes

    @property
    def heading(self) -> str:
        """The name, the length, and the epoch if it is encrypted."""
        epoch = "" if self.epoch is Epoch.PLAINTEXT else f", {self.epoch} keys"
        return f"{self.name} ({Size(self.length)}{epoch})"

    @property
    def details(self) -> tuple[str, ...]:
        """The lists in the message, and its extensions."""
        return details(self.fields, self.extensions)


@dataclass(frozen=True, slots=True)
class TraceKeyChange(TraceEvent):
    """A change of keys, called "write key" or "read key".

    Attributes:
        protects: what the key protects: what is "sent" or what is "received" from here on.
        epoch: what begins with it.
        suite: the name of the suite; None before the server has chosen one, and in plaintext.
        generation: 0 for the first key of an epoch, one more with each KeyUpdate.
    """

    protects: Way
    epoch: Epoch
    suite: str | None
    generation: int


@dataclass(frozen=True, slots=True)
class TraceAlert(TraceEvent):
    """An alert, called "alert".

    Attributes:
        level: 1 for a warning, 2 for a fatal alert; from TLS 1.3 on it means nothing.
        code: its number.
        description: its name as the RFC writes it.
        epoch: the keys that protect it.
    """

    level: int
    code: int
    description: str
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class TraceNote(TraceEvent):
    """Something that happened on this side.

    Attributes:
        facts: what can be told in values; durations in seconds. "established" has `info`, the `ConnectionInfo`;
            "failed" has the error's `kind`, `message`, `phase`, `alert` by name or None, and for a
            `CertificateRefused` the `certificate` at fault, in DER or None.
    """

    facts: Mapping[str, object]


TraceSink = Callable[[TraceEvent], object]


def print_event(event: TraceEvent) -> None:
    """Write an event to standard error: what `trace: True` does."""
    text = f"{event}\n"
    # Standard error may be missing or closed, which is no fault of the connection.
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)


class Tracer:
    """Makes events of what it is told, stamps them with the time and hands them to the user's sink."""

    __slots__ = ("_began", "_keys", "_sink", "_suite")

    def __init__(self, sink: TraceSink) -> None:
        self._sink = sink
        self._began = time.perf_counter()
        unprotected = (Epoch.PLAINTEXT, 0)
        self._keys: dict[Way, tuple[Epoch, int]] = {"sent": unprotected, "received": unprotected}
        self._suite: str | None = None

    def message(self, direction: Way, message: object, encoded: bytes) -> None:
        """A handshake message went by; `encoded` is its wire form."""
        if isinstance(message, ServerHello):
            self._suite = suite_name(message.cipher_suite)
        name, held, extended = title(message), fields(message), extensions(message)
        self._sink(
            TraceMessage(
                self._now(),
                direction,
                name,
                summary(name, held, extended),
                type=encoded[0],
                length=len(encoded) - 4,
                epoch=self._keys[direction][0],
                fields=held,
                extensions=extended,
                raw=encoded,
            )
        )

    def change_cipher_spec(self, direction: Way) -> None:
        """A change_cipher_spec record went by."""
        self._sink(TraceEvent(self._now(), direction, "ChangeCipherSpec", ""))

    def alert(self, direction: Way, alert: Alert) -> None:
        """An alert went by."""
        known = alert.level in tuple(AlertLevel)
        level = AlertLevel(alert.level).name.lower() if known else f"level {alert.level}"
        name = alert_name(alert.description)
        epoch = self._keys[direction][0]
        said = f"{level} {name}"
        self._sink(TraceAlert(self._now(), direction, "alert", said, *alert, description=name, epoch=epoch))

    def key_change(self, protects: Way, epoch: Epoch) -> None:
        """What is sent or received next is under a new key, of a new epoch or by a KeyUpdate."""
        before, generation = self._keys[protects]
        generation = generation + 1 if epoch is before else 0
        self._keys[protects] = epoch, generation
        name = "write key" if protects == "sent" else "read key"
        # After a HelloRetryRequest a client that has sent early data is back where it began.
        suite = None if epoch is Epoch.PLAINTEXT else self._suite
        said = [epoch if epoch is Epoch.PLAINTEXT else f"{epoch} keys"]
        said += [suite] if suite else []
        said += [f"generation {generation}"] if generation else []
        self._sink(
            TraceKeyChange(self._now(), "note", name, ", ".join(said), protects, epoch, suite, generation)
        )

    def note(self, name: str, summary: str = "", /, **facts: object) -> None:
        """Something happened on this side."""
        self._sink(TraceNote(self._now(), "note", name, summary, facts))

    def failed(self, error: TLSError) -> None:
        """The connection has failed. The error itself is not kept: behind it hangs all that was being done."""
        alert = None if error.alert is None else alert_name(error.alert)
        facts: dict[str, object] = {"kind": type(error).__name__, "message": error.message}
        facts |= {"phase": error.phase or "", "alert": alert}
        if isinstance(error, CertificateRefused):
            facts["certificate"] = error.certificate
        self.note("failed", str(error), **facts)

    def limits(self, **limits: int | None) -> None:
        """How many bytes a record may hold, where that was agreed."""
        facts = {name: size for name, size in limits.items() if size is not None}
        if facts:
            said = ", ".join(f"{name} {size} bytes" for name, size in facts.items())
            self.note("record limits", said, **facts)

    def timed(self, name: str, work: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        """`work`, with a note when it begins and one when it ends, however it does."""

        async def run(*args: P.args, **kwargs: P.kwargs) -> T:
            self.note(name, "began")
            began = time.perf_counter()
            try:
                return await work(*args, **kwargs)
            finally:
                seconds = time.perf_counter() - began
                self.note(name, f"ended after {seconds * 1000:.2f} ms", seconds=seconds)

        return run

    def _now(self) -> float:
        return time.perf_counter() - self._began
