"""Agreeing on extensions: Sec-WebSocket-Extensions, both ways (RFC 6455 §9.1, RFC 7692 §7.1).

Theory of operation: one extension is offered or none, so an answer that names another one, or names it twice,
is wrong, and so is one with a parameter that is unknown, doubled, out of range, or no answer to what was
offered. RFC 7692 §7.1: the client "MUST _Fail the WebSocket Connection_" then. The answer is parsed by the
grammar, because a server that is misread here is misread in every frame that follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ._deflate import Deflate

PERMESSAGE_DEFLATE = "permessage-deflate"

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# RFC 9110 §5.6.2 calls this a token. RFC 6455 §9.1: the value of a parameter, also a quoted one, is a token.
_PARAMETER = re.compile(rf'[ \t]*;[ \t]*({_WORD})(?:[ \t]*=[ \t]*(?:({_WORD})|"({_WORD})"))?')
_NAME = re.compile(rf"[ \t]*({_WORD})")
_END = re.compile(r"[ \t]*(?:,|$)")
# RFC 7692 §7.1.2: "a decimal integer value without leading zeroes between 8 to 15".
_BITS = {str(bits): bits for bits in range(8, 16)}


class BadAnswer(Exception):
    """The server agreed to what was not offered, or in a way that makes no sense; the message says how."""


def offer(deflate: Deflate) -> str:
    """The value of the field in the request."""
    parts = [PERMESSAGE_DEFLATE]
    if deflate.server_no_context_takeover:
        parts.append("server_no_context_takeover")
    if deflate.client_no_context_takeover:
        parts.append("client_no_context_takeover")
    if deflate.server_max_window_bits is not None:
        parts.append(f"server_max_window_bits={deflate.server_max_window_bits}")
    if deflate.client_max_window_bits == 15:
        parts.append("client_max_window_bits")
    elif deflate.client_max_window_bits is not None:
        parts.append(f"client_max_window_bits={deflate.client_max_window_bits}")
    return "; ".join(parts)


def agreement(values: Sequence[str], offered: Deflate | None) -> Deflate | None:
    """What the server agreed to; `None` if it agreed to no compression.

    Args:
        values: those of all the fields in the response.
        offered: what the request offered.

    Raises:
        BadAnswer: the server may not agree to that.
    """
    extensions = [extension for value in values for extension in _parse(value)]
    if not extensions:
        return None
    name, parameters = extensions[0]
    if offered is None or name != PERMESSAGE_DEFLATE:
        raise BadAnswer(f"agrees to the extension {name!r:.100}, which was not offered")
    if len(extensions) > 1:
        raise BadAnswer(f"agrees to {len(extensions)} extensions, and one was offered")
    return _checked(parameters, offered)


def _checked(parameters: Sequence[tuple[str, str | None]], offered: Deflate) -> Deflate:
    given = dict(parameters)
    if len(given) < len(parameters):
        raise BadAnswer(f"repeats a parameter of {PERMESSAGE_DEFLATE}")
    server_takeover = _flag(given, "server_no_context_takeover")
    client_takeover = _flag(given, "client_no_context_takeover")
    server_bits = _bits(given, "server_max_window_bits", offered.server_max_window_bits)
    client_bits = _bits(given, "client_max_window_bits", offered.client_max_window_bits)
    if given:
        raise BadAnswer(f"has an unknown parameter of {PERMESSAGE_DEFLATE}: {next(iter(given))!r:.100}")
    # §7.1.1.1 and §7.1.2.1: a server accepts an offer with one of these by repeating it.
    if offered.server_no_context_takeover and not server_takeover:
        raise BadAnswer("passes over server_no_context_takeover")
    if offered.server_max_window_bits is not None and server_bits is None:
        raise BadAnswer("passes over server_max_window_bits")
    # §7.1.2.2: "the corresponding extension negotiation response to the offer MUST NOT include" it then.
    if offered.client_max_window_bits is None and client_bits is not None:
        raise BadAnswer("limits client_max_window_bits, which was not offered")
    return replace(
        offered,
        server_no_context_takeover=server_takeover,
        client_no_context_takeover=client_takeover or offered.client_no_context_takeover,
        server_max_window_bits=server_bits or 15,
        client_max_window_bits=client_bits or offered.client_max_window_bits or 15,
    )


def _flag(given: dict[str, str | None], name: str) -> bool:
    if given.get(name) is not None:
        raise BadAnswer(f"gives {name} a value, and it has none")
    return given.pop(name, "") is None


def _bits(given: dict[str, str | None], name: str, limit: int | None) -> int | None:
    if name not in given:
        return None
    bits = _BITS.get(given.pop(name) or "")
    if bits is None:
        raise BadAnswer(f"gives {name} no value from 8 to 15")
    if bits > (limit or 15):
        raise BadAnswer(f"raises {name} to {bits}, and {limit} was offered")
    return bits


def _parse(value: str) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """The extensions of one field, each with its parameters; a parameter without a value has `None`."""
    at = 0
    while at < len(value):
        if (empty := _END.match(value, at)) is not None:  # RFC 9110 §5.6.1.2: empty elements are passed over
            at = empty.end()
            continue
        name = _NAME.match(value, at)
        if name is None:
            raise BadAnswer("has a Sec-WebSocket-Extensions field that cannot be parsed")
        at = name.end()
        parameters: list[tuple[str, str | None]] = []
        while (parameter := _PARAMETER.match(value, at)) is not None:
            parameters.append((parameter[1], parameter[2] or parameter[3]))
            at = parameter.end()
        end = _END.match(value, at)
        if end is None:
            raise BadAnswer("has a Sec-WebSocket-Extensions field that cannot be parsed")
        at = end.end()
        yield name[1], parameters
