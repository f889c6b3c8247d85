"""TLS for Trio, with no `ssl` module inside.

`SecureSocket` connects, `SecureStream.wrap` runs TLS over any `trio.abc.Stream`; both take a `TLSConfig` or a
`secure` dictionary.
"""

from __future__ import annotations

from trio_certs import Manifest, Resource, ResourceNotFoundError

from ._config import TLSConfig
from ._errors import (
    AlertDescription,
    AlertReceived,
    CertificateRefused,
    PeerIncompatible,
    PeerMisbehaved,
    TLSError,
    Truncated,
)
from ._info import ConnectionInfo
from ._sockets import SecureSocket, Socket
from ._stream import SecureStream
from ._trace import TraceEvent

__all__ = [
    "AlertDescription",
    "AlertReceived",
    "CertificateRefused",
    "ConnectionInfo",
    "Manifest",
    "PeerIncompatible",
    "PeerMisbehaved",
    "Resource",
    "ResourceNotFoundError",
    "SecureSocket",
    "SecureStream",
    "Socket",
    "TLSConfig",
    "TLSError",
    "TraceEvent",
    "Truncated",
]
