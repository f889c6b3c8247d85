"""What the interoperability tests share: one authority, one large file, the servers of the matrix.

Theory of operation: with `--write-interop-table` what became of each case is remembered, and the table in the docs
is written from it at the end.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.authority import Authority
from support.interop_cases import Case
from support.interop_connection import Servers
from support.interop_material import Material
from support.interop_processes import Processes
from support.interop_table import DOCUMENT, render

_PAYLOAD_BYTES = 64 << 20
_OPTION = "--write-interop-table"
_RESULTS = pytest.StashKey[dict[Case, bool]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the option; it is known only when this folder is named on the command line."""
    parser.addoption(_OPTION, action="store_true", help="write docs/interop.md from the results of this run")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember what became of a case, in whichever of a test's phases."""
    report = yield
    case = item.callspec.params.get("case") if hasattr(item, "callspec") else None
    if isinstance(case, Case) and (report.when == "call" or not report.passed):
        item.config.stash.setdefault(_RESULTS, {})[case] = report.passed
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the table."""
    if session.config.getoption(_OPTION, default=False):
        results = session.config.stash.setdefault(_RESULTS, {})
        DOCUMENT.write_text(render(results), "utf-8")


@dataclass(frozen=True)
class Payload:
    """A file to serve, alone in its folder."""

    folder: Path
    name: str
    size: int
    sha256: str


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The root every server's certificate leads to."""
    return Authority.make()


@pytest.fixture(scope="session")
def payload(tmp_path_factory: pytest.TempPathFactory) -> Payload:
    """64 MiB of random bytes."""
    folder = tmp_path_factory.mktemp("payload")
    content = os.urandom(_PAYLOAD_BYTES)
    (folder / "payload.bin").write_bytes(content)
    return Payload(folder, "payload.bin", len(content), hashlib.sha256(content).hexdigest())


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Every server of the matrix, each started when it is first asked for."""
    material = Material(tmp_path_factory.mktemp("material"))
    with Processes(tmp_path_factory.mktemp("servers")) as processes:
        yield Servers(processes, material)
