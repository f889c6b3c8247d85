"""RSA key transport: the client chooses the premaster secret and encrypts it to the server's key.

Theory of operation
-------------------
Whoever has that key later can read the connection, so such suites are offered only when asked for. What the
server makes of a ciphertext must not show (Bleichenbacher's attack); that is the server's business, and the
client's is to say in the secret which version it offered:

    RFC 5246 §7.4.7.1: "Client implementations MUST always send the correct version number in PreMasterSecret."
"""

from __future__ import annotations

import os
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ._certificate_key import CertificateKey, KeyKind
from ._errors import AlertDescription, CertificateRefused, PeerIncompatible, PeerMisbehaved
from ._versions import Version

# Verification wants 2048 bits of a server's key. Where that is off, what can be factored is refused still.
_MIN_BITS = 1024
_RANDOM_BYTES = 46


class TransportedSecret(NamedTuple):
    """A premaster secret, on its way.

    Attributes:
        premaster: its 48 bytes.
        encrypted: what the server decrypts, without the length that ClientKeyExchange puts before it.
    """

    premaster: bytes
    encrypted: bytes


def transport_secret(key: CertificateKey, offered: Version) -> TransportedSecret:
    """A fresh premaster secret for the holder of `key`.

    Args:
        key: the key in the server's certificate.
        offered: what the ClientHello has in its legacy_version, whatever has been negotiated since.
    """
    # RFC 5246 §7.4.2: "The end entity certificate's public key (and associated restrictions) MUST be compatible
    # with the selected key exchange algorithm." An RSASSA-PSS key is for signatures only.
    if key.kind is not KeyKind.RSA or not isinstance(key.key, rsa.RSAPublicKey):
        raise PeerMisbehaved(
            AlertDescription.ILLEGAL_PARAMETER,
            "the server chose RSA key transport, and its certificate has no RSA key to encrypt to",
        )
    if key.bits < _MIN_BITS:
        raise PeerIncompatible(
            AlertDescription.INSUFFICIENT_SECURITY,
            f"the server's RSA key has {key.bits} bits, not {_MIN_BITS}",
        )
    # RFC 5246 §7.4.7.1: "The version number in the PreMasterSecret is the version offered by the client in the
    # ClientHello.client_version, not the version negotiated for the connection."
    premaster = offered.to_bytes(2, "big") + os.urandom(_RANDOM_BYTES)
    try:
        encrypted = key.key.encrypt(premaster, padding.PKCS1v15())
    except ValueError as error:
        raise CertificateRefused(
            AlertDescription.BAD_CERTIFICATE, "the server's certificate has an RSA key that encrypts nothing"
        ) from error
    return TransportedSecret(premaster, encrypted)
