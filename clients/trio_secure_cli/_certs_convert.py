"""`trio-secure certs convert`: certificates and keys from PEM to DER.

Theory of operation: everything in the inputs is read and named before anything is written. A certificate is
copied bit for bit; a key of an older format becomes PKCS#8, which is what a connection takes, and its file is
readable to its owner only.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trio
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from trio_certs import CertificateFacts, describe_name, pem_blocks

from ._certs_options import ConvertOptions
from ._exit_codes import ExitCode
from ._failure import CommandError
from ._input_file import read_input
from ._output import open_output
from ._terminal import Terminal
from ._text import printable

_KEYS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")


@dataclass(frozen=True)
class Piece:
    """One certificate or key."""

    der: bytes
    description: str
    private: bool


@dataclass(frozen=True)
class _Source:
    path: Path
    pieces: Sequence[Piece]


async def convert(options: ConvertOptions, terminal: Terminal) -> ExitCode:
    """Convert PEM files.

    Raises:
        CommandError: a file cannot be read, has nothing to convert, or one exists where a result would go.
    """
    return await trio.to_thread.run_sync(_convert, options, terminal)


def pieces_in(data: bytes, label: str, terminal: Terminal) -> Iterator[Piece]:
    """The certificates and keys in a PEM text, in order.

    Raises:
        CommandError: one of them is malformed or encrypted, or there is none.
    """
    try:
        blocks = pem_blocks(data)
    except ValueError as error:
        raise CommandError(f"{label}: {error}") from error
    found = 0
    for place, (kind, content) in enumerate(blocks, 1):
        where = f"{label}, block {place}, {kind}"
        if kind == "CERTIFICATE":
            yield Piece(content, _describe(content, where), private=False)
        elif kind in _KEYS:
            yield Piece(_pkcs8(content, where), "a private key, PKCS#8", private=True)
        elif kind == "ENCRYPTED PRIVATE KEY":
            raise CommandError(
                f"{where}: the key is encrypted", "decrypt it first: openssl pkey -in FILE -out FILE"
            )
        else:
            terminal.say(f"note: {where}: passed over, neither a certificate nor a private key")
            continue
        found += 1
    if not found:
        hint = "a certificate in DER needs no conversion" if b"-----BEGIN" not in data else None
        raise CommandError(
            f"{label}: no certificate and no private key in PEM (-----BEGIN CERTIFICATE-----)", hint
        )


def _convert(options: ConvertOptions, terminal: Terminal) -> ExitCode:
    sources = [
        _Source(path, list(pieces_in(read_input(path, str(path)), str(path), terminal)))
        for path in options.files
    ]
    pieces = [piece for source in sources for piece in source.pieces]
    if options.output == "-":
        if len(pieces) > 1:
            raise CommandError(
                f"{len(pieces)} certificates and keys do not fit into one output",
                "name a folder with --output FOLDER",
            )
        terminal.write(pieces[0].der)
        return ExitCode.OK
    plan = list(_plan(sources, len(pieces), options.output))
    _make_folders({path.parent for path, _piece in plan})
    _check_plan([path for path, _piece in plan], force=options.force)
    for path, piece in plan:
        with _permissions(private=piece.private), open_output(path, terminal) as output:
            output.write(piece.der)
            output.finish()
        terminal.print(f"{printable(str(path))}: {piece.description}")
    return ExitCode.OK


def _plan(sources: Sequence[_Source], count: int, output: str | None) -> Iterator[tuple[Path, Piece]]:
    """Where each piece goes."""
    folder = output is not None and (output.endswith(os.sep) or Path(output).is_dir())
    if output is not None and not folder:
        if count > 1:
            raise CommandError(
                f"{count} certificates and keys do not fit into the one file {output}",
                f"name a folder: --output {output}{os.sep}",
            )
        yield Path(output), sources[0].pieces[0]
        return
    for source in sources:
        parent = Path(output) if output is not None else source.path.parent
        for private, ending in ((False, ".der"), (True, ".key.der")):
            alike = [piece for piece in source.pieces if piece.private is private]
            for number, piece in enumerate(alike, 1):
                counted = f"-{number}" if len(alike) > 1 else ""
                yield parent / f"{source.path.stem}{counted}{ending}", piece


def _make_folders(folders: set[Path]) -> None:
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or str(error)
            raise CommandError(f"cannot make the folder {folder}: {reason}", code=ExitCode.OUTPUT) from error


def _check_plan(paths: Sequence[Path], *, force: bool) -> None:
    for place, path in enumerate(paths):
        if path in paths[:place]:
            raise CommandError(f"two results would have the name {path}", "convert the files one by one")
        if path.exists() and not force:
            raise CommandError(f"{path} exists already", "--force replaces it", code=ExitCode.OUTPUT)


def _describe(der: bytes, where: str) -> str:
    try:
        facts = CertificateFacts.parse(der)
    except ValueError as error:
        raise CommandError(f"{where}: not a certificate: {error}") from error
    return f"{describe_name(facts.subject)}, to {facts.not_after:%Y-%m-%d}"


def _pkcs8(content: bytes, where: str) -> bytes:
    try:
        key = load_der_private_key(content, None)
    except (ValueError, TypeError) as error:
        raise CommandError(f"{where}: not a private key that can be read") from error
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@contextmanager
def _permissions(*, private: bool) -> Generator[None]:
    """New files are readable to their owner only, while the block runs, if they are private."""
    if not private:
        yield
        return
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
