"""The package as a user sees it: what importing it takes, and the promises of its documentation."""

from __future__ import annotations

import subprocess
import sys

import pytest

from trio_secure import testing


def _run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)


def test_every_public_name_is_there() -> None:
    assert [name for name in testing.__all__ if not hasattr(testing, name)] == []


def test_importing_the_client_imports_none_of_it() -> None:
    names = ("OpenSSL", "trustme", "trio_secure.testing")
    code = f"import sys, trio_secure; print([name for name in {names} if name in sys.modules])"
    assert _run(code).stdout.strip() == "[]"


@pytest.mark.parametrize("package", ["OpenSSL", "trustme"])
def test_without_the_extra_the_command_to_install_it_is_told(package: str) -> None:
    ended = _run(f"import sys; sys.modules[{package!r}] = None; import trio_secure.testing")
    assert ended.returncode == 1
    assert ended.stderr.endswith(
        f"ModuleNotFoundError: trio_secure.testing needs {package}: pip install 'trio-secure[testing]'\n"
    )
