"""WebSockets for Trio (RFC 6455), client side, over any stream.

`open_websocket` opens a connection for the length of a block, and gives a `WebSocket`, which sends and
receives messages. Frames are never torn by cancellation, pings are answered while the application is busy,
and leaving the block takes bounded time whatever the server does.
"""

from __future__ import annotations

from ._client import Client
from ._deflate import Deflate
from ._encoder import Data
from ._errors import (
    ConnectionClosed,
    ConnectionLost,
    MessageTooLarge,
    PingTimeout,
    ProtocolViolation,
    UpgradeRefused,
    WebSocketError,
)
from ._fragments import Fragments
from ._open import connect_websocket, open_websocket, wrap_websocket
from ._reconnect import Backoff, Reconnecting, is_transient, reconnecting
from ._statistics import Statistics
from ._websocket import WebSocket

__all__ = [
    "Backoff",
    "Client",
    "ConnectionClosed",
    "ConnectionLost",
    "Data",
    "Deflate",
    "Fragments",
    "MessageTooLarge",
    "PingTimeout",
    "ProtocolViolation",
    "Reconnecting",
    "Statistics",
    "UpgradeRefused",
    "WebSocket",
    "WebSocketError",
    "connect_websocket",
    "is_transient",
    "open_websocket",
    "reconnecting",
    "wrap_websocket",
]
