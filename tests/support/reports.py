"""Traces to make reports of: of real connections to OpenSSL, and of single messages.

Theory of operation: `traced` makes a connection over memory streams and gives its events; `traced_message` tells a
tracer of one message, given in wire form, as the handshake would.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from support.authority import Leaf
from support.openssl_peer import secure_pair, server_context, trusting
from support.tls_server import ignore, tls_server
from trio_secure import CertificateRefused, MemoryCache, SecureSocket, TraceEvent, TraceMessage
from trio_secure._messages import Message
from trio_secure._trace import Tracer


async def traced(
    version: int = ssl.TLSVersion.TLSv1_3, *, leaf: Leaf | None = None, **changes: Any
) -> list[TraceEvent]:
    """The events of a connection, closed in order, in which a ticket came and the keys were changed."""
    events: list[TraceEvent] = []
    context = server_context(leaf, version=version, alpn=["h2"], tickets=1)
    context.set_ecdh_curve("X25519")  # from 3.5 on OpenSSL has the post-quantum group too
    settings: dict[str, Any] = {"alpn": ["h2", "http/1.1"], "cache": MemoryCache(8), **changes}
    stream, peer = await secure_pair(context, config=trusting(trace=events.append, **settings))
    await peer.send_all(b"!")
    await stream.receive_some(1)
    if version == ssl.TLSVersion.TLSv1_3:
        await stream.update_keys()
    await stream.aclose()
    return events


async def refused(leaf: Leaf, host: str = "127.0.0.1") -> list[TraceEvent]:
    """The events of a connection to a server whose certificate nobody trusts."""
    events: list[TraceEvent] = []
    async with tls_server(leaf, ignore) as port:
        try:
            await SecureSocket(host, port, secure={"trace": events.append})
        except CertificateRefused:
            return events
    raise AssertionError("it was trusted")


def traced_message(message: Message, body: bytes) -> TraceMessage:
    """The event of one message that a server sent."""
    events: list[TraceEvent] = []
    encoded = bytes([message.type]) + len(body).to_bytes(3, "big") + body
    Tracer(events.append).message("received", message, encoded)
    (event,) = events
    assert isinstance(event, TraceMessage)
    return event


def write(folder: Path, text: str, name: str = "page.html") -> Path:
    """A page as a file."""
    path = folder / name
    path.write_text(text, "utf-8")
    return path
