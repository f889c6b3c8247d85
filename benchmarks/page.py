"""docs/performance.md, between its markers, and the plots beside it.

Theory of operation: the figures themselves are kept in docs/performance/figures.json, so that a run of a few
cases replaces theirs and leaves the others; tables and plots are made of that file. Each table says when its
newest figures were taken, with which versions, on what machine and under what load. Text outside of the markers
is written by hand.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import ssl
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any  # what json gives

from benchmarks import plots
from benchmarks.figures import Figure, markdown, merge

_DOCS = Path(__file__).resolve().parents[1] / "docs"
_PACKAGES = (
    *("trio", "cryptography", "h11", "certifi", "httpx", "httpx2", "aiohttp"),
    *("wsproto", "websockets", "trio-websocket"),
)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _versions() -> Iterable[str]:
    for name in _PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            yield f"{name} {importlib.metadata.version(name)}"


def circumstances() -> str:
    """Machine, versions and load, in a sentence or two."""
    versions = ", ".join(_versions())
    load = ", ".join(f"{average:.1f}" for average in os.getloadavg())
    return (
        f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, {os.cpu_count()} processors ({_processor()}),"
        f" {platform.system()}, load averages at the end {load}; Python {platform.python_version()},"
        f" {ssl.OPENSSL_VERSION} in the peers, {versions}."
    )


def replace_between(text: str, marker: str, content: str) -> str:
    """The text with `content` between `<!-- marker -->` and `<!-- end of marker -->`.

    Raises:
        ValueError: the text has no such markers.
    """
    pattern = re.compile(f"(<!-- {marker} -->\n).*?(<!-- end of {marker} -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"no marker: {marker}")
    return pattern.sub(lambda found: f"{found[1]}{content}\n{found[2]}", text)


def _table(suite: str, figures: Iterable[Figure], taken: str) -> str:
    rows = [figure for figure in figures if figure.suite == suite]
    return f"\n{markdown(rows)}\n\n{taken}\n" if rows else "\nNot measured yet.\n"


def _floor_table(floor: Mapping[str, float]) -> str:
    rows = [f"| {what} | {microseconds:.2f} |" for what, microseconds in floor.items()]
    return "\n".join(["", "| piece | µs of CPU |", "| --- | ---: |", *rows, ""])


def write(found: list[Figure], floor: Mapping[str, float], docs: Path = _DOCS) -> None:
    """Put the figures into the page; those that were not measured stay as they are."""
    folder = docs / "performance"
    folder.mkdir(exist_ok=True)
    kept = folder / "figures.json"
    known: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    figures = merge([Figure(**one) for one in known.get("figures", [])], found)
    taken: dict[str, str] = known.get("taken", {}) | dict.fromkeys(
        {one.suite for one in found}, circumstances()
    )
    floor = floor or known.get("floor", {})
    record = {"figures": [asdict(one) for one in figures], "taken": taken, "floor": dict(floor)}
    kept.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    text = (docs / "performance.md").read_text()
    for suite in re.findall(r"<!-- figures: (\w+) -->", text):
        text = replace_between(text, f"figures: {suite}", _table(suite, figures, taken.get(suite, "")))
    text = replace_between(text, "floor", _floor_table(floor))
    (docs / "performance.md").write_text(text)
    for name, drawing in plots.draw_all(figures).items():
        (folder / name).write_text(drawing)
