"""What a server asks for: the challenges of WWW-Authenticate and Proxy-Authenticate.

Theory of operation: RFC 9110 §11.6.1 puts several challenges into one field, between the same commas that separate
a challenge's parameters, so the field is read token by token. What cannot be read ends the reading: a challenge
that was understood before it still counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_TCHARS = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SEPARATOR = re.compile(r"[ \t,]*")
_SCHEME = re.compile(rf"({_TCHARS})(?=[ \t]|,|$)")
_PARAMETER = re.compile(rf'({_TCHARS})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|({_TCHARS}))(?=[ \t]*(?:,|$))')
_TOKEN68 = re.compile(r"[ \t]+[0-9A-Za-z._~+/-]+=*(?=[ \t]*(?:,|$))")
_MOST = 16


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way a server offers to be convinced."""

    scheme: str
    """In lower case, for example `digest`."""
    parameters: dict[str, str] = field(default_factory=dict[str, str])
    """By name, in lower case; a challenge that names one twice is left out."""


def parse_challenges(values: Iterable[str]) -> list[Challenge]:
    """The challenges in the values of the field, in the server's order; at most 16 of them."""
    found = [challenge for value in values for challenge in _parsed(value)]
    return found[:_MOST]


def _parsed(value: str) -> list[Challenge]:
    challenges: list[Challenge] = []
    position = _skip(value, 0)
    while len(challenges) < _MOST and (scheme := _SCHEME.match(value, position)):
        position = scheme.end()
        if blob := _TOKEN68.match(value, position):
            # Some scheme's own encoding, such as Negotiate's; or else the one parameterless scheme after another.
            challenges.append(Challenge(scheme[1].lower()))
            position = _skip(value, blob.end())
            continue
        parameters: dict[str, str] = {}
        position = _skip(value, position)
        twice = False
        while parameter := _PARAMETER.match(value, position):
            name = parameter[1].lower()
            twice = twice or name in parameters
            quoted = parameter[2]
            parameters[name] = parameter[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            position = _skip(value, parameter.end())
        if not twice:
            challenges.append(Challenge(scheme[1].lower(), parameters))
    return challenges


def _skip(value: str, position: int) -> int:
    found = _SEPARATOR.match(value, position)
    return found.end() if found else position
