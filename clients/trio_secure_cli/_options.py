"""The command line: what may be asked, parsed into values.

Theory of operation: `parse` turns arguments into one frozen dataclass per command, with every value already
checked that can be checked without opening a file or a socket. `argparse` reports what is wrong with the line
itself, with the usage, and exits with code 2. URLs are parsed by the client that fetches them.
"""

from __future__ import annotations

import argparse
import ipaddress
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ._certs_options import CertsOptions, add_certs_commands, certs_options
from ._exit_codes import exit_code_table
from ._get_options import GetOptions, add_get_arguments, get_options
from ._notation import Framing, Notation
from ._probe_options import ProbeOptions, add_probe_options, probe_options

DEFAULT_TIMEOUT = 30.0
DEFAULT_WAIT = 5.0
DEFAULT_DEMO_PORT = 8443
DEFAULT_MAX_SIZE = 16 << 20


@dataclass(frozen=True)
class ConnectionOptions:
    """What every command lets the user say about its connections."""

    trace: bool = False
    manifest: Path | None = None
    ca: Path | None = None
    insecure: bool = False
    cert: Path | None = None
    """The certificate to show if a server asks for one, with its key if `key` is None."""
    key: Path | None = None
    timeout: float = DEFAULT_TIMEOUT
    """Seconds without progress after which the command gives up."""


@dataclass(frozen=True)
class WsOptions:
    """`trio-secure ws URL`."""

    connection: ConnectionOptions
    url: str
    wait: float = DEFAULT_WAIT
    """Seconds to wait, after piped input has ended, for as many messages as were sent."""
    notation: Notation = Notation.TEXT
    framing: Framing = Framing.LINES
    json: bool = False
    """Whether JSON that comes is indented."""
    ping: float | None = None
    """Seconds between Pings whose latency is shown."""
    subprotocols: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    max_size: int = DEFAULT_MAX_SIZE
    """Bytes of the longest message accepted, and of the longest line."""
    compression: bool = True
    """Whether permessage-deflate is offered."""
    history: Path | None = None
    """The file that keeps what a person typed."""


@dataclass(frozen=True)
class DemoOptions:
    """`trio-secure demo [--serve [PORT]]`."""

    connection: ConnectionOptions
    serve: int | None = None
    """The port its server is to listen on until it is stopped, without the demonstration."""


if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # argparse has no public name for it

Options = GetOptions | WsOptions | ProbeOptions | CertsOptions | DemoOptions


def parse(arguments: Sequence[str] | None = None) -> Options:
    """The options on a command line, `sys.argv` by default.

    Raises:
        SystemExit: with code 2 after an error was printed, with code 0 after `--help`.
    """
    chosen = _parser().parse_args(arguments)
    if chosen.key is not None and chosen.cert is None:
        chosen.complain("--key is the key of a certificate: name that with --cert FILE")
    connection = ConnectionOptions(
        trace=chosen.trace,
        manifest=chosen.manifest,
        ca=chosen.ca,
        insecure=chosen.insecure,
        cert=chosen.cert,
        key=chosen.key,
        timeout=chosen.timeout,
    )
    if chosen.command == "get":
        return get_options(chosen, connection)
    if chosen.command == "ws":
        return _ws_options(connection, chosen)
    if chosen.command == "probe":
        return probe_options(chosen, connection, parse_address)
    if chosen.command == "certs":
        return certs_options(chosen, connection)
    return DemoOptions(connection, chosen.serve)


class _Version(argparse.Action):
    """Prints the version of the installed distribution."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        # Not at the top: it would cost every command the time to load and to search.
        from importlib.metadata import version

        sys.stdout.write(f"trio-secure {version('trio-secure')}\n")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trio-secure",
        description="Secure connections from the command line: downloads, WebSockets, what a server offers.",
        epilog=f"exit codes:\n{exit_code_table()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    add_get_arguments(_add_command(commands, "get", "download a URL to standard output or a file"))
    _add_ws(commands)

    probe = _add_command(commands, "probe", "say what a TLS server negotiates and who vouches for it")
    add_probe_options(probe)

    add_certs_commands(commands, _add_connection, vars(ConnectionOptions()), parse_address)
    demo = _add_command(commands, "demo", "start a server on this machine and show all of it at work")
    demo.add_argument(
        "--serve",
        metavar="PORT",
        nargs="?",
        type=_port,
        const=DEFAULT_DEMO_PORT,
        help="only start the server, on PORT (default: %(const)s); its CA is in demo-ca.pem",
    )
    return parser


def _add_ws(commands: Commands) -> None:
    ws = _add_command(commands, "ws", "send what is typed as WebSocket messages and print what comes")
    ws.add_argument("url", metavar="URL", help="a wss: or ws: URL")
    ws.add_argument(
        "--subprotocol", metavar="NAME", action="append", default=[], help="offer this; may be repeated"
    )
    ws.add_argument(
        "--header",
        metavar="NAME:VALUE",
        type=_header,
        action="append",
        default=[],
        help="add this to the opening request; may be repeated",
    )
    ws.add_argument(
        "--max-size",
        metavar="BYTES",
        type=_size,
        default=DEFAULT_MAX_SIZE,
        help="refuse longer messages; takes K, M and G (default: 16M)",
    )
    ws.add_argument("--no-compression", action="store_true", help="do not offer to compress messages")
    ws.add_argument(
        "--ping",
        metavar="SECONDS",
        type=_above_zero,
        help="ping the server this often, and show how long it takes",
    )
    ws.add_argument(
        "--wait",
        metavar="SECONDS",
        type=_seconds,
        default=DEFAULT_WAIT,
        help="after the end of piped input, wait this long for as many messages as were sent; "
        "0 closes at once (default: %(default)g)",
    )
    group = ws.add_argument_group("messages")
    notation = group.add_mutually_exclusive_group()
    _add_notation(notation, Notation.TEXT, "send text, in UTF-8 (the default)")
    _add_notation(
        notation, Notation.BINARY, "send the bytes as binary messages, and print those that come as bytes"
    )
    _add_notation(notation, Notation.HEX, "send and print binary messages as hexadecimal digits")
    _add_notation(notation, Notation.BASE64, "send and print binary messages in Base64")
    framing = group.add_mutually_exclusive_group()
    framing.add_argument(
        "-0", "--null", action="store_true", help="messages end with a null byte, not with a line break"
    )
    framing.add_argument(
        "--whole", action="store_true", help="all of the input is one message, sent in fragments as it comes"
    )
    group.add_argument("--json", action="store_true", help="indent JSON that comes")
    group.add_argument(
        "--history",
        metavar="FILE",
        type=Path,
        help="keep the lines typed there; the arrow keys bring them back",
    )
    ws.set_defaults(notation=Notation.TEXT)


def _add_notation(group: argparse._MutuallyExclusiveGroup, notation: Notation, text: str) -> None:
    group.add_argument(
        f"--{notation.value}", action="store_const", const=notation, dest="notation", help=text
    )


def _ws_options(connection: ConnectionOptions, chosen: argparse.Namespace) -> WsOptions:
    if chosen.whole and chosen.notation not in (Notation.TEXT, Notation.BINARY):
        chosen.complain("--whole sends text or bytes as they are: use it alone, or with --binary")
    framing = Framing.WHOLE if chosen.whole else Framing.NULLS if chosen.null else Framing.LINES
    return WsOptions(
        connection,
        chosen.url,
        chosen.wait,
        notation=chosen.notation,
        framing=framing,
        json=chosen.json,
        ping=chosen.ping,
        subprotocols=tuple(chosen.subprotocol),
        headers=tuple(chosen.header),
        max_size=chosen.max_size,
        compression=not chosen.no_compression,
        history=chosen.history,
    )


def _add_command(
    commands: Commands,
    name: str,
    summary: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"exit codes:\n{exit_code_table()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_connection(command)
    return command


def _add_connection(command: argparse.ArgumentParser) -> None:
    command.set_defaults(complain=command.error)
    group = command.add_argument_group("connection")
    group.add_argument("--trace", action="store_true", help="show the TLS handshake, step by step, on stderr")
    group.add_argument(
        "--manifest", metavar="FILE", type=Path, help="the manifest that says which CAs are available"
    )
    trust = group.add_mutually_exclusive_group()
    trust.add_argument("--ca", metavar="FILE", type=Path, help="also trust this certificate (PEM or DER)")
    trust.add_argument(
        "--insecure",
        action="store_true",
        help="accept any certificate: anyone on the way can read and change what is exchanged",
    )
    group.add_argument(
        "--cert", metavar="FILE", type=Path, help="show this certificate (PEM or DER) to a server that asks"
    )
    group.add_argument("--key", metavar="FILE", type=Path, help="its key, if it is not in the same file")
    group.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_above_zero,
        default=DEFAULT_TIMEOUT,
        help="give up when nothing comes for this long (default: %(default)g)",
    )


def parse_address(text: str, default_port: int = 443) -> tuple[str, int]:
    """Host and port from `HOST`, `HOST:PORT`, `[IPV6]:PORT` or a bare IPv6 address.

    Raises:
        argparse.ArgumentTypeError: for anything else.
    """
    if "://" in text or "/" in text:
        raise argparse.ArgumentTypeError(f"{text!r} looks like a URL: give only HOST or HOST:PORT")
    host, port = _split_address(text, str(default_port))
    if not host or any(not character.isprintable() or character.isspace() for character in host):
        raise argparse.ArgumentTypeError(f"{text!r} names no host: write HOST or HOST:PORT")
    return host, _port(port)


def _split_address(text: str, default_port: str) -> tuple[str, str]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not _is_ipv6(host) or (rest and not rest.startswith(":")):
            raise argparse.ArgumentTypeError(f"{text!r} is not an IPv6 address in brackets: write [::1]:443")
        return host, rest[1:] if rest else default_port
    if _is_ipv6(text):
        return text, default_port
    host, colon, port = text.partition(":")
    return host, port if colon else default_port


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: write a number from 1 to 65535")
    return int(text)


def _above_zero(text: str) -> float:
    value = _seconds(text)
    if value == 0:
        raise argparse.ArgumentTypeError("0 leaves no time at all: write a number of seconds above 0")
    return value


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not a header: write NAME:VALUE")
    return name.strip(), value.strip()


def _size(text: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,11})([KMG]?)", text.upper())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size, such as 4096, 64K or 16M")
    return int(found[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[found[2]]


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, such as 30 or 0.5")
    return value
