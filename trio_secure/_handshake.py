"""The handshake up to the version it settles on.

Theory of operation
-------------------
The handshake is straight-line code in the order of the RFC's message flow. It awaits only what it is handed: a
`Wire`, and a certificate lookup. Where it stands in the code is its state, and `expect` is the one place where a
message out of turn is refused. It does no I/O of its own and knows nothing of Trio, so the stream runs it as one
cancellable task, and tests run it over a list of messages.
"""

from __future__ import annotations

from . import _extensions as ext
from ._config import TLSConfig
from ._errors import AlertDescription, PeerMisbehaved
from ._handshake12 import handshake12
from ._handshake13 import handshake13
from ._identity import CertificateLookup
from ._messages import HelloRetryRequest, ServerHello
from ._names import ServerName
from ._offer import Offer
from ._versions import Version
from ._wire import Established, Wire


async def client_handshake(
    wire: Wire, config: TLSConfig, name: ServerName | None, lookup: CertificateLookup
) -> Established:
    """Run a client's handshake over `wire` (RFC 9846 §2 [8446 §2]; RFC 5246 §7.3)."""
    offer = Offer.fresh(config, name)
    await wire.send(offer.hello)
    answer = await wire.expect(ServerHello, HelloRetryRequest)
    if isinstance(answer, HelloRetryRequest):
        offer, answer = await _retry(wire, offer, answer)
    version = offer.version(answer)
    wire.settle(version)
    if version >= Version.TLS13:
        return await handshake13(wire, offer, answer, name, lookup)
    return await handshake12(wire, offer, answer, name, lookup)


async def _retry(wire: Wire, offer: Offer, request: HelloRetryRequest) -> tuple[Offer, ServerHello]:
    """RFC 9846 §2.1 [8446 §2.1]; at most once, for the last line takes no second HelloRetryRequest."""
    version = offer.version(request)
    wire.settle(version)
    wire.transcript.use_after_retry(offer.suite(request, version).hash)
    offer = offer.retried(request)
    await wire.send_change_cipher_spec()
    await wire.send(offer.hello)
    answer = await wire.expect(ServerHello)
    # RFC 9846 §4.2.4 [8446 §4.1.4]: the version of the HelloRetryRequest "MUST be retained in the ServerHello, and
    # a client MUST abort the handshake with an 'illegal_parameter' alert if the value changes."
    if ext.SUPPORTED_VERSIONS not in answer.extensions:
        raise PeerMisbehaved(
            AlertDescription.ILLEGAL_PARAMETER, "the server changed its version after the HelloRetryRequest"
        )
    return offer, answer
