"""What came out of the rounds: ratios with their spread, as text and as Markdown.

Theory of operation: a round has one cost for each contestant, taken one right after the other; its ratio is the
peer's cost over ours, so that more is better for us whatever was measured. The figure is the median of the
rounds' ratios, with the smallest and the largest beside it. Figures are plain values, so that a later run of
some cases can replace theirs and leave the others.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True)
class Figure:
    """One case beside one peer.

    Attributes:
        ours: our cost of one unit of work, in microseconds of CPU or in KiB; the median of the rounds.
        theirs: the peer's.
        ratio: the median of the rounds' ratios; `low` and `high` are the smallest and the largest.
        goal: the least ratio that is aimed at, or None.
    """

    suite: str
    case: str
    peer: str
    unit: str
    cost: str
    ours: float
    theirs: float
    ratio: float
    low: float
    high: float
    rounds: int
    goal: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        return None if self.goal is None else self.ratio >= self.goal


def compare(
    suite: str, case: str, costs: Mapping[str, Sequence[float]], *, unit: str, cost: str, amount: int
) -> list[Figure]:
    """The figures of a case, from what each contestant's rounds cost; the first contestant is ours."""
    ours, *peers = costs
    scale = {"CPU": 1e6, "KiB": 1.0}[cost] / amount
    figures: list[Figure] = []
    for peer in peers:
        pairs = list(zip(costs[ours], costs[peer], strict=True))
        # A page that is shared or was there before costs nothing: no ratio is beyond 1000.
        ratios = [min(theirs / mine, 1000.0) if mine > 0 else 1000.0 for mine, theirs in pairs]
        figures.append(
            Figure(
                suite,
                case,
                peer,
                unit,
                cost,
                statistics.median(costs[ours]) * scale,
                statistics.median(costs[peer]) * scale,
                statistics.median(ratios),
                min(ratios),
                max(ratios),
                len(ratios),
            )
        )
    return figures


def merge(old: Iterable[Figure], new: Iterable[Figure]) -> list[Figure]:
    """The new figures in place of the old ones of the same case; the others stay, in their order."""
    fresh: dict[tuple[str, str], list[Figure]] = {}
    for figure in new:
        fresh.setdefault((figure.suite, figure.case), []).append(figure)
    merged: list[Figure] = []
    for figure in old:
        key = (figure.suite, figure.case)
        if key not in fresh:
            merged.append(figure)
        else:
            merged += fresh[key]
            fresh[key] = []
    return merged + [figure for figures in fresh.values() for figure in figures]


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _each(figure: Figure) -> str:
    return ("µs of CPU" if figure.cost == "CPU" else figure.cost) + f" / {figure.unit}"


def text(figure: Figure) -> str:
    """A line for the terminal."""
    cost = f"{_short(figure.ours)} : {_short(figure.theirs)} {_each(figure)}"
    spread = f"{figure.ratio:6.2f} ({figure.low:.2f} to {figure.high:.2f})"
    aim = "" if figure.goal is None else f"{figure.goal:g}{'' if figure.met else '  NOT MET'}"
    return f"{figure.case:<38} {figure.peer:<16} {cost:<36} {spread:<26} {aim}".rstrip()


HEADING = f"{'':<38} {'beside':<16} {'cost, ours : theirs':<36} {'theirs / ours (range)':<26} goal"


def markdown(figures: Iterable[Figure]) -> str:
    """A table."""
    lines = [
        "| work | beside | ours | theirs | ratio (range of the rounds) | goal |",
        "| --- | --- | ---: | ---: | ---: | --- |",
    ]
    for figure in figures:
        goal = (
            "" if figure.goal is None else f"{figure.goal:g}{TIMES} {'met' if figure.met else '**not met**'}"
        )
        lines.append(
            f"| {figure.case} | {figure.peer} | {_short(figure.ours)} {_each(figure)} | {_short(figure.theirs)}"
            f" | **{figure.ratio:.2f}{TIMES}** ({figure.low:.2f} to {figure.high:.2f}) | {goal} |"
        )
    return "\n".join(lines)
