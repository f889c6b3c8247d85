"""Packages the command needs only for some things.

Theory of operation: the library installs without them; the command names the extra that brings them.
"""

from __future__ import annotations

from importlib.util import find_spec

from ._failure import CommandError


def is_installed(package: str) -> bool:
    """Whether `package` can be imported, found out without importing it."""
    return find_spec(package) is not None


def install_command(extra: str) -> str:
    """The pip command that installs trio-secure with `extra`."""
    return f'pip install "trio-secure[{extra}]"'


def require(extra: str, *packages: str) -> None:
    """Make sure that everything the extra brings is there.

    Raises:
        CommandError: naming what is missing and the pip command that installs it.
    """
    missing = [package for package in packages if not is_installed(package)]
    if missing:
        raise CommandError(f"this needs {' and '.join(missing)}: {install_command(extra)}")
