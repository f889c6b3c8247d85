"""Connections to the servers of the interoperability tests, and what has to hold for each.

Theory of operation: `Servers` starts a server when it is first asked for. `connect` makes a connection, and sees
to it that an old version warns and a new one does not; `check` sends data both ways and compares what the client
says of the connection with what the server says.
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
from support.interop_recording import RecordedStream, has_retry_request
from support.servers import HOST
from trio_secure import LegacyTLSWarning, SecureStream, TLSConfig
from trio_secure._suites import SUITES_BY_NAME
from trio_secure._versions import Version

_MOST_SAID = 2000


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
        return has_retry_request(self.recorded.received)

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
            "early_data": info.early_data_accepted is True,
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
        early_data: bytes = b"",
        **config: Any,  # the fields of a TLSConfig
    ) -> AsyncGenerator[Connection]:
        """Connect in one version, without a session cache unless one is given."""
        endpoint = self.endpoint(peer, Setup(certificate, extra))
        since = endpoint.process.length
        conversation = peer.family.conversation(endpoint)
        settings: dict[str, Any] = {
            "min_version": version,
            "max_version": version,
            "certificate": self.material.authority.certificate_der,
            "cache": False,
            **config,
        }
        warns = pytest.warns(LegacyTLSWarning) if version < Version.TLS12 else contextlib.nullcontext()
        try:
            recorded = RecordedStream(await trio.open_tcp_stream("127.0.0.1", endpoint.port))
            with trio.fail_after(20), warns:
                stream = await SecureStream[trio.abc.Stream].wrap(
                    recorded, HOST, TLSConfig(**settings), port=endpoint.port, early_data=early_data
                )
            async with stream:
                yield Connection(peer, stream, recorded, conversation)
        except BaseException as error:
            error.add_note(f"{peer.name} said:\n{endpoint.process.said(since)[:_MOST_SAID]}")
            raise


def _setups(peer: Peer) -> list[Setup]:
    setups = [Setup(certificate) for certificate in peer.certificates]
    if "session_id" in peer.features:
        setups.append(Setup(Certificate.RSA, Extra.NO_TICKETS))
    if "early_data" in peer.features:
        setups.append(Setup(Certificate.RSA, Extra.EARLY_DATA))
    if "client_rsa" in peer.features:
        setups += [Setup(kind, Extra.CLIENT_CERTIFICATE) for kind in (Certificate.RSA, Certificate.P256)]
    return setups
