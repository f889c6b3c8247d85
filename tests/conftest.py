"""What all the tests share: reasons for skipping that survive Trio.

Theory of operation: pytest-trio turns a skip inside an async test into one without a reason. The reason is kept by
whoever skips, `support.servers`, and put back into the report here.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

from support.servers import skipped_for


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say why a server was not there."""
    report = yield
    if report.skipped and skipped_for and isinstance(report.longrepr, tuple):
        path, line, _reason = report.longrepr
        report.longrepr = (path, line, f"Skipped: {skipped_for.pop()}")
    return report
