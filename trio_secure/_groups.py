"""The key-exchange groups: one row each, holding how a share is made and what the peer's must look like.

Theory of operation
-------------------
`NamedGroup.fresh` makes a share that is used once. Its `agree` takes the peer's share, whose length the row
knows, and gives the shared secret; whatever is no share of the group (a point off the curve, an all-zero result, a
number out of range) leaves here as illegal_parameter:

    RFC 9846 §7.4.2 [8446 §7.4.2]: "For X25519 and X448 [...] implementations MUST check whether the computed
    Diffie-Hellman shared secret is the all-zero value and abort if so"

    RFC 9846 §4.3.8.2 [8446 §4.2.8.2]: "peers MUST validate each other's public value Q by ensuring that the
    point is a valid point on the elliptic curve."

    RFC 8422 §5.11 demands both of ECDHE below TLS 1.3.

    RFC 9846 §4.3.8.1 [8446 §4.2.8.1]: "Peers MUST validate each other's public key Y by ensuring that 1 < Y <
    p-1."

RFC 9846 forbids using a share on two connections; nothing here keeps one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey, X448PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from ._backend import supports
from ._errors import AlertDescription, PeerMisbehaved
from ._frozen import frozen
from ._suites import KeyExchange
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


@frozen(eq=False)
class NamedGroup:
    """One row of the table.

    Attributes:
        peer_share: bytes in the share the server answers with.
        since: the first version that can use the group.
        by_default: whether it is offered to a user who names no groups.
        key_exchange: the suites below TLS 1.3 that the group is for. In those of ECDHE the server names it; in
            those of DHE it writes out its prime (RFC 7919).
    """

    code: int
    name: str
    peer_share: int
    fresh: Callable[[], Exchange]
    since: Version = Version.TLS10
    by_default: bool = True
    key_exchange: KeyExchange = KeyExchange.ECDHE

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


@frozen
class _Half:
    """A half that is nothing more than its two uses."""

    public: bytes
    agree: Callable[[bytes], bytes]


def _x25519() -> Exchange:
    """RFC 7748 §6.1; `cryptography` raises ValueError for a secret of zeros."""
    private = X25519PrivateKey.generate()
    return _Half(
        private.public_key().public_bytes_raw(),
        lambda share: private.exchange(X25519PublicKey.from_public_bytes(share)),
    )


def _x448() -> Exchange:
    """RFC 7748 §6.2; likewise."""
    private = X448PrivateKey.generate()
    return _Half(
        private.public_key().public_bytes_raw(),
        lambda share: private.exchange(X448PublicKey.from_public_bytes(share)),
    )


def _curve(curve: ec.EllipticCurve) -> Exchange:
    """A NIST curve, in uncompressed points (RFC 8422 §5.4: no other format is left)."""
    private = ec.generate_private_key(curve)

    def agree(share: bytes) -> bytes:
        # The length check of the row leaves only one way to encode the point, but for the first byte.
        if share[0] != 0x04:
            raise ValueError("the point is not in uncompressed form")
        return private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(curve, share))

    # Not by `public_bytes`: what names its formats reads SSH keys as well, and takes long to import.
    numbers, size = private.public_key().public_numbers(), (curve.key_size + 7) // 8
    return _Half(b"\x04" + numbers.x.to_bytes(size, "big") + numbers.y.to_bytes(size, "big"), agree)


_secp256r1 = functools.partial(_curve, ec.SECP256R1())
_secp384r1 = functools.partial(_curve, ec.SECP384R1())
_secp521r1 = functools.partial(_curve, ec.SECP521R1())


def _ffdhe(name: str) -> Exchange:
    from ._finite_field import FiniteField  # nobody offers these groups who is not asked to

    return FiniteField.named(name).fresh()


class _Hybrid:
    """ML-KEM-768 and an elliptic curve side by side (draft-ietf-tls-ecdhe-mlkem).

    Shares and secrets are each the one behind the other: ML-KEM comes first beside X25519, and last beside P-256.
    """

    __slots__ = ("_classical", "_kem", "_kem_first")

    _CIPHERTEXT = 1088

    def __init__(self, classical: Exchange, *, kem_first: bool) -> None:
        self._kem = MLKEM768PrivateKey.generate()
        self._kem_first = kem_first
        self._classical = classical

    def _join(self, kem: bytes, classical: bytes) -> bytes:
        return kem + classical if self._kem_first else classical + kem

    @property
    def public(self) -> bytes:
        return self._join(self._kem.public_key().public_bytes_raw(), self._classical.public)

    def agree(self, share: bytes, /) -> bytes:
        if self._kem_first:
            ciphertext, classical = share[: self._CIPHERTEXT], share[self._CIPHERTEXT :]
        else:
            classical, ciphertext = share[: -self._CIPHERTEXT], share[-self._CIPHERTEXT :]
        return self._join(self._kem.decapsulate(ciphertext), self._classical.agree(classical))


def _x25519_mlkem768() -> Exchange:
    return _Hybrid(_x25519(), kem_first=True)


def _secp256r1_mlkem768() -> Exchange:
    return _Hybrid(_secp256r1(), kem_first=False)


_13, _DHE = Version.TLS13, KeyExchange.DHE

# In order of preference. A test walks the table and wants a vector or a second opinion for each row.
_ROWS = (
    NamedGroup(0x11EC, "X25519MLKEM768", 1088 + 32, _x25519_mlkem768, _13),
    NamedGroup(0x001D, "x25519", 32, _x25519),
    NamedGroup(0x0017, "secp256r1", 65, _secp256r1),
    NamedGroup(0x0018, "secp384r1", 97, _secp384r1),
    NamedGroup(0x0019, "secp521r1", 133, _secp521r1),
    NamedGroup(0x11EB, "SecP256r1MLKEM768", 65 + 1088, _secp256r1_mlkem768, _13, by_default=False),
    NamedGroup(0x001E, "x448", 56, _x448, by_default=False),
    NamedGroup(0x0100, "ffdhe2048", 256, lambda: _ffdhe("ffdhe2048"), by_default=False, key_exchange=_DHE),
    NamedGroup(0x0101, "ffdhe3072", 384, lambda: _ffdhe("ffdhe3072"), by_default=False, key_exchange=_DHE),
)

# X448 and ML-KEM are not in every build of `cryptography`: a public key to load, and the groups it speaks for.
_PROBES = (
    (X448PublicKey.from_public_bytes, 56, {"x448"}),
    (MLKEM768PublicKey.from_public_bytes, 1184, {"X25519MLKEM768", "SecP256r1MLKEM768"}),
)
_MISSING = {name for load, length, names in _PROBES if not supports(load, length) for name in names}

NAMED_GROUPS: tuple[NamedGroup, ...] = tuple(row for row in _ROWS if row.name not in _MISSING)

GROUPS_BY_CODE = {group.code: group for group in NAMED_GROUPS}
GROUPS_BY_NAME = {group.name.lower(): group for group in NAMED_GROUPS}


def fresh_shares(groups: Iterable[NamedGroup]) -> dict[NamedGroup, Exchange]:
    """Shares for one ClientHello.

    RFC 9846 §4.3.8 [8446 §4.2.8]: "The key_exchange values for each KeyShareEntry MUST be generated
    independently", so a hybrid share and one of the curve in it have no half in common.
    """
    return {group: group.fresh() for group in groups}
