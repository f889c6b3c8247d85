"""AnyIO's interface of a byte stream, for a `SecureStream`.

Theory of operation: one method for each of AnyIO's, and AnyIO's exceptions for Trio's. It works where AnyIO runs
on Trio, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import anyio
import anyio.abc
import trio
from anyio.streams.tls import TLSAttribute

from trio_secure import SecureSocket, SecureStream, TLSConfig

from ._facts import SSLFacts

__all__ = ["SecureByteStream", "connect_tcp"]


class SecureByteStream(anyio.abc.ByteStream):
    """A `SecureStream` as an `anyio.abc.ByteStream`.

    Args:
        stream: it belongs to this one.
    """

    def __init__(self, stream: SecureStream[trio.abc.Stream]) -> None:
        self.secure_stream = stream
        self._ended = False

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Receive.

        Raises:
            anyio.EndOfStream: after the server's close_notify.
            anyio.BrokenResourceError: TLS or the transport failed, or the transport ended without close_notify.
        """
        with _errors():
            data = await self.secure_stream.receive_some(max_bytes)
        if not data:
            raise anyio.EndOfStream
        return data

    async def send(self, item: bytes) -> None:
        """Send all of `item`."""
        with _errors():
            await self.secure_stream.send_all(item)

    async def send_eof(self) -> None:
        """Send close_notify; once."""
        if self._ended:
            await trio.lowlevel.checkpoint()
            return
        self._ended = True
        with _errors():
            await self.secure_stream.send_eof()

    async def aclose(self) -> None:
        """Close."""
        await self.secure_stream.aclose()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """AnyIO's typed attributes of TLS, but for those that are objects of `ssl`."""
        facts = SSLFacts(self.secure_stream.info)
        return {
            TLSAttribute.alpn_protocol: facts.selected_alpn_protocol,
            TLSAttribute.cipher: facts.cipher,
            TLSAttribute.peer_certificate_binary: lambda: facts.getpeercert(binary_form=True),
            TLSAttribute.server_side: lambda: False,
            TLSAttribute.standard_compatible: lambda: True,
            TLSAttribute.tls_version: facts.version,
        }


async def connect_tcp(
    host: str, port: int, *, secure: Mapping[str, object] | TLSConfig | None = None
) -> SecureByteStream:
    """Connect by TCP and TLS, as `anyio.connect_tcp(host, port, tls=True)` does.

    Args:
        host: a name or an address; it is verified.
        port: 1 to 65535.
        secure: a `secure` dictionary or a `TLSConfig`.

    Raises:
        OSError, TLSError: as from `SecureSocket`.
    """
    return SecureByteStream(await SecureSocket(host, port, secure=secure))


@contextmanager
def _errors() -> Generator[None]:
    try:
        yield
    except trio.BrokenResourceError as error:
        raise anyio.BrokenResourceError(str(error)) from error
    except trio.ClosedResourceError as error:
        raise anyio.ClosedResourceError(str(error)) from error
    except trio.BusyResourceError as error:
        raise anyio.BusyResourceError("using this stream") from error
