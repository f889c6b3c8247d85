"""Messages from a WebSocket, as they are printed.

Theory of operation: what leads to a program is exact, what leads to a terminal is harmless. So a pipe gets each
message byte for byte, with what stands between messages behind it; a person gets no control characters, and a
line for each message.
"""

from __future__ import annotations

from dataclasses import dataclass

from ._json_text import indented
from ._notation import Framing, Notation
from ._terminal import Terminal
from ._text import printable


@dataclass(frozen=True)
class Display:
    """Prints messages.

    Attributes:
        terminal: where to.
        notation: how binary messages are written.
        framing: what goes behind each message.
        json: whether text that is JSON is indented.
    """

    terminal: Terminal
    notation: Notation = Notation.TEXT
    framing: Framing = Framing.LINES
    json: bool = False

    def show(self, message: str | bytes) -> None:
        """Print a message.

        Raises:
            CommandError: it cannot be written.
        """
        if isinstance(message, str):
            self._show_text((indented(message) if self.json else None) or message)
        elif self.terminal.prints_to_person:
            raw = self.notation is Notation.BINARY
            self.terminal.print((Notation.TEXT if raw else self.notation).write(message).decode())
        else:
            self.terminal.write(self.notation.write(message) + self.framing.value)

    def _show_text(self, text: str) -> None:
        if self.terminal.prints_to_person:
            self.terminal.print(printable(text, keep="\n\t", cap=None))
        elif self.framing is Framing.LINES:
            self.terminal.print(text)
        else:
            self.terminal.write(text.encode() + self.framing.value)
