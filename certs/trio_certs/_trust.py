"""The decision whether to trust a server: `Trust.verify`.

Theory of operation, in the order in which things happen:

1. The chain is sliced and held to limits; the leaf's dates, name and usages are checked. No file has been
   opened.
2. The sources are asked one after the other, each for what it trusts under the name of *any* issuer that the
   chain names. Any, because servers send cross-signed roots: the last certificate's issuer is often a CA that
   nobody has any more, while an earlier one's is in the store.
3. `cryptography` looks for a path to what a source gave, one tier at a time, so that a public root never profits
   from what is let through for private ones. A CA of the store stays a public one wherever it came from.
4. What a path has to satisfy besides is checked: constraints on roots, pins, lists of revoked certificates.
5. The first path that passes decides, and no further source is asked. A source that fails ends the search: it
   might have been the one that matters, and which of them is asked first is the user's choice.
6. If a public CA that the manifest leaves out would have been the answer, that is what the error says.
7. What the server stapled is checked, now that the issuer is known who must have signed it.

The user's anchors come in addition to the sources, as in Moddable's SDK. To trust them alone, leave the sources
out: `Trust([der], sources=[])`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import trio

from trio_certs._anchor_source import Anchor, GivenAnchors
from trio_certs._chain import Chain
from trio_certs._constraints import load_constraints
from trio_certs._errors import CertificateError, Reason
from trio_certs._leaf import KeyUsage, check_leaf
from trio_certs._ocsp import OCSP_POLICIES, OCSPPolicy, check_staple
from trio_certs._path import VerifiedChain
from trio_certs._public import PublicCAs
from trio_certs._resource import Resource
from trio_certs._rules import Rules
from trio_certs._search import Search
from trio_certs._server_name import ServerName
from trio_certs._source import Source
from trio_certs._store import BUNDLED, Store

if TYPE_CHECKING:
    from trio_certs._crl import CRL
    from trio_certs._folder import File
    from trio_certs._manifest import Manifest
    from trio_certs._pins import Pin


def utc_now() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Trust:
    """Whom to trust.

    Args:
        anchors: certificates trusted in addition to the sources': each is DER, PEM text with one or more, the path
            of a file with either, or a `Resource`. An anchor may be a root, an intermediate CA or a server's own
            certificate.
        manifest: which CAs of the store are included; without one, all are.
        sources: where else trusted certificates come from, in the order in which they are asked: `Store`,
            `Manifest`, `SystemStore`, `File`, `Folder`, `Lookup`. By default, what `manifest` includes of `store`.
            Without any, the anchors are trusted alone.
        pins: certificates or keys of which one has to be on the path, whoever vouches for it.
        crls: lists of revoked certificates, DER or PEM: where there is one of an issuer on the path, it has to be
            current, and what is on it is refused.
        ocsp: what to make of OCSP responses that servers staple to their certificates. `"if_present"` refuses
            one that is bad, and a certificate without one that promises one (must-staple); `"require"` refuses
            every certificate without one; `"ignore"` looks at none. A certificate that is itself an anchor and
            not its own issuer has nobody above it whose staple would count: none is looked at, or with
            `"require"`, it is refused.
        clock: gives the moment to verify at, with a time zone; the machine's clock by default.
        store: the store of public CAs, and what counts as one wherever it comes from.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an anchor is not a certificate, a list is none that can be used, `ocsp` is none of the three,
            or there are sources and a manifest.
    """

    anchors: Sequence[Anchor] = field(default=(), repr=False)
    manifest: Manifest | None = None
    sources: Sequence[Source | Store | Manifest] | None = None
    pins: Sequence[Pin] = ()
    crls: Sequence[bytes] = field(default=(), repr=False)
    ocsp: OCSPPolicy = "if_present"
    clock: Callable[[], datetime] = utc_now
    store: Store = BUNDLED
    _asked: tuple[Source, ...] = field(init=False, repr=False, compare=False)
    # Compared: what two have read from one path may differ.
    _files: tuple[File, ...] = field(init=False, repr=False)
    _crls: tuple[CRL, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.anchors, bytes | bytearray | memoryview | str | os.PathLike | Resource):
            raise TypeError("anchors must be a sequence of certificates: put a single one into a list")
        if self.manifest is not None:
            from trio_certs._manifest import check_manifest  # with it comes the reading of JSON

            check_manifest(self.manifest)
        if self.ocsp not in OCSP_POLICIES:
            raise ValueError(f"ocsp must be one of {', '.join(OCSP_POLICIES)}, not {self.ocsp!r}")
        if not callable(self.clock):
            raise TypeError(
                f"clock must be a function that gives a datetime, not {type(self.clock).__name__}"
            )
        given = GivenAnchors(self.anchors)
        object.__setattr__(self, "anchors", given.anchors)
        object.__setattr__(self, "_files", tuple(given.files))
        object.__setattr__(self, "pins", _pins(self.pins))
        lists = tuple(_lists(self.crls))
        object.__setattr__(self, "crls", lists)
        object.__setattr__(self, "_crls", tuple(_parsed(lists)))
        sources: tuple[Source, ...] = (PublicCAs(self.store, self.manifest),)
        if self.sources is not None:
            if self.manifest is not None:
                raise ValueError("with sources, a manifest is one of them: sources=[manifest, …]")
            object.__setattr__(self, "sources", tuple(self.sources))
            sources = tuple(_source(one, place) for place, one in enumerate(self.sources, 1))
        object.__setattr__(self, "_asked", (given, *sources) if given.anchors else sources)

    async def prepare(self) -> None:
        """Do now what the process's first verification would do: about 80 ms of imports, and two small files.

        A good moment is after a request was sent and before its answer is awaited. Never necessary.

        Raises:
            StoreError: the store's index cannot be read.
        """
        await trio.lowlevel.checkpoint()
        importlib.import_module("trio_certs._verifier")  # and with it cryptography.x509
        await self.store.fetch_index()
        await load_constraints()

    async def verify(
        self,
        chain: Sequence[bytes],
        server_name: str,
        *,
        key_usage: KeyUsage = "digital_signature",
        ocsp_response: bytes | None = None,
    ) -> VerifiedChain:
        """Verify that the server that holds the key of `chain[0]` is `server_name`.

        Args:
            chain: the certificates as sent, DER, the server's own first, the others in any order.
            server_name: the host: a DNS name (A-labels) or an IP address literal.
            key_usage: what the server does with its key in this handshake; only RSA key transport, in TLS 1.2
                and older, is not `digital_signature`.
            ocsp_response: what the server stapled to `chain[0]`, DER; `None` if nothing.

        Raises:
            CertificateError: the server is not to be trusted; `reason` says why.
            ResourceNotFoundError: it would be, by a CA that the manifest does not include.
            SourceError: a source failed that had to be asked; `StoreError` if it was the store.
            TypeError: the clock gave something else than a moment with a time zone.
        """
        await trio.lowlevel.checkpoint()
        return await self.judge(chain, server_name, key_usage=key_usage, ocsp_response=ocsp_response)

    async def judge(
        self,
        chain: Sequence[bytes],
        server_name: str,
        *,
        key_usage: KeyUsage = "digital_signature",
        ocsp_response: bytes | None = None,
    ) -> VerifiedChain:
        """`verify`, but a checkpoint only if it waits, as a part of something that waits besides."""
        now = self._now()
        try:
            server = ServerName.parse(server_name)
        except ValueError as error:
            raise CertificateError(Reason.WRONG_NAME, f"{error}.") from error
        sent = Chain.parse(chain)
        names = check_leaf(sent, server, key_usage, now)
        rules = Rules(server, names, now, await load_constraints(), self.pins, self._crls)
        found = await Search(sent, rules, await self.store.fetch_index()).run(self._asked)
        status = check_staple(self.ocsp, found.path, ocsp_response, now)
        return found.verdict(status)

    def _now(self) -> datetime:
        now = cast("object", self.clock())
        if not isinstance(now, datetime) or now.utcoffset() is None:
            raise TypeError(
                f"clock must give a datetime with a time zone, as datetime.now(UTC) does, not {now!r}"
            )
        return now.astimezone(UTC)


def _source(value: object, place: int) -> Source:
    if isinstance(value, Source):
        return value
    if isinstance(value, Store):
        return PublicCAs(value)
    from trio_certs._manifest import Manifest

    if isinstance(value, Manifest):
        return PublicCAs(value.store, value)
    raise TypeError(
        f"source {place} must be a Store, Manifest, SystemStore, File, Folder or Lookup, "
        f"not {type(value).__name__}"
    )


def _pins(pins: Iterable[object]) -> tuple[Pin, ...]:
    found: list[Pin] = []
    for place, pin in enumerate(pins, 1):
        from trio_certs._pins import Pin

        if not isinstance(pin, Pin):
            raise TypeError(f"pin {place} must be a Pin, not {type(pin).__name__}")
        found.append(pin)
    return tuple(found)


def _lists(crls: Iterable[object]) -> Iterable[bytes]:
    if isinstance(crls, bytes | bytearray | memoryview | str):
        raise TypeError("crls must be a sequence of lists: put a single one into a list")
    for place, crl in enumerate(crls, 1):
        if not isinstance(crl, bytes | bytearray | memoryview):
            raise TypeError(f"CRL {place} must be bytes, not {type(crl).__name__}")
        yield bytes(cast("bytes", crl))


def _parsed(crls: Sequence[bytes]) -> Iterable[CRL]:
    for place, data in enumerate(crls, 1):
        from trio_certs._crl import parse_crls

        try:
            yield from parse_crls(data)
        except ValueError as error:
            raise ValueError(f"CRL {place} cannot be used: {error}") from error
