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
        group: the name of the key-exchange group; None where there is none: RSA key transport, and sessions
            resumed below TLS 1.3.
        signature_scheme: the name of the scheme with which the server proved its key, be it in the handshake that
            was resumed; None with RSA key transport.
        alpn: the protocol both sides agreed on, or None.
        server_name: the name the server was verified for, or None when none was given.
        peer_certificates: the certificates in DER as the server sent them, its own first.
        verified_chain: the verified path in DER, from the server's certificate to the anchor; empty when
            verification is off.
        anchor_resource: the store's resource that anchors the path ("ca109.der"), or None when another does.
        extended_master_secret: whether the secrets are bound to the whole handshake (RFC 7627; always so in 1.3).
        encrypt_then_mac: whether records are encrypted before they are authenticated (RFC 7366; only CBC suites).
        resumed: whether an earlier session was resumed.
        early_data_accepted: whether the server took the early data; None when none was sent. What it did not take,
            nobody sends again.
        max_fragment_length: bytes of content in a record, both ways, as agreed on (RFC 6066 §4); None for 16384.
        record_size_limit: bytes of plaintext in a record that the server receives, if it said so (RFC 8449).
        client_certificates: the certificates in DER this client showed in the handshake, its own first; empty when
            none was asked for, or none fitted.
        ocsp_response: the OCSP response stapled to the server's certificate, in DER, or None.
        signed_certificate_timestamps: the SCTs the server sent with its certificate (RFC 6962 §3.2), unverified.
    """

    version: int
    cipher_suite: str
    group: str | None
    signature_scheme: str | None
    alpn: str | None
    server_name: str | None
    peer_certificates: tuple[bytes, ...]
    verified_chain: tuple[bytes, ...]
    anchor_resource: str | None
    extended_master_secret: bool
    encrypt_then_mac: bool = False
    resumed: bool = False
    early_data_accepted: bool | None = None
    max_fragment_length: int | None = None
    record_size_limit: int | None = None
    client_certificates: tuple[bytes, ...] = ()
    ocsp_response: bytes | None = None
    signed_certificate_timestamps: tuple[bytes, ...] = ()

    def __str__(self) -> str:
        facts = [Version(self.version).label, self.cipher_suite, self.group, self.signature_scheme]
        facts += ["resumed" if self.resumed else None]
        facts += [f"anchored by {self.anchor_resource}" if self.anchor_resource else None]
        return ", ".join(fact for fact in facts if fact is not None)

    @classmethod
    def of(cls, established: Established, name: ServerName | None) -> ConnectionInfo:
        """The facts of one handshake."""
        peer = established.peer
        return cls(
            version=established.version,
            cipher_suite=established.suite.name,
            group=established.group,
            signature_scheme=None if peer.scheme is None else peer.scheme.name,
            # Protocol names are bytes; those in use are ASCII, and any other comes back as it went in.
            alpn=None if established.alpn is None else established.alpn.decode("utf-8", "surrogateescape"),
            server_name=None if name is None else name.text,
            peer_certificates=peer.chain,
            verified_chain=peer.verified_chain,
            anchor_resource=peer.anchor_resource,
            extended_master_secret=established.extended_master_secret,
            encrypt_then_mac=established.encrypt_then_mac,
            resumed=established.resumed is not None,
            early_data_accepted=established.early_data,
            max_fragment_length=established.limits.fragment,
            record_size_limit=established.limits.send,
            client_certificates=established.client_chain,
            ocsp_response=peer.claim.ocsp_response,
            signed_certificate_timestamps=peer.claim.scts,
        )
