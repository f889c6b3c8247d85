"""The command line of `trio-secure certs`: its own commands, parsed into values.

Theory of operation: as in `_options`, which makes the parser and hands in what all commands share: the options
about connections, for those commands that connect, and how an address is read.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ._exit_codes import exit_code_table

if TYPE_CHECKING:
    from ._options import ConnectionOptions  # which imports this module

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # argparse has no public name for it


@dataclass(frozen=True)
class CertsOptions:
    """What all of `trio-secure certs` has in common."""

    connection: ConnectionOptions
    store: Path | None = None
    """The folder of the store; None is the one that comes with trio-secure."""
    as_json: bool = False

    @property
    def subject(self) -> str:
        """What the command is about, for messages."""
        return "certs"


@dataclass(frozen=True)
class ListOptions(CertsOptions):
    """`trio-secure certs list`."""

    expiring: int | None = None
    """Only CAs that expire within this many days."""
    retired: bool = False
    """Also those that are trusted no more."""


@dataclass(frozen=True)
class SearchOptions(CertsOptions):
    """`trio-secure certs search TEXT`."""

    text: str = ""


@dataclass(frozen=True)
class NeededOptions(CertsOptions):
    """`trio-secure certs needed HOST[:PORT]`."""

    host: str = ""
    port: int = 443

    @property
    def subject(self) -> str:
        """The server."""
        return f"{self.host} port {self.port}"


@dataclass(frozen=True)
class AddOptions(CertsOptions):
    """`trio-secure certs add HOST[:PORT]|caN…`."""

    targets: tuple[str, ...] = ()


@dataclass(frozen=True)
class ConvertOptions(CertsOptions):
    """`trio-secure certs convert FILE…`."""

    files: tuple[Path, ...] = ()
    output: str | None = None
    """A file, a folder, or "-" for standard output; None is beside each input."""
    force: bool = False


@dataclass(frozen=True)
class CheckOptions(CertsOptions):
    """`trio-secure certs check [FOLDER]`."""


@dataclass(frozen=True)
class IndexOptions(CertsOptions):
    """`trio-secure certs index FOLDER`."""


@dataclass(frozen=True)
class CompareOptions(CertsOptions):
    """`trio-secure certs compare`."""

    bundle: Path | None = None
    """A PEM file of CAs; None is that of the installed certifi."""


def add_certs_commands(
    commands: Commands,
    add_connection: Callable[[argparse.ArgumentParser], None],
    no_connection: Mapping[str, object],
    address: Callable[[str], tuple[str, int]],
) -> None:
    """Add `certs` and its own commands to a parser.

    Args:
        commands: the parser's commands.
        add_connection: gives a command the options about connections.
        no_connection: what stands for them in a command that does not connect.
        address: reads HOST[:PORT].
    """
    summary = "the CAs of the store: list, search, include in a manifest, convert, check"
    certs = _add(commands, "certs", summary)
    own = certs.add_subparsers(dest="certs_command", required=True, metavar="COMMAND")
    listing = _add(own, "list", "list the CAs of the store")
    listing.add_argument(
        "--expiring", metavar="DAYS", type=_days, help="only those that expire within DAYS days, or have"
    )
    listing.add_argument("--retired", action="store_true", help="also those that are trusted no more")
    search = _add(own, "search", "find CAs by name, number or fingerprint")
    search.add_argument(
        "text", metavar="TEXT", help="a part of the name, ca9, or the first digits of the SHA-256"
    )
    needed = _add(own, "needed", "connect to a server and say which CA of the store it needs")
    needed.add_argument(
        "address", metavar="HOST[:PORT]", type=address, help="the server; the port is 443 by default"
    )
    add = _add(own, "add", "include CAs in a manifest (--manifest FILE)")
    add.add_argument(
        "targets",
        metavar="HOST[:PORT]|caN",
        nargs="+",
        help="a server, whose CA is found out, or a CA by number",
    )
    convert = _add_convert(own)
    check = _add(own, "check", "check that a store's files and its index agree")
    index = _add(own, "index", "make the index of a folder with ca0.der, ca1.der, …")
    compare = _add(own, "compare", "compare the store with the installed certifi")
    compare.add_argument("--bundle", metavar="FILE", type=Path, help="compare with this PEM file instead")

    for command in (needed, add):
        add_connection(command)
    for command in (listing, search, convert, check, index, compare):
        command.set_defaults(**no_connection)
    for command in (listing, search, needed, check, compare):
        command.add_argument("--json", dest="as_json", action="store_true", help="print JSON, for programs")
    for command in (listing, search, needed, add, compare):
        command.add_argument(
            "--store",
            metavar="FOLDER",
            type=Path,
            help="a store of your own, instead of the one that comes along",
        )
    check.add_argument(
        "store", metavar="FOLDER", type=Path, nargs="?", help="the one that comes along by default"
    )
    index.add_argument("store", metavar="FOLDER", type=Path, help="where they are, and the index goes")
    for command in (add, convert, index):
        command.set_defaults(as_json=False)
    convert.set_defaults(store=None)


def certs_options(chosen: argparse.Namespace, connection: ConnectionOptions) -> CertsOptions:
    """The options of what was chosen on the command line."""
    common = (connection, chosen.store, chosen.as_json)
    match chosen.certs_command:
        case "list":
            return ListOptions(*common, chosen.expiring, chosen.retired)
        case "search":
            return SearchOptions(*common, chosen.text)
        case "needed":
            return NeededOptions(*common, *chosen.address)
        case "add":
            return AddOptions(*common, tuple(chosen.targets))
        case "convert":
            return ConvertOptions(*common, tuple(chosen.files), chosen.output, chosen.force)
        case "check":
            return CheckOptions(*common)
        case "index":
            return IndexOptions(*common)
        case _:
            return CompareOptions(*common, chosen.bundle)


def _add_convert(own: Commands) -> argparse.ArgumentParser:
    convert = _add(own, "convert", "convert certificates and keys from PEM to DER")
    convert.add_argument(
        "files", metavar="FILE", type=Path, nargs="+", help="PEM text with one or more of them"
    )
    convert.add_argument(
        "-o",
        "--output",
        metavar="FILE|FOLDER",
        help="where to write, - for standard output (default: beside each FILE, ending in .der)",
    )
    convert.add_argument("--force", action="store_true", help="replace files that exist")
    return convert


def _add(commands: Commands, name: str, summary: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"exit codes:\n{exit_code_table()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days, such as 90")
    return int(text)
