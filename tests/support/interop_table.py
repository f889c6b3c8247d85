"""The table of the docs: what has been tried with which server, and what came of it.

Theory of operation: the rows and columns are those of the declared cases; a run fills them in. So the table in the
docs can be compared with the declaration without running anything, and a row that was added or taken away shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from support.interop_cases import SECTIONS, Case, Row, all_cases
from support.interop_peers import PEERS
from support.interop_reasons import REASONS, Reason
from trio_secure._versions import Version

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "interop.md"
PASSED, FAILED, NOT_RUN, ABSENT = "✓", "✗", "?", "-"

_HEAD = f"""# Interoperability

What of other people's servers the tests in `tests/interop` have talked to. Every suite is tried with every kind of
certificate it can be used with; each connection carries data both ways, and what the client says of it (version,
suite, protocol, resumption, exported keys and so on) is compared with what the server says.

`{PASSED}` all connections of this kind went as they should · `{ABSENT}` the server has no such thing, or cannot be
told of it: [why](#what-is-not-there)

This page is written by `nox -s interop -- --write-interop-table`; a test compares its rows with the cases.
"""


def declared() -> dict[Row, set[str]]:
    """The rows, in order, and the names of the servers that have something to show in each."""
    rows: dict[Row, set[str]] = {}
    for case in all_cases():
        for row in case.rows:
            rows.setdefault(row, set()).add(case.peer.name)
    return rows


def render(results: Mapping[Case, bool]) -> str:
    """The whole page, for what a run has found out."""
    cells: dict[tuple[Row, str], str] = {}
    for case in all_cases():
        result = {True: PASSED, False: FAILED, None: NOT_RUN}[results.get(case)]
        for row in case.rows:
            worst = (cells.get((row, case.peer.name), PASSED), result)
            cells[row, case.peer.name] = next(mark for mark in (FAILED, NOT_RUN, PASSED) if mark in worst)
    parts = [
        _HEAD,
        "## Servers\n",
        *_lines(["server", "version"], ([p.name, p.family.version()] for p in PEERS)),
    ]
    names = [peer.name for peer in PEERS]
    for version in reversed(Version):
        parts.append(f"\n## {version.label}")
        for section in SECTIONS:
            rows = [row for row in declared() if (row.version, row.section) == (version, section)]
            found = [[row.label, *(cells.get((row, name), ABSENT) for name in names)] for row in rows]
            if found:
                parts += ["", *_lines([section, *names], found)]
    parts += ["\n## What is not there\n", *_lines(["what", "with", "why"], map(_reason, REASONS))]
    return "\n".join([*parts, ""])


def _reason(reason: Reason) -> list[str]:
    return [reason.what, ", ".join(reason.servers), reason.why]


def _lines(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    marks = ["---", *([":-:"] * (len(head) - 1))]
    return [f"| {' | '.join(row)} |" for row in (head, marks, *rows)]


def read(text: str) -> dict[Row, dict[str, str]]:
    """The rows of a page, and what stands under each server's name."""
    labels = {version.label: version for version in Version}
    version, head = None, [""]
    rows: dict[Row, dict[str, str]] = {}
    for line in text.splitlines():
        if heading := re.fullmatch(r"## (.*)", line):
            version = labels.get(heading[1])
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if version is None or not cells or cells[0] == "---":
            continue
        if cells[0] in SECTIONS:
            head = cells
        else:
            rows[Row(version, head[0], cells[0])] = dict(zip(head[1:], cells[1:], strict=True))
    return rows
