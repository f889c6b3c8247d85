"""The client that `trio-secure get` asks with: what the command line says, in the library's words.

Theory of operation: everything that can be wrong with an option is found here, before anything is connected. The
proxies are those of the environment unless the line names one; cookies are read before, and written after,
whatever became of the request.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any  # keyword arguments that are passed on

import trio

from trio_https import (
    Auth,
    BasicAuth,
    Client,
    CookieJar,
    DigestAuth,
    EnvironmentProxies,
    HTTPProxy,
    NetrcAuth,
    Proxy,
    Redirects,
    Retries,
    SOCKSProxy,
    load_cookies,
    save_cookies,
)

from ._exit_codes import ExitCode
from ._failure import CommandError
from ._get_options import GetOptions

_LONGEST_WAIT = 30.0
_SAVING_SECONDS = 5.0


@asynccontextmanager
async def asking(
    options: GetOptions, secure: dict[str, object], **client_options: Any
) -> AsyncGenerator[Client]:
    """The client for the block.

    Args:
        options: what the command line says.
        secure: for TLS, to servers and proxies.
        **client_options: passed on to `trio_https.Client`; a Socket factory stands in for proxies.

    Raises:
        CommandError: an option is no good, or the cookies cannot be written.
    """
    if "Socket" not in client_options:
        client_options["Socket"] = _proxy(options, secure)
    retries = None
    if options.retries:
        # Longer than the patience of the whole command nothing is waited for.
        longest = min(_LONGEST_WAIT, options.connection.timeout / 2)
        retries = Retries(attempts=options.retries + 1, longest=longest)
    redirects = Redirects(limit=options.max_redirects) if options.max_redirects else None
    jar = None if options.cookies is None else await _cookies(options.cookies)
    auth = await _netrc(options.netrc)
    async with Client(
        secure=secure or None,
        auth=auth,
        cookies=jar,
        redirects=redirects,
        retries=retries,
        **client_options,
    ) as client:
        try:
            yield client
        finally:
            if jar is not None and options.cookies is not None:
                with trio.move_on_after(_SAVING_SECONDS, shield=True):
                    await _save(jar, options.cookies)


def credentials(options: GetOptions) -> tuple[str, Auth | None]:
    """The URL without credentials, and those in it or on the line.

    Raises:
        CommandError: there are both, or they cannot be used.
        InvalidURL: those in the URL cannot be used.
    """
    url, in_url = BasicAuth.from_url(options.url)
    user, password = (in_url.user, in_url.password) if in_url else ("", "")
    if options.user is not None:
        if in_url:
            raise CommandError("there are credentials in the URL and in --user: which ones?")
        user, _, password = options.user.partition(":")
    elif in_url is None:
        if options.digest:
            raise CommandError("--digest needs --user USER:PASSWORD")
        return url, None
    try:
        return url, DigestAuth(user, password) if options.digest else BasicAuth(user, password)
    except ValueError as error:
        raise CommandError(str(error)) from None


def _proxy(options: GetOptions, secure: dict[str, object]) -> Proxy | None:
    if options.proxy is None:
        return EnvironmentProxies(secure=secure or None)
    if options.proxy.lower() == "none":
        return None
    try:
        if options.proxy.lower().startswith("socks"):
            return SOCKSProxy(options.proxy)
        url = options.proxy if "://" in options.proxy else f"http://{options.proxy}"
        return HTTPProxy(url, secure=secure or None)
    except ValueError as error:
        raise CommandError(f"--proxy names no proxy that can be used: {error}") from None


async def _netrc(choice: Path | bool) -> Auth | None:
    if choice is False:
        return None
    try:
        return await NetrcAuth.load(None if choice is True else choice)
    except (OSError, ValueError) as error:
        raise CommandError(f"cannot read passwords: {_reason(error)}") from error


async def _cookies(path: Path) -> CookieJar:
    try:
        return await load_cookies(path)
    except FileNotFoundError:
        return CookieJar()
    except (OSError, ValueError) as error:
        raise CommandError(f"cannot read cookies: {_reason(error)}") from error


async def _save(jar: CookieJar, path: Path) -> None:
    try:
        await save_cookies(jar, path)
    except OSError as error:
        raise CommandError(f"cannot write cookies: {_reason(error)}", code=ExitCode.OUTPUT) from error


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
