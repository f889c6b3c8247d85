"""Cookies in a file: the format of Netscape's `cookies.txt`, which curl, wget and browsers' exports have.

Theory of operation: a line has seven fields between tabs: domain, whether hosts below it are included, path,
whether it is secure, when it expires (0 for a cookie of the session), name and value; `#HttpOnly_` before
the domain marks what was not meant for scripts. A file that is not that is refused by line, and a file is
replaced whole, readable by its owner alone.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import trio

from ._cookies import Cookie, CookieJar, is_public_suffix
from ._errors import InvalidURL
from ._url import URL

_HEADER = "# Netscape HTTP Cookie File\n"
_HTTP_ONLY = "#HttpOnly_"
_MOST_BYTES = 64 << 20
_BAD_VALUE = re.compile(r"[\x00-\x1f\x7f;]")


async def load_cookies(path: str | Path, *, clock: Callable[[], float] = time.time) -> CookieJar:
    """A jar with the cookies of a `cookies.txt` file, as curl and wget write it.

    Args:
        path: the file.
        clock: see `CookieJar`.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not such a file; the message names the line.
    """
    jar = CookieJar(clock=clock)
    for cookie in await trio.to_thread.run_sync(_read, Path(path)):
        jar.add(cookie)
    return jar


async def save_cookies(jar: CookieJar, path: str | Path) -> None:
    """Write the cookies, those of the session too, to a `cookies.txt` file, readable by its owner alone.

    Raises:
        OSError: it cannot be written; what the file held is then as it was.
    """
    await trio.to_thread.run_sync(_write, Path(path), list(jar))


def _read(path: Path) -> list[Cookie]:
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError(f"{path} is larger than {_MOST_BYTES >> 20} MiB, and no file of cookies")
    return list(_parsed(path, data.decode("latin-1")))


def _parsed(path: Path, text: str) -> Iterator[Cookie]:
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line.strip() or (line.startswith("#") and not line.startswith(_HTTP_ONLY)):
            continue
        try:
            yield _cookie(line)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None


def _cookie(line: str) -> Cookie:
    parts = line.removeprefix(_HTTP_ONLY).split("\t")
    if len(parts) != 7:
        raise ValueError(f"{len(parts)} fields between tabs, and a cookie has 7")
    domain, below, path, secure, expires, name, value = parts
    try:
        host = URL.of("https", domain.removeprefix("."), 443, path).host
    except InvalidURL as error:
        raise ValueError(str(error)) from None
    if not name or _BAD_VALUE.search(name + value) or "=" in name:
        raise ValueError("its name or value cannot be sent")
    if not {below, secure} <= {"TRUE", "FALSE"}:
        raise ValueError("its second and fourth fields are not TRUE or FALSE")
    if not re.fullmatch(r"\d{1,15}(\.\d+)?", expires):
        raise ValueError(f"it expires at {expires[:40]!r}, which is no number of seconds")
    if below == "TRUE" and is_public_suffix(host):
        raise ValueError(f"it is for every host below {host}, where anybody can have one")
    return Cookie(
        name,
        value,
        host,
        path,
        host_only=below == "FALSE",
        secure=secure == "TRUE",
        http_only=line.startswith(_HTTP_ONLY),
        expires=float(expires) or None,
    )


def _write(path: Path, cookies: Iterable[Cookie]) -> None:
    lines = [_HEADER, *map(_line, cookies)]
    target = path.resolve()
    written = target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}.new")
    try:
        with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write("".join(lines).encode("latin-1"))
            file.flush()
            os.fsync(file.fileno())
        written.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            written.unlink(missing_ok=True)
        raise


def _line(cookie: Cookie) -> str:
    domain = cookie.domain if cookie.host_only else "." + cookie.domain
    fields = (
        (_HTTP_ONLY if cookie.http_only else "") + domain,
        "FALSE" if cookie.host_only else "TRUE",
        cookie.path,
        "TRUE" if cookie.secure else "FALSE",
        str(int(cookie.expires or 0)),
        cookie.name,
        cookie.value,
    )
    return "\t".join(fields) + "\n"
