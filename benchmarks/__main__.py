"""`python -m benchmarks [--quick] [--rounds N] [--write] [SUITE or CASE …]`: every figure beside a peer's.

Theory of operation: suites of cases are run by `rounds`, printed by `figures` and, with `--write`, put into
docs/performance.md by `page`, where they replace those of an earlier run and leave the others. `limits` is the
floor beneath them. `imports`, `trust`, `adapters` and `cancellation` say themselves what they find. A new suite
is a module with `CASES` and a name in `SUITES`.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks import figures, rounds
from benchmarks.case import Case, Site

SUITES = ("transfers", "handshakes", "cold", "idle", "https", "websocket", "shape")
_OTHERS = ("limits", "imports", "memory", "trust", "adapters", "cancellation")
_ROUNDS, _QUICK_ROUNDS = 7, 1


def _measure_here(suite: str, name: str, contestant: str, port: str, folder: str, amount: str) -> None:
    print(cases_of(suite)[name].contestants[contestant](Site(int(port), Path(folder)), int(amount)))


def cases_of(suite: str) -> Mapping[str, Case]:
    """A suite's cases. Only the suite is imported: a child pays for no other."""
    cases: Mapping[str, Case] = importlib.import_module(f"benchmarks.{suite}").CASES
    return cases


def select(wanted: list[str]) -> dict[str, list[str]]:
    """The cases of each suite that are meant by names of suites, and by names of cases or the beginnings of them.

    Raises:
        ValueError: a name means nothing.
    """
    chosen: dict[str, list[str]] = {}
    for name in wanted or [*SUITES, *_OTHERS]:
        if name in SUITES:
            chosen[name] = list(cases_of(name))
        elif name in _OTHERS:
            chosen[name] = []
        else:
            found = [(suite, case) for suite in SUITES for case in cases_of(suite) if case.startswith(name)]
            if not found:
                raise ValueError(f"no suite or case: {name}; suites are {', '.join([*SUITES, *_OTHERS])}")
            for suite, case in found:
                chosen.setdefault(suite, []).append(case)
    return chosen


def _run_suites(chosen: Mapping[str, list[str]], *, quick: bool, count: int) -> list[figures.Figure]:
    found: list[figures.Figure] = []
    with rounds.sites() as sites:
        for suite in SUITES:
            if suite not in chosen:
                continue
            print(f"\n{suite}\n{figures.HEADING}", flush=True)
            for name in chosen[suite]:
                case = cases_of(suite)[name]
                if quick and not case.quick:
                    continue
                rows = rounds.run(suite, name, case, sites.get(case.serve), quick=quick, rounds=count)
                for row in rows:
                    print(figures.text(row), flush=True)
                found += rows
    return found


def _run_others(chosen: Mapping[str, list[str]], *, quick: bool) -> tuple[dict[str, float], list[str]]:
    """The floor, and what is wrong."""
    from benchmarks import adapters, limits, memory, trust

    floor: dict[str, float] = {}
    complaints: list[str] = []
    if "limits" in chosen:
        floor = limits.measure(quick=quick)
        print("\nlimits")
        for what, microseconds in floor.items():
            print(f"{what:<60} {microseconds:8.2f} µs")
    if "imports" in chosen:
        print("\nimports", flush=True)
        few = ["--rounds", "1"] if quick else []
        subprocess.run([sys.executable, "-m", "benchmarks.imports", *few], check=True)
    if "memory" in chosen:
        print("\nmemory")
        complaints += memory.report(quick=quick)
    if "trust" in chosen:
        print("\ntrust")
        complaints += trust.report(quick=quick)
    if "adapters" in chosen:
        print("\nadapters")
        adapters.report(quick=quick)
    if "cancellation" in chosen:
        print("\ncancellation", flush=True)
        # A pool that is wedged takes its time to be found so: the peers' are left out of a quick run.
        few = ["--seeds", "1", "--client", "trio_https"] if quick else []
        subprocess.run([sys.executable, "-m", "benchmarks.cancellation", *few], check=True)
    return floor, complaints


def main() -> str | None:
    """What is wrong, or None."""
    if sys.argv[1:2] == ["--measure"]:
        _measure_here(*sys.argv[2:])
        return None
    parser = argparse.ArgumentParser(prog="benchmarks", description="Costs of the same work, side by side.")
    parser.add_argument(
        "--quick", action="store_true", help="check that everything runs; figures mean nothing"
    )
    parser.add_argument(
        "--rounds", type=int, help=f"rounds for each case: {_ROUNDS}, or {_QUICK_ROUNDS} with --quick"
    )
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    parser.add_argument(
        "wanted", nargs="*", metavar="SUITE|CASE", help=f"of: {', '.join([*SUITES, *_OTHERS])}"
    )
    options = parser.parse_args()
    try:
        chosen = select(options.wanted)
    except ValueError as error:
        parser.error(str(error))
    count = options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS)
    found = _run_suites(chosen, quick=options.quick, count=count)
    floor, complaints = _run_others(chosen, quick=options.quick)
    if options.write:
        from benchmarks import page

        page.write(found, floor)
    return "\n".join(complaints) or None


if __name__ == "__main__":
    sys.exit(main())
