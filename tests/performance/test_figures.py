from __future__ import annotations

from dataclasses import replace

from benchmarks.figures import Figure, compare, markdown, merge, text

COSTS = {"ours": [1.0, 2.0, 4.0], "peer": [3.0, 4.0, 4.0], "other": [0.5, 1.0, 2.0]}


def figures() -> list[Figure]:
    return compare("suite", "case", COSTS, unit="MiB", cost="CPU", amount=10)


def test_a_ratio_is_of_neighbours_in_one_round_and_more_is_better() -> None:
    peer, other = figures()
    assert (peer.peer, peer.ratio, peer.low, peer.high, peer.rounds) == ("peer", 2.0, 1.0, 3.0, 3)
    assert (other.peer, other.ratio) == ("other", 0.5)


def test_costs_are_medians_for_one_unit_of_work() -> None:
    peer, _ = figures()
    assert (peer.ours, peer.theirs) == (2e6 / 10, 4e6 / 10)
    (memory,) = compare("s", "c", {"a": [50.0], "b": [100.0]}, unit="connection", cost="KiB", amount=10)
    assert (memory.ours, memory.theirs, memory.ratio) == (5.0, 10.0, 2.0)


def test_what_costs_nothing_has_no_endless_ratio() -> None:
    (figure,) = compare("s", "c", {"a": [0.0], "b": [5.0]}, unit="connection", cost="KiB", amount=1)
    assert figure.ratio == 1000


def test_a_goal_is_met_or_not_or_absent() -> None:
    figure = figures()[0]
    assert figure.met is None
    assert replace(figure, goal=2.0).met is True
    assert replace(figure, goal=2.1).met is False


def test_text_and_table_say_what_is_not_met() -> None:
    figure = replace(figures()[0], goal=2.5)
    assert "2.00 (1.00 to 3.00)" in text(figure)
    assert "NOT MET" in text(figure)
    *_, row = markdown([figure]).splitlines()
    assert row.startswith("| case | peer | ")
    assert "**not met**" in row
    assert "not met" not in markdown([replace(figure, goal=1.0)])


def test_a_later_run_replaces_its_cases_in_their_place() -> None:
    old = figures()
    last = replace(old[0], case="last")
    new = [replace(one, ratio=9.0) for one in old]
    added = replace(old[0], case="added")
    assert merge([*old, last], [*new, added]) == [*new, last, added]
    assert merge([], new) == new
    # A peer that is no longer measured is no longer shown.
    assert merge([*old, last], new[:1]) == [new[0], last]
