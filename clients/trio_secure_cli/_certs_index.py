"""`trio-secure certs check`, `index` and `compare`: for those who keep a store.

Theory of operation: the work is `trio_certs`'; here its results become lines and exit codes, and errors of files
become errors of the command, which would otherwise pass for those of a network.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import trio

from trio_certs import Entry, StoreChange, StoreError, check_store, compare_store, index_store

from ._certs_options import CertsOptions, CompareOptions
from ._certs_store import open_store
from ._certs_table import print_json
from ._exit_codes import ExitCode
from ._extras import is_installed
from ._failure import CommandError
from ._terminal import Terminal

T = TypeVar("T")


async def check(options: CertsOptions, terminal: Terminal) -> ExitCode:
    """Print what is wrong with a store.

    Returns:
        NO if anything is.

    Raises:
        CommandError: the folder cannot be read, or it has no index.
    """
    folder = open_store(options.store).folder
    findings = await _with_files(lambda: check_store(folder))
    if options.as_json:
        print_json(terminal, {"store": str(folder), "findings": findings})
    else:
        for finding in findings:
            terminal.print(finding)
        terminal.say(f"{folder}: {f'{len(findings)} findings' if findings else 'files and index agree'}")
    return ExitCode.NO if findings else ExitCode.OK


async def index(options: CertsOptions, terminal: Terminal) -> ExitCode:
    """Make the index of a folder of certificates.

    Raises:
        CommandError: the folder cannot be read or written, or what is in it makes no store.
    """
    folder = open_store(options.store).folder
    change = await _with_files(lambda: index_store(folder))
    _print_change(change, terminal, ("added", "retired"))
    terminal.say(f"{folder}: {_count(change)}")
    return ExitCode.OK


async def compare(options: CompareOptions, terminal: Terminal) -> ExitCode:
    """Print what the store and the installed certifi do not have in common.

    Returns:
        NO if there is anything.

    Raises:
        CommandError: certifi is not installed, or its file cannot be read.
    """
    folder = open_store(options.store).folder
    bundle = options.bundle or _certifi()
    change = await _with_files(lambda: compare_store(folder, bundle.read_bytes()))
    if options.as_json:
        value = {
            "store": str(folder),
            "list": str(bundle),
            "added": [_for_programs(entry) for entry in change.added],
            "retired": [_for_programs(entry) for entry in change.retired],
            "unchanged": len(change.unchanged),
        }
        print_json(terminal, value)
    else:
        _print_change(change, terminal, ("only in the list", "only in the store"))
        terminal.say(f"the store has {len(change.unchanged)} CAs in common with {bundle}")
    return ExitCode.NO if change.added or change.retired else ExitCode.OK


async def _with_files(work: Callable[[], T]) -> T:
    """The result of `work`, in a thread; what is wrong with files is the user's to hear."""
    try:
        return await trio.to_thread.run_sync(work)
    except StoreError as error:
        raise CommandError(str(error), "without that file, `certs index` makes it anew") from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise CommandError(f"{where}{error.strerror or error}") from error
    except ValueError as error:
        raise CommandError(str(error)) from error


def _certifi() -> Path:
    if not is_installed("certifi"):
        raise CommandError(
            "certifi is not installed", "pip install certifi, or name a list of CAs with --bundle FILE"
        )
    import certifi  # not a requirement of anything here

    return Path(certifi.where())


def _print_change(change: StoreChange, terminal: Terminal, labels: tuple[str, str]) -> None:
    for label, entries in zip(labels, (change.added, change.retired), strict=True):
        for entry in entries:
            terminal.print(
                f"{label}: ca{entry.number}, {entry.name}, to {entry.expires}, {entry.fingerprint.hex()}"
            )


def _count(change: StoreChange) -> str:
    return f"{len(change.added)} added, {len(change.retired)} retired, {len(change.unchanged)} unchanged"


def _for_programs(entry: Entry) -> dict[str, object]:
    return {
        "number": entry.number,
        "name": entry.name,
        "expires": entry.expires,
        "sha256": entry.fingerprint.hex(),
    }
