"""The figures as SVG, by hand: bars for ratios, lines for how cost grows.

Theory of operation: both kinds have a logarithmic axis where values differ by powers, and colours that can be
read on white and on dark pages alike. Nothing here measures.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from benchmarks.figures import TIMES, Figure

_WIDTH = 820
_COLOURS = ("#2a78b5", "#c2571a", "#3f8f4f", "#8a5db0")
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#666}.h{font-size:14px;font-weight:600}"
    ".g{stroke:#888;stroke-opacity:.35}.m{stroke:#777;stroke-width:1.5}.r{text-anchor:end}.c{text-anchor:middle}"
    "@media(prefers-color-scheme:dark){text{fill:#aaa}}"
)
Point = tuple[float, float]


def _svg(height: float, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" role="img">'
        f"<style>{_STYLE}</style>\n{body}\n</svg>\n"
    )


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str = "g") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten, from the last one not above `low` to the first one not below `high`."""
    steps = [step * 10.0**power for power in range(-6, 10) for step in (1, 2, 5)]
    first = max(step for step in steps if step <= low)
    last = min(step for step in steps if step >= high)
    return [step for step in steps if first <= step <= last]


def bars(title: str, figures: Sequence[Figure]) -> str:
    """A bar for each ratio, with its range as a thin line and its goal as a mark."""
    left, right, step = 380.0, _WIDTH - 60.0, 22.0
    values = [1.0, *(edge for one in figures for edge in (one.low, one.high, one.goal or 1.0))]
    marks = ticks(min(values), max(values))

    def place(value: float) -> float:
        share = math.log(value / marks[0]) / math.log(marks[-1] / marks[0])
        return left + share * (right - left)

    bottom = 54 + step * len(figures)
    parts = [_text(10, 20, title, "h")]
    for mark in marks:
        parts += [
            _line(place(mark), 40, place(mark), bottom),
            _text(place(mark), 36, f"{mark:g}{TIMES}", "c"),
        ]
    for number, one in enumerate(figures):
        y = 52 + step * number
        start, end = sorted((place(1.0), place(one.ratio)))
        colour = _COLOURS[1] if one.met is False else _COLOURS[0]
        parts += [
            _text(left - 10, y + 10, f"{one.case}, beside {one.peer}", "r"),
            f'<rect x="{start:.1f}" y="{y:.1f}" width="{max(end - start, 1):.1f}" height="12" fill="{colour}"/>',
            _line(place(one.low), y + 6, place(one.high), y + 6, "m"),
            _text(max(place(one.high), end) + 6, y + 10, f"{one.ratio:.2f}"),
        ]
        if one.goal is not None:
            parts.append(_line(place(one.goal), y - 3, place(one.goal), y + 15, "m"))
    parts.append(_line(place(1.0), 40, place(1.0), bottom, "m"))
    return _svg(bottom + 10, parts)


def lines(title: str, unit: str, across: str, curves: Mapping[str, Sequence[Point]]) -> str:
    """A curve for each name, both axes logarithmic."""
    left, right, top, bottom = 80.0, _WIDTH - 180.0, 50.0, 300.0
    points = [point for curve in curves.values() for point in curve]
    rows = ticks(min(y for _, y in points) / 2, max(y for _, y in points) * 2)
    columns = sorted({x for x, _ in points})
    width = math.log(columns[-1] / columns[0]) or 1.0

    def across_at(x: float) -> float:
        return left + math.log(x / columns[0]) / width * (right - left)

    def up_at(y: float) -> float:
        return bottom - math.log(y / rows[0]) / math.log(rows[-1] / rows[0]) * (bottom - top)

    parts = [_text(10, 20, title, "h"), _text(10, 40, unit)]
    for row in rows:
        parts += [
            _line(left, up_at(row), right, up_at(row)),
            _text(left - 8, up_at(row) + 4, f"{row:g}", "r"),
        ]
    parts += [_text(across_at(column), bottom + 18, f"{column:,.0f}", "c") for column in columns]
    parts.append(_text((left + right) / 2, bottom + 38, across, "c"))
    for number, (name, curve) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(f"{across_at(x):.1f},{up_at(y):.1f}" for x, y in curve)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{across_at(x):.1f}" cy="{up_at(y):.1f}" r="3" fill="{colour}"/>' for x, y in curve
        ]
        parts.append(_text(right + 10, up_at(curve[-1][1]) + 4, name))
    return _svg(bottom + 50, parts)


def _curves(figures: Iterable[Figure], kind: str) -> dict[str, list[Point]]:
    """Cost by size, of the cases whose names are `kind` and a number."""
    curves: dict[str, list[Point]] = {}
    for one in figures:
        found = re.match(rf"{kind} (\d+)", one.case)
        if found:
            size = float(found[1])
            curves.setdefault("trio_secure", []).append((size, one.ours))
            curves.setdefault(one.peer, []).append((size, one.theirs))
    return curves


_TITLES = {
    "transfers": "Bytes over TLS",
    "handshakes": "Handshakes",
    "cold": "A fresh process",
    "idle": "Idle connections",
    "https": "HTTPS clients",
    "websocket": "WebSocket clients",
}
_GROWTH = {
    "receive": ("Receiving", "µs of CPU per MiB", "MiB received"),
    "send": ("Sending pieces of 64 KiB", "µs of CPU per MiB", "MiB sent"),
    "open": ("Connections that stay open", "µs of CPU per connection", "connections at once"),
}


def draw_all(figures: Sequence[Figure]) -> dict[str, str]:
    """Every drawing that the figures are enough for, by file name."""
    drawings: dict[str, str] = {}
    for suite, title in _TITLES.items():
        rows = [one for one in figures if one.suite == suite]
        if rows:
            drawings[f"{suite}.svg"] = bars(f"{title}: cost of the peer / ours", rows)
    growing = [one for one in figures if one.suite == "shape"]
    for kind, (title, unit, across) in _GROWTH.items():
        curves = _curves(growing, kind)
        if curves:
            drawings[f"shape-{kind}.svg"] = lines(title, unit, across, curves)
    return drawings
