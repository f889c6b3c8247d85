"""The Socket factories used when the caller names none.

Theory of operation: this is the one place in the package that knows `trio_secure`, and it imports it only
when one of its sockets is needed.
"""

from __future__ import annotations

from functools import partial

from trio_https import Proxy, SocketFactory


def default_socket(scheme: str) -> SocketFactory:
    """The factory for `ws` or `wss`."""
    from trio_secure import SecureSocket, Socket  # an application with sockets of its own does not need it

    return SecureSocket if scheme == "wss" else Socket


def chosen_socket(Socket: SocketFactory | None, scheme: str) -> SocketFactory:  # noqa: N803  # as in `open_websocket`
    """The caller's factory, or the default one; for `wss`, TLS over the caller's proxy, which makes tunnels."""
    if isinstance(Socket, Proxy) and scheme == "wss":
        return partial(default_socket(scheme), Socket=Socket)
    return Socket or default_socket(scheme)
