"""`trio-secure certs add`: CAs written into a manifest.

Theory of operation: everything is found out before anything is written: the manifest is read and checked, each
server is asked for the CA it needs, and what the manifest already includes is left out. The text is changed only
where the entries go, and the file is replaced as a whole, so that there is never half a manifest.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any  # keyword arguments that are passed on

import trio

from trio_certs import Entry, Manifest, Resource, Store, add_entries

from ._certs_needed import find_need
from ._certs_options import AddOptions
from ._certs_store import open_store
from ._exit_codes import ExitCode
from ._failure import CommandError
from ._options import parse_address
from ._output import open_output
from ._terminal import Terminal
from ._text import printable

_NUMBER = re.compile(r"(?:\$\(CERTS\)/)?ca(0|[1-9][0-9]{0,5})(?:\.der)?", re.ASCII)
_BOM = "\ufeff"


@dataclass(frozen=True)
class _Wanted:
    """A CA and why it is wanted."""

    entry: Entry
    why: str
    new: bool
    """Whether the manifest did not include it yet."""


async def add(options: AddOptions, terminal: Terminal, **socket_options: Any) -> ExitCode:
    """Include CAs in a manifest, which is made if there is none.

    Args:
        options: what the command line says.
        terminal: the standard streams.
        **socket_options: passed on to `SecureSocket`, for instance another Socket factory below it.

    Raises:
        CommandError: there is no manifest named, or it excludes a CA, or it cannot be written.
        ManifestError: the manifest cannot be used.
        ResourceNotFoundError: there is no such CA.
        Exception: what `SecureSocket` raises.
    """
    path = options.connection.manifest
    if path is None:
        raise CommandError("which manifest?", "name it with --manifest FILE; it is made if it is not there")
    store = open_store(options.store)
    text = await trio.to_thread.run_sync(_read, path)
    manifest = (
        Manifest(path=str(path), store=store) if text is None else await Manifest.load(path, store=store)
    )
    wanted: list[_Wanted] = []
    for target in options.targets:
        one = await _find(target, options, manifest, store, terminal, **socket_options)
        if one is not None:
            wanted.append(one)
            # What is added for one server may do for the next.
            manifest = _with_entry(manifest, one.entry)
    entries = list(dict.fromkeys(one.entry.manifest_entry for one in wanted if one.new))
    if entries:
        await trio.to_thread.run_sync(_write, path, _with_entries(text, entries), terminal)
    for one in dict.fromkeys(wanted):
        verb = "added" if one.new else "already included"
        terminal.print(f'{verb}: "{one.entry.manifest_entry}", {one.entry.name}{one.why}')
    return ExitCode.OK


async def _find(
    target: str,
    options: AddOptions,
    manifest: Manifest,
    store: Store,
    terminal: Terminal,
    **socket_options: Any,
) -> _Wanted | None:
    """The CA that a target on the command line means; None if the server needs none of the store."""
    match = _NUMBER.fullmatch(target)
    if match is not None:
        await Resource(f"ca{match[1]}.der", store=store).read()  # which explains what is not there
        entry = store.index().entries[int(match[1])]
        return _Wanted(entry, "", not manifest.includes(entry.resource))
    try:
        host, port = parse_address(target)
    except argparse.ArgumentTypeError as error:
        raise CommandError(str(error)) from error
    need = await find_need(host, port, options.connection, manifest, store, terminal, **socket_options)
    if need.entry is None:
        terminal.say(f"note: {printable(target)} needs no CA of the store: --ca vouches for it")
        return None
    return _Wanted(need.entry, f", needed by {printable(target)}", not need.included)


def _with_entry(manifest: Manifest, entry: Entry) -> Manifest:
    """A manifest that includes a CA too.

    Raises:
        CommandError: it excludes the CA, so that to add it would change nothing.
    """
    if manifest.includes(entry.resource):
        return manifest
    after = replace(manifest, resources=(*manifest.resources, entry.manifest_entry))
    if not after.includes(entry.resource):
        raise CommandError(
            f'{manifest.label} excludes {entry.resource}, {entry.name}, under "~"',
            "if it is to be trusted, remove it there first",
        )
    return after


def _read(path: Path) -> str | None:
    """The manifest's text as it stands, with its line breaks; None if there is no file."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise CommandError(f"cannot read the manifest {path}: {reason}") from error


def _with_entries(text: str | None, entries: list[str]) -> str:
    if text is None or not text.startswith(_BOM):
        return add_entries(text, entries)
    return _BOM + add_entries(text.removeprefix(_BOM), entries)


def _write(path: Path, text: str, terminal: Terminal) -> None:
    with open_output(path, terminal) as output:
        output.write(text.encode("utf-8"))
        output.finish()
