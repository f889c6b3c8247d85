"""httpcore2 over `trio_secure`: a connection pool, and the network backend it stands on.

Theory of operation: what both generations of httpcore need is in `_network`; here are this one's names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpcore2

from trio_secure import TLSConfig

from ._context import SecureContext
from ._network import Errors, NetworkBackend, NetworkStream, SocketFactory

__all__ = ["SecureBackend", "SecureContext", "SecureNetworkStream", "connection_pool"]


# Its `start_tls` gives a stream of its own class, which is both.
class SecureNetworkStream(  # pyright: ignore[reportIncompatibleMethodOverride]
    NetworkStream, httpcore2.AsyncNetworkStream
):
    """A connection as httpcore2 sees it; `get_extra_info("secure_stream")` is the `SecureStream`."""

    errors = Errors(
        connect=httpcore2.ConnectError,
        connect_timeout=httpcore2.ConnectTimeout,
        read=httpcore2.ReadError,
        read_timeout=httpcore2.ReadTimeout,
        write=httpcore2.WriteError,
        write_timeout=httpcore2.WriteTimeout,
    )


class SecureBackend(NetworkBackend[SecureNetworkStream], httpcore2.AsyncNetworkBackend):
    """The `network_backend` of a pool whose contexts are all `SecureContext`."""

    stream = SecureNetworkStream


def connection_pool(
    *,
    secure: Mapping[str, object] | TLSConfig | None = None,
    Socket: SocketFactory | None = None,  # noqa: N803  # the documented name
    proxy: httpcore2.Proxy | None = None,
    proxy_secure: Mapping[str, object] | TLSConfig | None = None,
    **options: Any,
) -> httpcore2.AsyncConnectionPool:
    """A connection pool that runs TLS by `SecureStream`.

    Args:
        secure: a `secure` dictionary or a `TLSConfig`; its ALPN is the pool's business (`http2=True`).
        Socket: a Socket factory for the transports; TCP by default.
        proxy: a proxy: http, https or SOCKS.
        proxy_secure: as `secure`, for TLS to an https proxy.
        options: further arguments of `httpcore2.AsyncConnectionPool`.

    Raises:
        ValueError, TypeError: as from `SecureSocket`.
    """
    if proxy is not None and proxy.url.scheme == b"https":
        context = SecureContext(proxy_secure).as_ssl_context()
        proxy = httpcore2.Proxy(proxy.url, auth=proxy.auth, headers=proxy.headers, ssl_context=context)
    return httpcore2.AsyncConnectionPool(
        ssl_context=SecureContext(secure).as_ssl_context(),
        proxy=proxy,
        network_backend=SecureBackend(Socket),
        **options,
    )
