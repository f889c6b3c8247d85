"""SOCKS5 proxies (RFC 1928, RFC 1929).

Theory of operation: `socksio` makes the requests and reads the replies, but expects each reply alone and whole. A
stream gives no such promise, so this module receives exactly as many bytes as a reply has, which its first bytes
tell, and leaves the next one to the tunnel. Names are resolved by the proxy: that is what most people use one for,
and asking a resolver here would tell the local network where they go.
"""

from __future__ import annotations

from collections.abc import Awaitable

import trio
from socksio import ProtocolError as SOCKSError
from socksio.socks5 import (
    SOCKS5AType,
    SOCKS5AuthMethod,
    SOCKS5AuthMethodsRequest,
    SOCKS5AuthReply,
    SOCKS5Command,
    SOCKS5CommandRequest,
    SOCKS5Reply,
    SOCKS5ReplyCode,
    SOCKS5UsernamePasswordReply,
    SOCKS5UsernamePasswordRequest,
)

from ._auth import BasicAuth
from ._defaults import SocketFactory
from ._errors import ProxyRefused
from ._proxies import Proxy, ProxyAddress, reached
from ._url import URL

_REFUSALS = {
    SOCKS5ReplyCode.GENERAL_SERVER_FAILURE: "it failed",
    SOCKS5ReplyCode.CONNECTION_NOT_ALLOWED_BY_RULESET: "its rules forbid it",
    SOCKS5ReplyCode.NETWORK_UNREACHABLE: "it has no way to that network",
    SOCKS5ReplyCode.HOST_UNREACHABLE: "it has no way to that host",
    SOCKS5ReplyCode.CONNECTION_REFUSED: "nothing listens there",
    SOCKS5ReplyCode.TTL_EXPIRED: "the way there is too long",
    SOCKS5ReplyCode.COMMAND_NOT_SUPPORTED: "it does not make connections",
    SOCKS5ReplyCode.ADDRESS_TYPE_NOT_SUPPORTED: "it does not know that kind of address",
}


class SOCKSProxy(Proxy):
    """A SOCKS5 proxy: `SOCKSProxy("socks5://proxy.example:1080")`. It is a Socket factory.

    Args:
        url: `socks5://` or `socks5h://`, which mean the same here, host and port. Host names are resolved by the
            proxy. User and password in it are what `user` and `password` would be.
        user: sent to the proxy if it asks for a user, in the clear.
        password: sent together with it.
        Socket: the factory of the stream to the proxy; TCP by default. It may be another proxy.

    Raises:
        InvalidURL: the URL is not one of a SOCKS proxy.
        ValueError: user or password are longer than the 255 bytes that SOCKS carries, or empty.
    """

    def __init__(
        self,
        url: str,
        *,
        user: str | None = None,
        password: str | None = None,
        Socket: SocketFactory | None = None,  # noqa: N803  # the name of the Moddable documentation
    ) -> None:
        bare, in_url = BasicAuth.from_url(url)
        self._address = ProxyAddress.parse(bare, "socks5", "socks5h")
        if user is None and in_url is not None:
            user, password = in_url.user, in_url.password
        self._credentials = None if user is None else (user.encode(), (password or "").encode())
        # RFC 1929 §2: both have 1 to 255 bytes.
        if self._credentials and not all(0 < len(part) <= 255 for part in self._credentials):
            raise ValueError("user and password of a SOCKS proxy have 1 to 255 bytes each")
        self._Socket = Socket or trio.open_tcp_stream
        self.name = self._address.name

    def __call__(self, host: str, port: int, /) -> Awaitable[trio.abc.Stream]:
        """A stream to host and port, through the proxy.

        Raises:
            ProxyRefused: the proxy cannot be reached, does not connect, or does not speak SOCKS5.
        """
        return self._tunnel(URL.of("http", host, port, "/"))

    async def _tunnel(self, url: URL) -> trio.abc.Stream:
        stream = await reached(self._Socket, self._address.host, self._address.port, self.name)
        try:
            await self._negotiate(stream, url)
        except BaseException as error:
            await trio.aclose_forcefully(stream)
            if isinstance(error, SOCKSError):
                raise ProxyRefused(f"{self.name} does not answer as a SOCKS5 proxy does") from error
            if isinstance(error, trio.BrokenResourceError):
                raise ProxyRefused(
                    f"the connection to the proxy {self.name} broke before it answered"
                ) from error
            raise
        return stream

    async def _negotiate(self, stream: trio.abc.Stream, url: URL) -> None:
        methods = [SOCKS5AuthMethod.NO_AUTH_REQUIRED]
        if self._credentials is not None:
            methods.append(SOCKS5AuthMethod.USERNAME_PASSWORD)
        await stream.send_all(SOCKS5AuthMethodsRequest(methods).dumps())
        method = SOCKS5AuthReply.loads(await self._exactly(stream, 2, version=5)).method
        if method not in methods:
            kind = "other credentials" if self._credentials else "credentials"
            raise ProxyRefused(f"the proxy {self.name} takes nobody without {kind}")
        if self._credentials is not None and method is SOCKS5AuthMethod.USERNAME_PASSWORD:
            await stream.send_all(SOCKS5UsernamePasswordRequest(*self._credentials).dumps())
            if not SOCKS5UsernamePasswordReply.loads(await self._exactly(stream, 2, version=1)).success:
                raise ProxyRefused(f"the proxy {self.name} does not accept the user and password")
        command = SOCKS5CommandRequest.from_address(SOCKS5Command.CONNECT, (url.host, url.port))
        await stream.send_all(command.dumps())
        code = SOCKS5Reply.loads(await self._reply(stream)).reply_code
        if code is not SOCKS5ReplyCode.SUCCEEDED:
            raise ProxyRefused(f"the proxy {self.name} did not connect to {url.authority}: {_REFUSALS[code]}")

    async def _reply(self, stream: trio.abc.Stream) -> bytes:
        # RFC 1928 §6: VER REP RSV ATYP, then an address whose length follows from ATYP, then two bytes of port.
        start = await self._exactly(stream, 5, version=5)
        lengths = {
            SOCKS5AType.IPV4_ADDRESS: 3,
            SOCKS5AType.IPV6_ADDRESS: 15,
            SOCKS5AType.DOMAIN_NAME: start[4],
        }
        if start[1] > 8 or start[3:4] not in [kind.value for kind in lengths]:
            raise SOCKSError(f"reply {start.hex()}")
        rest = await self._exactly(stream, lengths[SOCKS5AType(start[3:4])] + 2)
        if start[3:4] == SOCKS5AType.DOMAIN_NAME.value:
            # Where the proxy connected from is of no use, and a name has its length before it, which socksio
            # takes for a part of the name.
            return start[:3] + SOCKS5AType.IPV4_ADDRESS.value + bytes(6)
        return start + rest

    async def _exactly(self, stream: trio.abc.Stream, size: int, version: int | None = None) -> bytes:
        """So many bytes, the first of which is the version if one is named."""
        data = b""
        while len(data) < size:
            piece = await stream.receive_some(size - len(data))
            if not piece:
                raise ProxyRefused(f"the proxy {self.name} closed the connection instead of answering")
            data += piece
            if version is not None and data[0] != version:
                raise SOCKSError(f"version {data[0]}")
        return data
