"""JSON that knows where each of its values stands.

Theory of operation: the standard library's decoder forgets positions, and an error about the meaning of a
file needs them as much as an error about its form. So objects and arrays are walked here, with a limit on
nesting and no key twice, while strings, numbers and constants are left to the library. A value is addressed
by its path, `("resources", "*", 0)`; its span in the text says where it stands, which is also what it takes to
change a file without disturbing the rest of it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from trio_certs._text import printable

KeyPath = tuple[str | int, ...]
"""From the root to a value: keys of objects, and places in arrays from 0."""

MAX_DEPTH = 32
"""Arrays and objects inside one another."""

_BLANKS = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class Span:
    """The characters from `start` up to `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON text, its value, and where each part of it stands."""

    text: str
    value: object
    spans: dict[KeyPath, Span] = field(repr=False)
    """Where the value at a path stands."""
    keys: dict[KeyPath, Span] = field(repr=False)
    """Where the key at a path stands."""

    @classmethod
    def parse(cls, text: str) -> Document:
        """Read a JSON text (RFC 8259).

        Raises:
            JSONError: it is not JSON, nested deeper than `MAX_DEPTH`, or has a key twice in one object.
        """
        reader = _Reader(text)
        return cls(text, reader.document(), reader.spans, reader.keys)

    def place(self, path: KeyPath, *, key: bool = False) -> str:
        """The place of a value, or of its key, for people: "line 2, column 5"."""
        span = self.keys.get(path) if key else None
        return place_of(self.text, (span or self.spans[path]).start)


class JSONError(ValueError):
    """A text is not the JSON that is accepted. `str()` says where and what."""

    def __init__(self, text: str, offset: int, why: str) -> None:
        super().__init__(f"{place_of(text, offset)}: {why}")


def place_of(text: str, offset: int) -> str:
    """The place of a character for people; lines and columns are counted from 1."""
    return f"line {text.count(chr(10), 0, offset) + 1}, column {offset - text.rfind(chr(10), 0, offset)}"


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


_SCALARS = json.JSONDecoder(parse_constant=_refuse_constant)


class _Reader:
    """One walk through a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.spans: dict[KeyPath, Span] = {}
        self.keys: dict[KeyPath, Span] = {}

    def document(self) -> object:
        value = self._value(())
        if self._peek():
            raise self._error("something follows the end of the document")
        return value

    def _value(self, path: KeyPath) -> object:
        opening = self._peek()
        start = self._at
        value: object
        if opening in ("{", "["):
            if len(path) >= MAX_DEPTH:
                raise self._error(f"nested too deeply: more than {MAX_DEPTH} levels")
            self._at += 1
            value = self._object(path) if opening == "{" else self._array(path)
        else:
            value = self._scalar()
        self.spans[path] = Span(start, self._at)
        return value

    def _object(self, path: KeyPath) -> dict[str, object]:
        found: dict[str, object] = {}
        while self._peek() != "}" or found:
            if self._peek() != '"':
                raise self._error("not JSON: expected a key in double quotes")
            start = self._at
            key = str(self._scalar())
            where = (*path, key)
            if key in found:
                first = place_of(self._text, self.keys[where].start)
                raise JSONError(
                    self._text, start, f'the key "{printable(key)}" occurs twice, first in {first}'
                )
            self.keys[where] = Span(start, self._at)
            if self._peek() != ":":
                raise self._error("not JSON: expected a colon after the key")
            self._at += 1
            found[key] = self._value(where)
            if not self._goes_on("}"):
                return found
        self._at += 1
        return found

    def _array(self, path: KeyPath) -> list[object]:
        found: list[object] = []
        while self._peek() != "]" or found:
            found.append(self._value((*path, len(found))))
            if not self._goes_on("]"):
                return found
        self._at += 1
        return found

    def _goes_on(self, closing: str) -> bool:
        """Pass over a comma, or over the closing bracket, which ends it."""
        found = self._peek()
        if found not in (",", closing):
            raise self._error(f'not JSON: expected a comma or "{closing}"')
        self._at += 1
        return found == ","

    def _scalar(self) -> object:
        value: object
        try:
            value, self._at = _SCALARS.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            raise JSONError(self._text, error.pos, f"not JSON: {error.msg}") from error
        except ValueError as error:
            raise self._error(f"not JSON that can be read: {error}") from error
        return value

    def _peek(self) -> str:
        """The next character that is not blank; empty at the end."""
        blanks = _BLANKS.match(self._text, self._at)
        self._at = blanks.end() if blanks else self._at
        return self._text[self._at : self._at + 1]

    def _error(self, why: str) -> JSONError:
        return JSONError(self._text, self._at, why)
