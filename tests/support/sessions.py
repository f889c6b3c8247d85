"""Sessions to resume, made without a handshake."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from trio_secure._identity import Claim, VerifiedPeer
from trio_secure._names import ServerName
from trio_secure._sessions import KnownPeer, Session12, Session13
from trio_secure._signatures import SCHEMES_BY_NAME
from trio_secure._suites import SUITES_BY_NAME
from trio_secure._versions import Version

#: When every session here was made, by a clock that these tests set.
NOW = 1_700_000_000.0
NAME = ServerName("server.example", False)
PEER = VerifiedPeer(
    (b"leaf", b"intermediate"),
    SCHEMES_BY_NAME["ecdsa_secp256r1_sha256"],
    (b"leaf", b"intermediate", b"anchor"),
    "ca9.der",
    Claim(NAME),
)
KNOWN = KnownPeer.met(PEER, NOW)

_SESSION12 = Session12(
    suite=SUITES_BY_NAME["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],
    known=KNOWN,
    created=NOW,
    lifetime=3600,
    version=Version.TLS12,
    session_id=bytes(range(32)),
    ticket=b"",
    master_secret=bytes(range(48)),
    extended_master_secret=True,
)
_SESSION13 = Session13(
    suite=SUITES_BY_NAME["TLS_AES_128_GCM_SHA256"],
    known=KNOWN,
    created=NOW,
    lifetime=3600,
    ticket=b"ticket",
    psk=bytes(range(32)),
    age_add=0x12345678,
)


# What may be changed is any field, and the constructors check each; hence Any.
def session12(**changes: Any) -> Session12:
    """A session of TLS 1.2 that is fresh for an hour from `NOW`."""
    return replace(_SESSION12, **changes)


def session13(number: int = 0, **changes: Any) -> Session13:
    """A ticket of TLS 1.3, another one for each number, that is fresh for an hour from `NOW`."""
    own = {"ticket": b"ticket %d" % number, "psk": number.to_bytes(32, "big")}
    return replace(_SESSION13, **{**own, **changes})
