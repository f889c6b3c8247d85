"""Connections to the servers of the interoperability tests, and what has to hold for each.

Theory of operation: `Servers` starts a server when it is first asked for. `connect` makes a connection and warns or does
not as the version asks; `check` sends data both ways and compares what the client says of the connection with what the
server says. The transport is recorded, so that the sizes of records are known whatever either side says.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import trio

from support.interop_conversation import Conversation, Endpoint, Seen, Stream
from support.interop_family import EXPORTER_LABEL, Extra, Setup
from support.interop_material import Certificate, Material
from support.interop_peers import Peer
from support.interop_processes import Processes
from support.servers import HOST
from trio_secure import LegacyTLSWarning, SecureSocket, TLSConfig
from trio_secure._suites import SUITES_BY_NAME
from trio_secure._versions import Version

_MOST_SAID = 2000
_HEADER = 5
_APPLICATION_DATA = 23
# SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3).
_RETRY_RANDOM = bytes.fromhex("CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C")


class RecordedStream(trio.abc.Stream):
    """A transport that keeps what has passed."""

    def __init__(self, transport: trio.abc.Stream) -> None:
        self._transport = transport
        self.sent = bytearray()
        self.received = bytearray()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        self.sent += data
        await self._transport.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait."""
        await self._transport.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive."""
        received = await self._transport.receive_some(max_bytes)
        self.received += received
        return received

    async def aclose(self) -> None:
        """Close."""
        await self._transport.aclose()


def longest_record(recorded: bytes | bytearray) -> int:
    """How many bytes the longest record of application data has, without its header."""
    lengths, position = [0], 0
    while position + _HEADER <= len(recorded):
        length = int.from_bytes(recorded[position + 3 : position + _HEADER])
        if recorded[position] == _APPLICATION_DATA:
            lengths.append(length)
        position += _HEADER + length
    return max(lengths)


@dataclass(frozen=True)
class Connection:
    """An established connection, and the other side's view of it."""

    peer: Peer
    stream: Stream
    recorded: RecordedStream
    conversation: Conversation

    @property
    def retried(self) -> bool:
        """Whether the server sent a HelloRetryRequest."""
        return _RETRY_RANDOM in self.recorded.received

    async def echo(self) -> None:
        """Send data, and have as much sent back."""
        line = b"0123456789" * 6 + b"012\n"
        data = line * (self.peer.bytes_each_way // len(line))
        with trio.fail_after(20):
            assert await self.conversation.echo(self.stream, data) == data

    async def check(self) -> Seen:
        """Send data both ways, and compare what both sides say; return what the server says."""
        await self.echo()
        with trio.fail_after(5):
            seen = await self.conversation.seen(self.stream)
        info = self.stream.info
        expected: dict[str, object] = {
            "version": info.version,
            "suite": self.peer.family.name_of(SUITES_BY_NAME[info.cipher_suite]),
            "resumed": info.resumed,
            "alpn": info.alpn or "",
            "retried": self.retried,
            "encrypt_then_mac": info.encrypt_then_mac,
        }
        if info.extended_master_secret:
            expected["exported"] = self.stream.export_keying_material(EXPORTER_LABEL, None, 32).hex()
        told = {name: getattr(seen, name) for name in expected}
        differences = {
            name: f"{told[name]!r}, not {expected[name]!r}"
            for name in expected
            if told[name] not in (None, expected[name])
        }
        assert not differences, f"{self.peer.name} saw {differences}"
        return seen


class Servers:
    """All servers, each started when it is first asked for."""

    def __init__(self, processes: Processes, material: Material) -> None:
        self.material = material
        self._processes = processes
        self._endpoints: dict[str, dict[Setup, Endpoint]] = {}

    def endpoint(self, peer: Peer, setup: Setup) -> Endpoint:
        """Where the server is."""
        if peer.name not in self._endpoints:
            started = peer.family.start(self._processes, self.material, _setups(peer))
            self._endpoints[peer.name] = started
        return self._endpoints[peer.name][setup]

    @asynccontextmanager
    async def connect(
        self,
        peer: Peer,
        version: Version,
        certificate: Certificate = Certificate.RSA,
        extra: Extra = Extra.NOTHING,
        **config: Any,  # the fields of a TLSConfig
    ) -> AsyncGenerator[Connection]:
        """Connect in one version, without a session cache unless one is given."""
        endpoint = self.endpoint(peer, Setup(certificate, extra))
        since = endpoint.process.length
        conversation = peer.family.conversation(endpoint)
        recorded: list[RecordedStream] = []

        async def socket(_host: str, port: int) -> RecordedStream:
            recorded.append(RecordedStream(await trio.open_tcp_stream("127.0.0.1", port)))
            return recorded[-1]

        settings = TLSConfig(
            **{
                "min_version": version,
                "max_version": version,
                "certificate": self.material.authority.certificate_der,
                "cache": False,
                **config,
            }
        )
        warns = pytest.warns(LegacyTLSWarning) if version < Version.TLS12 else contextlib.nullcontext()
        try:
            with trio.fail_after(20), warns:
                stream = await SecureSocket(HOST, endpoint.port, secure=settings, Socket=socket)
            async with stream:
                yield Connection(peer, stream, recorded[-1], conversation)
        except BaseException as error:
            error.add_note(f"{peer.name} said:\n{endpoint.process.said(since)[:_MOST_SAID]}")
            raise


def _setups(peer: Peer) -> list[Setup]:
    setups = [Setup(certificate) for certificate in peer.certificates]
    if "session_id" in peer.features:
        setups.append(Setup(Certificate.RSA, Extra.NO_TICKETS))
    if "client_rsa" in peer.features:
        setups.append(Setup(Certificate.RSA, Extra.CLIENT_CERTIFICATE))
    if "cookie" in peer.features:
        setups.append(Setup(Certificate.RSA, Extra.COOKIE))
    return setups
