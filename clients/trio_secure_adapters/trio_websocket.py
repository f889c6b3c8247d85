"""trio-websocket over `trio_secure`.

Theory of operation: its `wrap_client_stream` takes any stream. What is left to do is to read the URL and connect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import trio
from trio_websocket import WebSocketConnection, wrap_client_stream

from trio_secure import SecureSocket, TLSConfig

from ._network import SocketFactory

__all__ = ["connect_websocket_url"]


async def connect_websocket_url(
    nursery: trio.Nursery,
    url: str,
    *,
    secure: Mapping[str, object] | TLSConfig | None = None,
    Socket: SocketFactory | None = None,  # noqa: N803  # the documented name
    **options: Any,
) -> WebSocketConnection:
    """`trio_websocket.connect_websocket_url`, with TLS by `SecureStream`; the result is to be closed.

    Args:
        nursery: where trio-websocket runs its reader.
        url: `wss:`.
        secure: a `secure` dictionary or a `TLSConfig`.
        Socket: a Socket factory for the transport; TCP by default.
        options: further arguments of `trio_websocket.wrap_client_stream`.

    Raises:
        ValueError: the URL is not one.
        OSError, TLSError: as from `SecureSocket`.
        trio_websocket.HandshakeError: the server does not want to.
    """
    parts = urlsplit(url)
    if parts.scheme != "wss" or not parts.hostname:
        raise ValueError(f"a wss: URL with a host is needed, not {url!r}")
    port = parts.port or 443
    # An address of IPv6 has brackets in a Host field (RFC 3986 §3.2.2).
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    factory: dict[str, Any] = {} if Socket is None else {"Socket": Socket}
    stream: Any = await SecureSocket(parts.hostname, port, secure=secure, **factory)
    try:
        return await wrap_client_stream(
            nursery, stream, host if port == 443 else f"{host}:{port}", resource, **options
        )
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
