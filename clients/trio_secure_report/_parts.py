"""Bytes and the fields they are made of: what a message is taken apart with.

Theory of operation: a `Cursor` walks over bytes and makes a `Part` of each field it takes, with the bytes that are
its own. It is lenient where it can be: a message that was traced has been parsed strictly before, but what stands
in an extension may be anything, and what does not fit is a `Misfit`, whose catcher shows the bytes as they came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import cast

MOST_ITEMS = 200
"""Items of one list that become parts; the rest are one part together."""
_MOST_CHARACTERS = 500


class Misfit(Exception):
    """The bytes are not of the form they ought to have."""


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a message.

    Attributes:
        name: what the RFC calls it.
        data: its bytes, but for those of its parts.
        value: what it says, in words; empty when the bytes say it themselves.
        parts: the fields inside.
        secret: whether the bytes are to be left out unless they are asked for.
        means: under which name its meaning is found; the name itself by default.
    """

    name: str
    data: bytes
    value: str = ""
    parts: tuple[Part, ...] = ()
    secret: bool = False
    means: str = ""


Layout = Callable[["Cursor"], None]


class Cursor:
    """A place in `data`, and the parts taken so far."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self.parts: list[Part] = []

    def __len__(self) -> int:
        return len(self._data) - self._at

    def bytes(self, length: int) -> bytes:
        """The next bytes, which become no part by themselves.

        Raises:
            Misfit: there are not so many.
        """
        if length > len(self):
            raise Misfit
        taken = self._data[self._at : self._at + length]
        self._at += length
        return taken

    def take(
        self, name: str, length: int, value: object = "", *, secret: bool = False, means: str = ""
    ) -> None:
        """A field of so many bytes."""
        self.parts.append(Part(name, self.bytes(length), words(value), secret=secret, means=means))

    def number(self, name: str, width: int, unit: str = "") -> None:
        """A number, with what it counts."""
        data = self.bytes(width)
        self.parts.append(Part(name, data, f"{int.from_bytes(data, 'big')} {unit}".rstrip()))

    def rest(self, name: str, value: object = "", *, secret: bool = False) -> None:
        """All that is left, if anything is."""
        if len(self):
            self.take(name, len(self), value, secret=secret)

    def opaque(
        self, name: str, width: int, value: object = "", *, secret: bool = False, means: str = ""
    ) -> None:
        """A vector whose content is one value: its length, and the content."""
        prefix = self.bytes(width)
        content = self.bytes(int.from_bytes(prefix, "big"))
        said = words(value) or size(len(content))
        self.parts.append(Part(name, prefix + content, said, secret=secret, means=means))

    def vector(self, name: str, width: int, layout: Layout, value: object = "") -> None:
        """A vector with fields inside: its length, and then what `layout` makes of the content."""
        prefix = self.bytes(width)
        content = self.bytes(int.from_bytes(prefix, "big"))
        said = words(value) or size(len(content))
        self.parts.append(Part(name, prefix, said, taken_apart(content, layout)))

    def items(self, name: str, width: int, each: int, values: object, item: str) -> None:
        """A vector of numbers of `each` bytes, with what each stands for."""
        said = iter(as_list(values))

        def layout(inside: Cursor) -> None:
            inside.each(item, lambda row: row.take(item, each, next(said, "")))

        self.vector(name, width, layout)

    def each(self, name: str, layout: Layout) -> None:
        """As many as there are; beyond `MOST_ITEMS` what is left is one part."""
        while len(self):
            if len(self.parts) >= MOST_ITEMS:
                self.rest(name, f"and more: {size(len(self))}")
            else:
                layout(self)


def taken_apart(data: bytes, layout: Layout) -> tuple[Part, ...]:
    """The parts of `data`; what the layout leaves over is a part too.

    Raises:
        Misfit: there is less than the layout takes.
    """
    cursor = Cursor(data)
    layout(cursor)
    cursor.rest("left over")
    return tuple(cursor.parts)


def as_list(value: object) -> Iterable[object]:
    """The items of a decoded list; nothing for what is none."""
    return cast("tuple[object, ...]", value) if isinstance(value, tuple) else ()


def keys(value: object) -> list[str]:
    """The keys of a decoded mapping; nothing for what is none."""
    return list(cast("Mapping[str, object]", value)) if isinstance(value, Mapping) else []


def words(value: object) -> str:
    """A decoded value in words: nothing for bytes, which are shown as such."""
    if value is None or isinstance(value, bytes):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        said = ", ".join(words(item) for item in cast("tuple[object, ...]", value)[:MOST_ITEMS])
    elif isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value).items()
        said = ", ".join(f"{name}: {words(item)}" for name, item in pairs)
    else:
        said = str(value)
    return said if len(said) <= _MOST_CHARACTERS else f"{said[: _MOST_CHARACTERS - 1]}…"


def size(count: int) -> str:
    """A number of bytes, in words."""
    return f"{count} byte{'' if count == 1 else 's'}"
