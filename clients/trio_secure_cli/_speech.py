"""What is to be said on a WebSocket: messages from a pipe, a file, or a person.

Theory of operation: both kinds of speech give one message after the other. A pipe that holds something that
cannot be sent ends the command, because what stands behind it may depend on it; a person is told, and tries
again.
"""

from __future__ import annotations

import codecs
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Protocol, TypeAlias

from ._failure import CommandError
from ._lines import LineReader
from ._notation import Framing, Notation
from ._terminal import Terminal

if TYPE_CHECKING:  # a pipe is read without prompt_toolkit, which may not be installed
    from ._prompt import Prompt

Message: TypeAlias = str | bytes | AsyncGenerator[str | bytes]
"""A message, or the fragments of one."""


class Speech(Protocol):
    """Messages to be sent."""

    async def next_message(self) -> Message | None:
        """The next one; None at the end."""
        ...

    async def heard(self) -> None:
        """Wait until what was printed can be read, if there is too much of it that cannot."""
        ...


class Piped:
    """Messages from a file descriptor.

    Args:
        lines: the input, cut where the framing says.
        notation: how the messages are written.
        framing: `WHOLE` sends all of the input as one message, in fragments, as it comes.
    """

    def __init__(self, lines: LineReader, notation: Notation, framing: Framing) -> None:
        self._lines = lines
        self._notation = notation
        self._framing = framing
        self._whole_is_sent = False

    async def next_message(self) -> Message | None:
        """The next message; None at the end.

        Raises:
            CommandError: the input cannot be read, or is not in the notation.
        """
        if self._framing is Framing.WHOLE:
            return await self._whole()
        line = await self._lines.next_line()
        if line is None:
            return None
        if self._framing is Framing.LINES and self._notation is not Notation.BINARY:
            line = line.removesuffix(b"\r")
        try:
            return self._notation.read(line)
        except ValueError as error:
            raise CommandError(f"line {self._lines.number} of the input is {error}") from None

    async def heard(self) -> None:
        """A pipe says by itself when it is full."""

    async def _whole(self) -> Message | None:
        if self._whole_is_sent:
            return None
        self._whole_is_sent = True
        first = await self._lines.read()
        return self._fragments(first) if first else None

    async def _fragments(self, piece: bytes) -> AsyncGenerator[str | bytes]:
        decoder = codecs.getincrementaldecoder("utf-8")()
        while True:
            if self._notation is Notation.BINARY:
                if piece:
                    yield piece
            else:
                try:
                    text = decoder.decode(piece, final=not piece)
                except UnicodeDecodeError as error:
                    raise CommandError(f"the input is not UTF-8: {error.reason}") from None
                if text:
                    yield text
            if not piece:
                return
            piece = await self._lines.read()


class Typed:
    """Messages from a person at a terminal."""

    def __init__(self, prompt: Prompt, notation: Notation, terminal: Terminal) -> None:
        self._prompt = prompt
        self._notation = notation
        self._terminal = terminal

    async def next_message(self) -> Message | None:
        """The next message; None when the person has ended it."""
        while (line := await self._prompt.next_line()) is not None:
            try:
                return self._notation.read(line.encode("utf-8", "surrogateescape"))
            except ValueError as error:
                self._terminal.say(f"not sent: {error}")
        return None

    async def heard(self) -> None:
        """Wait until the terminal has caught up."""
        await self._prompt.caught_up()
