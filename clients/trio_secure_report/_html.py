"""HTML in which nothing is markup but what is written here.

Theory of operation: `Html` is text that is known to be markup, and every other text is escaped where it becomes
part of one, so a forgotten escape shows entities and never runs a script. What a peer wrote goes through `peer`
besides: cut to a length, unprintable characters made visible, and isolated, so that text that runs from right to
left turns nothing round it.
"""

from __future__ import annotations

import html
from typing import Final

MOST_CHARACTERS = 300
_LONGEST_SHOWN = 48
_EMPTY_ELEMENTS: Final = frozenset({"meta", "br"})


class Html(str):
    """Markup."""

    __slots__ = ()


Content = str | None


def escaped(content: Content) -> str:
    """`content` as markup: as it is if it is markup already; nothing for None."""
    if content is None:
        return ""
    return content if isinstance(content, Html) else html.escape(visible(content), quote=True)


def visible(text: str) -> str:
    """`text` with every character escaped that cannot be seen as such."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def tag(name: str, /, *contents: Content, **attributes: str | None) -> Html:
    """An element; an attribute that is None is left out. `class_` is class, and `aria_label` is aria-label."""
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(visible(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _EMPTY_ELEMENTS:
        return Html(f"<{name}{pairs}>")
    return Html(f"<{name}{pairs}>{''.join(map(escaped, contents))}</{name}>")


def joined(*contents: Content) -> Html:
    """Contents one after the other."""
    return Html("".join(map(escaped, contents)))


def shortened(text: str, most: int = MOST_CHARACTERS) -> str:
    """`text`, or the beginning of it and how much is left out."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most} more characters)"


def peer(text: str, most: int = MOST_CHARACTERS) -> Html:
    """What a peer wrote."""
    return tag("bdi", breakable(text, most))


def breakable(text: str, most: int = MOST_CHARACTERS) -> Html:
    """`text`, which may be broken behind underscores: the names of suites are long."""
    return Html(escaped(shortened(text, most)).replace("_", "_<wbr>"))


def octets(data: bytes) -> Html:
    """Bytes in hexadecimal, in groups of eight; of many the first."""
    shown = data[:_LONGEST_SHOWN]
    groups = [shown[at : at + 8].hex(" ") for at in range(0, len(shown), 8)]
    left_out = len(data) - len(shown)
    more = tag("span", f" … {left_out} more bytes", class_="more") if left_out else None
    return joined(tag("code", Html("&ensp;<wbr>".join(groups))), more)
