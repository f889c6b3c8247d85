"""One run of a command: from its options to its exit code.

Theory of operation: the command's module is loaded when it is needed, the command runs under Trio, and
whatever it raises becomes a message and an exit code. A traceback is for faults of this program, and only
when asked for.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial

import trio

from ._certs_options import CertsOptions
from ._certs_store import open_store, today, warn_about_age
from ._exit_codes import ExitCode
from ._get_options import GetOptions
from ._options import Options, WsOptions
from ._probe_options import ProbeOptions
from ._report import report
from ._terminal import Terminal


def run(options: Options, terminal: Terminal) -> ExitCode:
    """Run a command to its end, report what went wrong, and return the exit code."""
    try:
        if terminal.talks_to_person and not isinstance(options, CertsOptions):  # those say it to everybody
            warn_about_age(open_store(None), terminal, today())
        return trio.run(_command(options, terminal))
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:  # noqa: BLE001 -- reported, every one
        connection = options.connection
        return report(
            error, _subject(options), terminal, manifest=connection.manifest, details=connection.trace
        )


def _command(options: Options, terminal: Terminal) -> Callable[[], Awaitable[ExitCode]]:
    # Loaded when needed: a download has no use for what the demonstration imports.
    if isinstance(options, GetOptions):
        from ._get import get

        return partial(get, options, terminal)
    if isinstance(options, WsOptions):
        from ._ws import ws

        return partial(ws, options, terminal)
    if isinstance(options, ProbeOptions):
        from ._probe import probe

        return partial(probe, options, terminal)
    if isinstance(options, CertsOptions):
        from ._certs import certs

        return partial(certs, options, terminal)
    from ._demo import demo

    return partial(demo, options, terminal)


def _subject(options: Options) -> str:
    if isinstance(options, GetOptions | WsOptions):
        return re.sub(r"//.*@", "//…@", options.url)  # not its password
    if isinstance(options, ProbeOptions):
        return f"{options.host} port {options.port}"
    if isinstance(options, CertsOptions):
        return options.subject
    return "demo"
