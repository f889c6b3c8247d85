"""The `secure` dictionary, key by key.

Theory of operation
-------------------
The keys are those of the Moddable SecureSocket documentation. Each names a field of `TLSConfig` and the check its
value has to pass; a key that is not in the table is refused, and so is one whose feature is not there, because a
setting that is silently ignored is worse than an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, cast

from . import _settings as settings
from ._config import TLSConfig
from ._signatures import SIGNATURE_SCHEMES

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
        setting = row.check(f"secure[{key!r}]", value)
        if row.field:
            fields[row.field] = setting
    return TLSConfig(**fields)


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


def _not_yet(field: str, value: object) -> object:
    raise ValueError(f"{field} is not supported by this version of trio-secure")


def _off_only(field: str, value: object) -> object:
    """A feature that is not there: saying so is fine, asking for it is not."""
    return value if value is False else _not_yet(field, value)


def _unchecked(field: str, value: object) -> object:
    """What `TLSConfig` checks under the same name."""
    return value


class _Key(NamedTuple):
    """A key's field, if its value is kept, and the check of the value."""

    field: str | None
    check: Callable[[str, object], object]


_SERVER_NAME = _Key("server_name", settings.server_name)
_ALPN = _Key("alpn", settings.protocols)

_KEYS: Mapping[str, _Key] = {
    "protocolVersion": _Key("min_version", settings.version),
    "certificate": _Key("certificate", settings.certificates),
    "verify": _Key("verify", settings.boolean),
    "trace": _Key("trace", settings.trace),
    "manifest": _Key("manifest", _unchecked),
    "tls_server_name": _SERVER_NAME,
    "serverName": _SERVER_NAME,
    "tls_signature_algorithms": _Key("signature_algorithms", _schemes),
    "tls_application_layer_protocol_negotiation": _ALPN,
    "applicationLayerProtocolNegotiation": _ALPN,
    "tls_max_fragment_length": _Key(None, _not_yet),
    "clientCertificates": _Key(None, _not_yet),
    "clientKey": _Key(None, _not_yet),
    "cache": _Key(None, _off_only),
    "config": _Key(None, _not_yet),
}
