"""Who is measured: each contestant makes TLS connections the way its own documentation advises.

Theory of operation: a contestant is prepared once, with everything that can be shared between connections,
and then turns TCP streams into TLS streams whose handshake is complete and whose peer is verified, chain and
name. A new contestant is a function and a row in `CONTESTANTS`.

The server is one and the same throughout, so that from the second handshake on ours knows its chain and does not
check the certificates' signatures again, as it does outside of benchmarks; `trust` measures chains that are met
for the first time.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from typing import Literal

import trio

from trio_secure import SecureStream, TLSConfig

SERVER_NAME = "localhost"
Version = Literal["1.2", "1.3"]
Handshake = Callable[[trio.SocketStream], Awaitable[trio.abc.Stream]]
Prepare = Callable[[bytes, Version, bool], Handshake]
"""Takes the CA certificate as DER, the TLS version, and whether to leave out what an older OpenSSL has not got:
the post-quantum group; returns what makes the connections."""


def _trio_secure(authority: bytes, version: Version, classical: bool) -> Handshake:
    code = {"1.2": 0x0303, "1.3": 0x0304}[version]
    groups = ["x25519"] if classical else None
    config = TLSConfig(certificate=authority, min_version=code, max_version=code, groups=groups)

    async def handshake(transport: trio.SocketStream) -> trio.abc.Stream:
        return await SecureStream.wrap(transport, SERVER_NAME, config)

    return handshake


def _trio_ssl(authority: bytes, version: Version, _classical: bool) -> Handshake:
    context = ssl.create_default_context(cadata=authority)
    code = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
    context.minimum_version = context.maximum_version = code

    async def handshake(transport: trio.SocketStream) -> trio.abc.Stream:
        stream = trio.SSLStream(transport, context, server_hostname=SERVER_NAME)
        await stream.do_handshake()
        return stream

    return handshake


OURS = "trio_secure"
PEER = "trio.SSLStream"
CONTESTANTS: dict[str, Prepare] = {OURS: _trio_secure, PEER: _trio_ssl}
