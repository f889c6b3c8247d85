"""The command `trio-secure`: downloads, WebSockets, a look at a server's TLS, and certificates.

    trio-secure get URL [-o FILE]     download, with a progress bar on a terminal; -C goes on with half a file
    trio-secure ws URL                send lines as WebSocket messages, print what comes
    trio-secure probe HOST[:PORT]     what a server negotiates, and who vouches for it
    trio-secure certs COMMAND         the CAs of the store: list, search, needed, add, convert, check, …
    trio-secure demo                  all of it, against a server on this machine

Every command that connects takes `--trace`, `--manifest FILE`, `--ca FILE`, `--insecure` and `--timeout SECONDS`.
What was asked for goes to standard output, everything about it to standard error. The exit codes, `ExitCode`, are:

    0    it worked
    1    the server answered with an HTTP status of 300 or more
    2    the command line, a file it names, or the installation is not right
    3    the host was not found, refused the connection, or the network failed
    4    no secure connection: TLS failed or the certificate was refused
    5    nothing came for longer than --timeout
    6    the peer broke HTTP or WebSocket rules, or what it sent was cut short
    7    the output could not be written
    8    certs: nothing was found, things do not agree, or the manifest leaves the CA out
    9    what came is not what it was to be: --sha256, or the server's own digest
    10   the server closed the WebSocket with a code that means an error
    11   probe: the connection works, and is not what --expires-within, --min-version or --anchor demand
    70   a fault in this program
    130  stopped by Ctrl-C
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ._exit_codes import ExitCode
from ._options import parse
from ._terminal import Terminal

__all__ = ["ExitCode", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the command line without the program's name; `sys.argv` by default.

    Returns:
        The exit code, as `ExitCode` lists them.
    """
    try:
        options = parse(arguments)
        # Not at the top: `--help` and a mistyped option answer without loading Trio.
        from ._run import run

        return run(options, Terminal(sys.stdin, sys.stdout, sys.stderr))
    except SystemExit as done:
        return int(done.code or 0)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
