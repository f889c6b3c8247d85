"""Limits on a root beyond what its certificate says.

Theory of operation: the list of roots that certifi distributes is flat; what a root may be used for is known to
the browsers' own software and lost on the way. `store/constraints`, beside the index, has it again: a line for
each limit, by the root's SHA-256, so that it holds wherever the root came from.

- `permit SUFFIX`: every DNS name of the server's certificate must be below the suffix, not only the one connected
  to, as RFC 5280 §4.2.1.10 would have it; and no address.
- `distrust-after DATE`: what the root vouches for counts only if it was issued by then. A CA that cheats can
  backdate; this lets one that is being retired go without breaking what it issued before.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import trio

from trio_certs._errors import StoreError
from trio_certs._server_name import ServerName, SubjectNames
from trio_certs._shared import Shared
from trio_certs._store import BUNDLED

HEADER = "trio-certs constraints, version 1"


class Constraint(NamedTuple):
    """What a root may not do."""

    why: str
    """Whose decision it is."""
    suffix: str | None = None
    last: datetime | None = None

    def violation(self, names: SubjectNames, server: ServerName, not_before: datetime) -> str | None:
        """What is wrong with a certificate with these names and this start of validity; `None` if nothing."""
        if self.suffix is not None:
            below = all(name.endswith(f".{self.suffix}") for name in names.dns)
            if server.address is not None or not below:
                return f"it may vouch for names below .{self.suffix} only, and not for all of these: {names}"
        if self.last is not None and not_before > self.last:
            return (
                f"what it issued after {self.last:%Y-%m-%d} is not trusted, and this certificate is valid from "
                f"{not_before:%Y-%m-%d %H:%M:%S} UTC on"
            )
        return None


def read_constraints(path: Path) -> dict[bytes, tuple[Constraint, ...]]:
    """The constraints of a file, by the SHA-256 of the root.

    Raises:
        StoreError: it is missing, unreadable or malformed.
    """
    found: dict[bytes, tuple[Constraint, ...]] = {}
    try:
        lines = path.read_text("utf-8").splitlines()
        if lines[:1] != [HEADER]:
            raise ValueError(f"line 1 is not {HEADER!r}")
        for line in lines[1:]:
            fingerprint, rule, _name, why = line.split("\t")
            root = bytes.fromhex(fingerprint)
            found[root] = (*found.get(root, ()), _constraint(rule, why))
    except OSError as error:
        raise StoreError(
            f"The certificate store's file {path} cannot be read: {error.strerror}. Reinstall the package."
        ) from error
    except ValueError as error:
        raise StoreError(
            f"The certificate store's file {path} is damaged: {error}. Reinstall the package."
        ) from error
    return found


def _constraint(rule: str, why: str) -> Constraint:
    kind, _, value = rule.partition(" ")
    if kind == "permit" and value:
        return Constraint(why, suffix=value)
    if kind == "distrust-after":
        return Constraint(why, last=datetime.fromisoformat(value))
    raise ValueError(f"unknown rule {rule!r}")


async def _load(path: Path) -> dict[bytes, tuple[Constraint, ...]]:
    return await trio.to_thread.run_sync(read_constraints, path, abandon_on_cancel=True)


_TABLES = Shared(_load, keep=True)
_BUNDLED = BUNDLED.folder / "constraints"


async def load_constraints() -> dict[bytes, tuple[Constraint, ...]]:
    """The constraints that come with this package; a checkpoint only the first time.

    Raises:
        StoreError: their file is missing, unreadable or malformed.
    """
    return await _TABLES.get(_BUNDLED)
