"""The table in the docs is about the cases there are."""

from __future__ import annotations

import pytest

from support.interop_peers import PEERS
from support.interop_reasons import REASONS
from support.interop_table import ABSENT, DOCUMENT, PASSED, declared, read

pytestmark = pytest.mark.usefixtures("_committed")


@pytest.fixture
def _committed(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--write-interop-table", default=False):
        pytest.skip("the table is being written")


def test_the_table_has_the_rows_and_columns_of_the_cases() -> None:
    table = read(DOCUMENT.read_text("utf-8"))
    names = {peer.name for peer in PEERS}
    assert table.keys() == declared().keys()
    for row, servers in declared().items():
        assert table[row].keys() == names, row
        assert {name for name, mark in table[row].items() if mark != ABSENT} == servers, row


def test_everything_in_the_table_has_passed() -> None:
    marks = {mark for row in read(DOCUMENT.read_text("utf-8")).values() for mark in row.values()}
    assert marks == {PASSED, ABSENT}


def test_what_is_not_there_has_its_reason() -> None:
    used = set[str]()
    for row, servers in declared().items():
        for server in {peer.name for peer in PEERS} - servers:
            reasons = [reason.what for reason in REASONS if reason.covers(row.version, row.label, server)]
            assert reasons, f"{row} {server}"
            used.update(reasons)
    assert used == {reason.what for reason in REASONS}


def test_no_reason_is_given_for_what_is_there() -> None:
    for row, servers in declared().items():
        for server in servers:
            assert [r.what for r in REASONS if r.covers(row.version, row.label, server)] == [], row
