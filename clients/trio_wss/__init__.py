"""WebSockets for Trio (RFC 6455), client side, over any stream.

`open_websocket` opens a connection for the length of a block, and gives a `WebSocket`, which sends and
receives messages. Frames are never torn by cancellation, pings are answered while the application is busy,
and leaving the block takes bounded time whatever the server does.
"""

from __future__ import annotations

from ._errors import (
    ConnectionClosed,
    ConnectionLost,
    MessageTooLarge,
    ProtocolViolation,
    UpgradeRefused,
    WebSocketError,
)
from ._open import open_websocket
from ._websocket import Data, WebSocket

__all__ = [
    "ConnectionClosed",
    "ConnectionLost",
    "Data",
    "MessageTooLarge",
    "ProtocolViolation",
    "UpgradeRefused",
    "WebSocket",
    "WebSocketError",
    "open_websocket",
]
