"""Who the peer is: first the proof that it holds the key, then the verdict on its certificate.

Theory of operation
-------------------
Two steps, in an order that their types enforce. `prove_key` checks a handshake signature under the key of the
leaf and gives a `ProvenKey`; only with one in hand can `verify_peer` await the certificate lookup, which may read
files or ask a remote store, and give the `VerifiedPeer` that a handshake cannot end without. So nobody who lacks
the key can make us look anything up.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import rsa

from ._errors import AlertDescription, CertificateRefused, PeerMisbehaved
from ._names import ServerName
from ._signatures import SCHEMES_BY_CODE, SignatureScheme
from ._suites import Authentication
from ._versions import Version


class Verdict(Protocol):
    """What a lookup found: the verified path, and the resource that anchors it."""

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The path in DER, from the leaf to the anchor; empty when nothing was verified."""
        ...

    @property
    def resource(self) -> str | None:
        """The name of the store's resource that anchors the path, if one does."""
        ...


class CertificateLookup(Protocol):
    """Decides, perhaps after waiting, whether a chain speaks for a name."""

    def __call__(self, chain: Sequence[bytes], name: ServerName | None, /) -> Awaitable[Verdict]:
        """The verdict, or CertificateRefused."""
        ...


@dataclass(frozen=True, slots=True)
class ProvenKey:
    """A chain as sent, whose leaf's key has signed this very handshake."""

    chain: tuple[bytes, ...]
    scheme: SignatureScheme


@dataclass(frozen=True, slots=True)
class VerifiedPeer:
    """The peer, its key proven and its certificate accepted."""

    chain: tuple[bytes, ...]
    scheme: SignatureScheme
    verified_chain: tuple[bytes, ...]
    anchor_resource: str | None


@dataclass(frozen=True, slots=True)
class HandshakeSignature:
    """A signature over the handshake as it arrived.

    Attributes:
        algorithm: the scheme's code.
        data: what it should cover.
        suite: the kind of key a TLS 1.2 suite calls for; None in TLS 1.3.
    """

    algorithm: int
    signature: bytes
    data: bytes
    version: Version
    suite: Authentication | None = None


def prove_key(
    chain: Sequence[bytes], proof: HandshakeSignature, offered: Sequence[SignatureScheme]
) -> ProvenKey:
    """Check that whoever sent `chain` holds the key of its first certificate."""
    scheme = SCHEMES_BY_CODE.get(proof.algorithm)
    # RFC 9846 §4.5.2 [8446 §4.4.3]: "the signature algorithm MUST be one offered in the client's
    # 'signature_algorithms' extension"; RFC 5246 §7.4.3: it "MUST be a pair listed in that extension".
    if scheme is None or scheme not in offered or scheme.until < proof.version:
        raise PeerMisbehaved(
            AlertDescription.ILLEGAL_PARAMETER,
            f"the server signed with {scheme.name if scheme else hex(proof.algorithm)}, which was not offered",
        )
    # RFC 5246 §7.4.3: the scheme "MUST be compatible with the key in the server's end-entity certificate", and
    # that with the suite.
    if proof.suite not in (None, scheme.authentication):
        raise PeerMisbehaved(
            AlertDescription.ILLEGAL_PARAMETER,
            f"the server signed with {scheme.name} under a suite for {proof.suite}",
        )
    scheme.verify(_public_key(chain[0]), proof.signature, proof.data, proof.version)
    return ProvenKey(tuple(chain), scheme)


async def verify_peer(proven: ProvenKey, name: ServerName | None, lookup: CertificateLookup) -> VerifiedPeer:
    """Await the verdict on a proven peer's certificate."""
    verdict = await lookup(proven.chain, name)
    return VerifiedPeer(proven.chain, proven.scheme, verdict.chain, verdict.resource)


# Verifying with a larger key or exponent would hold up everything else for milliseconds; no CA issues them.
_MAX_RSA_BITS = 8192
_MAX_RSA_EXPONENT = 2**32


@functools.lru_cache(maxsize=16)  # a client meets the same few servers again and again
def _public_key(certificate: bytes) -> object:
    # Imported when the first handshake needs it: it costs more time than the whole rest of this package.
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.utils import CryptographyDeprecationWarning

    try:
        # `cryptography` warns of serial numbers that are not positive, which is not the caller's fault.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            key = x509.load_der_x509_certificate(certificate).public_key()
    except UnsupportedAlgorithm as error:
        raise CertificateRefused(
            AlertDescription.UNSUPPORTED_CERTIFICATE,
            f"the server's certificate has a key of an unknown kind: {error}",
        ) from error
    except (ValueError, x509.InvalidVersion) as error:
        raise CertificateRefused(
            AlertDescription.BAD_CERTIFICATE, f"the server's certificate is malformed: {error}"
        ) from error
    if isinstance(key, rsa.RSAPublicKey) and (
        key.key_size > _MAX_RSA_BITS or key.public_numbers().e >= _MAX_RSA_EXPONENT
    ):
        raise CertificateRefused(
            AlertDescription.BAD_CERTIFICATE,
            f"the server's RSA key of {key.key_size} bits is too large to use",
        )
    return key
