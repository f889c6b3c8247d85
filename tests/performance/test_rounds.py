from __future__ import annotations

import pytest

from benchmarks.__main__ import SUITES, cases_of, select
from benchmarks.rounds import turns


def test_every_other_round_goes_backwards() -> None:
    assert [turns(["a", "b", "c"], number) for number in (0, 1)] == [["c", "b", "a"], ["a", "b", "c"]]


def test_a_suite_stands_for_its_cases_and_a_beginning_for_all_that_begin_so() -> None:
    assert select(["transfers"]) == {"transfers": list(cases_of("transfers"))}
    assert select(["echo"]) == {"transfers": ["echo, 64 B", "echo, 256 B", "echo, 1024 B"]}
    assert select(["limits", "trust"]) == {"limits": [], "trust": []}
    assert set(select([])) > set(SUITES)


def test_a_name_that_means_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no suite or case: nothing"):
        select(["nothing"])


@pytest.mark.parametrize("suite", SUITES)
def test_goals_are_of_peers_that_are_measured(suite: str) -> None:
    for case in cases_of(suite).values():
        _, *peers = case.contestants
        assert set(case.goals) <= set(peers)
        assert 0 <= case.quick <= case.amount
