"""JSON made readable, without a change to what it says.

Theory of operation: the text is checked by the standard library's parser and then cut into tokens, between which
only white space is put in another way. Parsed and written anew it would not be the same: numbers would lose
digits, and names that come twice would come once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_STEP = "  "


def indented(text: str) -> str | None:
    """The same JSON with a line for each member, two spaces deeper in each level; `None` if it is not JSON."""
    try:
        json.loads(text, parse_int=_same, parse_float=_same)
    except (ValueError, RecursionError):
        return None
    return "".join(_laid_out(_TOKEN.findall(text)))


def _same(number: str) -> str:
    return number  # not computed: it may have more digits than Python likes to convert


def _laid_out(pieces: list[str]) -> Iterator[str]:
    depth = 0
    for number, piece in enumerate(pieces):
        if piece in ("{", "["):
            depth += 1
            empty = pieces[number + 1] in ("}", "]")
            yield piece if empty else f"{piece}\n{_STEP * depth}"
        elif piece in ("}", "]"):
            depth -= 1
            empty = pieces[number - 1] in ("{", "[")
            yield piece if empty else f"\n{_STEP * depth}{piece}"
        elif piece == ",":
            yield f",\n{_STEP * depth}"
        else:
            yield ": " if piece == ":" else piece
