"""What a connection is asked to be: `TLSConfig`.

Theory of operation
-------------------
Everything a user can say about a connection is checked here, at once and by name, and becomes one frozen
value that the layers below rely on without looking again.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from . import _settings as settings
from ._compression import ALGORITHMS_BY_NAME, CompressionAlgorithm, available
from ._groups import GROUPS_BY_NAME, NAMED_GROUPS, NamedGroup
from ._key_log import KeyLog
from ._session_cache import PROCESS_CACHE
from ._sessions import SessionCache
from ._settings import CertificateVerifier, OCSPPolicy, ResourceSelection, TrustedData
from ._signatures import SCHEMES_BY_NAME, SIGNATURE_SCHEMES, SignatureScheme
from ._suites import CIPHER_SUITES, SUITES_BY_NAME, CipherSuite
from ._versions import Version

if TYPE_CHECKING:
    from ._client_identity import ClientIdentity
    from ._trace import TraceSink

# The groups for which a share is sent along with the first hello: what most servers choose, old and new.
_DEFAULT_SHARES = ("x25519mlkem768", "x25519")


@dataclass(frozen=True, kw_only=True)
class TLSConfig:
    """The parameters of a TLS connection; every one has a secure default.

    Attributes:
        min_version: the lowest version accepted: 0x0301 (TLS 1.0) to 0x0304 (TLS 1.3); TLS 1.2 by default. A
            connection below TLS 1.2 warns (`LegacyTLSWarning`).
        max_version: the highest version offered, up to 0x0304, the default.
        cipher_suites: registered names, in order of preference. None is all with forward secrecy and an
            AEAD; with a floor below TLS 1.2, or both switches off, also those with CBC and with RSA key
            transport. A version that none of them is for is not offered.
        switches: {"DHE_RSA": False} and {"ECDHE_RSA": False} leave out the suites of that kind.
        groups: names of key-exchange groups, in order of preference; None for x25519mlkem768, x25519,
            secp256r1, secp384r1 and secp521r1.
        key_shares: the groups of which a share is sent at once; None for x25519mlkem768 and x25519, as far as
            `groups` has them, or else the first of `groups`.
        signature_algorithms: names of signature schemes, offered and accepted; None for all.
        certificate_signature_algorithms: names of the schemes that certificates may be signed with, as a
            hint to the server (RFC 9846 §4.3.3 [8446 §4.2.3]); None for the same as `signature_algorithms`.
        alpn: protocol names in order of preference, each 1 to 255 bytes; str stands for its UTF-8 bytes.
        server_name: the name for SNI and for verification, instead of the one that is connected to.
        verify: False accepts any certificate, from anyone. The handshake signatures are checked all the same.
        certificate: certificates to trust besides the store's: DER or PEM bytes, the path of a file with either,
            or a `trio_certs.Resource`.
        manifest: the `trio_certs.Manifest` that says which CAs of the store the application includes; None
            for every one. Its `config.tls` switches hold unless `switches` says otherwise.
        trust: a `trio_certs.Trust` that decides instead of `certificate` and `manifest`, with sources, pins and
            lists of revoked certificates of its own; and with its own view of what `ocsp` asks for.
        ocsp: what to do with OCSP staples (RFC 6066 §8): "if_present" asks for one and refuses a bad one,
            or none where the certificate promises one; "require" refuses to go without; "ignore" does not
            ask.
        signed_certificate_timestamps: whether to ask for SCTs (RFC 6962 §3.3); `ConnectionInfo` has them.
        client_identities: the certificates this client may show, in order of preference: `ClientIdentity`.
        certificate_authorities: names in DER of the authorities the server's chain should come from (RFC 9846
            §4.3.4 [8446 §4.2.4]); a hint to the server, no check.
        post_handshake_auth: whether the server may ask for a client certificate later on (TLS 1.3).
        certificate_compression: names of algorithms, "zlib", "brotli" or "zstd", in order of preference
            (RFC 8879); None for all that are installed, () for none.
        cache: where sessions are kept for resumption: a `SessionCache`; True for the one of this process;
            False for none.
        require_extended_master_secret: refuse a TLS 1.2 server whose secrets are not bound to the whole
            handshake (RFC 7627).
        max_fragment_length: bytes of content in a record, both ways, rounded down to 512, 1024, 2048 or
            4096 (RFC 6066 §4); None for 16384.
        record_size_limit: bytes of plaintext in a record to receive, 64 to 16385 (RFC 8449); None does not
            ask.
        hello_padding: the ClientHello is padded to a multiple of this many bytes (RFC 7685); 0 pads nothing.
        record_padding: the plaintext of each record sent in TLS 1.3 is padded to a multiple of this many
            bytes; 0 pads nothing.
        grease: whether to mix reserved values into the ClientHello, to keep servers tolerant (RFC 8701).
        trace: a callable that takes each `TraceEvent`; True prints them to standard error.
        key_log: a callable that takes the lines of an NSS key log. Whoever has them can read the
            connection. The file named by the environment variable SSLKEYLOGFILE, if it is set, gets them in
            any case.

    Raises:
        ValueError: a value is out of range or not known; the message names the field.
        TypeError: a value is of the wrong type; the message names the field.
    """

    min_version: int = Version.TLS12
    max_version: int = Version.TLS13
    cipher_suites: Sequence[str] | None = None
    switches: Mapping[str, bool] | tuple[tuple[str, bool], ...] = ()
    groups: Sequence[str] | None = None
    key_shares: Sequence[str] | None = None
    signature_algorithms: Sequence[str] | None = None
    certificate_signature_algorithms: Sequence[str] | None = None
    alpn: str | bytes | Sequence[str | bytes] = ()
    server_name: str | None = None
    verify: bool = True
    certificate: TrustedData | os.PathLike[str] | Sequence[TrustedData | os.PathLike[str]] = ()
    manifest: ResourceSelection | None = None
    trust: CertificateVerifier | None = None
    ocsp: OCSPPolicy = "if_present"
    signed_certificate_timestamps: bool = False
    client_identities: ClientIdentity | Sequence[ClientIdentity] = ()
    certificate_authorities: Sequence[bytes] = ()
    post_handshake_auth: bool = False
    certificate_compression: Sequence[str] | None = None
    cache: bool | SessionCache = True
    require_extended_master_secret: bool = False
    max_fragment_length: int | None = None
    record_size_limit: int | None = None
    hello_padding: int = 0
    record_padding: int = 0
    grease: bool = False
    trace: bool | TraceSink | None = False
    key_log: KeyLog | None = None

    def __post_init__(self) -> None:
        for field, check in _CHECKS.items():
            object.__setattr__(self, field, check(field, getattr(self, field)))
        low, high = Version(self.min_version), Version(self.max_version)
        if low > high:
            raise ValueError(f"min_version {low.label} is above max_version {high.label}")
        if self.max_fragment_length is not None and self.record_size_limit is not None:
            raise ValueError("max_fragment_length and record_size_limit exclude each other (RFC 8449 §5)")
        # The tables are read here for their errors; who uses the rows reads the same properties.
        if not self.suite_rows:
            raise ValueError(f"cipher_suites has none that fits {low.label} to {high.label}")
        if not self.scheme_rows:
            raise ValueError("signature_algorithms has none that can sign a handshake")
        if not self.group_rows:
            raise ValueError(f"groups has none that fits {self.lowest.label} to {self.highest.label}")
        offered = {group.name.lower() for group in self.group_rows}
        strangers = [name for name in self.key_shares or () if name not in offered]
        if strangers:
            raise ValueError(f"key_shares has {', '.join(strangers)}, which groups does not have")

    @functools.cached_property
    def suite_rows(self) -> tuple[CipherSuite, ...]:
        """The suites to offer, as rows of their table."""
        given: Mapping[str, bool] = {} if self.manifest is None else self.manifest.config.get("tls", {})
        # A manifest's own checks do not know which switches there are.
        field = f"{getattr(self.manifest, 'label', 'the manifest')}: config.tls"
        switches = {**dict(settings.switches(field, given)), **dict(self.switches)}
        off = {name for name, on in switches.items() if not on}
        if self.cipher_suites is not None:
            rows = [SUITES_BY_NAME[name] for name in self.cipher_suites]
        elif self.min_version < Version.TLS12 or off.issuperset(settings.SWITCHES):
            rows = [*CIPHER_SUITES]
        else:
            rows = [row for row in CIPHER_SUITES if row.by_default]
        # RFC 5288 §4: "Clients MUST NOT offer these cipher suites if they do not offer TLS 1.2 or later."
        fitting = (row for row in rows if row.since <= self.max_version and row.until >= self.min_version)
        return tuple(row for row in fitting if row.kind not in off)

    @functools.cached_property
    def versions(self) -> tuple[Version, ...]:
        """The versions to offer, the highest first, which are those allowed that there is a suite for."""
        allowed = [version for version in Version if self.min_version <= version <= self.max_version]
        return tuple(v for v in reversed(allowed) if any(row.fits(v) for row in self.suite_rows))

    @property
    def highest(self) -> Version:
        """The highest version to offer."""
        return self.versions[0]

    @property
    def lowest(self) -> Version:
        """The lowest version to offer."""
        return self.versions[-1]

    @functools.cached_property
    def group_rows(self) -> tuple[NamedGroup, ...]:
        """The groups to offer, as rows of their table."""
        if self.groups is not None:
            rows = [GROUPS_BY_NAME[name] for name in self.groups]
        else:
            rows = [row for row in NAMED_GROUPS if row.by_default]
        return tuple(row for row in rows if row.since <= self.highest)

    @functools.cached_property
    def share_rows(self) -> tuple[NamedGroup, ...]:
        """The groups to send a share of, as rows of their table."""
        # RFC 9846 §4.3.8 [8446 §4.2.8]: "Each KeyShareEntry value MUST correspond to a group offered in the
        # 'supported_groups' extension and MUST appear in the same order."
        offered = self.group_rows
        wanted = _DEFAULT_SHARES if self.key_shares is None else self.key_shares
        shared = tuple(row for row in offered if row.name.lower() in wanted)
        return offered[:1] if self.key_shares is None and not shared else shared

    @functools.cached_property
    def scheme_rows(self) -> tuple[SignatureScheme, ...]:
        """The signature schemes to offer, as rows of their table."""
        names = self.signature_algorithms
        rows = SIGNATURE_SCHEMES if names is None else [SCHEMES_BY_NAME[name] for name in names]
        # Below TLS 1.2 a key signs in one way only; what stands here is neither offered nor used then.
        return tuple(row for row in rows if row.since <= max(self.highest, Version.TLS12))

    @functools.cached_property
    def compression_rows(self) -> tuple[CompressionAlgorithm, ...]:
        """The algorithms to offer for certificates, as rows of their table: those that can be undone here."""
        return available(self.certificate_compression)

    @property
    def protocols(self) -> tuple[bytes, ...]:
        """The ALPN protocols as bytes."""
        return cast("tuple[bytes, ...]", self.alpn)

    @property
    def certificates(self) -> tuple[TrustedData, ...]:
        """The certificates to trust, one by one."""
        return cast("tuple[TrustedData, ...]", self.certificate)

    @property
    def identities(self) -> tuple[ClientIdentity, ...]:
        """The client certificates, one by one."""
        return cast("tuple[ClientIdentity, ...]", self.client_identities)

    @property
    def session_cache(self) -> SessionCache | None:
        """Where sessions are kept, if anywhere."""
        if isinstance(self.cache, bool):
            return PROCESS_CACHE if self.cache else None
        return self.cache

    @property
    def trace_sink(self) -> TraceSink | None:
        """Where trace events go, if anywhere."""
        return cast("TraceSink | None", self.trace)

    @staticmethod
    def choices(field: str) -> tuple[str, ...]:
        """Every name that a field may hold, those included that are not offered by default.

        Args:
            field: "cipher_suites", "groups", "signature_algorithms" or "certificate_compression".

        Raises:
            ValueError: the field holds no names of a table.
        """
        if field not in _TABLES:
            raise ValueError(f"{field} is none of {', '.join(_TABLES)}")
        return tuple(row.name for row in _TABLES[field].values())

    def replace(self, **changes: Any) -> TLSConfig:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)


T = TypeVar("T")


def once(make: Callable[[TLSConfig], T]) -> Callable[[TLSConfig], T]:
    """`make`, for what follows from a configuration alone: made once, and kept with the configuration."""
    name = f"{make.__module__}.{make.__qualname__}"

    @functools.wraps(make)
    def kept(config: TLSConfig) -> T:
        # Beside what `functools.cached_property` keeps there; neither is compared, copied or shown.
        known = config.__dict__
        if name not in known:
            known[name] = make(config)
        return cast("T", known[name])

    return kept


Check = Callable[[str, Any], object]


def _instance(kind: type[object], noun: str) -> Check:
    """None, or something that can do what `kind` can."""

    def check(field: str, value: object) -> object:
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"{field} must be a {noun}, not {type(value).__name__}")
        return value

    return check


def _names(table: Mapping[str, object]) -> Check:
    return lambda field, value: settings.names(field, value, table)


def _size(high: int) -> Check:
    return lambda field, value: settings.integer(field, value, 0, high)


class _Row(Protocol):
    """What the rows of all tables have."""

    @property
    def name(self) -> str: ...


_TABLES: Mapping[str, Mapping[str, _Row]] = {
    "cipher_suites": SUITES_BY_NAME,
    "groups": GROUPS_BY_NAME,
    "signature_algorithms": SCHEMES_BY_NAME,
    "certificate_compression": ALGORITHMS_BY_NAME,
}

_CHECKS: Mapping[str, Check] = {
    "min_version": settings.version,
    "max_version": settings.version,
    "cipher_suites": _names(SUITES_BY_NAME),
    "switches": settings.switches,
    "groups": _names(GROUPS_BY_NAME),
    "key_shares": _names(GROUPS_BY_NAME),
    "signature_algorithms": _names(SCHEMES_BY_NAME),
    "certificate_signature_algorithms": _names(SCHEMES_BY_NAME),
    "alpn": settings.protocols,
    "server_name": settings.server_name,
    "verify": settings.boolean,
    "certificate": settings.trusted,
    "manifest": _instance(ResourceSelection, "Manifest"),
    "trust": _instance(CertificateVerifier, "Trust"),
    "ocsp": lambda field, value: settings.choice(field, value, ("ignore", "if_present", "require")),
    "signed_certificate_timestamps": settings.boolean,
    "client_identities": settings.identities,
    "certificate_authorities": settings.distinguished_names,
    "post_handshake_auth": settings.boolean,
    "certificate_compression": _names(ALGORITHMS_BY_NAME),
    "cache": settings.cache,
    "require_extended_master_secret": settings.boolean,
    "max_fragment_length": settings.fragment_length,
    "record_size_limit": settings.record_size_limit,
    "hello_padding": _size(2**12),
    "record_padding": _size(2**14),
    "grease": settings.boolean,
    "trace": settings.trace,
    "key_log": settings.key_log,
}
