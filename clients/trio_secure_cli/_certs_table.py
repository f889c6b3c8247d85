"""Tables and JSON on standard output.

Theory of operation: a person at a terminal gets a table drawn by rich, if it is installed. A pipe, and a
terminal without rich, get columns of plain text: a line for each row and two blanks between columns, for `grep`
and `cut`. Programs ask for JSON.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TextIO, cast

from ._extras import is_installed
from ._terminal import StandardOutput, Terminal
from ._text import printable


def print_table(terminal: Terminal, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of as many cells as there are headings; what is unprintable in them is escaped.

    Raises:
        CommandError: standard output cannot be written.
    """
    safe = [[printable(cell) for cell in row] for row in rows]
    if terminal.prints_to_person and is_installed("rich"):
        _print_with_rich(terminal, headings, safe)
        return
    widths = [max(map(len, column)) for column in zip(headings, *safe, strict=True)]
    for row in (headings, *safe):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminal.print(line.rstrip())


def print_json(terminal: Terminal, value: object) -> None:
    """Print a value as JSON.

    Raises:
        CommandError: standard output cannot be written.
    """
    terminal.print(json.dumps(value, indent=2))


def _print_with_rich(terminal: Terminal, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    # Not at the top: rich is an extra.
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE, header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console(file=cast("TextIO", StandardOutput(terminal))).print(table)
