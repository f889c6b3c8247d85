"""Plaintext before TLS: a conversation with a cap on everything, and a clean end.

Theory of operation: a `Conversation` reads lines or patterns out of what a server sends, which may come in any
pieces. When the server has given its go-ahead there must be nothing left over: what came in plaintext and is read
after TLS has begun would be taken for what the server said under TLS, and anybody on the way could have put it
there. RFC 3207 §4.2: the client "MUST discard any knowledge obtained from the server [...] which was not obtained
from the TLS negotiation itself". Mail programs that read on in their buffer were CVE-2011-0411 and its many
relatives; the library of PostgreSQL was CVE-2021-23222.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any  # keyword arguments that are passed on

import trio

from trio_secure import Socket

from ._exit_codes import ExitCode
from ._failure import CommandError
from ._text import printable

MOST_BYTES = 32_768
"""In one conversation; what a server says before TLS begins has a few hundred."""
MOST_LINE_BYTES = 4_096

Speak = Callable[["Conversation", str], Awaitable[None]]
SocketFactory = Callable[[str, int], Awaitable[trio.abc.Stream]]


class Conversation:
    """What is said in plaintext on one connection."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._received = 0

    async def say(self, data: str | bytes) -> None:
        """Send a line, to which its end is added, or bytes as they are."""
        await self._stream.send_all(data if isinstance(data, bytes) else data.encode("ascii") + b"\r\n")

    async def line(self) -> str:
        """The next line, without its end.

        Raises:
            CommandError: it is too long, or there is none.
        """
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > MOST_LINE_BYTES:
                raise refusal(f"a line of over {MOST_LINE_BYTES} bytes came before TLS")
            await self._receive()
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        if len(line) > MOST_LINE_BYTES:
            raise refusal(f"a line of over {MOST_LINE_BYTES} bytes came before TLS")
        return line.rstrip(b"\r\n").decode("utf-8", "backslashreplace")

    async def take(self, count: int) -> bytes:
        """So many bytes."""
        while len(self._buffer) < count:
            await self._receive()
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def until(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        """What comes up to the first match of `pattern`, which is taken away with it."""
        while (match := pattern.search(bytes(self._buffer))) is None:
            await self._receive()
        del self._buffer[: match.end()]
        return match

    def finish(self) -> None:
        """The server has said that TLS may begin: nothing else may have come with it.

        Raises:
            CommandError: something has.
        """
        if self._buffer:
            raise refusal(
                f"{len(self._buffer)} bytes of plaintext came with the server's word that TLS begins",
                "somebody on the way may have put them there, to be taken for the server's own",
            )

    async def _receive(self) -> None:
        data = await self._stream.receive_some(MOST_LINE_BYTES)
        if not data:
            raise refusal("the server closed the connection before TLS had begun")
        self._received += len(data)
        if self._received > MOST_BYTES:
            raise refusal(f"over {MOST_BYTES} bytes came before TLS")
        self._buffer += data


def refusal(message: str, hint: str | None = "is this the right port for --starttls?") -> CommandError:
    """The error for what a server may not do."""
    return CommandError(message, hint, code=ExitCode.PROTOCOL)


def unwilling(said: str) -> CommandError:
    """The error for a server that does not begin TLS. There is no going on without."""
    return CommandError(
        f"the server does not begin TLS: {printable(said, cap=200)}",
        "it may not be set up for it, or somebody on the way cuts the offer out",
        code=ExitCode.TLS,
    )


def starttls_socket(
    speak: Speak,
    Socket: SocketFactory = Socket,  # noqa: N803  # as everywhere
) -> SocketFactory:
    """A Socket factory whose streams are where TLS begins.

    Args:
        speak: talks the server into it.
        Socket: the factory of the connection below.
    """

    async def connect(host: str, port: int, **options: Any) -> trio.abc.Stream:
        stream = await Socket(host, port, **options)
        try:
            conversation = Conversation(stream)
            await speak(conversation, host)
            conversation.finish()
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return stream

    return connect
