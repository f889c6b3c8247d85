"""Contestants side by side: each measured in a process of its own, one right after the other.

Theory of operation: the order of the contestants turns from round to round, so that a machine that gets slower
or busier meets all of them. A server is started when the first case needs it and serves until the run ends. A
child is this package again, with `--measure`; it prints the cost. In a quick run, which checks that everything
runs, there is one round, and as many children at a time as there are processors.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.case import Case, Serve, Site
from benchmarks.figures import Figure, compare


class Sites:
    """The servers of a run."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._sites: dict[Serve, Site] = {}

    def get(self, serve: Serve) -> Site:
        """The one that `serve` runs, started when it is not."""
        if serve not in self._sites:
            folder = self._folder / str(len(self._sites))
            folder.mkdir()
            self._sites[serve] = self._stack.enter_context(serve(folder))
        return self._sites[serve]


@contextmanager
def sites() -> Generator[Sites]:
    """The servers of a run, which end with it."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        yield Sites(Path(folder), stack)


def turns(contestants: Sequence[str], number: int) -> list[str]:
    """The order of a round: every other one backwards, so that neighbours stay neighbours."""
    return list(contestants) if number % 2 else list(reversed(contestants))


def _cost(suite: str, name: str, contestant: str, site: Site, amount: int) -> float:
    arguments = ["--measure", suite, name, contestant, str(site.port), str(site.folder), str(amount)]
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(finished.stdout)


def run(suite: str, name: str, case: Case, site: Site, *, quick: bool, rounds: int) -> list[Figure]:
    """The figures of one case."""
    amount = case.quick if quick else case.amount
    costs: dict[str, list[float]] = {contestant: [] for contestant in case.contestants}
    with ThreadPoolExecutor((os.cpu_count() or 1) if quick else 1) as pool:
        for number in range(min(rounds, case.rounds)):
            order = turns(list(costs), number)
            found = [pool.submit(_cost, suite, name, contestant, site, amount) for contestant in order]
            for contestant, cost in zip(order, found, strict=True):
                costs[contestant].append(cost.result())
    figures = compare(suite, name, costs, unit=case.unit, cost=case.cost, amount=amount)
    return [replace(figure, goal=case.goals.get(figure.peer)) for figure in figures]
