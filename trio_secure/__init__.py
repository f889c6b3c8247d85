"""TLS for Trio, with no `ssl` module inside.

`SecureSocket` connects, `SecureStream.wrap` runs TLS over any `trio.abc.Stream`; both take a `TLSConfig` or a
`secure` dictionary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._config import TLSConfig
from ._errors import (
    AlertDescription,
    AlertReceived,
    CertificateRefused,
    LegacyTLSWarning,
    PeerIncompatible,
    PeerMisbehaved,
    TLSError,
    Truncated,
)
from ._info import ConnectionInfo
from ._session_cache import MemoryCache
from ._sessions import Session, SessionCache
from ._sockets import SecureSocket, Socket
from ._stream import SecureStream

if TYPE_CHECKING:
    from trio_certs import Manifest, Resource, ResourceNotFoundError

    from ._client_identity import ClientIdentity, LoadedIdentity
    from ._trace import TraceAlert, TraceEvent, TraceKeyChange, TraceMessage, TraceNote
    from ._trace_extensions import TraceExtension

__all__ = [
    "AlertDescription",
    "AlertReceived",
    "CertificateRefused",
    "ClientIdentity",
    "ConnectionInfo",
    "LegacyTLSWarning",
    "LoadedIdentity",
    "Manifest",
    "MemoryCache",
    "PeerIncompatible",
    "PeerMisbehaved",
    "Resource",
    "ResourceNotFoundError",
    "SecureSocket",
    "SecureStream",
    "Session",
    "SessionCache",
    "Socket",
    "TLSConfig",
    "TLSError",
    "TraceAlert",
    "TraceEvent",
    "TraceExtension",
    "TraceKeyChange",
    "TraceMessage",
    "TraceNote",
    "Truncated",
]

# Where the names are that an ordinary connection does without; they are imported when first used (PEP 562).
_LATER = {
    "Manifest": "trio_certs",
    "Resource": "trio_certs",
    "ResourceNotFoundError": "trio_certs",
    "ClientIdentity": "._client_identity",
    "LoadedIdentity": "._client_identity",
    "TraceAlert": "._trace",
    "TraceEvent": "._trace",
    "TraceKeyChange": "._trace",
    "TraceMessage": "._trace",
    "TraceNote": "._trace",
    "TraceExtension": "._trace_extensions",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        value = globals()[name] = getattr(importlib.import_module(_LATER[name], __name__), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
