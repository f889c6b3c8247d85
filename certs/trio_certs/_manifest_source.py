"""Where a manifest was written, so that an error can point at it.

Theory of operation: what a manifest says is checked as plain values, addressed by their paths, whether it was
made in a program or read from a file. Only for a file there is a document that knows the line and column of
each path; so the checks exist once, and the messages are as exact as they can be.
"""

from __future__ import annotations

from dataclasses import dataclass

from trio_certs._errors import ManifestError
from trio_certs._json import Document, KeyPath
from trio_certs._text import printable


@dataclass(frozen=True, slots=True)
class ManifestSource:
    """A manifest as error messages call it."""

    path: str | None = None
    """The file; `None` for one made in a program."""
    document: Document | None = None

    @property
    def label(self) -> str:
        """`the manifest /srv/manifest.json`."""
        return f"the manifest {self.path}" if self.path else "the manifest"

    def error(
        self, why: str, path: KeyPath = (), *, key: bool = False, entry: str | None = None
    ) -> ManifestError:
        """The error about the value at `path`.

        Args:
            why: what is wrong, and what to do.
            path: the value; empty for the manifest as a whole.
            key: it is the key that is wrong, not the value.
            entry: the entry that stands there, to be quoted.
        """
        place = f", {self.document.place(path, key=key)}" if self.document is not None and path else ""
        parts = [f"{self.label}{place}", _name_of(path, entry), why]
        return ManifestError(": ".join(filter(None, parts)))


def _name_of(path: KeyPath, entry: str | None) -> str:
    """A path for people: `"resources.*", entry 2 ("$(CERTS)/ca9")`."""
    keys = ".".join(printable(step) for step in path if isinstance(step, str))
    places = "".join(f", entry {step + 1}" for step in path if isinstance(step, int))
    quoted = f' ("{printable(entry)}")' if entry is not None else ""
    return f'"{keys}"{places}{quoted}' if path else ""
