"""Pieces of messages become messages.

Theory of operation: wsproto hands on what has arrived of a frame, so a message may come in very many very
small pieces, from a server that sends them so or from a slow network. They are joined as they come, in a
buffer that grows in place: kept as separate objects, they could take a hundred times the memory of the
message. Text is kept there in UTF-8, which has been checked and takes no more memory than it took on the
wire.
"""

from __future__ import annotations

import io

from wsproto.events import BytesMessage, TextMessage


class Assembler:
    """Joins the pieces of one message after the other."""

    def __init__(self) -> None:
        self._begun: io.BytesIO | None = None

    def add(self, piece: TextMessage | BytesMessage) -> str | bytes | None:
        """Take the next piece; the whole message if this was its last, else `None`."""
        data = piece.data
        if self._begun is None:
            if piece.message_finished:
                return data if isinstance(data, str) else bytes(data)
            self._begun = io.BytesIO()
        self._begun.write(data.encode() if isinstance(data, str) else data)
        if not piece.message_finished:
            return None
        message = self._begun.getvalue()
        self._begun = None
        return message.decode() if isinstance(data, str) else message
