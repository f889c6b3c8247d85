"""Pieces of a message become the message.

Theory of operation: a message may come in very many very small pieces, from a server that sends them so or
from a slow network. They are joined as they come, in a buffer that grows in place: kept as separate objects,
they could take a hundred times the memory of the message. Text is kept there in UTF-8, which takes no more memory
than it took on the wire; a `StringIO` would take up to eight times as much.
"""

from __future__ import annotations

import io

from ._decoder import Piece


class Assembler:
    """Joins the pieces of one message after the other."""

    def __init__(self) -> None:
        self._begun: io.BytesIO | None = None
        self._text = False

    def add(self, piece: Piece) -> str | bytes | None:
        """Take the next piece; the whole message if this was its last, else `None`."""
        data = piece.data
        if self._begun is None:
            if piece.final:
                return data
            self._begun = io.BytesIO()
            self._text = isinstance(data, str)
        self._begun.write(data.encode() if isinstance(data, str) else data)
        return self.take() if piece.final else None

    def take(self) -> str | bytes | None:
        """What there is of an unfinished message, as far as there is one, and forget it."""
        if self._begun is None:
            return None
        message = self._begun.getvalue()
        self._begun = None
        return message.decode() if self._text else message
