"""From a URL to a stream: which Socket factory is asked, and how long it may take.

Theory of operation: the client's own factory, or the default one for the scheme, makes the stream. A request's
`Route` names what that stream is to run over, and is handed to the factory as `Socket=`, which is how
`SecureSocket` takes the stream to run TLS over. A default `http:` connection has nothing on top.
"""

from __future__ import annotations

import trio

from ._defaults import SocketFactory, default_socket
from ._errors import InsecureConnection, TooSlow
from ._limits import Deadlines, seconds
from ._route import Route
from ._url import URL


class Connector:
    """Makes streams.

    Args:
        Socket: the factory for every URL; by default one for each scheme.
        secure: handed to the factory as `secure=`, if given; not to the default factory of `http:` URLs.
        deadlines: only `connect` is looked at.
    """

    def __init__(
        self,
        Socket: SocketFactory | None,  # noqa: N803  # the name of the Moddable documentation
        secure: object,
        deadlines: Deadlines,
    ) -> None:
        self._Socket = Socket
        self._secure = secure
        self._deadlines = deadlines

    async def connect(self, url: URL, route: Route | None) -> trio.abc.Stream:
        """A stream to the server of the URL.

        Raises:
            OSError, or what else the factory raises.
            InsecureConnection: the URL is `https:`, and the factory made a bare TCP stream.
            TooSlow: it took longer than `Deadlines.connect`.
        """
        limit = seconds(self._deadlines.connect)
        with trio.CancelScope(deadline=trio.current_time() + limit):
            stream = await self._open(url, route)
            if url.scheme == "https" and isinstance(stream, trio.SocketStream):
                await trio.aclose_forcefully(stream)
                raise InsecureConnection(
                    f"{url.origin}: the Socket factory returned bare TCP for an https: URL; "
                    "give one that speaks TLS, such as SecureSocket"
                )
            return stream
        raise TooSlow(
            f"{url.origin} was not connected within {limit:g} s. "
            "A longer Deadlines.connect, or None, waits longer"
        )

    async def _open(self, url: URL, route: Route | None) -> trio.abc.Stream:
        transport = None if route is None else route.transport
        Socket = self._Socket  # noqa: N806  # as above
        if Socket is None and url.scheme == "http":
            return await (transport or default_socket("http"))(url.host, url.port)
        options: dict[str, object] = {} if self._secure is None else {"secure": self._secure}
        if transport is not None:
            options["Socket"] = transport
        return await (Socket or default_socket(url.scheme))(url.host, url.port, **options)
