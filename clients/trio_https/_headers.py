"""Header fields: those a caller gives, and those a server sent.

Theory of operation: outgoing headers are a list of pairs of bytes, in the caller's order, checked once by h11
when the request is made. Incoming ones are wrapped in `Headers`, which builds its dictionary when it is first
asked, since most responses are asked for one or two fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

from ._errors import InvalidRequest

Text = str | bytes
HeadersLike = Mapping[str, Text] | Mapping[bytes, Text] | Iterable[tuple[Text, Text]]
"""What a caller may give: a mapping, or pairs of name and value (which may repeat a name)."""
Field = tuple[bytes, bytes]


class Headers(Mapping[str, str]):
    """The header fields of a response: a mapping that ignores the case of names.

    A field sent several times has its values joined by ", " (RFC 9110 §5.3); for `Set-Cookie`, the one field
    that cannot be joined, use `get_all`. Iterating gives each name once, in lower case. Bytes beyond ASCII
    are read as ISO 8859-1.
    """

    __slots__ = ("_by_name", "raw")

    def __init__(self, raw: Sequence[Field]) -> None:
        self.raw = tuple(raw)
        """All fields as they were sent, in order: pairs of bytes."""
        self._by_name: dict[str, list[str]] | None = None

    def get_all(self, name: str) -> list[str]:
        """Every value of the field `name`, in order; an empty list if it was not sent."""
        return list(self._values().get(name.lower(), ()))

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._values()[name.lower()])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def __repr__(self) -> str:
        return f"<Headers {dict(self)!r}>"

    def _values(self) -> dict[str, list[str]]:
        if self._by_name is None:
            self._by_name = {}
            for name, value in self.raw:
                self._by_name.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        return self._by_name


def fields(headers: HeadersLike | None) -> list[Field]:
    """The caller's headers as pairs of bytes.

    Raises:
        TypeError: they are not pairs of text.
        InvalidRequest: a name or value given as `str` is not ASCII.
    """
    if headers is None:
        return []
    if isinstance(headers, Mapping):
        return [_field(pair) for pair in cast("Mapping[Text, Text]", headers).items()]
    if not _is_iterable(headers):
        raise TypeError(f"headers must be a mapping or pairs of name and value, not {headers!r}")
    return [_field(pair) for pair in headers]


def merged(given: Sequence[Field], defaults: Sequence[Field]) -> list[Field]:
    """Those `defaults` whose names are not among the `given` fields, then the given ones."""
    if not given:
        return list(defaults)
    names = {name.lower() for name, _ in given}
    return [field for field in defaults if field[0].lower() not in names] + list(given)


def _is_iterable(headers: object) -> bool:
    return isinstance(headers, Iterable) and not isinstance(headers, Text)


def _field(pair: object) -> Field:
    if isinstance(pair, tuple | list):
        items = cast("Sequence[object]", pair)
        if len(items) == 2:
            return _encoded(items[0], "name"), _encoded(items[1], "value")
    raise TypeError(f"a header must be a pair of name and value, not {pair!r}")


def _encoded(text: object, what: str) -> bytes:
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise TypeError(f"a header {what} must be str or bytes, not {text!r}")
    try:
        return text.encode("ascii")
    except UnicodeEncodeError:
        raise InvalidRequest(
            f"header {what} {text!r} is not ASCII: encode it, and give it as bytes"
        ) from None
