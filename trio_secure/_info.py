"""What a finished handshake settled, for people and programs to read."""

from __future__ import annotations

from dataclasses import dataclass

from ._names import ServerName
from ._versions import Version
from ._wire import Established


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """The facts of an established connection.

    Attributes:
        version: 0x0303 for TLS 1.2, 0x0304 for TLS 1.3 (an IntEnum whose `label` is the name).
        cipher_suite: the suite's registered name.
        group: the name of the key-exchange group.
        signature_scheme: the name of the scheme with which the server proved its key.
        alpn: the protocol both sides agreed on, or None.
        server_name: the name the server was verified for, or None when none was given.
        peer_certificates: the certificates in DER as the server sent them, its own first.
        verified_chain: the verified path in DER, from the server's certificate to the anchor; empty when
            verification is off.
        anchor_resource: the store's resource that anchors the path ("ca109.der"), or None when another does.
        extended_master_secret: whether the secrets are bound to the whole handshake (RFC 7627; always so in 1.3).
        resumed: whether an earlier session was resumed.
    """

    version: int
    cipher_suite: str
    group: str
    signature_scheme: str
    alpn: str | None
    server_name: str | None
    peer_certificates: tuple[bytes, ...]
    verified_chain: tuple[bytes, ...]
    anchor_resource: str | None
    extended_master_secret: bool
    resumed: bool = False

    def __str__(self) -> str:
        label = Version(self.version).label
        anchor = f", anchored by {self.anchor_resource}" if self.anchor_resource else ""
        return f"{label}, {self.cipher_suite}, {self.group}, {self.signature_scheme}{anchor}"

    @classmethod
    def of(cls, established: Established, name: ServerName | None) -> ConnectionInfo:
        """The facts of one handshake."""
        peer = established.peer
        return cls(
            version=established.version,
            cipher_suite=established.suite.name,
            group=established.group.name,
            signature_scheme=peer.scheme.name,
            # Protocol names are bytes; those in use are ASCII, and any other comes back as it went in.
            alpn=None if established.alpn is None else established.alpn.decode("utf-8", "surrogateescape"),
            server_name=None if name is None else name.text,
            peer_certificates=peer.chain,
            verified_chain=peer.verified_chain,
            anchor_resource=peer.anchor_resource,
            extended_master_secret=established.extended_master_secret,
        )
