"""The table in the docs is about the cases there are."""

from __future__ import annotations

import pytest

from support.interop_peers import PEERS
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
