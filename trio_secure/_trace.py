"""What a connection does, as events that a person or a program can follow.

Theory of operation
-------------------
The wire reports each message, key change and alert at the moment it happens; `describe` puts a message into one
line of words. Without a trace nothing is built and nothing is called.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from . import _extensions as ext
from . import _messages12 as m12
from . import _messages13 as m13
from ._groups import GROUPS_BY_CODE
from ._messages import CertificateVerify, ClientHello, ServerHello
from ._signatures import SCHEMES_BY_CODE
from ._suites import CIPHER_SUITES

Direction = Literal["sent", "received", "note"]
_ARROWS = {"sent": ">", "received": "<", "note": "-"}


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """One thing that happened on a connection.

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

    def __str__(self) -> str:
        line = f"{self.at * 1000:8.2f} ms {_ARROWS[self.direction]} {self.name}"
        return f"{line}: {self.summary}" if self.summary else line


TraceSink = Callable[[TraceEvent], object]


def print_event(event: TraceEvent) -> None:
    """Write an event to standard error: what `trace: True` does."""
    sys.stderr.write(f"{event}\n")


class Tracer:
    """Stamps events with the time and hands them to the user's sink."""

    __slots__ = ("_began", "_sink")

    def __init__(self, sink: TraceSink) -> None:
        self._sink = sink
        self._began = time.perf_counter()

    def message(self, direction: Direction, message: object) -> None:
        """A handshake message went by."""
        self.event(direction, type(message).__name__, describe(message))

    def event(self, direction: Direction, name: str, summary: str = "") -> None:
        """Anything else went by."""
        self._sink(TraceEvent(time.perf_counter() - self._began, direction, name, summary))


_SUITE_NAMES = {suite.code: suite.name for suite in CIPHER_SUITES}


def suite_name(code: int) -> str:
    """A suite's registered name, or its number."""
    return _SUITE_NAMES.get(code, f"suite 0x{code:04x}")


def group_name(code: int) -> str:
    """A group's registered name, or its number."""
    return GROUPS_BY_CODE[code].name if code in GROUPS_BY_CODE else f"group 0x{code:04x}"


def scheme_name(code: int) -> str:
    """A signature scheme's registered name, or its number."""
    return SCHEMES_BY_CODE[code].name if code in SCHEMES_BY_CODE else f"scheme 0x{code:04x}"


def _names(extensions: ext.Extensions) -> str:
    return ", ".join(map(ext.extension_name, extensions)) or "no extensions"


@functools.singledispatch
def describe(message: object) -> str:
    """One line on a message; empty when its name says all."""
    return ""


@describe.register
def _(message: ClientHello) -> str:
    return f"{len(message.cipher_suites)} suites; {_names(dict(message.extensions))}"


@describe.register
def _(message: ServerHello) -> str:
    version = "TLS 1.3" if ext.SUPPORTED_VERSIONS in message.extensions else f"0x{message.legacy_version:04x}"
    share = message.extensions.get(ext.KEY_SHARE)
    group = f", {group_name(int.from_bytes(share[:2], 'big'))}" if share else ""
    return f"{version}, {suite_name(message.cipher_suite)}{group}; {_names(message.extensions)}"


@describe.register
def _(message: m13.EncryptedExtensions) -> str:
    return _names(message.extensions)


@describe.register
def _(message: m13.Certificate) -> str:
    return _chain([len(entry.cert_data) for entry in message.certificate_list])


@describe.register
def _(message: m12.Certificate) -> str:
    return _chain([len(der) for der in message.certificate_list])


def _chain(sizes: list[int]) -> str:
    noun = "certificate" if len(sizes) == 1 else "certificates"
    return f"{len(sizes)} {noun} of {', '.join(map(str, sizes))} bytes" if sizes else "no certificate"


@describe.register
def _(message: CertificateVerify) -> str:
    return scheme_name(message.algorithm)


@describe.register
def _(message: m12.ServerKeyExchange) -> str:
    return f"{group_name(message.named_curve)}, {scheme_name(message.algorithm)}"


@describe.register
def _(message: m13.NewSessionTicket) -> str:
    return f"{len(message.ticket)} bytes, good for {message.lifetime} s"


@describe.register
def _(message: m13.KeyUpdate) -> str:
    return "and asks for ours" if message.update_requested else ""
