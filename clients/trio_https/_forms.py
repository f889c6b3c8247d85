"""Names and values in a URL's query or in the body of a form: `application/x-www-form-urlencoded`.

Theory of operation: both are lists of pairs of text, percent-encoded the same way (WHATWG URL §5). A mapping's
value may be a list, for a name that occurs several times. What a value means as text is decided here once:
`None` is left out, booleans are `true` and `false`, numbers are what `str` says, and anything else is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import cast
from urllib.parse import urlencode

from ._url import URL

Value = str | bytes | int | float | bool | None
FormLike = Mapping[str, Value | Sequence[Value]] | Iterable[tuple[str, Value]]
"""What a caller may give: a mapping, whose values may be sequences, or pairs of name and value."""


def pairs(given: FormLike, what: str) -> list[tuple[str, bytes]]:
    """Names and values, in order.

    Args:
        given: in any of the shapes accepted.
        what: what error messages call it.

    Raises:
        TypeError: it is none of them.
    """
    found: list[tuple[str, bytes]] = []
    for item in _items(given, what):
        if not isinstance(item, tuple | list) or len(cast("Sequence[object]", item)) != 2:
            raise TypeError(f"{what} must be a mapping or pairs of name and value, and holds {item!r}")
        name, value = cast("Sequence[object]", item)
        if not isinstance(name, str):
            raise TypeError(f"a name in {what} must be a str, not {name!r}")
        found += [(name, _text(one, name, what)) for one in _several(value) if one is not None]
    return found


def _items(given: object, what: str) -> Iterable[object]:
    if isinstance(given, Mapping):
        return cast("Mapping[object, object]", given).items()
    if isinstance(given, Iterable) and not isinstance(given, str | bytes):
        return cast("Iterable[object]", given)
    raise TypeError(f"{what} must be a mapping or pairs of name and value, not {type(given).__name__}")


def _several(value: object) -> Iterable[object]:
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return cast("Sequence[object]", value)
    return [value]


def encoded(given: FormLike, what: str) -> str:
    """The pairs as one text: `a=1&b=x+y`; raises as `pairs`."""
    return urlencode(pairs(given, what))


def with_params(url: URL, params: FormLike | None) -> URL:
    """The URL with these behind its query; raises as `pairs`."""
    query = "" if params is None else encoded(params, "params")
    if not query:
        return url
    mark = "&" if "?" in url.target else "?"
    return replace(url, target=url.target + mark + query)


def _text(value: object, name: str, what: str) -> bytes:
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int | float):
        return str(value).encode()
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    raise TypeError(f"{what}[{name!r}] must be text, a number or a bool, not {type(value).__name__}")
