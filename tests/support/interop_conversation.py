"""What is said over a connection to a server, and what the server says it saw.

Theory of operation: a `Conversation` is opened before its connection is made, because some servers report in a log
and only what they say from now on counts. One class stands for each way of talking: the programs beside
`interop/README.md` answer commands, lighttpd answers HTTP requests, `openssl s_server` prints what it receives and
sends what is typed, `gnutls-serv` sends back lines.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Protocol

import pytest
import trio

from support.interop_processes import Process
from support.interop_recording import RecordedStream
from trio_secure import AlertReceived, SecureStream, Truncated

Stream = SecureStream[RecordedStream]


@dataclass(frozen=True)
class Endpoint:
    """A port of 127.0.0.1, and the process that serves it."""

    process: Process
    port: int


@dataclass(frozen=True)
class Seen:
    """What a server says of a connection; None where it says nothing.

    Attributes:
        suite: in the server's own words.
        client: the common name of the client's certificate; empty without one.
        retried: whether it sent a HelloRetryRequest.
        early_data: whether it took some.
        exported: 32 bytes of keying material in hexadecimal, for `EXPORTER_LABEL` without a context.
        bindings: channel bindings in hexadecimal, by name.
    """

    version: int | None = None
    suite: str | None = None
    resumed: bool | None = None
    alpn: str | None = None
    client: str | None = None
    retried: bool | None = None
    early_data: bool | None = None
    exported: str | None = None
    encrypt_then_mac: bool | None = None
    bindings: tuple[tuple[str, str], ...] = ()


class Conversation(Protocol):
    """What a test does with a connection."""

    async def echo(self, stream: Stream, data: bytes) -> bytes:
        """Have the server receive `data`, which is lines of digits, and send as much."""
        ...

    async def seen(self, stream: Stream) -> Seen:
        """Ask the server what it saw; after `echo`."""
        ...

    async def update(self, stream: Stream, *, ask: bool) -> None:
        """Have the server send a KeyUpdate, and ask for one in return."""
        ...

    async def authenticate(self, stream: Stream) -> None:
        """Have the server ask for a certificate; it has it by the next `echo`."""
        ...

    async def renegotiate(self, stream: Stream) -> str:
        """Have the server ask for a renegotiation; give what it says of the answer."""
        ...


async def receive(stream: Stream, length: int) -> bytes:
    """Exactly so many bytes."""
    received = b""
    while len(received) < length:
        piece = await stream.receive_some()
        assert piece, f"the server closed after {len(received)} of {length} bytes"
        received += piece
    assert len(received) == length
    return received


async def receive_until(stream: Stream, end: bytes) -> bytes:
    """What comes, until it ends with, or has in it, `end`."""
    received = b""
    while end not in received:
        piece = await stream.receive_some()
        assert piece, f"the server closed after {received!r}"
        received += piece
    return received


class Commands:
    """The programs beside `interop/README.md`."""

    def __init__(self, _endpoint: Endpoint) -> None:
        pass

    async def echo(self, stream: Stream, data: bytes) -> bytes:
        await stream.send_all(b"echo %d\n%b" % (len(data), data))
        return await receive(stream, len(data))

    async def seen(self, stream: Stream) -> Seen:
        await stream.send_all(b"report\n")
        told = json.loads(await receive_until(stream, b"\n"))
        bindings = sorted(told.pop("bindings", {}).items())
        return Seen(**told, bindings=tuple((name, value) for name, value in bindings if value))

    async def update(self, stream: Stream, *, ask: bool) -> None:
        await stream.send_all(b"update %d\n" % ask)

    async def authenticate(self, stream: Stream) -> None:
        await stream.send_all(b"authenticate\n")

    async def renegotiate(self, stream: Stream) -> str:
        pytest.fail("none of the programs can be told to")


_LIGHTTPD_VERSIONS = {
    "TLSv1": 0x0301,
    "TLSv1.0": 0x0301,
    "TLSv1.1": 0x0302,
    "TLSv1.2": 0x0303,
    "TLSv1.3": 0x0304,
}


class Requests:
    """HTTP requests to a program behind lighttpd, which gives back the environment it finds, and what was sent."""

    def __init__(self, _endpoint: Endpoint) -> None:
        self._environment: dict[str, str] = {}

    async def echo(self, stream: Stream, data: bytes) -> bytes:
        request = f"POST /echo.cgi HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
        await stream.send_all(request.encode() + data)
        head, _, body = (await receive_until(stream, b"\r\n\r\n")).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert length is not None, head
        if len(body) < int(length[1]):
            body += await receive(stream, int(length[1]) - len(body))
        environment, _, rest = body.partition(b"---\n")
        self._environment = dict(line.split("=", 1) for line in environment.decode().splitlines())
        return rest

    async def seen(self, stream: Stream) -> Seen:
        seen = self._environment
        return Seen(
            version=_LIGHTTPD_VERSIONS[seen["SSL_PROTOCOL"]],
            suite=seen["SSL_CIPHER"],
            client=seen.get("SSL_CLIENT_S_DN_CN"),
        )

    async def update(self, stream: Stream, *, ask: bool) -> None:
        pytest.fail("lighttpd cannot be told to")

    async def authenticate(self, stream: Stream) -> None:
        pytest.fail("lighttpd cannot be told to")

    async def renegotiate(self, stream: Stream) -> str:
        pytest.fail("lighttpd cannot be told to")


class _Logged:
    """A server that reports in its log."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.process = endpoint.process
        self.since = endpoint.process.length

    def found(self, pattern: str) -> str | None:
        """The last thing in this connection's part of the log that fits the first group."""
        found = re.findall(pattern, self.process.said(self.since), re.MULTILINE)
        return found[-1] if found else None


_SESSION = "-----BEGIN SSL SESSION PARAMETERS-----\n(.*?)-----END"


class OpenSSL(_Logged):
    """`openssl s_server`: it prints what it receives and sends what is typed, and obeys some letters."""

    async def echo(self, stream: Stream, data: bytes) -> bytes:
        await stream.send_all(data)
        await self.process.says(data.decode(), self.since)
        # A line of digits is not a command, whatever part of it is read at a time.
        await self.process.type(data)
        return await receive(stream, len(data))

    async def seen(self, stream: Stream) -> Seen:
        session = base64.b64decode(
            "".join(re.findall(_SESSION, self.process.said(self.since), re.DOTALL)[-1:])
        )
        # SSL_SESSION_ASN1: the structure's version, 1, and the protocol's.
        version = session.partition(b"\x02\x01\x01\x02\x02")[2][:2]
        exported = self.found(r"^    Keying material: (\w+)$")
        return Seen(
            version=int.from_bytes(version),
            suite=self.found(r"^CIPHER is (\S+)$"),
            resumed=self.found("^(Reused session-id)") is not None,
            alpn=self.found("^ALPN protocols selected: (.*)$") or "",
            client=self.found("^depth=0 CN = (.*)$") or "",
            early_data=self.found("^(Early data received)") is not None,
            exported=exported.lower() if exported else None,
        )

    async def update(self, stream: Stream, *, ask: bool) -> None:
        since = self.process.length
        await self.process.type(b"K\n" if ask else b"k\n")
        await self.process.says("write server key update", since)

    async def authenticate(self, stream: Stream) -> None:
        since = self.process.length
        await self.process.type(b"c\n")
        await self.process.says("write certificate request", since)
        # The client answers while it waits for data.
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive, stream, 2)
            await self.process.says("read certificate verify", since)
            await self.process.type(b"0\n")

    async def renegotiate(self, stream: Stream) -> str:
        since = self.process.length
        await self.process.type(b"r\n")
        # It does not go on with who refuses.
        with pytest.raises(AlertReceived, match="it wanted to renegotiate"):
            await stream.receive_some()
        await self.process.says("alert write", since)
        return self.process.said(since)


# ... of which this many fit into a record.
_LINES = 128


class GnuTLS(_Logged):
    """`gnutls-serv --echo`: it sends back lines, and obeys some of them."""

    _authenticated = False

    async def echo(self, stream: Stream, data: bytes) -> bytes:
        # It sends back what it reads at a time, if that ends with a line.
        lines, received = data.splitlines(keepends=True), b""
        for first in range(0, len(lines), _LINES):
            piece = b"".join(lines[first : first + _LINES])
            await stream.send_all(piece)
            received += await receive(stream, len(piece))
        return received

    async def seen(self, stream: Stream) -> Seen:
        version = self.found(r"^- Version: TLS1\.([0-3])$")
        parts = [self.found(rf"^- {name}: (.*)$") for name in ("Key Exchange", "Cipher", "MAC")]
        names = ("tls-unique", "tls-server-end-point", "tls-exporter")
        bindings = [(name, self.found(rf"^ - '{name}': ([0-9a-f]+)$")) for name in names]
        return Seen(
            version=0x0301 + int(version or 0),
            suite=" ".join(part for part in parts if part),
            resumed=self.found(r"^\*\*\* (This is a resumed) session") is not None,
            alpn=self.found("^- Application protocol: (.*)$") or "",
            client=None if self._authenticated else self.found("^\tSubject: CN=(.*)$") or "",
            exported=self.found("^- Key material: (.*)$"),
            encrypt_then_mac=self.found("^- Options:.*(EtM)") is not None,
            bindings=tuple((name, value) for name, value in bindings if value),
        )

    async def update(self, stream: Stream, *, ask: bool) -> None:
        pytest.fail("gnutls-serv cannot be told to")

    async def authenticate(self, stream: Stream) -> None:
        await stream.send_all(b"**REAUTH**\n")
        # It waits for the certificate, and says nothing of it but this.
        assert await receive_until(stream, b"\n") == b"Successfully executed command\n"
        self._authenticated = True

    async def renegotiate(self, stream: Stream) -> str:
        since = self.process.length
        await stream.send_all(b"**REHANDSHAKE**\n")
        assert await receive_until(stream, b"\n") == b"Successfully executed command\n"
        # It does not go on with who refuses.
        with pytest.raises(Truncated):
            await stream.receive_some()
        await self.process.says("A TLS warning alert", since)
        return self.process.said(since)
