"""Small files that the command line names: certificates and keys.

Theory of operation: a file is read whole, up to a size that no file of certificates has; a device that never ends,
or a film, is an error and not a full memory.
"""

from __future__ import annotations

from pathlib import Path

from ._failure import CommandError

MOST_BYTES = 4 << 20


def read_input(path: Path, called: str) -> bytes:
    """The content of a file of certificates.

    Args:
        path: the file.
        called: what messages call it, with its path.

    Raises:
        CommandError: it cannot be read, or is larger than `MOST_BYTES`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # a name with a null character is a ValueError
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise CommandError(f"cannot read {called}: {reason}") from error
    if len(data) > MOST_BYTES:
        raise CommandError(f"{called} is larger than {MOST_BYTES >> 20} MiB", "name a file of certificates")
    return data
