"""A server that says exactly what a test wants, over a connection whose handshake never took place.

Theory of operation: a stream needs of its handshake only what it settled. `established` makes that up, gives it
to a `SecureStream`, and gives the same secrets to a `RecordPeer`, which seals and opens single records and
keeps to no protocol at all.
"""

from __future__ import annotations

from collections.abc import Sequence

import trio
from trio.testing import memory_stream_pair

from support.openssl_peer import Transports
from trio_secure import AlertDescription, SecureStream
from trio_secure._alerts import encode_alert
from trio_secure._channel import Channel
from trio_secure._client_identity import ClientIdentity
from trio_secure._identity import VerifiedPeer
from trio_secure._keys12 import MasterSecret
from trio_secure._keys13 import ApplicationSecrets, ResumptionSecret, TrafficSecret
from trio_secure._messages13 import KeyUpdate
from trio_secure._post_handshake import Errands
from trio_secure._protection import ContentType
from trio_secure._protection12 import opener, sealer
from trio_secure._protection13 import Opener13, Sealer13
from trio_secure._records import Record
from trio_secure._session_keeper import SessionKeeper
from trio_secure._signatures import SIGNATURE_SCHEMES
from trio_secure._suites import SUITES_BY_NAME, CipherSuite
from trio_secure._trace import Tracer, TraceSink
from trio_secure._transcript import Transcript
from trio_secure._versions import Version
from trio_secure._wire import Established, NewSession12

SUITE13 = SUITES_BY_NAME["TLS_AES_128_GCM_SHA256"]
SUITE12 = SUITES_BY_NAME["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]
SUITE_CBC = SUITES_BY_NAME["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"]

# Seconds until a client that sends nothing is taken for one that hangs.
_PATIENCE = 5


class RecordPeer:
    """The server's end: one record at a time."""

    def __init__(
        self, transport: trio.abc.Stream, client: TrafficSecret | None, server: TrafficSecret | None
    ) -> None:
        self.transport = transport
        self.channel = Channel(transport)
        self.channel.reader.drops_change_cipher_spec = False
        self._client, self._server = client, server

    def seal(self, content_type: int, content: bytes) -> bytes:
        """A record, sealed and not sent."""
        return bytes(self.channel.writer.seal(content_type, content))

    async def send(self, content_type: int, content: bytes) -> None:
        """One record."""
        await self.transport.send_all(self.seal(content_type, content))

    async def send_data(self, data: bytes) -> None:
        """Application data."""
        await self.send(ContentType.APPLICATION_DATA, data)

    async def send_alert(self, description: AlertDescription) -> None:
        """An alert at its usual level."""
        await self.send(ContentType.ALERT, encode_alert(description))

    def seal_key_update(self, *, request: bool = False) -> bytes:
        """A KeyUpdate; what is sealed after it has the next key."""
        record = self.seal(ContentType.HANDSHAKE, KeyUpdate(update_requested=request).encode())
        self.next_sealer()
        return record

    async def send_key_update(self, *, request: bool = False) -> None:
        """A KeyUpdate."""
        await self.transport.send_all(self.seal_key_update(request=request))

    def next_sealer(self) -> None:
        """Change the key of what is sent."""
        assert self._server is not None
        self._server = self._server.next()
        self.channel.writer.sealer = Sealer13(self._server)

    async def receive(self) -> Record:
        """The client's next record; after its KeyUpdate, the next ones are opened with the next key."""
        with trio.fail_after(_PATIENCE):
            while (record := self.channel.reader.next()) is None:
                await self.channel.fill()
        if record.content_type == ContentType.HANDSHAKE and record.content[0] == KeyUpdate.type:
            assert self._client is not None
            self._client = self._client.next()
            self.channel.reader.opener = Opener13(self._client)
        return record

    async def receive_alert(self) -> AlertDescription:
        """The alert in the client's next record."""
        record = await self.receive()
        assert record.content_type == ContentType.ALERT
        return AlertDescription(record.content[1])


def established(
    version: Version = Version.TLS13,
    *,
    transports: Transports = memory_stream_pair,
    suite: CipherSuite | None = None,
    encrypt_then_mac: bool = False,
    trace: TraceSink | None = None,
    identities: Sequence[ClientIdentity] | None = None,
    keeper: SessionKeeper | None = None,
) -> tuple[SecureStream[trio.abc.Stream], RecordPeer]:
    """A stream that takes its handshake for done, and the peer that plays its server.

    Args:
        identities: what the client may show if it is asked; None for one that has not offered that.
        keeper: where the client keeps what can be resumed.
    """
    ours, theirs = transports()
    channel = Channel(ours)
    channel.reader.drops_change_cipher_spec = False
    if version >= Version.TLS13:
        suite = suite or SUITE13
        client, server = (TrafficSecret(suite, bytes([side]) * suite.hash.length) for side in b"cs")
        channel.writer.sealer, channel.reader.opener = Sealer13(client), Opener13(server)
        peer = RecordPeer(theirs, client, server)
        peer.channel.writer.sealer, peer.channel.reader.opener = Sealer13(server), Opener13(client)
        secrets = ApplicationSecrets(client, server, b"")
    else:
        suite = suite or (SUITE12 if version == Version.TLS12 else SUITE_CBC)
        client_key, server_key = MasterSecret(suite, version, bytes(48)).write_keys(bytes(32), bytes(32))
        (write, read), (their_write, their_read) = (
            (sealer(key, encrypt_then_mac=encrypt_then_mac), opener(key, encrypt_then_mac=encrypt_then_mac))
            for key in (client_key, server_key)
        )
        channel.writer.sealer, channel.reader.opener = write, their_read
        peer = RecordPeer(theirs, None, None)
        peer.channel.writer.sealer, peer.channel.reader.opener = their_write, read
        secrets = None
    settled = Established(
        version=version,
        suite=suite,
        group="x25519",
        # A keeper looks at when the certificates of a verified chain expire.
        peer=VerifiedPeer(
            (b"leaf",), SIGNATURE_SCHEMES[0], (b"leaf", b"root") if keeper is None else (), "ca7.der"
        ),
        secrets=secrets,
        session=NewSession12(MasterSecret(suite, version, bytes(48)), True, bytes(32), None, None)
        if secrets is None
        else None,
        transcript=None if identities is None else Transcript(),
        resumption=None if secrets is None else ResumptionSecret(suite, bytes(suite.hash.length)),
    )
    if settled.transcript is not None:
        settled.transcript.use(suite.hash)
    if keeper is not None:
        keeper.meet(settled)
    errands = Errands(settled, identities or (), keeper)
    return SecureStream(ours, channel, settled, None, errands, Tracer(trace) if trace else None), peer
