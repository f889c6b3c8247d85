"""The command line of `trio-secure get`, parsed into values.

Theory of operation: as in `_options`, which makes the parser. What can be checked without a URL's grammar is
checked here; the rest is for the client that sends the request.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._options import ConnectionOptions  # which imports this module

DEFAULT_REDIRECTS = 10
_MOST_CONNECTIONS = 16
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


@dataclass(frozen=True)
class GetOptions:
    """`trio-secure get URL`."""

    connection: ConnectionOptions
    url: str
    output: Path | None = None
    """Where the body goes; None is standard output."""
    remote_name: bool = False
    """Whether it goes to a file with the last name in the URL's path."""
    resume: bool = False
    """Whether to go on with what an earlier download has left, and leave what comes."""
    sha256: str | None = None
    connections: int = 1
    max_size: int | None = None
    method: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    data: str | None = None
    """The body: text, or `@` and the name of a file."""
    data_type: str = FORM
    include: bool = False
    """Whether the header section of the response is shown before its body."""
    proxy: str | None = None
    """The URL of a proxy, or `none`; by default those of the environment."""
    max_redirects: int = DEFAULT_REDIRECTS
    cookies: Path | None = None
    netrc: Path | bool = False
    user: str | None = None
    """User and password, with a colon between."""
    digest: bool = False
    """Whether they are proven by Digest authentication."""
    retries: int = 0


def add_get_arguments(get: argparse.ArgumentParser) -> None:
    """Tell the parser what `get` takes beside the options of every connection."""
    get.add_argument("url", metavar="URL", help="an https: or http: URL")
    _add_output(get.add_argument_group("output"))
    _add_request(get.add_argument_group("request"))
    _add_way(get.add_argument_group("way there"))
    _add_credentials(get.add_argument_group("who asks"))


def _add_output(output: argparse._ArgumentGroup) -> None:
    target = output.add_mutually_exclusive_group()
    target.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help="write the body to FILE, which appears, or changes, only when all of it has come",
    )
    target.add_argument(
        "-O", "--remote-name", action="store_true", help="the same, with the last name in the URL's path"
    )
    output.add_argument(
        "-C",
        "--continue",
        action="store_true",
        help="keep what has come if the download is cut off, and go on from there the next time",
    )
    output.add_argument("--sha256", metavar="HEX", type=_sha256, help="what the file is to hash to")
    output.add_argument(
        "--connections", metavar="N", type=_connections, default=1, help="get N parts of the file at once"
    )
    output.add_argument(
        "--max-size", metavar="BYTES", type=_size, help="refuse a larger file; takes K, M, G and T"
    )
    output.add_argument("-i", "--include", action="store_true", help="show the response's header before it")


def _add_request(request: argparse._ArgumentGroup) -> None:
    request.add_argument("-X", "--method", type=_method, help="GET by default, POST with --data or --json")
    request.add_argument(
        "-H",
        "--header",
        metavar="NAME:VALUE",
        type=_header,
        action="append",
        default=[],
        help="send this too; may be repeated",
    )
    body = request.add_mutually_exclusive_group()
    body.add_argument("-d", "--data", metavar="TEXT|@FILE", help="send this as the body, a form by default")
    body.add_argument("--json", metavar="TEXT|@FILE", help="send this as the body, as JSON")


def _add_way(way: argparse._ArgumentGroup) -> None:
    way.add_argument(
        "-x",
        "--proxy",
        metavar="URL",
        help="http://, https:// or socks5://, or none; by default HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
    )
    way.add_argument(
        "--max-redirects",
        metavar="N",
        type=_count,
        default=DEFAULT_REDIRECTS,
        help="follow so many redirects (default: %(default)d)",
    )
    way.add_argument("--retries", metavar="N", type=_count, default=0, help="try again so often (default: 0)")


def _add_credentials(who: argparse._ArgumentGroup) -> None:
    who.add_argument("-u", "--user", metavar="USER:PASSWORD", help="credentials for the URL's server")
    who.add_argument(
        "--digest", action="store_true", help="do not send the password, but prove that it is known"
    )
    netrc = who.add_mutually_exclusive_group()
    netrc.add_argument("--netrc", action="store_true", help="take passwords from ~/.netrc")
    netrc.add_argument("--netrc-file", metavar="FILE", type=Path, help="take passwords from FILE")
    who.add_argument(
        "--cookies", metavar="FILE", type=Path, help="keep cookies in FILE, in the format of curl and wget"
    )


def get_options(chosen: argparse.Namespace, connection: ConnectionOptions) -> GetOptions:
    """The options of `get` on a command line."""
    return GetOptions(
        connection,
        chosen.url,
        output=None if chosen.output == Path("-") else chosen.output,
        remote_name=chosen.remote_name,
        resume=getattr(chosen, "continue"),
        sha256=chosen.sha256,
        connections=chosen.connections,
        max_size=chosen.max_size,
        method=chosen.method,
        headers=tuple(chosen.header),
        data=chosen.data if chosen.json is None else chosen.json,
        data_type=FORM if chosen.json is None else JSON,
        include=chosen.include,
        proxy=chosen.proxy,
        max_redirects=chosen.max_redirects,
        cookies=chosen.cookies,
        netrc=chosen.netrc_file or chosen.netrc,
        user=chosen.user,
        digest=chosen.digest,
        retries=chosen.retries,
    )


def _sha256(text: str) -> str:
    if not re.fullmatch(r"[0-9A-Fa-f]{64}", text):
        raise argparse.ArgumentTypeError(f"{text[:100]!r} is not a SHA-256: write its 64 hexadecimal digits")
    return text.lower()


def _connections(text: str) -> int:
    count = _count(text)
    if not 1 <= count <= _MOST_CONNECTIONS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {_MOST_CONNECTIONS}")
    return count


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number, such as 3")
    return int(text)


def _size(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,12})([KMGT]?)", text.upper())
    if found is None or not int(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of bytes, such as 1000 or 16M")
    return int(found[1]) * _UNITS[found[2]]


def _method(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a method, such as GET or DELETE")
    return text


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not _TOKEN.fullmatch(name):
        raise argparse.ArgumentTypeError(f"{text!r} is not a header: write NAME:VALUE")
    return name, value.strip()
