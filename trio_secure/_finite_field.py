"""Diffie-Hellman over finite fields: the groups that have names, and the parameters a server makes up.

Theory of operation
-------------------
A `FiniteField` is a prime and a generator. `fresh` makes our half of an exchange, used once; the shares and
secrets it gives are as long as the prime. In TLS 1.3 the field is a row of the table of groups. Below, the server
sends prime, generator and share as it likes: `DheParams`, which are checked before they are used.

The named groups (RFC 7919, and RFC 3526, which older servers use) are safe primes made by one rule. In them
`cryptography` computes. In a group of a server's own it would first prove, anew for every handshake, that the
prime is a safe one; that takes half a second for 2048 bits and seven for 4096, in which nothing else in the
process runs, and it refuses sound groups of another make. There the integers of Python compute: not in constant
time, but with an exponent that is used in one handshake and then forgotten.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Collection
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import dh

from ._backend import quiet
from ._errors import AlertDescription, PeerIncompatible, PeerMisbehaved
from ._frozen import frozen

# `cryptography` would rather have nobody use them, and says so to whoever names them.
with quiet():
    _DHParameterNumbers, _DHPublicNumbers = dh.DHParameterNumbers, dh.DHPublicNumbers

# RFC 9846 §E.5 [8446 §D.5]: "Ciphers with a strength less than 112 bits MUST NOT be offered or negotiated for any
# version of TLS for any reason." A prime of 2048 bits has just that.
_MIN_BITS = 2048
# The largest prime with a name. What is larger would hold up everything else in the process.
_MAX_BITS = 8192
# RFC 7919 §5.2 has exponents of twice the security strength, 400 bits at most, for its safe primes. In another
# group small factors of p - 1 may give a part of the exponent away, and there has to be enough left.
_EXPONENT_BITS = 512


def _e(bits: int) -> int:
    """Euler's number, as an integer with `bits` bits after the point."""
    guard = bits.bit_length() + 8
    total = term = 1 << bits + guard
    n = 1
    while term:
        term //= n
        total += term
        n += 1
    return total >> guard


def _pi(bits: int) -> int:
    """Pi, likewise (Machin: 16 arctan(1/5) - 4 arctan(1/239))."""
    guard = bits.bit_length() + 8

    def arctan_of_inverse(x: int) -> int:
        total = term = (1 << bits + guard) // x
        n = 1
        while term:
            term //= -x * x
            n += 2
            total += term // n
        return total

    return 16 * arctan_of_inverse(5) - 4 * arctan_of_inverse(239) >> guard


class _Name(NamedTuple):
    """A named group: p = 2^b - 2^(b-64) + (floor(2^(b-130) c) + offset) 2^64 - 1, and g = 2."""

    name: str
    bits: int
    offset: int


_BY_E = (
    _Name("ffdhe2048", 2048, 560316),
    _Name("ffdhe3072", 3072, 2625351),
    _Name("ffdhe4096", 4096, 5736041),
    _Name("ffdhe6144", 6144, 15705020),
    _Name("ffdhe8192", 8192, 10965728),
)
_BY_PI = (
    _Name("modp2048", 2048, 124476),
    _Name("modp3072", 3072, 1690314),
    _Name("modp4096", 4096, 240904),
    _Name("modp6144", 6144, 929484),
    _Name("modp8192", 8192, 4743158),
)
_GENERATOR = 2


@functools.cache  # they take milliseconds that most processes never need to spend
def _primes() -> dict[str, int]:
    primes: dict[str, int] = {}
    for rows, constant in ((_BY_E, _e(_MAX_BITS)), (_BY_PI, _pi(_MAX_BITS))):
        for name, bits, offset in rows:
            middle = (constant >> _MAX_BITS - (bits - 130)) + offset
            primes[name] = 2**bits - 2 ** (bits - 64) + middle * 2**64 - 1
    return primes


@functools.cache
def _names() -> dict[int, str]:
    return {prime: name for name, prime in _primes().items()}


class _NamedHalf:
    """Our half of an exchange in a named group."""

    __slots__ = ("_field", "_numbers", "_private")

    def __init__(self, field: FiniteField) -> None:
        self._field = field
        self._numbers = _DHParameterNumbers(field.p, field.g)
        self._private = self._numbers.parameters().generate_private_key()

    @property
    def public(self) -> bytes:
        return self._field.to_bytes(self._private.public_key().public_numbers().y)

    def agree(self, share: bytes, /) -> bytes:
        peer = _DHPublicNumbers(self._field.value(share), self._numbers).public_key()
        return self._private.exchange(peer)


class _OwnHalf:
    """Our half of an exchange in a group of the server's own."""

    __slots__ = ("_exponent", "_field")

    def __init__(self, field: FiniteField) -> None:
        self._field = field
        self._exponent = secrets.randbits(_EXPONENT_BITS) | 1 << _EXPONENT_BITS - 1

    @property
    def public(self) -> bytes:
        return self._field.to_bytes(pow(self._field.g, self._exponent, self._field.p))

    def agree(self, share: bytes, /) -> bytes:
        secret = pow(self._field.value(share), self._exponent, self._field.p)
        # Modulo a prime that takes a share of very small order; modulo another number it is easily arranged.
        if not 1 < secret < self._field.p - 1:
            raise ValueError("the secret is one that everybody knows")
        return self._field.to_bytes(secret)


@frozen
class FiniteField:
    """A group: the numbers modulo the prime `p`, and its generator `g`."""

    p: int
    g: int

    @classmethod
    def named(cls, name: str) -> FiniteField:
        """The group of this name, for example ffdhe2048."""
        return cls(_primes()[name], _GENERATOR)

    @property
    def name(self) -> str:
        """The name of the group, or for one that has none, "dhe" and its size in bits."""
        known = _names().get(self.p) if self.g == _GENERATOR else None
        return f"dhe{self.p.bit_length()}" if known is None else known

    def fresh(self) -> _NamedHalf | _OwnHalf:
        """A half of an exchange that has not been used before."""
        return _NamedHalf(self) if self.g == _GENERATOR and self.p in _names() else _OwnHalf(self)

    def to_bytes(self, value: int) -> bytes:
        """A number of the group as it is sent in TLS 1.3 and as it goes into its key schedule."""
        # RFC 9846 §4.3.8.1 [8446 §4.2.8.1]: "encoded as a big-endian integer and padded to the left with zeros to
        # the size of p in bytes"; RFC 9846 §7.4.1 [8446 §7.4.1] says the same of the secret.
        return value.to_bytes((self.p.bit_length() + 7) // 8, "big")

    def value(self, share: bytes) -> int:
        """The number that a peer sent; ValueError when it is no public key."""
        y = int.from_bytes(share, "big")
        # RFC 9846 §4.3.8.1 [8446 §4.2.8.1]: "Peers MUST validate each other's public key Y by ensuring that 1 < Y
        # < p-1." RFC 7919 §5.1 demands the same below TLS 1.3.
        if not 1 < y < self.p - 1:
            raise ValueError("the public value is out of range")
        return y


class DheAgreement(NamedTuple):
    """What comes of a server's parameters.

    Attributes:
        public: our public value, dh_Yc.
        premaster: the premaster secret.
    """

    public: bytes
    premaster: bytes


@frozen
class DheParams:
    """The parameters in a ServerKeyExchange (RFC 5246 §7.4.3): prime, generator, and the server's public value."""

    p: int
    g: int
    ys: int

    @property
    def name(self) -> str:
        """The name of the group, or "dhe" and its size in bits."""
        return FiniteField(self.p, self.g).name

    def check(self, offered: Collection[str] = ()) -> None:
        """Refuse parameters that are not to be used.

        Args:
            offered: the names of the finite-field groups in the ClientHello's supported_groups.
        """
        # RFC 7919 §3: "If none of the offered groups match, the server is not compatible with this document. The
        # client MAY decide to continue the connection if the selected group is acceptable under local policy, or
        # it MAY decide to terminate the connection with a fatal insufficient_security(71) alert." Here the groups
        # offered are the policy: whoever names some wants these.
        if offered and self.name not in offered:
            raise self._insufficient(
                f"uses the group {self.name} and not one of {', '.join(sorted(offered))}"
            )
        # RFC 7919 §3.1: clients "MUST do at least cursory checks on group size"; RFC 5246 §F.1.1.3 would have them
        # look at that and at the public value too.
        bits = self.p.bit_length()
        if not _MIN_BITS <= bits <= _MAX_BITS:
            raise self._insufficient(f"uses a prime of {bits} bits, not {_MIN_BITS} to {_MAX_BITS}")
        # RFC 5246 §7.2.2: illegal_parameter is "A field in the handshake was out of range".
        if self.p % 2 == 0:
            raise PeerMisbehaved(
                AlertDescription.ILLEGAL_PARAMETER, "the server's dh_p is even, so it is no prime"
            )
        if not 1 < self.g < self.p - 1:
            raise PeerMisbehaved(AlertDescription.ILLEGAL_PARAMETER, "the server's dh_g generates no group")
        # RFC 7919 §3: "the client MUST verify that dh_Ys is in the range 1 < dh_Ys < dh_p - 1. If dh_Ys is not in
        # this range, the client MUST terminate the connection with a fatal handshake_failure(40) alert."
        if not 1 < self.ys < self.p - 1:
            raise PeerMisbehaved(AlertDescription.HANDSHAKE_FAILURE, "the server's dh_Ys is out of range")

    def _insufficient(self, what: str) -> PeerIncompatible:
        return PeerIncompatible(AlertDescription.INSUFFICIENT_SECURITY, f"the server's key exchange {what}")

    def agree(self) -> DheAgreement:
        """A public value for the server, and the premaster secret; the parameters have been checked."""
        field = FiniteField(self.p, self.g)
        ours = field.fresh()
        try:
            secret = ours.agree(field.to_bytes(self.ys))
        except ValueError as error:
            raise PeerMisbehaved(
                AlertDescription.HANDSHAKE_FAILURE,
                f"the server's Diffie-Hellman parameters are no good: {error}",
            ) from error
        # dh_Yc need not be as long as dh_p, but there are servers that take it no shorter.
        # RFC 5246 §8.1.2: "Leading bytes of Z that contain all zero bits are stripped before it is used as the
        # pre_master_secret."
        return DheAgreement(ours.public, secret.lstrip(b"\0"))
