"""TLS for Trio, with no `ssl` module inside.

`SecureSocket` connects, `SecureStream.wrap` runs TLS over any `trio.abc.Stream`; both take a `TLSConfig` or a
`secure` dictionary.
"""

from __future__ import annotations

from trio_certs import Manifest, Resource, ResourceNotFoundError

from ._client_identity import ClientIdentity, LoadedIdentity
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
