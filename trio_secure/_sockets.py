"""Socket factories: `Socket` is a TCP connection, `SecureSocket` is TLS over any other factory's stream.

Theory of operation
-------------------
A Socket factory is a callable `(host, port, **options)` whose result can be awaited for a connected
`trio.abc.Stream`. These two are classes: the constructor checks its arguments and raises at once, without
connecting; awaiting the instance connects; `async with` connects and closes.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Generator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

import trio

from ._config import TLSConfig
from ._names import ServerName
from ._secure_dictionary import config_of
from ._stream import SecureStream
from ._trust import lookup_for

_OF_A_STREAM = frozenset({"send_all", "receive_some", "aclose", "send_eof", "info", "__aiter__"})
T_Stream = TypeVar("T_Stream", bound=trio.abc.Stream)
T_Stream_co = TypeVar("T_Stream_co", bound=trio.abc.Stream, covariant=True)


class SocketFactory(Protocol[T_Stream_co]):
    """Anything that connects to a host and a port."""

    def __call__(self, host: str, port: int, /) -> Awaitable[T_Stream_co]:
        """An awaitable of the connected stream."""
        ...


class _Connector(Generic[T_Stream]):
    """What the two factories have in common: where to, and the ways to get there."""

    def __init__(self, host: str, port: int) -> None:
        if not isinstance(host, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without types
            raise TypeError(f"host must be a str, not {type(host).__name__}")
        if not isinstance(port, int) or isinstance(port, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"port must be an int, not {type(port).__name__}")
        if not 1 <= port <= 65535:
            raise ValueError(f"port must be between 1 and 65535, not {port}")
        self.host = ServerName.parse(host).text
        self.port = port
        self._stream: T_Stream | None = None

    if not TYPE_CHECKING:  # for whom there is no such attribute

        def __getattr__(self, name: str) -> object:
            """Tell who forgot to wait for the connection, and takes this for a stream."""
            kind = type(self).__name__
            hint = ""
            if name in _OF_A_STREAM:
                hint = f" before it is connected: stream = await {kind}(…), or async with {kind}(…) as stream"
            raise AttributeError(f"{kind!r} has no {name!r}{hint}", name=name, obj=self)

    async def _connect(self) -> T_Stream:
        raise TypeError(f"{type(self).__name__} cannot connect")

    def __await__(self) -> Generator[Any, Any, T_Stream]:
        """Connect."""
        return self._connect().__await__()

    async def __aenter__(self) -> T_Stream:
        """Connect; the stream is closed at the end of the block."""
        self._stream = await self._connect()
        return self._stream

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        if self._stream is not None:
            await self._stream.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.host!r}, {self.port})"


class Socket(_Connector[trio.SocketStream]):
    """A TCP connection to `host` and `port`, by whichever of its addresses answers first (RFC 8305).

    Args:
        host: a host name, internationalized or not, or an IP address.
        port: 1 to 65535.

    Raises:
        ValueError, TypeError: from the constructor: an argument is no good.
        OSError: from awaiting: nobody answers; or, as `socket.gaierror`, the name has no address.
    """

    async def _connect(self) -> trio.SocketStream:
        try:
            return await trio.open_tcp_stream(self.host, self.port)
        except trio.socket.gaierror as error:
            # The system's text does not say which host it was.
            raise trio.socket.gaierror(
                error.errno,
                f"the host {self.host} was not found ({error.strerror or error}). Check how its name is spelled, "
                "and that this machine has a network and a DNS server that answers",
            ) from error
        except OSError as error:
            raise with_reason(error) from error.__cause__


def with_reason(error: OSError) -> OSError:
    """The same, but saying why: Trio leaves that to the errors that it was caused by."""
    cause = error.__cause__
    attempts = (
        cast("ExceptionGroup[Exception]", cause).exceptions if isinstance(cause, ExceptionGroup) else ()
    )
    numbers = list(dict.fromkeys(one.errno for one in attempts if isinstance(one, OSError) and one.errno))
    if not numbers:
        return error
    text = f"{error}: {'; '.join(map(os.strerror, numbers))}"
    if numbers == [errno.ECONNREFUSED]:
        text += ". Does the server run, and is this its port?"
    return OSError(numbers[0], text) if len(numbers) == 1 else OSError(text)


class SecureSocket(_Connector["SecureStream[trio.abc.Stream]"]):
    """A TLS connection to `host` and `port`.

    Args:
        host: a host name or an IP address; it is sent in SNI and verified unless `secure` names another.
        port: 1 to 65535.
        secure: a `secure` dictionary or a `TLSConfig`.
        Socket: the factory of the stream to run TLS over; TCP by default.

    Raises:
        ValueError, TypeError: from the constructor: an argument is no good.
        OSError: from awaiting: connecting failed.
        TLSError: from awaiting: the handshake failed.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        secure: Mapping[str, object] | TLSConfig | None = None,
        Socket: SocketFactory[trio.abc.Stream] = Socket,  # noqa: N803  # the documented name
    ) -> None:
        super().__init__(host, port)
        self._factory: SocketFactory[trio.abc.Stream] = Socket
        if not callable(Socket):
            raise TypeError(f"Socket must be a Socket factory, not {type(Socket).__name__}")
        self._config = config_of(secure)
        # For its errors: what is to be trusted is checked now, not in the middle of a handshake.
        lookup_for(self._config)

    async def _connect(self) -> SecureStream[trio.abc.Stream]:
        transport = await self._factory(self.host, self.port)
        return await SecureStream.wrap(transport, self.host, self._config, port=self.port)
