"""What a handshake is handed need not be Trio's, and what it hands back cannot be had without a peer."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from trio.testing import memory_stream_pair

from support.scripted_server import PLAIN
from trio_secure import PeerMisbehaved
from trio_secure._channel import Channel
from trio_secure._handshake import client_handshake
from trio_secure._identity import Verdict, VerifiedPeer
from trio_secure._messages import Message, ServerHello
from trio_secure._protection import Epoch, Opener, Sealer
from trio_secure._signatures import SCHEMES_BY_NAME
from trio_secure._suites import SUITES_BY_NAME
from trio_secure._transcript import Transcript
from trio_secure._trio_wire import TrioWire
from trio_secure._versions import Version
from trio_secure._wire import Established, OutgoingMessage, RecordLimits, Wire


class _ListWire:
    """A wire that gives the messages of a list, without any event loop."""

    def __init__(self, *answers: Message) -> None:
        self.transcript = Transcript()
        self.sent: list[OutgoingMessage] = []
        self.settled: list[Version] = []
        self._answers = list(answers)

    def settle(self, version: Version) -> None:
        self.settled.append(version)

    async def send(self, message: OutgoingMessage, /) -> None:
        self.sent.append(message)

    async def send_early_data(self, data: bytes, /) -> None: ...

    async def accept(self, kind: Any, /) -> Any:
        return self._answers.pop(0) if isinstance(self._answers[0], kind) else None

    def limit(self, limits: RecordLimits, /) -> None: ...

    async def send_change_cipher_spec(self) -> None: ...

    async def flush(self) -> None: ...

    async def expect(
        self, *kinds: Any
    ) -> Any:  # the overloads of Wire cannot be written twice in fewer words
        answer = self._answers.pop(0)
        assert isinstance(answer, kinds)
        return answer

    async def expect_change_cipher_spec(self) -> None: ...

    def read_with(self, opener: Opener, epoch: Epoch = Epoch.APPLICATION, /) -> None: ...

    def write_with(self, sealer: Sealer, epoch: Epoch = Epoch.APPLICATION, /) -> None: ...

    def log_secret(self, label: str, secret: bytes, /) -> None: ...

    def note(self, name: str, summary: str = "", /) -> None: ...


async def _never(*_: object) -> Verdict:
    raise AssertionError("nothing was proven")


def test_a_handshake_runs_over_a_list_of_messages_and_no_event_loop() -> None:
    wire = _ListWire(ServerHello(0x0303, bytes(32), b"", 0x1234, 0, {}))
    with pytest.raises(PeerMisbehaved, match="suite 0x1234"):
        client_handshake(wire, PLAIN, None, _never).send(None)
    assert [type(message).__name__ for message in wire.sent] == ["ClientHello"]
    assert wire.settled == [Version.TLS12]


def test_the_stream_has_such_a_wire() -> None:
    wire: Wire = TrioWire(Channel(memory_stream_pair()[0]), None)
    assert wire.transcript.messages == Transcript().messages


def test_a_finished_handshake_has_a_peer_and_shows_no_secret() -> None:
    fields = {row.name: row for row in dataclasses.fields(Established)}
    assert fields["peer"].default is dataclasses.MISSING
    peer = VerifiedPeer((b"leaf",), SCHEMES_BY_NAME["ed25519"], (), None)
    established = Established(
        version=Version.TLS12,
        suite=SUITES_BY_NAME["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],
        group="x25519",
        peer=peer,
        alpn=None,
        extended_master_secret=True,
    )
    assert established.secrets is None
    assert "secrets" not in repr(established)
