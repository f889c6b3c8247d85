"""The handshake on the page: one item for each event, messages with their fields beside their bytes.

Theory of operation: a message is a `details` element, so that it opens by mouse, touch and keyboard and is known
to screen readers without a script. Its fields are rows of a table, those inside others further in; the roles are
written out, for a table that is laid out as blocks on a narrow screen ceases to be one for some readers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trio_secure import TraceAlert, TraceEvent, TraceKeyChange, TraceMessage

from . import _meanings
from ._html import Html, breakable, joined, octets, peer, tag
from ._meanings import Meaning
from ._messages import message_parts
from ._parts import Part
from ._story import Story

MOST_ROWS = 400
"""Fields of one message that are shown."""
MOST_ROWS_IN_ALL = 5_000
_DEEPEST = 5
_WHO = {"sent": "Client → server", "received": "Server → client"}


@dataclass
class _Budget:
    """How many rows the page may still get: a peer can send many messages of many fields."""

    secrets: bool
    rows: int

    def take(self, rows: list[Html]) -> list[Html]:
        """As many of the rows as are left, and no more than one message may have."""
        taken = rows[: min(MOST_ROWS, self.rows)]
        self.rows -= len(taken)
        return taken


def steps(story: Story, *, secrets: bool) -> Html:
    """All that happened, in its order."""
    budget = _Budget(secrets, MOST_ROWS_IN_ALL)
    items = [_step(story, place, budget) for place in range(len(story.events))]
    return tag("ol", *items, class_="steps")


def _step(story: Story, place: int, budget: _Budget) -> Html:
    event = story.events[place]
    anchor = f"m{place}"
    failed = story.failure is not None and story.failure.place == place
    if isinstance(event, TraceMessage):
        return tag("li", _message(event, story.version, budget), id=anchor)
    if isinstance(event, TraceKeyChange):
        return _happening(event, _key_change(event), anchor, f"keys of_{event.protects}")
    if isinstance(event, TraceAlert):
        meaning = _meanings.of_alert(event.description)
        said = joined(tag("b", f"Alert {event.description}"), f" ({event.code}). ", _meaning(meaning))
        return _happening(event, said, anchor, "alert")
    # What is told of a failure has a peer's words in it.
    said = joined(tag("b", event.name), ": " if event.summary else "", peer(event.summary, 1000))
    # What was begun needs no second explanation when it ends.
    if not event.summary.startswith("ended") and (told := _meaning(_meanings.of_note(event.name))):
        said = joined(said, ". ", told)
    return _happening(event, said, anchor, "wrong" if failed else "")


def _happening(event: TraceEvent, said: Html, anchor: str, kind: str) -> Html:
    who = _WHO.get(event.direction)
    way = joined(tag("span", who, class_="way"), " ") if who else None
    classes = " ".join(filter(None, ("happening", kind, event.direction if who else "")))
    return tag("li", tag("div", way, said), _time(event), id=anchor, class_=classes)


def _key_change(event: TraceKeyChange) -> Html:
    who = "the client" if event.protects == "sent" else "the server"
    if event.suite is None:
        said = f"what {who} sends is not encrypted" if event.epoch == "plaintext" else f"{event.epoch} keys"
    else:
        said = f"what {who} sends is encrypted with the {event.epoch} keys, {event.suite}"
    more = f", generation {event.generation}" if event.generation else ""
    return joined(tag("b", "Key change: "), f"from here on {said}{more}.")


def _message(event: TraceMessage, version: str | None, budget: _Budget) -> Html:
    encrypted = event.epoch != "plaintext"
    lock = tag(
        "span",
        f"under {event.epoch} keys" if encrypted else "in the clear",
        class_="lock" if encrypted else "lock clear",
    )
    summary = tag(
        "summary",
        tag("span", _WHO[event.direction], class_="way"),
        tag("span", tag("b", event.name), " ", lock, Html("<br>"), peer(event.summary, 160), class_="title"),
        _time(event),
    )
    every_row = list(_rows(message_parts(event), 0, secrets=budget.secrets))
    rows = budget.take(every_row)
    left_out = len(every_row) - len(rows)
    more = tag("p", f"… and {left_out} more fields.", class_="more") if left_out > 0 else None
    head = tag("tr", *(tag("th", name, scope="col", role="columnheader") for name in _COLUMNS), role="row")
    table = tag(
        "table",
        tag("caption", f"The fields of {event.name}", class_="hidden"),
        tag("thead", head, role="rowgroup"),
        tag("tbody", *rows, role="rowgroup"),
        role="table",
    )
    meaning = tag("p", _meaning(_meanings.of_message(event.name, version)))
    inside = tag("div", meaning, table, more, class_="inside")
    return tag("details", summary, inside, class_=f"message {event.direction}")


_COLUMNS = ("Field", "Bytes", "What it says")


def _rows(parts: tuple[Part, ...], depth: int, *, secrets: bool) -> Iterator[Html]:
    for part in parts:
        shown: Html | None = octets(part.data) if part.data else None
        if part.secret and part.data and not secrets:
            shown = tag("span", f"left out: {len(part.data)} bytes that are secret", class_="out")
        meaning = _meaning(_meanings.of_part(part.means or part.name))
        value = tag("span", peer(part.value), class_="says") if part.value else None
        gap = ". " if value and meaning else None
        yield tag(
            "tr",
            tag("th", breakable(part.name, 80), scope="row", role="rowheader"),
            tag("td", shown, class_="bytes", role="cell"),
            tag("td", value, gap, meaning, role="cell"),
            class_=f"depth{min(depth, _DEEPEST)}",
            role="row",
        )
        yield from _rows(part.parts, depth + 1, secrets=secrets)


def _meaning(meaning: Meaning) -> Html:
    """A sentence and its clause, as a link."""
    if meaning.clause is None:
        return joined(meaning.text)
    link = tag("a", str(meaning.clause), href=meaning.clause.url, rel="noreferrer", class_="clause")
    return joined(meaning.text, " ", link)


def _time(event: TraceEvent) -> Html:
    return tag("span", f"{event.at * 1000:.1f} ms", class_="at")
