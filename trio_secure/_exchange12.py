"""How TLS 1.2 and below agree on a premaster secret (RFC 5246 §7.4.3, §7.4.7; RFC 8422 §5.4, §5.7).

Theory of operation
-------------------
Where the server sends a share, it signs it together with both random values: the signature is checked first, under
the key of its certificate, and the share is used only when the certificate has been accepted. With RSA key
transport the client chooses the secret and encrypts it to the server's key: nothing is signed, and the server's
Finished is its proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ._codec import vector8, vector16
from ._errors import AlertDescription, PeerMisbehaved
from ._finite_field import DheParams
from ._frozen import frozen
from ._groups import GROUPS_BY_CODE, NamedGroup
from ._identity import HandshakeSignature, ProvenKey, leaf_key, prove_key, transport_key
from ._key_transport import transport_secret
from ._messages import ServerHello
from ._messages12 import (
    ServerKeyExchange,
    ServerKeyExchangeDHE,
    ServerKeyExchangeDHE11,
    ServerKeyExchangeECDHE,
    ServerKeyExchangeECDHE11,
)
from ._offer import Offer
from ._suites import CipherSuite, KeyExchange
from ._versions import Version


@frozen
class Hellos:
    """The two hellos, and what they settle between them."""

    offer: Offer
    answer: ServerHello
    version: Version
    suite: CipherSuite

    @property
    def randoms(self) -> tuple[bytes, bytes]:
        """The client's random value and the server's."""
        return self.offer.hello.random, self.answer.random


class Agreement(NamedTuple):
    """What a key exchange gives.

    Attributes:
        premaster: the premaster secret.
        exchange_keys: the body of the ClientKeyExchange.
        group: the name of the group, if there is one.
    """

    premaster: bytes
    exchange_keys: bytes
    group: str | None


def exchange_kind(hellos: Hellos) -> type[ServerKeyExchange] | None:
    """The ServerKeyExchange that the suite calls for, if it calls for one."""
    named = hellos.version >= Version.TLS12
    if hellos.suite.key_exchange is KeyExchange.ECDHE:
        return ServerKeyExchangeECDHE if named else ServerKeyExchangeECDHE11
    if hellos.suite.key_exchange is KeyExchange.DHE:
        return ServerKeyExchangeDHE if named else ServerKeyExchangeDHE11
    return None


def prove(exchange: ServerKeyExchange | None, chain: Sequence[bytes], hellos: Hellos) -> ProvenKey:
    """The server's key, proven as far as it can be before the Finished; what is out of bounds is refused.

    A curve is among those offered or not, whoever says so. Parameters that a server makes up are looked at once it
    is the server that has: RFC 7919 §3: "validate the signature over the ServerDHParams. If not valid, terminate
    the connection. If the signature over ServerDHParams is valid, compare the selected dh_p and dh_g".
    """
    if exchange is None:
        return transport_key(chain)
    _check_curve(chain, hellos.offer)
    if isinstance(exchange, ServerKeyExchangeECDHE):
        _group(exchange, hellos.offer)
    # RFC 5246 §7.4.3: the signature is over client_random + server_random + params.
    covered = b"".join(hellos.randoms) + exchange.params
    proof = HandshakeSignature(
        exchange.algorithm, exchange.signature, covered, hellos.version, hellos.suite.authentication
    )
    proven = prove_key(chain, proof, hellos.offer.config.scheme_rows)
    if isinstance(exchange, ServerKeyExchangeDHE):
        _params(exchange, hellos.offer)
    return proven


def _check_curve(chain: Sequence[bytes], offer: Offer) -> None:
    # RFC 8422 §5.3: the public key of an ECDSA certificate "MUST respect the client's choice of elliptic curves".
    curve = leaf_key(chain[0]).curve
    if curve is not None and all(group.name != curve for group in offer.config.group_rows):
        raise PeerMisbehaved(
            AlertDescription.ILLEGAL_PARAMETER, f"the server's key is on {curve}, which was not offered"
        )


def agree(exchange: ServerKeyExchange | None, chain: Sequence[bytes], hellos: Hellos) -> Agreement:
    """The premaster secret, and what the server needs to have it too."""
    if isinstance(exchange, ServerKeyExchangeECDHE):
        group = _group(exchange, hellos.offer)
        ours = group.fresh()
        premaster = group.agree(ours, exchange.point)
        return Agreement(premaster, vector8(ours.public), group.name)
    if isinstance(exchange, ServerKeyExchangeDHE):
        params = _params(exchange, hellos.offer)
        public, premaster = params.agree()
        return Agreement(premaster, vector16(public), params.name)
    offered = Version(hellos.offer.hello.legacy_version)
    premaster, encrypted = transport_secret(leaf_key(chain[0]), offered)
    return Agreement(premaster, vector16(encrypted), None)


def _params(exchange: ServerKeyExchangeDHE, offer: Offer) -> DheParams:
    params = DheParams(*(int.from_bytes(n, "big") for n in (exchange.dh_p, exchange.dh_g, exchange.dh_ys)))
    named = [group.name for group in offer.config.group_rows if group.key_exchange is KeyExchange.DHE]
    params.check(named)
    return params


def _group(exchange: ServerKeyExchangeECDHE, offer: Offer) -> NamedGroup:
    group = GROUPS_BY_CODE.get(exchange.named_curve)
    # RFC 8422 §5.4: the curve is one of those in the client's list.
    if (
        group is None
        or group not in offer.config.group_rows
        or group.since > Version.TLS12
        or group.key_exchange is not KeyExchange.ECDHE
    ):
        raise PeerMisbehaved(
            AlertDescription.ILLEGAL_PARAMETER,
            f"the server exchanges keys in group 0x{exchange.named_curve:04x}, which was not offered",
        )
    return group
