"""What has happened on a connection, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Statistics:
    """Counts of one connection up to a moment; see `WebSocket.statistics`."""

    messages_sent: int = 0
    """Messages handed over whole to the connection."""
    messages_received: int = 0
    """Messages that have come whole, whether the application has taken them or not."""
    bytes_sent: int = 0
    """Bytes of frames that the transport has taken."""
    bytes_received: int = 0
    """Bytes of frames read from the transport."""
    pings_received: int = 0
    """Pings from the server. Of very many at once, only the last ones are answered (RFC 6455 §5.5.3)."""
    pongs_received: int = 0
    """Pongs from the server, those nobody waited for included."""
    bytes_unsent: int = 0
    """Bytes of frames that wait for the transport."""
    bytes_unreceived: int = 0
    """Bytes of memory taken by messages that wait for the application."""
