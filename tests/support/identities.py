"""Client certificates for the tests, and what servers ask of them.

Theory of operation: one authority and one leaf per kind of key are made when they are first asked for, and shared.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from support.authority import CLIENT_AUTH, Authority, KeyKind, Leaf
from support.der import element
from trio_secure._client_identity import ClientIdentity, LoadedIdentity
from trio_secure._codec import vector8, vector16

#: A self-signed certificate and its key, both for RSASSA-PSS alone, as `openssl req -newkey rsa-pss` makes them.
RSA_PSS_PEM = (Path(__file__).parents[1] / "secure" / "vectors" / "rsa_pss_client.pem").read_bytes()

# KeyUsage and ExtendedKeyUsage (RFC 5280 §4.2.1.3, §4.2.1.12).
KEY_USAGE = element(0x06, bytes.fromhex("551d0f"))
EXTENDED_KEY_USAGE = element(0x06, bytes.fromhex("551d25"))
PURPOSES = {"serverAuth": "2b06010505070301", "clientAuth": "2b06010505070302", "any": "551d2500"}


def authority(name: str = "Client CA") -> Authority:
    """The root of this name that issues client certificates."""
    return _authority(name)


@cache  # on positional arguments: a call with a keyword, or without a default, would be another one
def _authority(name: str) -> Authority:
    return Authority.make(name=name)


def client(kind: KeyKind = "p256", *, intermediate: bool = False, ca: str = "Client CA") -> Leaf:
    """A client's certificate by the root of this name."""
    return _client(kind, intermediate, ca)


@cache
def _client(kind: KeyKind, intermediate: bool, ca: str) -> Leaf:
    return authority(ca).issue(
        common=f"client with {kind}", key=kind, eku=CLIENT_AUTH, intermediate=intermediate
    )


def load(leaf: Leaf) -> LoadedIdentity:
    """The identity of a leaf, its intermediates and its key."""
    return ClientIdentity.load(leaf.chain_pem, leaf.key_pem)


def identity(kind: KeyKind = "p256", *, intermediate: bool = False, ca: str = "Client CA") -> LoadedIdentity:
    """The identity of `client`."""
    return _identity(kind, intermediate, ca)


@cache
def _identity(kind: KeyKind, intermediate: bool, ca: str) -> LoadedIdentity:
    return load(client(kind, intermediate=intermediate, ca=ca))


def oid_filters(*filters: tuple[bytes, bytes]) -> bytes:
    """The body of an oid_filters extension (RFC 9846 §4.3.5 [8446 §4.2.5]), from OIDs and values in DER."""
    return vector16(b"".join(vector8(oid) + vector16(value) for oid, value in filters))


def key_usages(*bits: int) -> bytes:
    """The value of a KeyUsage extension."""
    number = sum(1 << (15 - bit) for bit in bits)
    octets = number.to_bytes(2, "big").rstrip(b"\0")
    unused = 7 - max(bits) % 8 if bits else 0
    return element(0x03, bytes([unused]), octets)


def purposes(*names: str) -> bytes:
    """The value of an ExtendedKeyUsage extension."""
    return element(0x30, *(element(0x06, bytes.fromhex(PURPOSES[name])) for name in names))
