"""The key log: a connection's secrets, written down so that a capture of it can be decrypted.

Theory of operation
-------------------
Each secret is a line in the format that NSS began and Wireshark reads, `LABEL client_random secret`, the last two
hexadecimal. Up to TLS 1.2 there is one, the master secret, called CLIENT_RANDOM; in TLS 1.3 each traffic secret
has a name, and those after a KeyUpdate follow from the ones before.

Lines go to the user's callable, to the file that the environment variable SSLKEYLOGFILE names, or to both. Whoever
reads them can read the connection, so nothing is logged unless one of the two asks for it.

A file is opened when its first line comes, once for all connections, and appended to with one write per line, so
several threads and processes may share it. It is made readable by its owner alone. A file that cannot be written
is warned about once and then left alone: that file never breaks a connection (in a program that makes warnings
errors, the one warning does). An error of the user's callable is the user's, and ends the connection.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable

KeyLog = Callable[[str], object]

_VARIABLE = "SSLKEYLOGFILE"


class SecretsLog:
    """One connection's secrets on their way to the log.

    Args:
        client_random: the random value of its ClientHello, by which readers know the connection.
        sink: takes each line, without a line end.
    """

    __slots__ = ("_client_random", "_sink")

    def __init__(self, client_random: bytes, sink: KeyLog) -> None:
        self._client_random = client_random.hex()
        self._sink = sink

    def log(self, label: str, secret: bytes) -> None:
        """Log one secret, under the name it has in such logs."""
        self._sink(f"{label} {self._client_random} {secret.hex()}")


class KeyLogFile:
    """A file that takes lines; one that cannot be written takes none, and warns of it once."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._failed = False

    def __call__(self, line: str) -> None:
        """Append a line."""
        with self._lock:
            failure = None if self._failed else self._append(f"{line}\n".encode("ascii"))
            self._failed = self._failed or failure is not None
        if failure is not None:
            what = f"{_VARIABLE}: cannot write {self._path!r}: {failure}; no secrets are logged there"
            warnings.warn(what, RuntimeWarning, stacklevel=2)

    def _append(self, line: bytes) -> Exception | None:
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(self._descriptor, line)
        except (OSError, ValueError) as error:  # a path with a null character is a ValueError
            return error
        return None


_files: dict[str, KeyLogFile] = {}
_files_lock = threading.Lock()


def key_log_from_environment() -> KeyLog | None:
    """The file that SSLKEYLOGFILE names, or None; the same for every connection.

    Like other variables it is passed over when Python was told to (`python -E` or `-I`).
    """
    path = None if sys.flags.ignore_environment else os.environ.get(_VARIABLE)
    if not path:
        return None
    with _files_lock:
        return _files.setdefault(path, KeyLogFile(path))


def key_log_for(given: KeyLog | None) -> KeyLog | None:
    """Where a connection's secrets go: to what its configuration gives, and to what the environment names."""
    from_environment = key_log_from_environment()
    if given is None or from_environment is None:
        return given or from_environment

    def both(line: str) -> None:
        from_environment(line)
        given(line)

    return both
