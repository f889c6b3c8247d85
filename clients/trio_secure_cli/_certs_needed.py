"""`trio-secure certs needed`: which CA of the store a server needs, and whether a manifest includes it.

Theory of operation: one handshake, in which the question of trust is asked twice: with the manifest, and, if
that leaves out what would be needed, with the whole store. Nothing else is relaxed: a server that would be
refused with every CA of the store is refused, with the reason. Sessions are not resumed, since a resumed one
shows no certificates.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any  # keyword arguments that are passed on

from trio_certs import (
    CertificateFacts,
    Entry,
    Manifest,
    ResourceNotFoundError,
    Store,
    Trust,
    VerifiedChain,
    describe_name,
)
from trio_secure import SecureSocket, TLSConfig

from ._certs_options import NeededOptions
from ._certs_store import open_store
from ._certs_table import print_json
from ._exit_codes import ExitCode
from ._failure import CommandError
from ._options import ConnectionOptions
from ._patience import patience
from ._secure import read_certificates, secure_dictionary
from ._terminal import Terminal
from ._text import printable


@dataclass(frozen=True)
class Need:
    """What a server needs."""

    host: str
    port: int
    chain: tuple[bytes, ...]
    """From the server's certificate to the anchor, DER."""
    entry: Entry | None
    """The CA of the store; None if a certificate given by the user vouches for the server."""
    included: bool
    """Whether the manifest includes it; without a manifest every CA is."""


class _Question:
    """Stands for a `Trust`, and remembers how it was answered."""

    def __init__(self, anchors: Sequence[bytes], manifest: Manifest | None, store: Store) -> None:
        self._everything = Trust(anchors, store=store)
        self._selected = Trust(anchors, manifest, store=store) if manifest else self._everything
        self.included = True

    async def verify(self, chain: Sequence[bytes], server_name: str, /, **details: Any) -> VerifiedChain:
        """The verdict on a chain, with the whole store if need be."""
        try:
            return await self._selected.verify(chain, server_name, **details)
        except ResourceNotFoundError:
            self.included = False
            return await self._everything.verify(chain, server_name, **details)


async def needed(options: NeededOptions, terminal: Terminal, **socket_options: Any) -> ExitCode:
    """Connect to a server and print which CA it needs.

    Args:
        options: what the command line says.
        terminal: the standard streams.
        **socket_options: passed on to `SecureSocket`, for instance another Socket factory below it.

    Returns:
        NO if the manifest leaves the CA out.

    Raises:
        CommandError: the options make no sense, or the server was too slow.
        Exception: what `SecureSocket` raises.
    """
    store = open_store(options.store)
    path = options.connection.manifest
    manifest = await Manifest.load(path, store=store) if path is not None else None
    connection = options.connection
    need = await find_need(
        options.host, options.port, connection, manifest, store, terminal, **socket_options
    )
    if options.as_json:
        print_json(terminal, _for_programs(need, manifest))
    else:
        for line in describe(need, options):
            terminal.print(line)
    return ExitCode.OK if need.included else ExitCode.NO


async def find_need(
    host: str,
    port: int,
    connection: ConnectionOptions,
    manifest: Manifest | None,
    store: Store,
    terminal: Terminal,
    **socket_options: Any,
) -> Need:
    """Connect to a server and find out which CA it needs.

    Raises:
        CommandError: the options make no sense, or the server was too slow.
        Exception: what `SecureSocket` raises.
    """
    if connection.insecure:
        raise CommandError(
            "with --insecure nobody vouches for the server, so no CA is needed", "leave out --insecure"
        )
    anchors = [] if connection.ca is None else read_certificates(connection.ca)
    question = _Question(anchors, manifest, store)
    # The rest of what the command line says, as for every other connection.
    secure: dict[str, Any] = await secure_dictionary(ConnectionOptions(trace=connection.trace), terminal)
    switches: Mapping[str, bool] = manifest.config.get("tls", {}) if manifest else {}
    try:
        config = TLSConfig(trust=question, cache=False, switches=switches, **secure)
        socket = SecureSocket(host, port, secure=config, **socket_options)
    except ValueError as error:
        raise CommandError(str(error)) from error
    with patience(connection.timeout) as clock:
        clock.expect("connecting and shaking hands")
        async with socket as stream:
            clock.expect("closing the connection")
            info = stream.info
    index = await store.load_index()
    numbers = {entry.resource: entry for entry in index.entries.values()}
    entry = numbers.get(info.anchor_resource) if info.anchor_resource else None
    return Need(host, port, info.verified_chain, entry, question.included)


def describe(need: Need, options: NeededOptions) -> Iterator[str]:
    """What a server needs, in lines for people."""
    server = f"{need.host} port {need.port}"
    if need.entry is None:
        yield f"{server} needs no CA of the store: --ca {options.connection.ca} vouches for it"
    else:
        yield f'{server} needs "{need.entry.manifest_entry}": {need.entry.resource}, {need.entry.name}'
    yield "through"
    for number, der in enumerate(need.chain, 1):
        facts = CertificateFacts.parse(der)
        yield f"  {number}  {describe_name(facts.subject)}, to {facts.not_after:%Y-%m-%d}"
    path = options.connection.manifest
    if need.entry is not None and path is not None:
        if need.included:
            yield f"{printable(str(path))} includes it"
        else:
            yield f"{printable(str(path))} LEAVES IT OUT"
            command = ["trio-secure", "certs", "add", f"ca{need.entry.number}", "--manifest", str(path)]
            command += [] if options.store is None else ["--store", str(options.store)]
            yield f"to include it: {printable(shlex.join(command))}"


def _for_programs(need: Need, manifest: Manifest | None) -> dict[str, object]:
    entry = need.entry
    facts = [CertificateFacts.parse(der) for der in need.chain]
    return {
        "host": need.host,
        "port": need.port,
        "resource": entry.resource if entry else None,
        "manifest_entry": entry.manifest_entry if entry else None,
        "name": entry.name if entry else None,
        "manifest": manifest.path if manifest else None,
        "included": need.included,
        "chain": [
            {
                "subject": describe_name(one.subject),
                "expires": f"{one.not_after:%Y-%m-%d}",
                "sha256": one.fingerprint.hex(),
            }
            for one in facts
        ],
    }
