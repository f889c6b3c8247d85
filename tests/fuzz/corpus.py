"""What honest servers say: the messages and records of every flow, and certificates with every kind of key.

Theory of operation: the flows of the scripted server are run once, over memory streams, and what it said is
kept. All that is mutated begins here.
"""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable
from functools import cache
from typing import NamedTuple, TypeVar

import trio
from trio.testing import MockClock

from support import ocsp
from support.authority import CLIENT_AUTH, SERVER_AUTH, Authority, KeyKind, Leaf
from support.pss import pss_leaf
from support.scripted_flows import FLOWS
from trio_secure import LegacyTLSWarning

T = TypeVar("T")

KINDS: tuple[KeyKind, ...] = (
    "p256",
    "p384",
    "p521",
    "secp256k1",
    "rsa1024",
    "rsa2048",
    "ed25519",
    "ed448",
    "dsa",
    "mldsa44",
    "mldsa65",
    "mldsa87",
)
NAME = "server.test"
# Nothing here takes longer, on a clock that jumps over every wait.
_PATIENCE = 60


def run(function: Callable[..., Awaitable[T]], *arguments: object) -> T:
    """Run an async function under a clock that does not wait; one that waits for nothing is an error."""

    async def main() -> T:
        with trio.fail_after(_PATIENCE):
            return await function(*arguments)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LegacyTLSWarning)
        return trio.run(main, clock=MockClock(autojump_threshold=0))


class Said(NamedTuple):
    """A message that an honest server says in some flow."""

    name: str
    type: int
    body: bytes


@cache
def messages() -> tuple[Said, ...]:
    """Every message of every flow, once."""
    found: dict[Said, None] = {}
    for flow in FLOWS:
        for name, said in run(flow.run).server.said.items():
            found[Said(name, said.type, said.body)] = None
    return tuple(found)


@cache
def root() -> Authority:
    """An authority for certificates that are to be verified."""
    return Authority.make(name="Fuzzed Root")


@cache
def leaf(kind: KeyKind | None = "p256") -> Leaf:
    """A server's certificate with a key of this kind and an intermediate above it; None is RSASSA-PSS."""
    if kind is None:
        return pss_leaf(root(), NAME)
    return root().issue(NAME, "192.0.2.1", key=kind, eku=(*SERVER_AUTH, *CLIENT_AUTH), intermediate=True)


@cache
def certificates() -> tuple[bytes, ...]:
    """Certificates with every kind of key, in DER."""
    leaves = [leaf(kind) for kind in (*KINDS, None)]
    return tuple(der for each in leaves for der in each.chain_ders)


@cache
def pool() -> tuple[bytes, ...]:
    """Pieces of everything."""
    return tuple({*(said.body for said in messages()), *certificates(), ocsp.good(leaf("p256"), root())})
