"""A download: from a URL to a file that is whole, or not there.

Theory of operation: what comes is gathered in a `PartialFile` beside the target, by as many attempts as it takes
(see `Transfer`), and put under its name when it is complete and every digest anybody named is right. An
attempt that fails leaves what has come for the next one, of this call or of another process. Where a server
changed the file in between, or bytes that were kept turn out to be wrong, the download begins anew, but not
for ever.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from ._errors import DigestMismatch, DownloadError, InvalidRequest
from ._outgoing import Outgoing
from ._partial_file import PartialFile
from ._retries import Retries, is_transient
from ._sender import Sender
from ._transfer import Changed, Terms, Transfer
from ._url import URL

if TYPE_CHECKING:
    from hashlib import _Hash

_MOST_CHANGES = 3
_BLOCK = 4 << 20
_HASHES: dict[str, Callable[[], _Hash]] = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that has been downloaded."""

    path: Path
    """Where it is."""
    size: int
    """How many bytes it has."""
    sha256: str
    """Its SHA-256, in hexadecimal."""
    url: URL
    """Who answered, after redirects."""
    resumed_from: int
    """How many of its bytes were here before."""


def parse_sha256(digest: str | bytes | None) -> bytes | None:
    """The digest a caller expects, as bytes.

    Raises:
        ValueError: it is no SHA-256.
    """
    if digest is None:
        return None
    if isinstance(digest, str):
        try:
            digest = bytes.fromhex(digest)
        except ValueError:
            raise ValueError(f"{digest[:100]!r} is no SHA-256: it has 64 hexadecimal digits") from None
    if len(digest) != 32:
        raise ValueError(f"a SHA-256 has 32 bytes (64 hexadecimal digits), and this one {len(digest)}")
    return digest


async def download(
    send: Sender,
    request: Outgoing,
    path: str | Path,
    terms: Terms,
    *,
    sha256: bytes | None = None,
    resume: bool = True,
    retries: Retries | None = None,
) -> Downloaded:
    """Get what `request` asks for into a file.

    Args:
        send: sends requests, redirects and all.
        request: a GET.
        path: the file; what it held is replaced when all has come.
        terms: how.
        sha256: what the file is to hash to.
        resume: go on with what an earlier download has left, and leave what comes for a later one.
        retries: whether and when to go on after a failure.

    Raises:
        DownloadError: and its kinds; see there.
        InvalidRequest: the request has a range of its own.
        OSError: a file cannot be written, or there is no connection.
        HTTPError: what else can happen to a request.
    """
    if {name.lower() for name, _ in request.headers} & {b"range", b"if-range"}:
        raise InvalidRequest("a download makes its own Range headers, and takes none")
    kept = tuple(field for field in request.headers if field[0].lower() != b"accept-encoding")
    # Any coding would be of the whole, and could not be gone on with.
    fields = (*kept, (b"Accept-Encoding", b"identity"), (b"Want-Repr-Digest", b"sha-256=10"))
    request = request.replace(headers=fields, decode=False)
    file = await trio.to_thread.run_sync(PartialFile.open, Path(path))
    try:
        if resume:
            await _load(file, str(request.url))
        transfer = Transfer(send, request, file, terms)
        return await _Download(file, transfer, sha256, retries).run()
    finally:
        file.close(keep=resume)


async def _load(file: PartialFile, url: str) -> None:
    steps = file.load(url)
    while await trio.to_thread.run_sync(next, steps, _OVER) is not _OVER:
        pass  # each step is a checkpoint


_OVER = object()


class _Download:
    """The attempts that make one download."""

    def __init__(
        self, file: PartialFile, transfer: Transfer, sha256: bytes | None, retries: Retries | None
    ) -> None:
        self._file = file
        self._transfer = transfer
        self._sha256 = sha256
        self._retries = retries

    async def run(self) -> Downloaded:
        changes = 0
        while True:
            try:
                await self._attempts()
            except Changed:
                changes += 1
                if changes > _MOST_CHANGES:
                    raise DownloadError(
                        f"{self._transfer.url} changes all the time, or its server does not keep to ranges"
                    ) from None
                # Of a server that promises ranges and does not keep to them, everything can be had at once.
                self._transfer.undivided()
                await trio.to_thread.run_sync(self._file.forget)
                continue
            digests = await self._digests()
            wrong = self._mismatch(digests)
            if wrong is None:
                break
            resumed = self._transfer.resumed_from
            await trio.to_thread.run_sync(self._file.forget)
            if not resumed:
                raise DigestMismatch(wrong)
            # Part of it was here before, and may have been wrong for longer than anybody could know.
        size = self._file.received
        await trio.to_thread.run_sync(self._file.finish)
        return Downloaded(
            self._file.target, size, digests["sha-256"].hex(), self._transfer.url, self._transfer.resumed_from
        )

    async def _attempts(self) -> None:
        """Get everything, going on after failures as far as the policy says."""
        failures = 0
        while True:
            before = self._file.received
            try:
                return await self._transfer.run()
            except Exception as error:
                failures = 1 if self._file.received > before else failures + 1
                delay = self._delay(error, failures)
                if delay is None:
                    raise
            await trio.sleep(delay)

    def _delay(self, error: Exception, failures: int) -> float | None:
        """Seconds to wait after a failure; `None` if it is the end."""
        policy = self._retries
        if policy is None or failures >= policy.attempts:
            return None
        if not isinstance(error, DownloadError):
            return policy.delay(failures) if is_transient(error) else None
        wait = policy.delay(failures) if error.wait is None else error.wait
        return wait if error.status in policy.statuses and wait <= policy.longest else None

    async def _digests(self) -> dict[str, bytes]:
        """The digests of the whole file that are needed, read from it where they are not known."""
        found: dict[str, bytes] = {}
        if len(self._file.parts) == 1:
            found["sha-256"] = self._file.parts[0].sha256
        wanted = {"sha-256", *(() if self._file.origin is None else self._file.origin.digests)} - found.keys()
        hashes = {name: _HASHES[name]() for name in wanted if name in _HASHES}
        position = 0
        while hashes and (data := await trio.to_thread.run_sync(self._file.read_at, position, _BLOCK)):
            position += len(data)
            for each in hashes.values():
                await trio.to_thread.run_sync(each.update, data)
        return found | {name: each.digest() for name, each in hashes.items()}

    def _mismatch(self, digests: dict[str, bytes]) -> str | None:
        """What is wrong with the file; `None` if nothing is."""
        name = self._file.target.name
        if self._sha256 is not None and not hmac.compare_digest(self._sha256, digests["sha-256"]):
            return f"{name} has the SHA-256 {digests['sha-256'].hex()}, and {self._sha256.hex()} was expected"
        # RFC 9530 §3: of the representation, which includes its codings.
        sent = self._transfer.wire_digests or digests
        for algorithm, digest in ({} if self._file.origin is None else self._file.origin.digests).items():
            if not hmac.compare_digest(digest, sent.get(algorithm, digest)):
                return f"{name} is not what the server's Repr-Digest says: its {algorithm} is another"
        return None
