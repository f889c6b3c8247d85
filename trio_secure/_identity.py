"""Who the peer is: first the proof that it holds the key, then the verdict on its certificate.

Theory of operation
-------------------
Two steps, in an order that their types enforce. `prove_key` checks a handshake signature under the key of
the leaf and gives a `ProvenKey`; only with one in hand can `verify_peer` await the certificate lookup,
which may read files or ask a remote store, and give the `VerifiedPeer` that a handshake cannot end without.
So nobody who lacks the key can make us look anything up.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Awaitable, Sequence
from typing import Protocol

from ._backend import quiet
from ._certificate_key import CertificateKey, KeyKind, read_key
from ._errors import AlertDescription, CertificateRefused, PeerMisbehaved
from ._frozen import frozen
from ._names import ServerName
from ._signatures import SCHEMES_BY_CODE, SignatureScheme, legacy_scheme
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


@frozen
class Claim:
    """What a server says it is, and what it shows for it.

    Attributes:
        name: the name it has to be good for; None when nothing is verified.
        ocsp_response: the OCSP response it stapled to its certificate, unread.
        scts: the signed certificate timestamps it sent, unread.
    """

    name: ServerName | None
    ocsp_response: bytes | None = None
    scts: tuple[bytes, ...] = ()


class CertificateLookup(Protocol):
    """Decides, perhaps after waiting, whether a chain bears a claim out."""

    def __call__(self, proven: ProvenKey, claim: Claim, /) -> Awaitable[Verdict]:
        """The verdict, or CertificateRefused."""
        ...


@frozen
class ProvenKey:
    """A chain as sent, whose leaf's key takes part in this very handshake.

    Attributes:
        scheme: how the key has signed the handshake; None with RSA key transport, where being able to read
            what was encrypted to the key is the proof, and the server's Finished shows it.
    """

    chain: tuple[bytes, ...]
    scheme: SignatureScheme | None


@frozen
class VerifiedPeer:
    """The peer, its key proven and its certificate accepted, now or in the handshake that is resumed."""

    chain: tuple[bytes, ...]
    scheme: SignatureScheme | None
    verified_chain: tuple[bytes, ...]
    anchor_resource: str | None
    claim: Claim = Claim(None)


@frozen
class HandshakeSignature:
    """A signature over the handshake as it arrived.

    Attributes:
        algorithm: the scheme's code; None below TLS 1.2, where the suite decides.
        data: what it should cover.
        suite: the kind of key that a suite below TLS 1.3 calls for.
    """

    algorithm: int | None
    signature: bytes
    data: bytes
    version: Version
    suite: Authentication | None = None


def prove_key(
    chain: Sequence[bytes], proof: HandshakeSignature, offered: Sequence[SignatureScheme]
) -> ProvenKey:
    """Check that whoever sent `chain` holds the key of its first certificate."""
    scheme = _named_scheme(proof, offered)
    # RFC 5246 §7.4.3: the scheme "MUST be compatible with the key in the server's end-entity certificate",
    # and that with the suite: RFC 8422 §2.2: for ECDHE_RSA it "MUST contain an RSA public key authorized for
    # signing".
    if proof.suite not in (None, scheme.authentication):
        raise PeerMisbehaved(
            AlertDescription.ILLEGAL_PARAMETER,
            f"the server signed with {scheme.name} under a suite for {proof.suite}",
        )
    scheme.verify(signing_key(chain), proof.signature, proof.data, proof.version)
    return ProvenKey(tuple(chain), scheme)


def signing_key(chain: Sequence[bytes]) -> CertificateKey:
    """The key of a chain's first certificate, which has to be one that may sign a handshake."""
    key = leaf_key(chain[0])
    # RFC 9846 §4.5.1.2 [8446 §4.4.2.2]: "If the certificate has a Key Usage extension, the digitalSignature
    # bit MUST be set"; RFC 5246 §7.4.2 says the same of every key exchange that signs.
    if not key.may_sign:
        raise PeerMisbehaved(
            AlertDescription.ILLEGAL_PARAMETER, "the server's certificate does not let its key sign"
        )
    return key


def _named_scheme(proof: HandshakeSignature, offered: Sequence[SignatureScheme]) -> SignatureScheme:
    if proof.algorithm is None and proof.suite is not None:
        return legacy_scheme(proof.suite)
    # RFC 9846 §4.5.2 [8446 §4.4.3]: "the signature algorithm MUST be one offered in the client's
    # 'signature_algorithms' extension"; RFC 5246 §7.4.3: it "MUST be a pair listed in that extension".
    for scheme in offered:
        if scheme.code == proof.algorithm and scheme.allows(proof.version):
            return scheme
    known = SCHEMES_BY_CODE.get(proof.algorithm or 0)
    name = known.name if known is not None else f"0x{proof.algorithm or 0:04x}"
    raise PeerMisbehaved(
        AlertDescription.ILLEGAL_PARAMETER, f"the server signed with scheme {name}, which was not offered"
    )


def transport_key(chain: Sequence[bytes]) -> ProvenKey:
    """The key to which a premaster secret is to be encrypted (RFC 5246 §7.4.7.1), before it has proven itself."""
    key = leaf_key(chain[0])
    # RFC 5246 §7.4.2: "RSA public key; the certificate MUST allow the key to be used for encryption (the
    # keyEncipherment bit MUST be set if the key usage extension is present)."
    if key.kind is not KeyKind.RSA or not key.may_encipher:
        raise PeerMisbehaved(
            AlertDescription.ILLEGAL_PARAMETER,
            "the server chose RSA key transport, and its certificate has no key to encrypt to",
        )
    return ProvenKey(tuple(chain), None)


async def verify_peer(proven: ProvenKey, claim: Claim, lookup: CertificateLookup) -> VerifiedPeer:
    """Await the verdict on a proven peer's certificate."""
    verdict = await lookup(proven, claim)
    # A lookup remembers certificates it has seen before, and what came again need not be kept once more.
    remembered = {der: der for der in verdict.chain}
    chain = tuple([remembered.get(der, der) for der in proven.chain])
    return VerifiedPeer(chain, proven.scheme, verdict.chain, verdict.resource, claim)


# Verifying with a larger key or exponent would hold up everything else for milliseconds; no CA issues them.
_MAX_RSA_BITS = 8192
_MAX_RSA_EXPONENT = 2**32


@functools.lru_cache(maxsize=16)  # a client meets the same few servers again and again
def leaf_key(certificate: bytes) -> CertificateKey:
    """The key in the server's certificate, in DER; CertificateRefused when there is none that can be used."""
    # Imported when the first handshake needs it: it costs more time than the whole rest of this package.
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        # `cryptography` warns of serial numbers that are not positive, for example.
        with quiet():
            key = read_key(x509.load_der_x509_certificate(certificate))
    except UnsupportedAlgorithm as error:
        raise CertificateRefused(
            AlertDescription.UNSUPPORTED_CERTIFICATE,
            f"the server's certificate has a key of an unknown kind: {error}",
        ) from error
    except (ValueError, x509.InvalidVersion) as error:
        raise CertificateRefused(
            AlertDescription.BAD_CERTIFICATE, f"the server's certificate is malformed: {error}"
        ) from error
    if key.bits > _MAX_RSA_BITS or key.exponent >= _MAX_RSA_EXPONENT:
        raise CertificateRefused(
            AlertDescription.BAD_CERTIFICATE,
            f"the server's RSA key of {key.bits} bits is too large to use",
        )
    return key


def first_expiry(chain: Sequence[bytes]) -> float:
    """When the first certificate of a verified chain expires, in seconds since the epoch; never without one.

    What a user's own trust gives as a chain may be anything; if it cannot be read, it has expired.
    """
    from cryptography import x509

    try:
        with quiet():
            certificates = [x509.load_der_x509_certificate(der) for der in chain]
    except ValueError:
        return 0.0
    return min((one.not_valid_after_utc.timestamp() for one in certificates), default=math.inf)
