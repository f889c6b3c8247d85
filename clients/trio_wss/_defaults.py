"""The Socket factories used when the caller names none.

Theory of operation: this is the one place in the package that knows `trio_secure`, and it imports it only
when one of its sockets is needed.
"""

from __future__ import annotations

from functools import partial

import trio

from trio_https import URL, Proxy, SocketFactory
from trio_https._defaults import anonymous as anonymous  # to be used from here
from trio_https._defaults import is_secure as is_secure


def default_socket(scheme: str) -> SocketFactory:
    """The factory for `ws` or `wss`."""
    from trio_secure import SecureSocket, Socket  # an application with sockets of its own does not need it

    return SecureSocket if scheme == "wss" else Socket


def chosen_socket(Socket: SocketFactory | None, url: URL) -> SocketFactory:  # noqa: N803  # as in `open_websocket`
    """The caller's factory, or the default one; for `wss`, TLS over the caller's proxy, which makes tunnels."""
    if not isinstance(Socket, Proxy):
        return Socket or default_socket(url.scheme)
    proxy = Socket.chosen(url)
    if proxy is None:
        return default_socket(url.scheme)
    return partial(default_socket("wss"), Socket=proxy) if url.scheme == "wss" else proxy


def is_broken_transport(error: Exception) -> bool:
    """Whether it says that a connection broke, and not that what was received is unacceptable."""
    if not isinstance(error, trio.BrokenResourceError):
        return False
    from trio_secure import TLSError, Truncated

    return isinstance(error, Truncated) or not isinstance(error, TLSError)


def speaks_tls(Socket: SocketFactory | None) -> bool:  # noqa: N803  # as above
    """Whether what `chosen_socket` gives for a `wss:` URL takes `secure` as `trio_secure.SecureSocket` does."""
    return Socket is None or isinstance(Socket, Proxy) or is_secure(Socket)
