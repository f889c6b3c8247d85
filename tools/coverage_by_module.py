"""Measure the branch coverage of each module by its own test file alone.

Theory of operation: one run of the tests, in which coverage.py is told the running test's file as its
context. For a module only what its own test file reached counts (`tests/secure/test_codec.py` for
`trio_secure/_codec.py`), and what ran outside any test, which is imports. A module that other tests happen
to pass through is therefore not covered by that. `__init__` and `__main__` are exempt: the first only
re-exports, the second is one call.

`coverage_by_module.py [--fail-under PERCENT] [PACKAGE.MODULE …]` prints a table, worst first, and fails when
a module stays below the threshold or has no test file.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Collection, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = {
    "trio_secure": ROOT / "tests" / "secure",
    "trio_secure.testing": ROOT / "tests" / "testing",
    "trio_certs": ROOT / "tests" / "certs",
    "trio_https": ROOT / "tests" / "https",
    "trio_wss": ROOT / "tests" / "wss",
    "trio_secure_report": ROOT / "tests" / "report",
    "trio_secure_cli": ROOT / "tests" / "cli",
    "trio_secure_adapters": ROOT / "tests" / "adapters",
}
EXEMPT = ("__init__", "__main__")


@dataclass(frozen=True)
class Module:
    """A module of the library and the test file that answers for it."""

    name: str
    path: Path
    test: Path

    @property
    def context(self) -> str:
        """What its tests' context is called."""
        return context_of(self.test)


@dataclass(frozen=True)
class Result:
    """What a test file reached of its module."""

    module: Module
    percent: float
    missing: str


def context_of(test: Path) -> str:
    """The name of a test file's context: its path from the root of the project."""
    return str(test.relative_to(ROOT))


def find_modules(wanted: Collection[str]) -> list[Module]:
    """The installed modules, all or the wanted ones, in order of name."""
    found: list[Module] = []
    for package, tests in TESTS.items():
        # The spec of what is below a package would import the package, unmeasured.
        root, *below = package.split(".")
        spec = importlib.util.find_spec(root)
        if spec is None or spec.origin is None:
            raise SystemExit(f"{package} is not installed")
        for path in sorted(Path(spec.origin).parent.joinpath(*below).glob("*.py")):
            name = f"{package}.{path.stem}"
            if path.stem not in EXEMPT and (not wanted or name in wanted):
                found.append(Module(name, path, tests / f"test_{path.stem.removeprefix('_')}.py"))
    return found


class ContextPerFile:
    """A pytest plugin that tells coverage.py which test file is running, fixtures included."""

    def __init__(self, measurement: coverage.Coverage, modules: Collection[Module]) -> None:
        self._measurement = measurement
        self._modules = modules

    def pytest_collection_finish(self) -> None:
        """Import what a package imports when it is needed, or whichever test needs it first would."""
        for module in self._modules:
            importlib.import_module(module.name)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Name the context for the setup, the call and the teardown of one test."""
        self._measurement.switch_context(context_of(item.path))
        try:
            return (yield)
        finally:
            self._measurement.switch_context("")


def run_tests(measurement: coverage.Coverage, modules: Collection[Module]) -> int:
    """Run the test files of `modules` in one process; the result is pytest's exit code."""
    files = sorted({str(module.test) for module in modules if module.test.is_file()})
    measurement.start()
    try:
        return pytest.main(
            ["-q", "--no-header", "-p", "no:cacheprovider", *files], [ContextPerFile(measurement, modules)]
        )
    finally:
        measurement.stop()
        measurement.save()


def measure(measurement: coverage.Coverage, modules: Iterable[Module]) -> list[Result]:
    """The coverage of each module in its own context, worst first."""
    results: list[Result] = []
    for module in modules:
        data = measurement.get_data()
        data.set_query_contexts(["^$", f"^{module.context}$"])
        analysis = measurement.analysis2(str(module.path))
        branches = measurement.branch_stats(str(module.path))
        statements, missing = analysis[1], analysis[3]
        taken = sum(taken for _total, taken in branches.values())
        total = len(statements) + sum(total for total, _taken in branches.values())
        reached = len(statements) - len(missing) + taken
        percent = 100.0 * reached / total if total else 100.0
        partial = [line for line, (total, taken) in branches.items() if taken < total and line not in missing]
        half = ", ".join(f"{line}→" for line in sorted(partial))
        results.append(Result(module, percent, "; ".join(part for part in (analysis[4], half) if part)))
    return sorted(results, key=lambda result: (result.percent, result.module.name))


def main() -> str | None:
    """What is wrong, or None."""
    parser = argparse.ArgumentParser(description="Branch coverage of each module by its own test file.")
    parser.add_argument("--fail-under", type=float, default=98.0, metavar="PERCENT")
    parser.add_argument("modules", nargs="*", metavar="PACKAGE.MODULE")
    options = parser.parse_args()
    modules = find_modules(options.modules)
    # Contexts are switched by hand, which the monitoring-based core of newer Pythons does not support.
    measurement = coverage.Coverage(config_file=str(ROOT / "pyproject.toml"), data_file=None)
    measurement.set_option("run:core", "ctrace")
    measurement.set_option("run:disable_warnings", ["module-not-imported"])
    failed = run_tests(measurement, modules) != 0
    results = measure(measurement, modules)
    for result in results:
        print(f"{result.percent:6.1f} %  {result.module.name:<36} {result.missing}")
    without = [module.name for module in modules if not module.test.is_file()]
    below = [result.module.name for result in results if result.percent < options.fail_under]
    complaints = [
        "the tests failed" if failed else "",
        f"no test file of their own: {', '.join(without)}" if without else "",
        f"below {options.fail_under:g} %: {', '.join(below)}" if below else "",
    ]
    return "\n".join(filter(None, complaints)) or None


if __name__ == "__main__":
    sys.exit(main())
