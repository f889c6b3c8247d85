"""What a connection is asked to be: `TLSConfig`.

Theory of operation
-------------------
Everything a user can say about a connection is checked here, at once and by name, and becomes one frozen value
that the layers below rely on without looking again.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from . import _settings as settings
from ._groups import GROUPS_BY_NAME, NAMED_GROUPS, NamedGroup
from ._settings import CertificateData, CertificateVerifier, ResourceSelection
from ._signatures import SCHEMES_BY_NAME, SIGNATURE_SCHEMES, SignatureScheme
from ._suites import CIPHER_SUITES, SUITES_BY_NAME, CipherSuite
from ._trace import TraceSink
from ._versions import Version

# The groups for which a share is sent along with the first hello: what most servers choose, old and new.
_DEFAULT_SHARES = ("x25519mlkem768", "x25519")


@dataclass(frozen=True, kw_only=True)
class TLSConfig:
    """The parameters of a TLS connection; every one has a secure default.

    Attributes:
        min_version: the lowest version accepted: 0x0303 (TLS 1.2, the default) or 0x0304 (TLS 1.3).
        max_version: the highest version offered, up to 0x0304, the default.
        cipher_suites: registered names, in order of preference; None for all that are safe by default.
        groups: names of key-exchange groups, in order of preference; None for all.
        key_shares: the groups of which a share is sent at once; None for x25519mlkem768 and x25519, as far as
            `groups` has them, or else the first of `groups`.
        signature_algorithms: names of signature schemes, offered and accepted; None for all.
        alpn: protocol names in order of preference, each 1 to 255 bytes; str stands for its UTF-8 bytes.
        server_name: the name for SNI and for verification, instead of the one that is connected to.
        verify: False accepts any certificate, from anyone. The handshake signatures are checked all the same.
        certificate: certificates to trust besides the store's: DER or PEM bytes, or a `trio_certs.Resource`.
        manifest: the `trio_certs.Manifest` that says which CAs of the store the application includes; None for
            every one.
        trust: a `trio_certs.Trust` that decides instead of `certificate` and `manifest`.
        trace: a callable that takes each `TraceEvent`; True prints them to standard error.

    Raises:
        ValueError: a value is out of range or not known; the message names the field.
        TypeError: a value is of the wrong type; the message names the field.
    """

    min_version: int = Version.TLS12
    max_version: int = Version.TLS13
    cipher_suites: Sequence[str] | None = None
    groups: Sequence[str] | None = None
    key_shares: Sequence[str] | None = None
    signature_algorithms: Sequence[str] | None = None
    alpn: str | bytes | Sequence[str | bytes] = ()
    server_name: str | None = None
    verify: bool = True
    certificate: CertificateData | Sequence[CertificateData] = ()
    manifest: ResourceSelection | None = None
    trust: CertificateVerifier | None = None
    trace: bool | TraceSink | None = False

    def __post_init__(self) -> None:
        low, high = (
            settings.version("min_version", self.min_version),
            settings.version("max_version", self.max_version),
        )
        if low > high:
            raise ValueError(f"min_version {low.label} is above max_version {high.label}")
        self._settle("min_version", low)
        self._settle("max_version", high)
        self._settle("verify", settings.boolean("verify", self.verify))
        self._settle("alpn", settings.protocols("alpn", self.alpn))
        self._settle("certificate", settings.certificates("certificate", self.certificate))
        self._settle("server_name", settings.server_name("server_name", self.server_name))
        self._settle("trace", settings.trace("trace", self.trace))
        if self.manifest is not None and not isinstance(cast("object", self.manifest), ResourceSelection):
            raise TypeError(f"manifest must be a Manifest, not {type(self.manifest).__name__}")
        if self.trust is not None and not isinstance(cast("object", self.trust), CertificateVerifier):
            raise TypeError(f"trust must be a Trust, not {type(self.trust).__name__}")
        # The three tables are read here for their errors; the properties below read them for their rows.
        self._settle("cipher_suites", settings.names("cipher_suites", self.cipher_suites, SUITES_BY_NAME))
        self._settle("groups", settings.names("groups", self.groups, GROUPS_BY_NAME))
        self._settle("key_shares", settings.names("key_shares", self.key_shares, GROUPS_BY_NAME))
        schemes = settings.names("signature_algorithms", self.signature_algorithms, SCHEMES_BY_NAME)
        self._settle("signature_algorithms", schemes)
        if not self.suite_rows:
            raise ValueError(f"cipher_suites has none that fits {low.label} to {high.label}")
        if not self.scheme_rows:
            raise ValueError("signature_algorithms has none that can sign a handshake")
        if not self.group_rows:
            raise ValueError(f"groups has none that fits {low.label} to {high.label}")
        strangers = [group.name for group in self.share_rows if group not in self.group_rows]
        if strangers:
            raise ValueError(f"key_shares has {', '.join(strangers)}, which groups does not have")

    def _settle(self, field: str, value: object) -> None:
        object.__setattr__(self, field, value)

    @functools.cached_property
    def suite_rows(self) -> tuple[CipherSuite, ...]:
        """The suites to offer, as rows of their table."""
        rows = (
            CIPHER_SUITES if self.cipher_suites is None else [SUITES_BY_NAME[n] for n in self.cipher_suites]
        )
        return tuple(row for row in rows if self.min_version <= row.version <= self.max_version)

    @functools.cached_property
    def group_rows(self) -> tuple[NamedGroup, ...]:
        """The groups to offer, as rows of their table."""
        rows = NAMED_GROUPS if self.groups is None else [GROUPS_BY_NAME[n] for n in self.groups]
        return tuple(row for row in rows if row.since <= self.max_version)

    @functools.cached_property
    def share_rows(self) -> tuple[NamedGroup, ...]:
        """The groups to send a share of, as rows of their table."""
        if self.key_shares is not None:
            return tuple(GROUPS_BY_NAME[n] for n in self.key_shares)
        offered = self.group_rows
        return tuple(row for row in offered if row.name.lower() in _DEFAULT_SHARES) or offered[:1]

    @functools.cached_property
    def scheme_rows(self) -> tuple[SignatureScheme, ...]:
        """The signature schemes to offer, as rows of their table."""
        names = self.signature_algorithms
        rows = SIGNATURE_SCHEMES if names is None else [SCHEMES_BY_NAME[n] for n in names]
        return tuple(rows)

    @property
    def protocols(self) -> tuple[bytes, ...]:
        """The ALPN protocols as bytes."""
        return cast("tuple[bytes, ...]", self.alpn)

    @property
    def certificates(self) -> tuple[CertificateData, ...]:
        """The certificates to trust, one by one."""
        return cast("tuple[CertificateData, ...]", self.certificate)

    @property
    def trace_sink(self) -> TraceSink | None:
        """Where trace events go, if anywhere."""
        return cast("TraceSink | None", self.trace)

    def replace(self, **changes: Any) -> TLSConfig:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)
