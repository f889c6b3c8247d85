"""What a connection is asked to be: `TLSConfig`, and the `secure` dictionary that parses into it.

Theory of operation
-------------------
Everything a user can say about a connection is checked here, at once and by name, and becomes one frozen value
that the layers below rely on without looking again. A dictionary is parsed key by key through a table; a key that
is not in it is refused, never ignored.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

from ._groups import GROUPS_BY_NAME, NAMED_GROUPS, NamedGroup
from ._identity import Verdict
from ._names import ServerName
from ._signatures import SCHEMES_BY_NAME, SIGNATURE_SCHEMES, SignatureScheme
from ._suites import CIPHER_SUITES, SUITES_BY_NAME, CipherSuite
from ._trace import TraceSink, print_event
from ._versions import Version


@runtime_checkable
class ReadableCertificate(Protocol):
    """What may stand for a certificate's bytes: a `trio_certs.Resource`, or anything that reads like one."""

    def read(self) -> Awaitable[bytes]:
        """The certificate."""
        ...


@runtime_checkable
class ResourceSelection(Protocol):
    """What may stand for a manifest: a `trio_certs.Manifest`."""

    def includes(self, name: str, /) -> bool:
        """Whether the resource `name` is part of the application."""
        ...


class CertificateVerifier(Protocol):
    """What may stand for everything this configuration says about trust: a `trio_certs.Trust`."""

    def verify(self, chain: Sequence[bytes], server_name: str, /) -> Awaitable[Verdict]:
        """The verdict on a chain."""
        ...


CertificateData = bytes | ReadableCertificate

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
    trace: bool | TraceSink = False

    def __post_init__(self) -> None:
        low, high = _version("min_version", self.min_version), _version("max_version", self.max_version)
        if low > high:
            raise ValueError(f"min_version {low.label} is above max_version {high.label}")
        self._settle("min_version", low)
        self._settle("max_version", high)
        self._settle("verify", _boolean("verify", self.verify))
        self._settle("alpn", _protocols("alpn", self.alpn))
        self._settle("certificate", _certificates("certificate", self.certificate))
        self._settle("server_name", _server_name("server_name", self.server_name))
        self._settle("trace", _trace("trace", self.trace))
        if self.manifest is not None and not isinstance(cast("object", self.manifest), ResourceSelection):
            raise TypeError(f"manifest must be a Manifest, not {type(self.manifest).__name__}")
        # The three tables are read here for their errors; the properties below read them for their rows.
        self._settle("cipher_suites", _names("cipher_suites", self.cipher_suites, SUITES_BY_NAME))
        self._settle("groups", _names("groups", self.groups, GROUPS_BY_NAME))
        self._settle("key_shares", _names("key_shares", self.key_shares, GROUPS_BY_NAME))
        schemes = _names("signature_algorithms", self.signature_algorithms, SCHEMES_BY_NAME)
        self._settle("signature_algorithms", schemes)
        if not self.suite_rows:
            raise ValueError(f"cipher_suites has none that fits {low.label} to {high.label}")
        if not self.scheme_rows:
            raise ValueError("signature_algorithms has none that can sign a handshake")
        strangers = [group.name for group in self.share_rows if group not in self.group_rows]
        if strangers or not self.group_rows:
            raise ValueError(f"key_shares has {', '.join(strangers)}, which groups does not have")

    def _settle(self, field: str, value: object) -> None:
        object.__setattr__(self, field, value)

    @functools.cached_property
    def suite_rows(self) -> tuple[CipherSuite, ...]:
        """The suites to offer, as rows of their table."""
        rows = CIPHER_SUITES if self.cipher_suites is None else [SUITES_BY_NAME[n] for n in self.cipher_suites]
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

    @classmethod
    def from_dictionary(cls, secure: Mapping[str, object]) -> TLSConfig:
        """The configuration that a `secure` dictionary describes.

        Raises:
            ValueError: a key is not known or not supported, or its value is out of range; the message names it.
            TypeError: `secure` is not a mapping, or a value is of the wrong type; the message names the key.
        """
        if not isinstance(cast("object", secure), Mapping):
            raise TypeError(f"secure must be a dictionary or a TLSConfig, not {type(secure).__name__}")
        fields: dict[str, Any] = {}
        for key, value in secure.items():
            parse = _KEYS.get(key)
            if parse is None:
                raise ValueError(f"secure has an unknown key {key!r}; known are {', '.join(_KEYS)}")
            try:
                fields.update(parse(value))
            except (ValueError, TypeError) as error:
                raise type(error)(f"secure[{key!r}]: {error}") from None
        return cls(**fields)

    @classmethod
    def of(cls, secure: Mapping[str, object] | TLSConfig | None) -> TLSConfig:
        """The configuration in whichever form the user gave it."""
        if isinstance(secure, TLSConfig):
            return secure
        return _DEFAULT if secure is None else cls.from_dictionary(secure)

    def replace(self, **changes: Any) -> TLSConfig:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)


def _version(field: str, value: object) -> Version:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{field} must be a version number such as 0x303, not {type(value).__name__}")
    try:
        return Version(value)
    except ValueError:
        raise ValueError(f"{field}: version 0x{value:x} is not supported; 0x303 (TLS 1.2) and 0x304 (TLS 1.3) are") from None


def _boolean(field: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{field} must be True or False, not {type(value).__name__}")
    return value


def _trace(field: str, value: object) -> TraceSink | None:
    if callable(value):
        return cast("TraceSink", value)
    if value is None or isinstance(value, bool):
        return print_event if value else None
    raise TypeError(f"{field} must be True, False or a callable, not {type(value).__name__}")


def _server_name(field: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{field} must be a str, not {type(value).__name__}")
    return ServerName.parse(value).text


def _protocols(field: str, value: object) -> tuple[bytes, ...]:
    items: Iterable[object]
    if isinstance(value, (str, bytes)):
        items = (value,)
    elif isinstance(value, (list, tuple)):
        items = cast("Iterable[object]", value)
    else:
        raise TypeError(f"{field} must be a protocol name or a list of them, not {type(value).__name__}")
    protocols: list[bytes] = []
    for item in items:
        if not isinstance(item, (str, bytes)):
            raise TypeError(f"{field} must hold str or bytes, not {type(item).__name__}")
        name = item.encode() if isinstance(item, str) else item
        # RFC 7301 §3.1: "opaque ProtocolName<1..2^8-1>"
        if not 1 <= len(name) <= 255:
            raise ValueError(f"{field}: invalid protocol of {len(name)} bytes; 1 to 255 are allowed")
        protocols.append(name)
    return tuple(protocols)


def _certificates(field: str, value: object) -> tuple[CertificateData, ...]:
    if isinstance(value, (list, tuple)):
        sequence = cast("Iterable[object]", value)
        return tuple(one for item in sequence for one in _certificates(field, item))
    if isinstance(value, (bytearray, memoryview)):
        value = bytes(value)
    if isinstance(value, bytes):
        if not value:
            raise ValueError(f"{field} is empty; it must hold a certificate in DER or PEM")
        return (value,)
    if isinstance(value, ReadableCertificate):
        return (value,)
    raise TypeError(f"{field} must be the bytes of a certificate or a Resource, not {type(value).__name__}")


def _names(field: str, value: object, table: Mapping[str, object]) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{field} must be a list of names, not {type(value).__name__}")
    names: list[str] = []
    for item in cast("Iterable[object]", value):
        if not isinstance(item, str):
            raise TypeError(f"{field} must hold names, not {type(item).__name__}")
        key = item if item in table else item.lower()
        if key not in table:
            raise ValueError(f"{field} has an unknown name {item!r}; known are {', '.join(table)}")
        names.append(key)
    return tuple(dict.fromkeys(names))


Parse = Callable[[object], Mapping[str, object]]


def _field(name: str, check: Callable[[str, object], object]) -> Parse:
    """A key whose value becomes one field, checked in the key's own name."""
    return lambda value: {name: check(name, value)}


def _schemes(value: object) -> Mapping[str, object]:
    """The docs' {hash, sig} pairs, or names."""
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"must be a list, not {type(value).__name__}")
    names: list[str] = []
    for item in cast("Iterable[object]", value):
        if isinstance(item, str):
            names.append(item)
            continue
        pair = cast("Mapping[str, object]", item) if isinstance(item, Mapping) else {}
        code = (pair.get("hash"), pair.get("sig"))
        row = next((r for r in SIGNATURE_SCHEMES if (r.code >> 8, r.code & 255) == code), None)
        if row is None:
            raise ValueError(f"{item!r} is not a signature scheme this client has")
        names.append(row.name)
    if not names:
        raise ValueError("must name at least one signature scheme")
    return {"signature_algorithms": names}


def _later(value: object) -> Mapping[str, object]:
    raise ValueError("not supported by this version of trio-secure")


def _off_only(value: object) -> Mapping[str, object]:
    """A feature that is not there: saying so is fine, asking for it is not."""
    return {} if value is False else _later(value)


_KEYS: Mapping[str, Parse] = {
    "protocolVersion": _field("min_version", _version),
    "certificate": _field("certificate", _certificates),
    "verify": _field("verify", _boolean),
    "trace": _field("trace", lambda name, value: _trace(name, value) or False),
    "manifest": lambda value: {"manifest": value},
    "tls_server_name": _field("server_name", _server_name),
    "serverName": _field("server_name", _server_name),
    "tls_signature_algorithms": _schemes,
    "tls_application_layer_protocol_negotiation": _field("alpn", _protocols),
    "applicationLayerProtocolNegotiation": _field("alpn", _protocols),
    "tls_max_fragment_length": _later,
    "clientCertificates": _later,
    "clientKey": _later,
    "cache": _off_only,
    "config": _later,
}

_DEFAULT = TLSConfig()
