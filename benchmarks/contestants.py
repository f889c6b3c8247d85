"""Who makes TLS connections on Trio: each contestant the way its own documentation advises.

Theory of operation: a contestant is prepared once, with everything that can be shared between connections, and
then turns TCP streams into TLS streams whose handshake is complete and whose peer is verified, chain and name.
A new contestant is a function and a row in `CONTESTANTS`.

What both do is the same: where the terms say that nothing is resumed, ours keeps no sessions, for `trio.SSLStream`
never does by itself; where they say that sessions are, `trio.SSLStream` is given the last connection's.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

import trio

from benchmarks.case import SERVER_NAME, Measure, Site
from trio_secure import SecureStream, TLSConfig

OURS, PEER = "trio_secure", "trio.SSLStream"


@dataclass(frozen=True)
class Terms:
    """What connections are to be.

    Attributes:
        classical: both exchange keys by X25519 alone. By default ours sends the share of a post-quantum group
            besides, which OpenSSL before 3.5 does not know.
        resume: each connection resumes the last one's session.
    """

    version: Literal["1.2", "1.3"] = "1.3"
    classical: bool = True
    resume: bool = False


Handshake = Callable[[trio.SocketStream], Awaitable[trio.abc.Stream]]
Work = Callable[[Site, Handshake, int], Awaitable[float]]
"""Does an amount of work over a contestant's connections and returns its cost."""


def _trio_secure(authority: bytes, terms: Terms) -> Handshake:
    code = {"1.2": 0x0303, "1.3": 0x0304}[terms.version]
    # In TLS 1.2 the groups are those of the certificate's key as well.
    config = TLSConfig(
        certificate=authority,
        min_version=code,
        max_version=code,
        groups=["x25519", "secp256r1"] if terms.classical else None,
        key_shares=["x25519"] if terms.classical else None,
        cache=terms.resume,
    )

    async def handshake(transport: trio.SocketStream) -> trio.abc.Stream:
        return await SecureStream.wrap(transport, SERVER_NAME, config)

    return handshake


def _trio_ssl(authority: bytes, terms: Terms) -> Handshake:
    context = ssl.create_default_context(cadata=authority)
    code = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[terms.version]
    context.minimum_version = context.maximum_version = code
    last: list[trio.SSLStream[trio.SocketStream]] = []

    async def handshake(transport: trio.SocketStream) -> trio.abc.Stream:
        stream = trio.SSLStream(transport, context, server_hostname=SERVER_NAME)
        if terms.resume:
            # The ticket of TLS 1.3 comes after the handshake: what the last stream has is looked up only now.
            if last:
                stream.session = last.pop().session
            last.append(stream)
        await stream.do_handshake()
        return stream

    return handshake


CONTESTANTS: dict[str, Callable[[bytes, Terms], Handshake]] = {OURS: _trio_secure, PEER: _trio_ssl}


def resumed(stream: trio.abc.Stream) -> bool:
    """Whether a contestant's connection resumed a session."""
    if isinstance(stream, SecureStream):
        return stream.info.resumed
    return isinstance(stream, trio.SSLStream) and bool(stream.session_reused)


def on_trio(work: Work, terms: Terms = Terms()) -> dict[str, Measure]:  # frozen
    """The contestants, doing `work`."""

    def measure(prepare: Callable[[bytes, Terms], Handshake]) -> Measure:
        return lambda site, amount: trio.run(work, site, prepare(site.authority, terms), amount)

    return {name: measure(prepare) for name, prepare in CONTESTANTS.items()}


async def connect(site: Site) -> trio.SocketStream:
    """A TCP connection to a site's server."""
    return await trio.open_tcp_stream("127.0.0.1", site.port)
