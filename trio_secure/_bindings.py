"""What ties another protocol to a connection: exporters and channel bindings (RFC 5705, RFC 5929, RFC 9266).

Theory of operation
-------------------
Both are worth something only if no other connection can have the same: so below TLS 1.3 they exist only where the
secrets are bound to the whole handshake. RFC 7627 §5.4 demands this of exporters and of tls-unique; where it does
not hold, the handshake has left nothing here to export.
"""

from __future__ import annotations

import hashlib
import warnings

from ._versions import Version
from ._wire import Established

_EXPORTER_LABEL = b"EXPORTER-Channel-Binding"
_EXPORTER_LENGTH = 32


def export(established: Established, label: bytes, context: bytes | None, length: int) -> bytes:
    """Keying material for an application."""
    if established.exporter is None:
        raise ValueError(
            "nothing can be exported: the server does not bind its secrets to the whole handshake "
            "(extended_master_secret, RFC 7627)"
        )
    return established.exporter.export(label, context, length)


def channel_binding(established: Established, kind: str) -> bytes:
    """One of the registered channel bindings."""
    if kind == "tls-exporter":
        # RFC 9266 §2: a label of its own, an empty context, 32 bytes.
        return export(established, _EXPORTER_LABEL, b"", _EXPORTER_LENGTH)
    if kind == "tls-server-end-point":
        return _server_end_point(established.peer.chain[0])
    if kind == "tls-unique":
        return _unique(established)
    raise ValueError(
        f"there is no channel binding {kind!r}; there are tls-exporter, tls-server-end-point and tls-unique"
    )


def _unique(established: Established) -> bytes:
    if established.version >= Version.TLS13:
        # RFC 9846 §C.5 [8446 §C.5]: "the channel bindings described in [RFC5929] are not defined for TLS 1.3";
        # RFC 9266 §1 puts tls-exporter in the place of this one.
        raise ValueError("tls-unique does not exist in TLS 1.3; tls-exporter does")
    if established.tls_unique is None:
        raise ValueError(
            "tls-unique does not identify a connection without extended_master_secret (RFC 7627)"
        )
    return established.tls_unique


def _server_end_point(certificate: bytes) -> bytes:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed = x509.load_der_x509_certificate(certificate)
    try:
        algorithm = parsed.signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    if algorithm is None:
        raise ValueError(
            "tls-server-end-point is not defined for a certificate signed without a hash of its own"
        )
    # RFC 5929 §4.1: "if the certificate's signatureAlgorithm uses a single hash function, and that hash function
    # is either MD5 [RFC1321] or SHA-1 [RFC3174], then use SHA-256 [FIPS-180-3]".
    name = "sha256" if algorithm.name in ("md5", "sha1") else algorithm.name
    return hashlib.new(name, certificate).digest()
