"""Servers that begin in plaintext, each written down as what is said in turn.

Theory of operation: a script is a list of lines, "S: " for what the server sends and "C: " for what the client has
to send; when it is over, the server begins TLS, on the standard library's `ssl`. What a client must not see happen
has a script of its own in a test.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from tempfile import TemporaryDirectory

import trio

from support.authority import Leaf
from support.tls_server import tcp_server

SCRIPTS: dict[str, Sequence[bytes]] = {
    "smtp": (
        b"S: 220-mail.example ESMTP\r\n220 ready\r\n",
        b"C: EHLO localhost\r\n",
        b"S: 250-mail.example\r\n250-SIZE 1000\r\n250-starttls\r\n250 HELP\r\n",
        b"C: STARTTLS\r\n",
        b"S: 220 go ahead\r\n",
    ),
    "imap": (
        b"S: * OK [CAPABILITY IMAP4rev2 STARTTLS] ready\r\n",
        b"C: a1 STARTTLS\r\n",
        b"S: * CAPABILITY IMAP4rev2\r\na1 OK begin\r\n",
    ),
    "pop3": (b"S: +OK ready\r\n", b"C: STLS\r\n", b"S: +OK begin\r\n"),
    "ftp": (
        b"S: 120 ready in 0 minutes\r\n",
        b"S: 220-Welcome\r\n   to this server\r\n220 ready\r\n",
        b"C: AUTH TLS\r\n",
        b"S: 234 begin\r\n",
    ),
    "postgres": (b"C: \x00\x00\x00\x08\x04\xd2\x16\x2f", b"S: S"),
    "xmpp": (
        (
            b"C: <?xml version='1.0'?><stream:stream to='127.0.0.1' version='1.0' xmlns='jabber:client' "
            b"xmlns:stream='http://etherx.jabber.org/streams'>"
        ),
        b"S: <?xml version='1.0'?><stream:stream xmlns='jabber:client' id='1' version='1.0'>",
        b"S: <stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>",
        b"S: </stream:features>",
        b"C: <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        b"S: <proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    ),
}


async def act(stream: trio.abc.Stream, script: Sequence[bytes], *, piece: int = 1 << 16) -> None:
    """Play the server's part, sending so many bytes at a time."""
    for line in script:
        who, said = line[:3], line[3:]
        if who == b"S: ":
            for start in range(0, len(said), piece):
                await stream.send_all(said[start : start + piece])
            continue
        heard = b""
        while len(heard) < len(said):
            data = await stream.receive_some(len(said) - len(heard))
            assert data, f"the client left instead of saying {said!r}"
            heard += data
        assert heard == said


@asynccontextmanager
async def starttls_server(
    leaf: Leaf, script: Sequence[bytes], *, piece: int = 1 << 16
) -> AsyncGenerator[int]:
    """A server on 127.0.0.1 that plays a script and begins TLS; gives the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        context.load_cert_chain(*leaf.write(folder))

    async def serve(transport: trio.abc.Stream) -> None:
        await act(transport, script, piece=piece)
        stream = trio.SSLStream(transport, context, server_side=True, https_compatible=True)
        await stream.do_handshake()
        while await stream.receive_some():
            pass
        await stream.aclose()

    async with tcp_server(serve) as port:
        yield port


def plain_server(script: Sequence[bytes]) -> AbstractAsyncContextManager[int]:
    """The same without TLS: it plays its script and waits for the client to go."""

    async def serve(stream: trio.abc.Stream) -> None:
        await act(stream, script)
        while await stream.receive_some():
            pass

    return tcp_server(serve)
