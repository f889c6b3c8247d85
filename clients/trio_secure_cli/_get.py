"""`trio-secure get`: a request, and where its answer goes.

Theory of operation: a GET to a file is a download, for `_get_file`. Everything else is streamed: the body
goes piece by piece from the connection to the output, so memory stays flat and a slow output holds the
server back. Only a whole body with a status of success counts: what an error brings along is not what was
asked for, and does not go where that was to go, unless `--include` asks for whatever comes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any  # keyword arguments that are passed on

from trio_https import URL, Auth, Client, Deadlines, RequestOptions, StreamingResponse

from ._exit_codes import ExitCode
from ._failure import CommandError
from ._get_client import asking, credentials
from ._get_file import download, is_for_download, remote_name
from ._get_options import GetOptions
from ._output import open_output
from ._patience import patience
from ._progress import progress
from ._secure import make_socket, secure_dictionary
from ._terminal import Terminal
from ._text import printable

_EXCERPT = 1_000
# The command has one clock of its own.
_NO_DEADLINES = Deadlines(pool=None, connect=None, tls=None, idle=None, head=None, rate=None)


async def get(options: GetOptions, terminal: Terminal, **client_options: Any) -> ExitCode:
    """Send a request.

    Args:
        options: what the command line says.
        terminal: the standard streams.
        **client_options: passed on to `trio_https.Client`, for instance a Socket factory.

    Raises:
        CommandError: the status is not one of success, or the output cannot be written.
        Exception: what the client and the Socket factory raise.
    """
    text, auth = credentials(options)
    url = URL.parse(text)
    secure = await secure_dictionary(options.connection, terminal)
    make_socket(url.host, url.port, secure)  # which finds what is wrong with any of it
    path = remote_name(url) if options.remote_name else options.output
    streamed = options.include or options.data is not None or options.method not in (None, "GET")
    if path is not None and not streamed and is_for_download(path):
        async with asking(options, secure, **client_options) as client:
            await download(client, text, auth, path, options, terminal)
        return ExitCode.OK
    _check_streamed(options, path)
    async with asking(options, secure, deadlines=_NO_DEADLINES, **client_options) as client:
        return await _stream(client, text, auth, path, options, terminal)


def _check_streamed(options: GetOptions, path: Path | None) -> None:
    """Refuse what only a download can do."""
    for given, name in (
        (options.resume, "--continue"),
        (options.sha256, "--sha256"),
        (options.connections > 1, "--connections"),
        (options.max_size, "--max-size"),
    ):
        if given:
            where = "a file" if path is None or not is_for_download(path) else "a plain GET"
            raise CommandError(f"{name} needs {where}: -o FILE or -O, and no --method, --data or --include")


async def _stream(
    client: Client, url: str, auth: Auth | None, path: Path | None, options: GetOptions, terminal: Terminal
) -> ExitCode:
    request = _request(options, auth)
    method = options.method or ("GET" if options.data is None else "POST")
    with open_output(path, terminal) as output, patience(options.connection.timeout) as clock:
        clock.expect("the response was awaited")
        async with client.stream(method, url, **request) as response:
            if options.include:
                output.write(_head(response))
            elif response.status >= 300:
                raise await _not_a_success(response)
            with _progress(path, terminal, response) as advance:
                async for chunk in response:
                    clock.rest()
                    output.write(chunk)
                    advance(len(chunk))
                    clock.expect("the body was awaited")
            output.finish()
    return ExitCode.OK if response.status < 300 else ExitCode.STATUS


def _request(options: GetOptions, auth: Auth | None) -> RequestOptions:
    """What the request is given beside its method and URL.

    Raises:
        CommandError: the file with the body cannot be read.
    """
    request: RequestOptions = {"headers": options.headers}
    if auth is not None:
        request["auth"] = auth
    if options.data is not None:
        if options.data.startswith("@"):
            request["body"] = _body_file(Path(options.data[1:]))
        else:
            request["body"] = options.data
        if "content-type" not in {name.lower() for name, _ in options.headers}:
            request["headers"] = (*options.headers, ("Content-Type", options.data_type))
    return request


def _body_file(path: Path) -> Path:
    try:
        path.open("rb").close()
    except (OSError, ValueError) as error:  # a name with a null character is a ValueError
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise CommandError(f"cannot read the body from {path}: {reason}") from error
    return path


def _head(response: StreamingResponse) -> bytes:
    """The header section as it was sent, but for spaces."""
    lines = [f"HTTP/{response.http_version} {response.status} {response.reason}".rstrip().encode("latin-1")]
    lines += [name + b": " + value for name, value in response.headers.raw]
    return b"\r\n".join([*lines, b"", b""])


def _progress(
    path: Path | None, terminal: Terminal, response: StreamingResponse
) -> AbstractContextManager[Callable[[int], None]]:
    if path is None and terminal.prints_to_person:
        return nullcontext(_ignore)  # the body itself is what happens on the terminal
    label = path.name if path else response.url.host
    return progress(terminal, label, response.body_length)


def _ignore(count: int) -> None:
    pass


async def _not_a_success(response: StreamingResponse) -> CommandError:
    message = f"the server answered {response.status} {response.reason}".rstrip()
    location = response.headers.get("location")
    if location is not None:
        hint = f"it points to {printable(location, cap=500)}; --max-redirects follows"
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
