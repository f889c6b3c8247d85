"""docs/rfc-map.md and the code name the same sections of the same RFCs.

Theory of operation: the code cites `RFC 5246 §7.4.3`, or `RFC 9846 §4.2.3 [8446 §4.1.3]` with the number the
section had in the RFC it replaces. The map has a heading for each RFC and a row for each section, whose
cells hold the files that cite it and the tests that show it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = [
    path
    for package in ("trio_secure", "certs/trio_certs", "clients/trio_https", "clients/trio_wss")
    for path in sorted((ROOT / package).glob("*.py"))
]

Citation = tuple[str, str, str]
"""An RFC's number, a section of it, and the file that cites it."""

_SECTION = r"§(?:[A-Z]|\d+)(?:\.\d+)*"
_CITATIONS = re.compile(rf"RFC[ \n#]+(\d+)[ \n#]+({_SECTION}(?:(?:, | and ){_SECTION})*)")
_RENUMBERED = re.compile(rf"RFC[ \n#]+9846[ \n#]+({_SECTION})[ \n#]+\[8446 ({_SECTION})\]")
_HEADING = re.compile(r"^## RFC (\d+)")
_TICKED = re.compile(r"`([^`]+)`")


def _cited() -> set[Citation]:
    return {
        (rfc, section, str(path.relative_to(ROOT)))
        for path in LIBRARY
        for rfc, sections in _CITATIONS.findall(path.read_text())
        for section in re.findall(_SECTION, sections)
    }


def _rows() -> list[tuple[str, list[str]]]:
    """Each row's RFC, and its cells: section, what it asks, files, tests."""
    rows: list[tuple[str, list[str]]] = []
    rfc = ""
    for line in (ROOT / "docs" / "rfc-map.md").read_text().splitlines():
        heading = _HEADING.match(line)
        if heading:
            rfc = heading.group(1)
        elif line.startswith("| §"):
            rows.append((rfc, [cell.strip() for cell in line.strip("|").split("|")]))
    return rows


def _mapped() -> set[Citation]:
    return {(rfc, cells[0].split()[0], file) for rfc, cells in _rows() for file in _TICKED.findall(cells[2])}


def test_every_section_cited_in_the_code_is_in_the_map() -> None:
    assert sorted(_cited() - _mapped()) == []


def test_every_section_in_the_map_is_cited_by_the_files_it_names() -> None:
    assert sorted(_mapped() - _cited()) == []


def test_every_row_names_tests_that_exist() -> None:
    for rfc, cells in _rows():
        tests = _TICKED.findall(cells[3])
        assert tests, f"RFC {rfc} {cells[0]} names no test"
        missing = [test for test in tests if not (ROOT / test).is_file()]
        assert missing == [], f"RFC {rfc} {cells[0]}"


def test_a_section_of_rfc_9846_has_one_number_in_rfc_8446_everywhere() -> None:
    numbers: defaultdict[str, set[str]] = defaultdict(set)
    for path in LIBRARY:
        for section, before in _RENUMBERED.findall(path.read_text()):
            numbers[section].add(before)
    for rfc, cells in _rows():
        before = re.search(rf"\[8446 ({_SECTION})\]", cells[0])
        if rfc == "9846" and before:
            numbers[cells[0].split()[0]].add(before.group(1))
    assert {section: found for section, found in numbers.items() if len(found) > 1} == {}
