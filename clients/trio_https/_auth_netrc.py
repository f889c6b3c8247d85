"""Passwords from a netrc file: the one that ftp, curl and git read.

Theory of operation: Python's `netrc` reads the file; what is added is what it leaves out. A file others can
read is refused, the `default` entry is not used (it would hand one password to every server of the world),
and a password goes over `https:` alone unless the caller says otherwise.
"""

from __future__ import annotations

import netrc
import stat
import sys
from pathlib import Path

import trio

from ._auth import Asked, Auth, BasicAuth

_MOST_BYTES = 1 << 20


class NetrcAuth(Auth):
    """Basic authentication with what a netrc file names for the host: `await NetrcAuth.load()`.

    It is asked anew for every host, redirects included.
    """

    def __init__(self, passwords: dict[str, BasicAuth], *, cleartext: bool = False) -> None:
        self._passwords = passwords
        self._cleartext = cleartext

    @classmethod
    async def load(cls, path: str | Path | None = None, *, cleartext: bool = False) -> NetrcAuth:
        """Read a file.

        Args:
            path: `~/.netrc` by default.
            cleartext: send passwords over `http:` too, where others can read them.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is not a netrc file, or others can read it.
        """
        chosen = Path.home() / ".netrc" if path is None else Path(path)
        return cls(await trio.to_thread.run_sync(_read, chosen), cleartext=cleartext)

    async def up_front(self, asked: Asked) -> str | None:
        """The credentials for the host, if the file has any."""
        auth = self._passwords.get(asked.host)
        return None if auth is None or not (asked.secure or self._cleartext) else await auth.up_front(asked)

    @property
    def elsewhere(self) -> Auth | None:
        """The same: what it says depends on the host."""
        return self


def _read(path: Path) -> dict[str, BasicAuth]:
    status = path.stat()
    if sys.platform != "win32" and stat.S_IMODE(status.st_mode) & 0o077:
        raise ValueError(f"{path} can be read by others: chmod 600 {path}")
    if status.st_size > _MOST_BYTES:
        raise ValueError(f"{path} is larger than {_MOST_BYTES >> 20} MiB, and no netrc file")
    try:
        hosts = netrc.netrc(path).hosts
        return {
            host.lower(): BasicAuth(user, password)
            for host, (user, _, password) in hosts.items()
            if host != "default"
        }
    except netrc.NetrcParseError as error:
        # Without the text of the error, which quotes the file.
        raise ValueError(f"{path}, line {error.lineno}: this is not a netrc file") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text in UTF-8") from None
