"""The key-exchange groups: one row each, holding how a share is made and what the peer's must look like.

Theory of operation
-------------------
`NamedGroup.fresh` makes a share that is used once. Its `agree` takes the peer's share, whose length the row
knows, and gives the shared secret; whatever `cryptography` refuses (a point off the curve, an all-zero result, a
ciphertext of the wrong size) leaves here as illegal_parameter:

    RFC 9846 §7.4.2 [8446 §7.4.2]: "For X25519 and X448 [...] implementations MUST check whether the computed
    Diffie-Hellman shared secret is the all-zero value and abort if so"

    RFC 9846 §4.3.8.2 [8446 §4.2.8.2]: "Peers MUST validate each other's public value Q by ensuring that the
    point is a valid point on the elliptic curve."

RFC 9846 forbids using a share on two connections; nothing here keeps one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ._errors import AlertDescription, PeerMisbehaved
from ._versions import Version


class Exchange(Protocol):
    """Our half of a key exchange."""

    @property
    def public(self) -> bytes:
        """The share to send."""
        ...

    def agree(self, share: bytes, /) -> bytes:
        """The shared secret; ValueError when the peer's share is no good."""
        ...


@dataclass(frozen=True, slots=True)
class NamedGroup:
    """One row of the table.

    Attributes:
        peer_share: bytes in the share the server answers with.
        since: the first version that can use the group.
    """

    code: int
    name: str
    peer_share: int
    fresh: Callable[[], Exchange]
    since: Version = Version.TLS12

    def agree(self, ours: Exchange, share: bytes) -> bytes:
        """The secret shared with the peer that sent `share`."""
        if len(share) != self.peer_share:
            raise PeerMisbehaved(
                AlertDescription.ILLEGAL_PARAMETER,
                f"the server's {self.name} share has {len(share)} bytes instead of {self.peer_share}",
            )
        try:
            return ours.agree(share)
        except ValueError as error:
            raise PeerMisbehaved(
                AlertDescription.ILLEGAL_PARAMETER, f"the server's {self.name} share is not valid"
            ) from error


class _X25519:
    """RFC 7748."""

    __slots__ = ("_private",)

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()

    @property
    def public(self) -> bytes:
        return self._private.public_key().public_bytes_raw()

    def agree(self, share: bytes, /) -> bytes:
        return self._private.exchange(X25519PublicKey.from_public_bytes(share))


class _Curve:
    """A NIST curve, in uncompressed points (RFC 8422 §5.4.1: no other format is left)."""

    __slots__ = ("_curve", "_private")

    def __init__(self, curve: ec.EllipticCurve) -> None:
        self._curve = curve
        self._private = ec.generate_private_key(curve)

    @property
    def public(self) -> bytes:
        return self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def agree(self, share: bytes, /) -> bytes:
        # The length check of the row leaves only one way to encode the point, but for the first byte.
        if share[0] != 0x04:
            raise ValueError("the point is not in uncompressed form")
        peer = ec.EllipticCurvePublicKey.from_encoded_point(self._curve, share)
        return self._private.exchange(ec.ECDH(), peer)


class _X25519MLKEM768:
    """ML-KEM-768 and X25519 side by side, ML-KEM first (draft-ietf-tls-ecdhe-mlkem §4)."""

    __slots__ = ("_kem", "x25519")

    _CIPHERTEXT = 1088

    def __init__(self) -> None:
        self._kem = MLKEM768PrivateKey.generate()
        self.x25519 = _X25519()

    @property
    def public(self) -> bytes:
        return self._kem.public_key().public_bytes_raw() + self.x25519.public

    def agree(self, share: bytes, /) -> bytes:
        ciphertext, x25519 = share[: self._CIPHERTEXT], share[self._CIPHERTEXT :]
        return self._kem.decapsulate(ciphertext) + self.x25519.agree(x25519)


# In order of preference. A test walks the table and wants a vector or a second opinion for each row.
NAMED_GROUPS: tuple[NamedGroup, ...] = (
    NamedGroup(0x11EC, "X25519MLKEM768", 1088 + 32, _X25519MLKEM768, Version.TLS13),
    NamedGroup(0x001D, "x25519", 32, _X25519),
    NamedGroup(0x0017, "secp256r1", 65, lambda: _Curve(ec.SECP256R1())),
    NamedGroup(0x0018, "secp384r1", 97, lambda: _Curve(ec.SECP384R1())),
    NamedGroup(0x0019, "secp521r1", 133, lambda: _Curve(ec.SECP521R1())),
)


def fresh_shares(groups: Iterable[NamedGroup]) -> dict[NamedGroup, Exchange]:
    """Shares for one ClientHello.

    An x25519 share next to the hybrid one is the hybrid's own half: the server uses only one of the two, and
    no share is used on two connections.
    """
    shares: dict[NamedGroup, Exchange] = {}
    for group in groups:
        hybrid = next((share for share in shares.values() if isinstance(share, _X25519MLKEM768)), None)
        shares[group] = hybrid.x25519 if hybrid is not None and group.name == "x25519" else group.fresh()
    return shares


GROUPS_BY_CODE = {group.code: group for group in NAMED_GROUPS}
GROUPS_BY_NAME = {group.name.lower(): group for group in NAMED_GROUPS}
