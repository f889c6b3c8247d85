"""The certificates that the operating system trusts.

Theory of operation: as OpenSSL has it, they are in a folder whose files are named after their subjects' hashes, or
in one file with all of them. In the folder only the files are opened whose names fit an issuer; the file with all
of them is read and indexed once in a process, whoever asks for it. The environment variables SSL_CERT_FILE and
SSL_CERT_DIR stand instead of the places known here, as with OpenSSL and curl; other than there, a place that
they name and that cannot be read is an error.

Windows and macOS keep theirs elsewhere, behind interfaces that decide themselves; they are not asked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import trio

from trio_certs._certificate import CertificateFacts
from trio_certs._der import DERError
from trio_certs._errors import SourceError
from trio_certs._folder import read_file
from trio_certs._name_hash import name_hash
from trio_certs._shared import Shared
from trio_certs._source import Anchors, Found, Sought, Source, TierName, check_tier

MAX_SAME_HASH = 32
"""The files of one hash that are read: `607986c7.0` to `607986c7.31`."""

FILES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Gentoo
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",  # older ones
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, BSDs, macOS
    "/usr/local/share/certs/ca-root-nss.crt",  # FreeBSD
)
FOLDERS = ("/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/openssl/certs")


async def _read_bundle(path: Path) -> Anchors:
    def read() -> Anchors:
        return Anchors(read_file(path, SystemStore.label))

    return await trio.to_thread.run_sync(read, abandon_on_cancel=True)


# By path: a bundle takes milliseconds to index, and is the same for all who use it.
_BUNDLES: Shared[Path, Anchors] = Shared(_read_bundle, keep=True)


class SystemStore(Source):
    """The certificates that the operating system trusts, or that SSL_CERT_FILE and SSL_CERT_DIR name.

    What is in it that the store of public CAs has as well is held to what is asked of those.

    Args:
        tier: how far its certificates are trusted: `"web"`, `"private"` or `"pinned"`.
        environment: where the two variables are looked up, at once; the process's environment by default.
    """

    label = "the system's store of certificates"

    def __init__(self, *, tier: TierName = "private", environment: Mapping[str, str] | None = None) -> None:
        check_tier(tier)
        self.tier = tier
        variables = os.environ if environment is None else environment
        file, folders = variables.get("SSL_CERT_FILE", ""), variables.get("SSL_CERT_DIR", "")
        named = bool(file or folders)
        self._named = named
        self._files: Sequence[Path] = [Path(file)] if file else [] if named else [*map(Path, FILES)]
        places = [place for place in folders.split(os.pathsep) if place]
        self._folders: Sequence[Path] = [*map(Path, places if named else FOLDERS)]
        self._bundle: Path | None = None
        self._hashed = Shared(self._read_hashed, keep=False)
        # What was found is kept; what was not found may be installed later.
        self._known: dict[bytes, list[CertificateFacts]] = {}

    def __repr__(self) -> str:
        places = ", ".join(map(str, (*self._folders, *self._files)))
        return f"<SystemStore {places}>"

    async def find(self, sought: Sought, /) -> Found:
        """What the system trusts that `sought` could lead to: from the folders, or else from the file."""
        found: list[CertificateFacts] = []
        for name in sought.issuers if self._folders else ():
            found += self._known.get(name) or await self._hashed.get(name)
        if not found or self._named:
            found += await self._in_bundle(sought)
        return Found([one for one in dict.fromkeys(found) if sought.fits(one)])

    async def _in_bundle(self, sought: Sought) -> list[CertificateFacts]:
        """From the first bundle that there is."""
        if self._bundle is None and self._files:
            self._bundle = await trio.to_thread.run_sync(self._choose_bundle, abandon_on_cancel=True)
        return [] if self._bundle is None else (await _BUNDLES.get(self._bundle)).find(sought)

    def _choose_bundle(self) -> Path | None:
        try:
            found = [path for path in self._files if self._named or path.is_file()]
            if found or any(folder.is_dir() for folder in self._folders):
                return found[0] if found else None
        except OSError as error:
            raise SourceError(f"{self.label} cannot be read: {error.strerror}") from error
        raise SourceError(
            f"{self.label} is in none of {', '.join(map(str, (*self._folders, *self._files)))}. "
            "Install one (the package is called ca-certificates), name it in SSL_CERT_FILE, or use Store()."
        )

    async def _read_hashed(self, name: bytes) -> list[CertificateFacts]:
        found = await trio.to_thread.run_sync(self._look_in_folders, name, abandon_on_cancel=True)
        if found:
            self._known[name] = found
        return found

    def _look_in_folders(self, name: bytes) -> list[CertificateFacts]:
        try:
            stem = name_hash(name)
        except DERError:
            return []  # no name that OpenSSL could have hashed
        try:
            same = [one for folder in self._folders for one in self._in_folder(folder, stem)]
        except OSError as error:
            raise SourceError(f"{self.label} cannot be read: {error.strerror}") from error
        return [one for one in same if one.subject == name]

    def _in_folder(self, folder: Path, stem: str) -> Iterator[CertificateFacts]:
        if self._named and not folder.is_dir():
            raise SourceError(f"{self.label}: SSL_CERT_DIR names {folder}, which is no folder")
        for number in range(MAX_SAME_HASH):
            path = folder / f"{stem}.{number}"
            if not path.is_file():
                break
            yield from read_file(path, self.label)
