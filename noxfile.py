"""Everything the project runs: `nox -s demo`, `nox -s tests`, and the checks behind them.

Theory of operation: each session makes a virtual environment, installs what `[dependency-groups]` in
pyproject.toml lists for it, and builds and installs the package as a wheel. Tests run against that wheel, not
against the checkout: `python -P` keeps the working directory off the import path.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "types", "layers", "wheel", "docs", "tests", "coverage"]

PROJECT = nox.project.load_toml("pyproject.toml")
PYTEST = ("python", "-P", "-m", "pytest")


def _install(session: nox.Session, *groups: str, extra: str = "") -> None:
    """Install dependency groups and the package, built from the tree as it stands."""
    # uv would take a wheel it built earlier from the same pyproject.toml.
    fresh = ["--reinstall-package", PROJECT["project"]["name"]] if session.venv_backend == "uv" else []
    package = f".[{extra}]" if extra else "."
    session.install(*fresh, *nox.project.dependency_groups(PROJECT, *groups), package)


def _install_groups(session: nox.Session, *groups: str) -> None:
    """Install dependency groups alone, for checks that do not import the package."""
    session.install(*nox.project.dependency_groups(PROJECT, *groups))


@nox.session
def demo(session: nox.Session) -> None:
    """Show the main job: handshake, download, WebSocket echo, and a missing certificate."""
    _install(session, extra="demo")
    session.run("trio-secure", "demo", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests that need nothing but Python."""
    _install(session, "tests")
    session.run(*PYTEST, "--ignore=tests/interop", *session.posargs)


@nox.session
def interop(session: nox.Session) -> None:
    """Talk to other people's servers in every way they know; `-- --write-interop-table` for docs/interop.md."""
    _install(session, "interop")
    session.run(*PYTEST, "tests/interop", "-rs", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz parsers, records and whole handshakes, for as long as FUZZ_SECONDS says; 40 by default."""
    _install(session, "tests")
    seconds = os.environ.get("FUZZ_SECONDS", "40")
    session.run(*PYTEST, "tests/fuzz", *session.posargs, env={"FUZZ_SECONDS": seconds})


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure each module's branch coverage by its own test file."""
    _install(session, "tests")
    session.run("python", "-P", "tools/coverage_by_module.py", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting, and that the workflows can be parsed and give nothing away."""
    _install_groups(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("zizmor", "--offline", "--no-progress", "--quiet", "--persona=pedantic", ".github")


@nox.session
def types(session: nox.Session) -> None:
    """Check types twice, strictly."""
    _install(session, "types", extra="demo")
    session.run("mypy")
    session.run("pyright")


@nox.session
def layers(session: nox.Session) -> None:
    """Check that imports keep to the floors."""
    _install(session, "layers", extra="cli")
    session.run("lint-imports")


@nox.session
def wheel(session: nox.Session) -> None:
    """Build both distributions twice, and check that they are the same and what is in them."""
    _install_groups(session, "wheel")
    folder = Path(session.create_tmp())
    shutil.rmtree(folder)
    from_tree, from_sdist = folder / "from-tree", folder / "from-sdist"
    # The same files whoever builds them, and when: https://reproducible-builds.org/specs/source-date-epoch/.
    epoch = {"SOURCE_DATE_EPOCH": "1767225600"}
    again = folder / "again"
    session.run("python", "-m", "build", "--wheel", "--outdir", str(from_tree), silent=True, env=epoch)
    session.run("python", "-m", "build", "--outdir", str(from_sdist), silent=True, env=epoch)
    session.run("python", "-m", "build", "--sdist", "--outdir", str(again), silent=True, env=epoch)
    session.run("python", "tools/same_files.py", str(from_tree), str(from_sdist))
    session.run("python", "tools/same_files.py", str(again), str(from_sdist))
    session.run("check-wheel-contents", str(from_tree), str(from_sdist))
    session.run("python", "tools/compare_wheels.py", str(from_tree), str(from_sdist))


@nox.session
def bench(session: nox.Session) -> None:
    """Measure beside peers; `-- --quick` checks that it runs, `-- --write` fills docs/performance.md."""
    _install(session, "bench")
    session.run("python", "-m", "benchmarks", *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session
def store(session: nox.Session) -> None:
    """Bring the certificate store up to date with certifi."""
    _install(session, "store")
    session.run("python", "-P", "tools/update_store.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, with warnings as errors, into docs/_build."""
    _install(session, "docs", "adapters", extra="cli,testing")
    session.run(
        "python", "-P", "-m", "sphinx", "-q", "-W", "--keep-going", "-n", "-b", "html", "docs", "docs/_build"
    )


@nox.session
def consumer(session: nox.Session) -> None:
    """Check the types of somebody else's program against the installed wheel."""
    _install(session, "checkers", "adapters", extra="cli,testing")
    folder = Path(session.create_tmp()) / "consumer"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree("tests/consumer", folder)
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    with session.chdir(folder):
        # Without a configuration: this project's would lead it to the sources.
        session.run("mypy", "--config-file=", "--strict", "program.py")
        session.run("pyright", "program.py")


# What is worth running under other versions: everything that meets another library, and little else.
QUICK = (
    "tests/certs/test_trust.py",
    "tests/secure/test_sockets.py",
    "tests/secure/test_stream.py",
    "tests/https/test_client.py",
    "tests/https/test_connection.py",
    "tests/wss/test_open.py",
    "tests/cli/test_get.py",
    "tests/cli/test_options.py",
)


@nox.session
def floors(session: nox.Session) -> None:
    """Run the quick tests with the lowest versions that are allowed; every other session has the newest."""
    wanted = [*PROJECT["project"]["dependencies"], *nox.project.dependency_groups(PROJECT, "tests")]
    for extra in PROJECT["project"]["optional-dependencies"].values():
        wanted += extra
    session.install("uv")
    install = ("uv", "pip", "install", "-q", "--python", session.virtualenv.location)
    session.run(*install, "--resolution", "lowest-direct", *wanted)
    session.run(*install, "--no-deps", "--reinstall-package", PROJECT["project"]["name"], ".")
    session.run(*PYTEST, *QUICK, *session.posargs)


def _newer_pythons() -> list[str]:
    """The interpreters on this machine that are newer than the one that runs nox."""
    minors = range(sys.version_info.minor + 1, 20)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [
        next((str(one) for one in sorted(pyenv.glob(f"3.{minor}.*/bin/python"))), None)
        or shutil.which(f"python3.{minor}")
        for minor in minors
    ]
    return [one for one in found if one]


@nox.session(python=_newer_pythons() or False)
def pythons(session: nox.Session) -> None:
    """Run the quick tests under every newer Python that is installed here."""
    if not session.python:
        session.skip("no newer Python is installed here")
    _install(session, "tests", extra="cli")
    session.run(*PYTEST, *QUICK, *session.posargs)
