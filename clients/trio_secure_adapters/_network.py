"""httpcore's network over Trio and `SecureStream`; what httpcore and httpcore2 have in common.

Theory of operation: the two libraries ask for the same methods and differ in their base classes and exceptions, so
each module of an adapter derives from these and names its own. `start_tls` takes a `SecureContext` and nothing
else: a real context has demands that would go unheard.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

import trio

from trio_secure import SecureStream

from ._context import SecureContext
from ._facts import SSLFacts

SocketFactory = Callable[[str, int], Awaitable[trio.abc.Stream]]
_FOREVER = float("inf")


@dataclass(frozen=True)
class Errors:
    """The library's exceptions."""

    connect: type[Exception]
    connect_timeout: type[Exception]
    read: type[Exception]
    read_timeout: type[Exception]
    write: type[Exception]
    write_timeout: type[Exception]


class NetworkStream:
    """One connection, before TLS or with it.

    Args:
        stream: any Trio stream.
        port: where it leads, if it leads there directly.
    """

    errors: ClassVar[Errors]

    def __init__(self, stream: trio.abc.Stream, port: int | None = None) -> None:
        self.stream = stream
        self._secured = _secured(stream)
        self._port = port

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Receive."""
        try:
            with trio.fail_after(_FOREVER if timeout is None else timeout):
                return bytes(await self.stream.receive_some(max_bytes))
        except trio.TooSlowError as error:
            raise self.errors.read_timeout(str(error)) from error
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise self.errors.read(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of `buffer`."""
        try:
            with trio.fail_after(_FOREVER if timeout is None else timeout):
                await self.stream.send_all(buffer)
        except trio.TooSlowError as error:
            raise self.errors.write_timeout(str(error)) from error
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise self.errors.write(str(error)) from error

    async def aclose(self) -> None:
        """Close."""
        await self.stream.aclose()

    async def start_tls(
        self, ssl_context: object, server_hostname: str | None = None, timeout: float | None = None
    ) -> Self:
        """Run TLS over this connection, in another connection's tunnel too.

        Raises:
            TypeError: `ssl_context` is not a `SecureContext`.
        """
        if not isinstance(ssl_context, SecureContext):
            await trio.aclose_forcefully(self.stream)
            raise TypeError(
                "TLS by trio_secure needs a SecureContext in the place of every ssl.SSLContext, a proxy's too: "
                "say what the context said with secure={…} and proxy_secure={…}"
            )
        try:
            with trio.fail_after(_FOREVER if timeout is None else timeout):
                secured = await SecureStream[trio.abc.Stream].wrap(
                    self.stream, server_hostname, ssl_context.settings(), port=self._port
                )
        except trio.TooSlowError as error:
            raise self.errors.connect_timeout(str(error)) from error
        except trio.BrokenResourceError as error:
            raise self.errors.connect(str(error)) from error
        except (ValueError, TypeError):
            # Only these leave the transport open.
            await trio.aclose_forcefully(self.stream)
            raise
        return type(self)(secured)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore and its users ask for by name; None for what is not there.

        "ssl_object" is `SSLFacts`, "secure_stream" the `SecureStream`; "socket", "client_addr", "server_addr" and
        "is_readable" are there if there is a socket underneath.
        """
        if info == "secure_stream":
            return self._secured
        if info == "ssl_object":
            return None if self._secured is None else SSLFacts(self._secured.info)
        socket = self._socket()
        if socket is None:
            return None
        questions: dict[str, Callable[[], Any]] = {
            "socket": lambda: socket,
            "client_addr": socket.getsockname,
            "server_addr": socket.getpeername,
            "is_readable": socket.is_readable,
        }
        return questions[info]() if info in questions else None

    def _socket(self) -> trio.socket.SocketType | None:
        stream: trio.abc.Stream = self.stream
        while (secured := _secured(stream)) is not None:
            stream = secured.transport_stream
        return stream.socket if isinstance(stream, trio.SocketStream) else None


T_Stream = TypeVar("T_Stream", bound=NetworkStream)


class NetworkBackend(Generic[T_Stream]):
    """How connections are made.

    Args:
        Socket: a Socket factory for the transports; TCP by default.
    """

    stream: type[T_Stream]

    def __init__(self, Socket: SocketFactory | None = None) -> None:  # noqa: N803  # the documented name
        self._factory = Socket

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> T_Stream:
        """Connect to a host and a port."""
        options = tuple(socket_options or ())
        if self._factory is None:
            return await self._connect(_tcp(host, port, local_address), options, timeout, port)
        if options or local_address is not None:
            raise TypeError(
                "local_address and socket_options are for TCP, not for a Socket factory of your own"
            )
        return await self._connect(self._factory(host, port), (), timeout, port)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> T_Stream:
        """Connect to a Unix socket."""
        return await self._connect(_unix(path), tuple(socket_options or ()), timeout, None)

    async def sleep(self, seconds: float) -> None:
        """Wait, by Trio's clock."""
        await trio.sleep(seconds)

    async def _connect(
        self,
        connecting: Awaitable[trio.abc.Stream],
        options: tuple[Any, ...],
        timeout: float | None,
        port: int | None,
    ) -> T_Stream:
        errors = self.stream.errors
        try:
            with trio.fail_after(_FOREVER if timeout is None else timeout):
                stream = await connecting
        except trio.TooSlowError as error:
            raise errors.connect_timeout(str(error)) from error
        except (OSError, trio.BrokenResourceError) as error:
            raise errors.connect(str(error)) from error
        if isinstance(stream, trio.SocketStream):
            for option in options:
                stream.setsockopt(*option)
        return self.stream(stream, port)


def _secured(stream: trio.abc.Stream) -> SecureStream[trio.abc.Stream] | None:
    return cast("SecureStream[trio.abc.Stream]", stream) if isinstance(stream, SecureStream) else None


async def _tcp(host: str, port: int, local_address: str | None) -> trio.SocketStream:
    return await trio.open_tcp_stream(host, port, local_address=local_address)


async def _unix(path: str) -> trio.SocketStream:
    return await trio.open_unix_socket(path)
