"""The `secure` dictionary, key by key.

Theory of operation
-------------------
The keys are those of the Moddable SecureSocket documentation, and a few more. Each names a field of `TLSConfig`
and the check its value has to pass; a key that is not in the table is refused, because a setting that is silently
ignored is worse than an error. Two keys make one field between them: the client's certificates and their key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from . import _settings as settings
from ._config import TLSConfig
from ._signatures import SIGNATURE_SCHEMES

if TYPE_CHECKING:
    from ._client_identity import ClientIdentity

_DEFAULT = TLSConfig()


def config_of(secure: Mapping[str, object] | TLSConfig | None) -> TLSConfig:
    """The configuration in whichever form the user gave it.

    Raises:
        ValueError: a key is not known or not supported, or its value is out of range; the message names it.
        TypeError: `secure` is of the wrong type, or one of its values is; the message names the key.
    """
    if secure is None:
        return _DEFAULT
    if isinstance(secure, TLSConfig):
        return secure
    if not isinstance(cast("object", secure), Mapping):
        raise TypeError(f"secure must be a dictionary or a TLSConfig, not {type(secure).__name__}")
    fields: dict[str, Any] = {}
    for key, value in secure.items():
        row = _KEYS.get(key)
        if row is None:
            raise ValueError(f"secure has an unknown key {key!r}; known are {', '.join(_KEYS)}")
        if row.field in fields:
            raise ValueError(f"secure has two keys for the same thing, {key!r} is the second")
        fields[row.field] = row.check(f"secure[{key!r}]", value)
    certificates, key = fields.pop(_CERTIFICATES, None), fields.pop(_KEY, None)
    if certificates is not None or key is not None:
        fields["client_identities"] = _identity(certificates, key)
    return TLSConfig(**fields)


def _identity(certificates: object, key: object) -> ClientIdentity:
    if not certificates:
        raise ValueError(
            "secure['clientKey'] needs secure['clientCertificates']: the certificates it belongs to"
        )
    if key is None:
        raise ValueError(
            "secure['clientCertificates'] needs secure['clientKey']: the key of the first of them"
        )
    from ._client_identity import ClientIdentity

    return ClientIdentity.of(cast("Sequence[bytes]", certificates), cast("bytes", key))


def _switches(field: str, value: object) -> tuple[tuple[str, bool], ...]:
    """The one section there is, `tls`."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{field} must be a dictionary, not {type(value).__name__}")
    sections = cast("Mapping[object, object]", value)
    strangers = [section for section in sections if section != "tls"]
    if strangers:
        raise ValueError(f"{field} has an unknown section {strangers[0]!r}; the only one is 'tls'")
    return settings.switches(f"{field}['tls']", sections.get("tls", {}))


def _schemes(field: str, value: object) -> list[str]:
    """The docs' {hash, sig} pairs, or names."""
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{field} must be a list, not {type(value).__name__}")
    names = [
        item if isinstance(item, str) else _scheme(field, item) for item in cast("Iterable[object]", value)
    ]
    if not names:
        raise ValueError(f"{field} must name at least one signature scheme")
    return names


def _scheme(field: str, pair: object) -> str:
    if isinstance(pair, Mapping):
        numbers = cast("Mapping[str, object]", pair)
        for row in SIGNATURE_SCHEMES:
            if (row.code >> 8, row.code & 0xFF) == (numbers.get("hash"), numbers.get("sig")):
                return row.name
    raise ValueError(f"{field}: {pair!r} is not a signature scheme this client has")


def _unchecked(field: str, value: object) -> object:
    """What `TLSConfig` checks under the same name."""
    return value


class _Key(NamedTuple):
    """A key's field and the check of its value."""

    field: str
    check: Callable[[str, object], object]


# Not fields of their own, but parts of one.
_CERTIFICATES = "clientCertificates"
_KEY = "clientKey"

_SERVER_NAME = _Key("server_name", settings.server_name)
_ALPN = _Key("alpn", settings.protocols)

_KEYS: Mapping[str, _Key] = {
    "protocolVersion": _Key("min_version", settings.version),
    "certificate": _Key("certificate", settings.trusted),
    "verify": _Key("verify", settings.boolean),
    "trace": _Key("trace", settings.trace),
    "manifest": _Key("manifest", _unchecked),
    "trust": _Key("trust", _unchecked),
    "tls_server_name": _SERVER_NAME,
    "serverName": _SERVER_NAME,
    "tls_signature_algorithms": _Key("signature_algorithms", _schemes),
    "tls_application_layer_protocol_negotiation": _ALPN,
    "applicationLayerProtocolNegotiation": _ALPN,
    "tls_max_fragment_length": _Key("max_fragment_length", settings.fragment_length),
    "clientCertificates": _Key(_CERTIFICATES, settings.certificates),
    "clientKey": _Key(_KEY, settings.private_key),
    "cache": _Key("cache", settings.cache),
    "config": _Key("switches", _switches),
}
