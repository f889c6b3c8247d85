"""`websockets`' Trio client over `trio_secure`.

Theory of operation: websockets opens the transport, or is given one by `stream=`, and for `wss:` puts TLS on it in
a method of its own; this class puts `SecureStream` there. Redirects, reconnection and proxies remain as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import trio
from websockets.trio import client

from trio_secure import SecureSocket, SecureStream, TLSConfig

from ._network import SocketFactory

__all__ = ["connect"]


class connect(client.connect):  # noqa: N801  # the library's own name
    """`websockets.trio.client.connect`, with TLS by `SecureStream`.

    Args:
        uri: `wss:` or `ws:`.
        secure: a `secure` dictionary or a `TLSConfig`.
        Socket: a Socket factory for the transport, in place of TCP and of proxies.
        options: further arguments of `websockets.trio.client.connect`, `ssl` excepted.

    Raises:
        TypeError: `ssl` was given, whose demands would go unheard.
        ValueError, TypeError: as from `SecureSocket`.
    """

    def __init__(
        self,
        uri: str,
        *,
        secure: Mapping[str, object] | TLSConfig | None = None,
        Socket: SocketFactory | None = None,  # noqa: N803  # the documented name
        **options: Any,
    ) -> None:
        if options.get("ssl") is not None:
            raise TypeError("ssl has no use here: say what the context said with secure={…} or a TLSConfig")
        # For its errors: a bad setting is told of here, not when the connection is opened.
        SecureSocket("localhost", 443, secure=secure)
        super().__init__(uri, **options)
        self._secure = secure
        self._factory = Socket

    async def open_tcp_stream(self) -> trio.abc.Stream:
        """The transport."""
        if self._factory is None:
            return await super().open_tcp_stream()
        return await self._factory(self.ws_uri.host, self.ws_uri.port)

    async def enable_tls(self, stream: trio.abc.Stream) -> trio.abc.Stream:
        """TLS over the transport."""
        name = self.server_hostname or self.ws_uri.host
        return await SecureStream[trio.abc.Stream].wrap(stream, name, self._secure, port=self.ws_uri.port)
