"""The command line of `trio-secure probe`, parsed into values.

Theory of operation: as in `_options`, which makes the parser and hands in what all commands share. The port
depends on `--starttls`, which may come after the address, so the address is read when everything is known.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._options import ConnectionOptions  # which imports this module

#: The protocols that begin in plaintext, and the port of each.
STARTTLS_PORTS: Mapping[str, int] = {
    "smtp": 25,
    "imap": 143,
    "pop3": 110,
    "ftp": 21,
    "postgres": 5432,
    "xmpp": 5222,
}
_VERSIONS = {"1.0": 0x0301, "1.1": 0x0302, "1.2": 0x0303, "1.3": 0x0304}


@dataclass(frozen=True)
class ScanOptions:
    """What is to be found out of all that a server accepts; each takes connections of its own."""

    versions: bool = False
    suites: bool = False
    groups: bool = False
    signatures: bool = False

    @property
    def any(self) -> bool:
        """Whether there is anything to find out."""
        return self.versions or self.suites or self.groups or self.signatures


@dataclass(frozen=True)
class DemandOptions:
    """What a server has to be, for monitoring."""

    expires_within: int | None = None
    """Days for which every certificate of the path has to be good."""
    min_version: int | None = None
    """The lowest version, as on the wire."""
    anchor: str | None = None
    """The resource that has to vouch for the server, as "ca9.der"."""


@dataclass(frozen=True)
class ProbeOptions:
    """`trio-secure probe HOST[:PORT]`."""

    connection: ConnectionOptions
    host: str
    port: int = 443
    starttls: str | None = None
    """The protocol that is spoken before TLS begins; one of `STARTTLS_PORTS`."""
    as_json: bool = False
    report: Path | None = None
    """Where the page that shows the handshake goes."""
    secrets: bool = False
    """Whether the page shows secrets."""
    scan: ScanOptions = ScanOptions()
    demand: DemandOptions = DemandOptions()

    @property
    def subject(self) -> str:
        """What the command is about, for messages."""
        return f"{self.host} port {self.port}"


def add_probe_options(probe: argparse.ArgumentParser) -> None:
    """Add what `probe` takes besides the options of a connection."""
    ports = ", ".join(f"{port} with {name}" for name, port in STARTTLS_PORTS.items())
    probe.add_argument(
        "address", metavar="HOST[:PORT]", help=f"the server; the port is 443 by default, or {ports}"
    )
    probe.add_argument(
        "--starttls", choices=STARTTLS_PORTS, help="speak this protocol first and ask it to begin TLS"
    )
    probe.set_defaults(parser=probe)
    probe.add_argument(
        "--json", action="store_true", dest="as_json", help="print JSON; docs/probe.md has the schema"
    )
    probe.add_argument(
        "--report", metavar="FILE", type=Path, help="write a page that shows the handshake message by message"
    )
    probe.add_argument(
        "--secrets",
        action="store_true",
        help="with --report: show session tickets, and the keys of the connection for Wireshark",
    )
    scan = probe.add_argument_group("what else the server accepts; each takes connections of its own")
    scan.add_argument("--versions", action="store_true", help="every version of TLS")
    scan.add_argument(
        "--suites", action="store_true", help="every cipher suite of each version, as preferred"
    )
    scan.add_argument("--groups", action="store_true", help="every group for the key exchange")
    scan.add_argument("--signatures", action="store_true", help="every signature scheme")
    demand = probe.add_argument_group("what the server has to be; else the exit code is 11")
    demand.add_argument(
        "--expires-within",
        metavar="DAYS",
        type=_days,
        help="no certificate of the path may expire within so many days",
    )
    demand.add_argument(
        "--min-version",
        choices=_VERSIONS,
        help="TLS of this version at least; with --versions it may accept none below either",
    )
    demand.add_argument(
        "--anchor",
        metavar="NAME",
        type=_anchor,
        help="the CA of the store that has to vouch for it, as ca9.der",
    )


def probe_options(
    chosen: argparse.Namespace,
    connection: ConnectionOptions,
    parse_address: Callable[[str, int], tuple[str, int]],
) -> ProbeOptions:
    """The options of what was chosen on the command line.

    Raises:
        SystemExit: the address is none, or the options do not go together; it was said.
    """
    parser: argparse.ArgumentParser = chosen.parser
    try:
        host, port = parse_address(chosen.address, STARTTLS_PORTS.get(chosen.starttls, 443))
    except argparse.ArgumentTypeError as error:
        parser.error(f"argument HOST[:PORT]: {error}")
    if chosen.secrets and chosen.report is None:
        parser.error("argument --secrets: it says what goes into the page, so it needs --report FILE")
    if chosen.anchor and connection.insecure:
        parser.error("argument --anchor: with --insecure nobody vouches for the server")
    return ProbeOptions(
        connection,
        host,
        port,
        chosen.starttls,
        chosen.as_json,
        chosen.report,
        chosen.secrets,
        ScanOptions(chosen.versions, chosen.suites, chosen.groups, chosen.signatures),
        DemandOptions(chosen.expires_within, _VERSIONS.get(chosen.min_version), chosen.anchor),
    )


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days, such as 14")
    return int(text)


def _anchor(text: str) -> str:
    name = text.removesuffix(".der")
    if not (name.startswith("ca") and name[2:].isascii() and name[2:].isdigit()):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no CA of the store: write its file's name, such as ca9.der"
        )
    return f"{name}.der"
