"""`trio-secure get`: a download.

Theory of operation: the body goes piece by piece from the connection to the output, so memory stays flat and
a slow output holds the server back. Only a whole body with a status of success counts: what an error or a
redirect brings along is not what was asked for, and does not go where that was to go.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any  # keyword arguments that are passed on

from trio_https import Client, Deadlines, StreamingResponse

from ._exit_codes import ExitCode
from ._failure import CommandError
from ._options import GetOptions
from ._output import open_output
from ._patience import patience
from ._progress import progress
from ._secure import secure_for_url
from ._terminal import Terminal
from ._text import printable

_EXCERPT = 1_000
# The command has one clock of its own.
_NO_DEADLINES = Deadlines(connect=None, idle=None)


async def get(options: GetOptions, terminal: Terminal, **client_options: Any) -> ExitCode:
    """Download a URL.

    Args:
        options: what the command line says.
        terminal: the standard streams.
        **client_options: passed on to `trio_https.Client`, for instance a Socket factory.

    Raises:
        CommandError: the status is not one of success, or the output cannot be written.
        Exception: what the client and the Socket factory raise.
    """
    secure = await secure_for_url(options.url, ("http", "https"), options.connection, terminal)
    with open_output(options.output, terminal) as output, patience(options.connection.timeout) as clock:
        clock.expect("the response was awaited")
        async with (
            Client(secure=secure, deadlines=_NO_DEADLINES, **client_options) as client,
            client.stream("GET", options.url) as response,
        ):
            if response.status >= 300:
                raise await _not_a_success(response)
            with _progress(options, terminal, response) as advance:
                async for chunk in response:
                    clock.rest()
                    output.write(chunk)
                    advance(len(chunk))
                    clock.expect("the body was awaited")
            output.finish()
    return ExitCode.OK


def _progress(
    options: GetOptions, terminal: Terminal, response: StreamingResponse
) -> AbstractContextManager[Callable[[int], None]]:
    if options.output is None and terminal.prints_to_person:
        return nullcontext(_ignore)  # the body itself is what happens on the terminal
    label = options.output.name if options.output else response.url.host
    return progress(terminal, label, response.body_length)


def _ignore(count: int) -> None:
    pass


async def _not_a_success(response: StreamingResponse) -> CommandError:
    message = f"the server answered {response.status} {response.reason}".rstrip()
    location = response.headers.get("location")
    if location is not None:
        hint = f"it points to {printable(location, cap=500)}; redirects are not followed"
        return CommandError(message, hint, code=ExitCode.STATUS)
    excerpt = await _excerpt(response)
    return CommandError(message, f"it says: {excerpt}" if excerpt else None, code=ExitCode.STATUS)


async def _excerpt(response: StreamingResponse) -> str:
    """The beginning of an error's body if it is meant to be read as it is."""
    kind = response.headers.get("content-type", "")
    if not ("json" in kind or kind.startswith("text/plain")):
        return ""
    body = b""
    async for chunk in response:
        body += chunk
        if len(body) >= _EXCERPT:
            break
    return " ".join(body[:_EXCERPT].decode("utf-8", "replace").split())
