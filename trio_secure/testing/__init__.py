"""What code over TLS is tested with: a server in memory, an authority to throw away, and faults to order.

For example::

    authority = Authority()
    async with authority.serve("example.com", handler=handler) as server:
        stream = await server.SecureSocket("example.com", 443)

Nothing here touches a socket, a file or the clock, so it goes with `trio.testing.MockClock`. The server's end is
OpenSSL, by way of pyOpenSSL: another implementation than the client's. Installed by `trio-secure[testing]`;
`import trio_secure` does not import it.
"""

from __future__ import annotations

try:
    from OpenSSL import SSL as _SSL
    from trustme import CA as _CA
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"trio_secure.testing needs {error.name}: pip install 'trio-secure[testing]'", name=error.name
    ) from error

from ._authority import Authority
from ._faults import (
    ChangedAt,
    ClientCertificateRefused,
    ConnectionRefused,
    ConnectionStalled,
    CutAt,
    Expired,
    Fault,
    MissingIntermediate,
    NoCloseNotify,
    NotTLS,
    NotYetValid,
    OldVersion,
    StalledAt,
    UnknownAuthority,
    WrongName,
)
from ._server import Handler, Server, echo
from ._server_stream import ServerStream

__all__ = [
    "Authority",
    "ChangedAt",
    "ClientCertificateRefused",
    "ConnectionRefused",
    "ConnectionStalled",
    "CutAt",
    "Expired",
    "Fault",
    "Handler",
    "MissingIntermediate",
    "NoCloseNotify",
    "NotTLS",
    "NotYetValid",
    "OldVersion",
    "Server",
    "ServerStream",
    "StalledAt",
    "UnknownAuthority",
    "WrongName",
    "echo",
]

del _CA, _SSL
