"""From a URL to a stream: which Socket factory is asked, and how long it may take.

Theory of operation: the client's own factory, or the default one, makes the stream. What that stream is to run
over (TCP as the client's options say, or a request's `Route`) is handed to it as `Socket=`, which is how
`SecureSocket` takes the stream to run TLS over. A default `http:` connection has nothing on top. A factory of
the caller's, which may not take `Socket=`, is given it only if there is something to say by it.

One scope is around it all. Its deadline is the one for connecting, and moves on to the one for the handshake when
the stream underneath is there.
"""

from __future__ import annotations

import trio

from ._defaults import SocketFactory, anonymous, default_socket, is_secure, offering_http
from ._dial import Dial
from ._errors import InsecureConnection, ProtocolError, TooSlow
from ._limits import Deadlines, seconds
from ._route import Route
from ._trace import Trace
from ._url import URL

_UNDERSTOOD = {None, "http/1.1", "http/1.0"}


class Connector:
    """Makes streams.

    Args:
        Socket: the factory for every URL; by default `SecureSocket` for `https:` ones, and TCP for `http:` ones.
        secure: handed to the factory as `secure=`, if given; not for `http:` URLs without a factory.
        dial: how TCP connects.
    """

    def __init__(
        self,
        Socket: SocketFactory | None,  # noqa: N803  # the name of the Moddable documentation
        secure: object,
        dial: Dial | None = None,
    ) -> None:
        self._Socket = Socket
        # Only these are known to take it as SecureSocket does.
        self._speaks_tls = Socket is None or is_secure(Socket)
        self._secure = offering_http(secure) if self._speaks_tls else secure
        self._anonymous = anonymous(self._secure) if self._speaks_tls else self._secure
        self._dial = dial or Dial()

    @property
    def has_identity(self) -> bool:
        """Whether the client has a certificate to show to a server that asks for one."""
        return self._anonymous is not self._secure

    async def connect(
        self,
        url: URL,
        route: Route | None,
        deadlines: Deadlines,
        trace: Trace | None = None,
        *,
        anonymous: bool = False,
    ) -> trio.abc.Stream:
        """A stream to the server of the URL.

        Args:
            url: where to.
            route: the way there.
            deadlines: `connect` and `tls` are looked at.
            trace: told how far it has come.
            anonymous: the server is not to see the client's certificate.

        Raises:
            OSError, or what else the factory raises.
            ProtocolError: ALPN has chosen another protocol.
            InsecureConnection: the URL is `https:`, and the factory made a bare TCP stream.
            TooSlow: it took longer than `Deadlines.connect` or `Deadlines.tls`.
        """
        told = trace or Trace("", url)
        stage, limit = "connect", seconds(deadlines.connect)
        scope = trio.CancelScope(deadline=trio.current_time() + limit)

        async def transport(host: str, port: int) -> trio.abc.Stream:
            nonlocal stage, limit
            if route is not None and route.transport is not None:
                stream = await route.transport(host, port)
            else:
                stream = await self._dial.connect(host, port, told)
            told.mark("connected", stream)
            stage, limit = "tls", seconds(deadlines.tls)
            scope.deadline = trio.current_time() + limit
            return stream

        with scope:
            stream = await self._open(url, route, transport, self._anonymous if anonymous else self._secure)
            if url.scheme == "https" and isinstance(stream, trio.SocketStream):
                await trio.aclose_forcefully(stream)
                raise InsecureConnection(
                    f"{url.origin}: the Socket factory returned bare TCP for an https: URL; "
                    "give one that speaks TLS, such as SecureSocket"
                )
            protocol: object = getattr(getattr(stream, "info", None), "alpn", None)
            if protocol not in _UNDERSTOOD:
                await trio.aclose_forcefully(stream)
                raise ProtocolError(
                    f"{url.origin} was offered {protocol!r} by ALPN, and took it; here only http/1.1 is spoken"
                )
            told.mark("secured", stream)
            return stream
        way = "" if route is None else f" by way of {route.name}"
        what = "connected" if stage == "connect" else "ready for a request after it was connected"
        raise TooSlow(
            f"{url.origin} was not {what}{way} within {limit:g} s. "
            f"A longer Deadlines.{stage}, or None, waits longer"
        )

    async def _open(
        self, url: URL, route: Route | None, transport: SocketFactory, secure: object
    ) -> trio.abc.Stream:
        Socket = self._Socket  # noqa: N806  # as above
        if Socket is None and url.scheme == "http":
            return await transport(url.host, url.port)
        options: dict[str, object] = {} if secure is None else {"secure": secure}
        if self._speaks_tls or self._dial.changed or route is not None:
            options["Socket"] = transport
        return await (Socket or default_socket())(url.host, url.port, **options)
