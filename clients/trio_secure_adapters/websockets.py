"""`websockets`' Trio client over `trio_secure`.

Theory of operation: websockets opens the transport, or is given one by `stream=`, and for `wss:` puts TLS on it in
a method of its own; this class puts `SecureStream` there. Redirects, reconnection and proxies remain as they are.
TLS to a proxy has no method of its own, so such transports are opened here; what is said to the proxy, and how its
answer is read, is websockets' again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import trio
from websockets.proxy import Proxy, get_proxy, parse_proxy, prepare_connect_request
from websockets.trio import client

from trio_secure import SecureSocket, SecureStream, TLSConfig

from ._network import SocketFactory

__all__ = ["connect"]


class connect(client.connect):  # noqa: N801  # the library's own name
    """`websockets.trio.client.connect`, with TLS by `SecureStream`.

    Args:
        uri: `wss:` or `ws:`.
        secure: a `secure` dictionary or a `TLSConfig`.
        proxy_secure: as `secure`, for TLS to an `https:` proxy.
        Socket: a Socket factory for the transport, in place of TCP and of proxies.
        options: further arguments of `websockets.trio.client.connect`, `ssl` and `proxy_ssl` excepted.

    Raises:
        TypeError: `ssl` or `proxy_ssl` was given, whose demands would go unheard.
        ValueError, TypeError: as from `SecureSocket`.
    """

    def __init__(
        self,
        uri: str,
        *,
        secure: Mapping[str, object] | TLSConfig | None = None,
        proxy_secure: Mapping[str, object] | TLSConfig | None = None,
        Socket: SocketFactory | None = None,  # noqa: N803  # the documented name
        **options: Any,
    ) -> None:
        for name in ("ssl", "proxy_ssl"):
            if options.get(name) is not None:
                instead = name.replace("ssl", "secure")
                raise TypeError(
                    f"{name} has no use here: say what the context said with {instead}={{…}} or a TLSConfig"
                )
        for settings in (secure, proxy_secure):
            # For its errors: a bad setting is told of here, not when the connection is opened.
            SecureSocket("localhost", 443, secure=settings)
        super().__init__(uri, **options)
        self._secure = secure
        self._proxy_secure = proxy_secure
        self._factory = Socket

    async def open_tcp_stream(self) -> trio.abc.Stream:
        """The transport."""
        if self._factory is not None:
            return await self._factory(self.ws_uri.host, self.ws_uri.port)
        proxy = self._https_proxy()
        if proxy is None:
            return await super().open_tcp_stream()
        return await self._open_tunnel(proxy)

    def _https_proxy(self) -> Proxy | None:
        if self.open_tcp_stream_kwargs.get("unix", False):
            return None
        url = get_proxy(self.ws_uri) if self.proxy is True else self.proxy or None
        proxy = None if url is None else parse_proxy(url)
        return proxy if proxy is not None and proxy.scheme == "https" else None

    async def _open_tunnel(self, proxy: Proxy) -> trio.abc.Stream:
        transport = await trio.open_tcp_stream(proxy.host, proxy.port, **self.open_tcp_stream_kwargs)
        name = self.proxy_server_hostname or proxy.host
        stream: trio.abc.Stream = transport
        try:
            stream = await SecureStream[trio.abc.Stream].wrap(
                transport, name, self._proxy_secure, port=proxy.port
            )
            await stream.send_all(prepare_connect_request(proxy, self.ws_uri, self.user_agent_header))
            await client.read_connect_response(stream)
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return stream

    async def enable_tls(self, stream: trio.abc.Stream) -> trio.abc.Stream:
        """TLS over the transport."""
        name = self.server_hostname or self.ws_uri.host
        return await SecureStream[trio.abc.Stream].wrap(stream, name, self._secure, port=self.ws_uri.port)
