"""httpx2 over `trio_secure`: a transport for `httpx2.AsyncClient`.

Theory of operation: httpx2 makes the pool and maps its errors, as always; the pool is then given another network.
If a future httpx2 keeps it elsewhere, the `SecureContext` meets code that cannot use it: there is no way back to
`ssl`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2

from trio_secure import TLSConfig

from ._context import SecureContext
from ._network import SocketFactory
from .httpcore2 import SecureBackend

__all__ = ["SecureTransport"]


class SecureTransport(httpx2.AsyncHTTPTransport):
    """The `transport` of an `httpx2.AsyncClient` that runs TLS by `SecureStream`.

    Args:
        secure: a `secure` dictionary or a `TLSConfig`; its ALPN is the pool's business (`http2=True`).
        Socket: a Socket factory for the transports; TCP by default.
        proxy: the URL of a proxy, or an `httpx2.Proxy` without a context.
        proxy_secure: as `secure`, for TLS to an https proxy.
        options: further arguments of `httpx2.AsyncHTTPTransport`: `http2`, `limits`, `retries`, ...

    Raises:
        ValueError, TypeError: as from `SecureSocket`.
    """

    def __init__(
        self,
        secure: Mapping[str, object] | TLSConfig | None = None,
        *,
        Socket: SocketFactory | None = None,  # noqa: N803  # the documented name
        proxy: httpx2.Proxy | str | None = None,
        proxy_secure: Mapping[str, object] | TLSConfig | None = None,
        **options: Any,
    ) -> None:
        proxy = httpx2.Proxy(proxy) if isinstance(proxy, str) else proxy
        if proxy is not None and proxy.url.scheme == "https":
            context = SecureContext(proxy_secure).as_ssl_context()
            proxy = httpx2.Proxy(proxy.url, auth=proxy.auth, headers=proxy.headers, ssl_context=context)
        super().__init__(verify=SecureContext(secure).as_ssl_context(), proxy=proxy, **options)
        # The one thing that cannot be said to the constructor.
        self._pool._network_backend = SecureBackend(Socket)
