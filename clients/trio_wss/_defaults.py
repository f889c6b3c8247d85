"""The Socket factories used when the caller names none.

Theory of operation: this is the one place in the package that knows `trio_secure`, and it imports it only
when one of its sockets is needed.
"""

from __future__ import annotations

from trio_https import SocketFactory


def default_socket(scheme: str) -> SocketFactory:
    """The factory for `ws` or `wss`."""
    from trio_secure import SecureSocket, Socket  # an application with sockets of its own does not need it

    return SecureSocket if scheme == "wss" else Socket
