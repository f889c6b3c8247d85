"""Named certificates: `Resource("ca109.der")`.

Theory of operation: a resource is there if its CA is in the store and the manifest, when there is one,
includes it. What is not there is explained: which CA that is, and the manifest line that includes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trio_certs._errors import ResourceNotFoundError
from trio_certs._store import BUNDLED, Entry, Store

if TYPE_CHECKING:
    from trio_certs._manifest import Manifest

_NAME = r"ca(0|[1-9][0-9]{0,5})\.der"


@dataclass(frozen=True, slots=True)
class Resource:
    """A certificate of the store, by its file name.

    Args:
        name: the exact name with its extension, `ca109.der`; `store/LIST.md` lists them.
        manifest: the manifest that must include it; without one, every CA of the store is a resource.
        store: the store to read from.

    Raises:
        TypeError: the name is not a string or the manifest not a `Manifest`.
    """

    name: str
    manifest: Manifest | None = None
    store: Store = BUNDLED

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.manifest is not None:
            from trio_certs._manifest import check_manifest

            check_manifest(self.manifest)

    async def read(self) -> bytes:
        """The certificate as DER.

        Raises:
            ResourceNotFoundError: there is no such CA in the store, or the manifest does not include it.
            StoreError: the store's files are damaged.
        """
        index = await self.store.load_index()
        match = re.fullmatch(_NAME, self.name, re.ASCII)
        entry = index.entries.get(int(match[1])) if match else None
        if entry is None:
            raise self._unknown(int(match[1]) if match else None)
        if self.manifest is not None and not self.manifest.includes(self.name):
            raise excluded(entry, self.manifest)
        return (await self.store.read([entry.number]))[entry]

    def _unknown(self, number: int | None) -> ResourceNotFoundError:
        retired = self.store.retired().get(number) if number is not None else None
        if retired is not None:
            return ResourceNotFoundError(
                self.name,
                f"{retired.name} was retired from the store and is not trusted any more. "
                "Its number is not used again: choose another CA from store/LIST.md.",
                authority=retired.name,
            )
        last = max(self.store.index().entries, default=0)
        return ResourceNotFoundError(
            self.name,
            f"The store has no certificate of this name: it has ca0.der to ca{last}.der, see store/LIST.md.",
        )


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f'a resource\'s name is a string such as "ca109.der", not {type(name).__name__}')


def excluded(entry: Entry, manifest: Manifest) -> ResourceNotFoundError:
    """The error for a CA that the store has and `manifest` does not include."""
    line = f'"{entry.manifest_entry}"'
    return ResourceNotFoundError(
        entry.resource,
        f"It is the certificate of {entry.name}, which {manifest.label} does not include. "
        f'Add {line} to its "resources": {{"*": […]}}.',
        authority=entry.name,
        manifest_line=line,
    )
