"""`trio-secure certs`: the CAs of the store.

Theory of operation: a warning if the store is old, and then the command that was asked for, loaded when it is
needed.
"""

from __future__ import annotations

from datetime import date
from typing import Any  # keyword arguments that are passed on

from ._certs_options import (
    AddOptions,
    CertsOptions,
    CompareOptions,
    ConvertOptions,
    IndexOptions,
    ListOptions,
    NeededOptions,
    SearchOptions,
)
from ._certs_store import open_store, today, warn_about_age
from ._exit_codes import ExitCode
from ._terminal import Terminal


async def certs(
    options: CertsOptions, terminal: Terminal, *, day: date | None = None, **socket_options: Any
) -> ExitCode:
    """Run one of the commands about certificates.

    Args:
        options: what the command line says.
        terminal: the standard streams.
        day: the day it is; today by default.
        **socket_options: passed on to `SecureSocket` by those commands that connect.

    Raises:
        CommandError: what was asked for cannot be done.
        StoreError: the store cannot be read.
        Exception: what the command raises.
    """
    day = day or today()
    if not isinstance(options, ConvertOptions | IndexOptions):
        warn_about_age(open_store(options.store), terminal, day)
    match options:
        case ListOptions():
            from ._certs_list import list_certs

            return await list_certs(options, terminal, day)
        case SearchOptions():
            from ._certs_list import search_certs

            return await search_certs(options, terminal, day)
        case NeededOptions():
            from ._certs_needed import needed

            return await needed(options, terminal, **socket_options)
        case AddOptions():
            from ._certs_add import add

            return await add(options, terminal, **socket_options)
        case ConvertOptions():
            from ._certs_convert import convert

            return await convert(options, terminal)
        case _:
            return await _keep(options, terminal)


async def _keep(options: CertsOptions, terminal: Terminal) -> ExitCode:
    """The commands for those who keep a store."""
    from ._certs_index import check, compare, index

    if isinstance(options, CompareOptions):
        return await compare(options, terminal)
    return await (index if isinstance(options, IndexOptions) else check)(options, terminal)
