"""The decision whether to trust a server: `Trust.verify`.

Theory of operation, in the order in which things happen:

1. The chain is sliced and held to limits; the leaf's dates, name and usages are checked. No file has been
   opened.
2. The issuer named by *every* certificate sent is looked up, among the user's anchors by comparing names,
   in the store by the hash of the name. Every one, because servers send cross-signed roots: the last
   certificate's issuer is often a CA that nobody has any more, while an earlier one's is in the store.
3. The few certificates found are read, asynchronously and only once per process.
4. `cryptography` looks for a path, for each kind of anchor by itself, so that a public root never profits
   from the policy for private ones: first a leaf that is itself an anchor, then the user's CAs, then the
   public ones. A root of the store stays a public one when the user passes it as an anchor.
5. If a public CA that the manifest leaves out would have been the answer, that is what the error says.
6. What the server stapled is checked, now that the issuer is known who must have signed it.

The user's anchors come in addition to the store, as in Moddable's SDK. To trust them alone, exclude the
store with an empty manifest: `Trust([der], manifest=Manifest())`.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from trio_certs._anchors import parse_anchors
from trio_certs._certificate import CertificateFacts
from trio_certs._chain import Chain
from trio_certs._errors import CertificateError, Reason
from trio_certs._leaf import KeyUsage, check_leaf
from trio_certs._manifest import Manifest, check_manifest
from trio_certs._ocsp import OCSP_POLICIES, OCSPPolicy, check_staple
from trio_certs._path import PathFinder, VerifiedChain
from trio_certs._refusal import unknown_issuer
from trio_certs._resource import Resource, excluded
from trio_certs._server_name import ServerName
from trio_certs._store import BUNDLED, Index, Store


@dataclass(frozen=True)
class Trust:
    """Whom to trust.

    Args:
        anchors: certificates trusted in addition to the store's: each is DER, PEM text with one or more, or a
            `Resource`. An anchor may be a root, an intermediate CA or a server's own certificate.
        manifest: which CAs of the store are included; without one, all are.
        time: the moment to verify at, with a time zone; the present by default.
        store: the store of public CAs.
        ocsp: what to make of OCSP responses that servers staple to their certificates. `"if_present"` refuses
            one that is bad, and a certificate without one that promises one (must-staple); `"require"` refuses
            every certificate without one; `"ignore"` looks at none. A certificate that is itself an anchor and
            not its own issuer has nobody above it whose staple would count: none is looked at, or with
            `"require"`, it is refused.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an anchor is not a certificate, `time` has no time zone, or `ocsp` is none of the three.
    """

    anchors: Sequence[bytes | Resource] = field(default=(), repr=False)
    manifest: Manifest | None = None
    time: datetime | None = None
    store: Store = BUNDLED
    ocsp: OCSPPolicy = "if_present"
    _given: tuple[CertificateFacts, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.anchors, bytes | bytearray | memoryview | str | Resource):
            raise TypeError("anchors must be a sequence of certificates: put a single one into a list")
        check_manifest(self.manifest)
        if self.time is not None and self.time.utcoffset() is None:
            raise ValueError("time must have a time zone, for example datetime.now(UTC)")
        if self.ocsp not in OCSP_POLICIES:
            raise ValueError(f"ocsp must be one of {', '.join(OCSP_POLICIES)}, not {self.ocsp!r}")
        anchors: list[bytes | Resource] = []
        given: list[CertificateFacts] = []
        for place, anchor in enumerate(self.anchors, 1):
            anchors.append(_anchor(anchor, place))
            if not isinstance(anchor, Resource):
                try:
                    given += parse_anchors(bytes(anchor))
                except ValueError as error:
                    raise ValueError(f"anchor {place} is not a certificate: {error}") from error
        object.__setattr__(self, "anchors", tuple(anchors))
        object.__setattr__(self, "_given", tuple(given))

    async def prepare(self) -> None:
        """Do now what the process's first verification would do: about 80 ms of imports, and one file.

        A good moment is after a request was sent and before its answer is awaited. Never necessary.

        Raises:
            StoreError: the store's index cannot be read.
        """
        importlib.import_module("trio_certs._verifier")  # and with it cryptography.x509
        await self.store.load_index()

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
            StoreError: the store's files are damaged.
        """
        now = (self.time or datetime.now(UTC)).astimezone(UTC)
        try:
            server = ServerName.parse(server_name)
        except ValueError as error:
            raise CertificateError(Reason.WRONG_NAME, f"{error}.") from error
        sent = Chain.parse(chain)
        names = check_leaf(sent.leaf, server, key_usage, now)
        await self.prepare()
        found = await self._find_path(sent, PathFinder(sent, server, names, now))
        status = check_staple(self.ocsp, found.chain, ocsp_response, now)
        return replace(found, ocsp_status=status)

    async def _find_path(self, sent: Chain, finder: PathFinder) -> VerifiedChain:
        index = self.store.index()
        own, public = await self._relevant_anchors(sent, index)
        included, left_out = self._relevant_roots(sent, index)
        included = list(dict.fromkeys((*public, *included)))
        refused: CertificateError | None = None
        if own:
            try:
                return finder.through_own(own)
            except CertificateError as error:
                refused = error
        if included:
            roots = await self.store.read(included)
            try:
                return finder.through_store(roots)
            except CertificateError as error:
                refused = refused or error
        if self.manifest is not None and left_out:
            roots = await self.store.read(left_out)
            try:
                missing = finder.through_store(roots)
            except CertificateError as error:
                refused = refused or error
            else:
                entry = next(entry for entry in roots if entry.resource == missing.resource)
                raise excluded(entry, self.manifest) from refused
        raise refused or unknown_issuer(sent)

    async def _relevant_anchors(self, sent: Chain, index: Index) -> tuple[list[CertificateFacts], list[int]]:
        """The user's anchors that `sent` may lead to, and the numbers of those that are CAs of the store."""
        resources = [anchor for anchor in self.anchors if isinstance(anchor, Resource)]
        anchors = [*self._given, *[CertificateFacts.parse(await resource.read()) for resource in resources]]
        own: list[CertificateFacts] = []
        public: list[int] = []
        issuers = set(sent.issuers)
        for anchor in anchors:
            # The verifier uses a trusted certificate for its subject, or as the leaf itself.
            if anchor.subject in issuers or anchor.der == sent.leaf.der:
                number = index.by_fingerprint.get(anchor.fingerprint)
                if number is None:
                    own.append(anchor)
                else:
                    public.append(number)
        return own, public

    def _relevant_roots(self, sent: Chain, index: Index) -> tuple[list[int], list[int]]:
        """The numbers of the store's CAs that `sent` may lead to: those included, and those left out."""
        included: list[int] = []
        left_out: list[int] = []
        for issuer in sent.issuers:
            for number in index.with_subject(issuer):
                resource = index.entries[number].resource
                allowed = self.manifest is None or self.manifest.includes(resource)
                (included if allowed else left_out).append(number)
        return included, left_out


def _anchor(value: object, place: int) -> bytes | Resource:
    if isinstance(value, Resource | bytes):
        return value
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, memoryview):
        return value.tobytes()
    raise TypeError(f"anchor {place} must be bytes or a Resource, not {type(value).__name__}")
