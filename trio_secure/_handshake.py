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
from ._errors import AlertDescription, PeerIncompatible, PeerMisbehaved
from ._handshake13 import handshake13
from ._identity import CertificateLookup
from ._messages import HelloRetryRequest, ServerHello
from ._names import ServerName
from ._offer import Offer
from ._protection import Epoch, PlainSealer, Sealer
from ._protection13 import Sealer13
from ._sessions import Session
from ._versions import Version
from ._wire import Established, Wire


async def client_handshake(
    wire: Wire,
    config: TLSConfig,
    name: ServerName | None,
    lookup: CertificateLookup,
    session: Session | None = None,
    early_data: bytes = b"",
) -> Established:
    """Run a client's handshake over `wire` (RFC 9846 §2 [8446 §2]; RFC 5246 §7.3).

    Args:
        wire: the way to the server.
        config: what the connection is asked to be.
        name: the server's name, for SNI and for the lookup.
        lookup: what decides whether the server's certificate is good for the name.
        session: an earlier session to offer for resumption.
        early_data: what to send along with the first message (RFC 9846 §2.3 [8446 §2.3]); the session allows it.
    """
    offer = Offer.fresh(config, name, session, early_data=bool(early_data))
    await wire.send(offer.hello)
    if offer.session is not None:
        wire.note("session", "offered")
    early = await _send_early_data(wire, offer, early_data)
    answer = await wire.expect(ServerHello, HelloRetryRequest)
    # To who offers only older versions, it is a ServerHello with an odd random value.
    if isinstance(answer, HelloRetryRequest) and config.highest >= Version.TLS13:
        offer, answer = await _retry(wire, offer, answer)
        early = None
    version = offer.version(answer)
    wire.settle(version)
    if version >= Version.TLS13:
        return await handshake13(wire, offer, answer, name, lookup, early)
    # RFC 9846 §E.3 [8446 §D.3]: "A client that attempts to send 0-RTT data MUST fail a connection if it receives a
    # ServerHello with TLS 1.2 or older."
    if offer.sent_early_data:
        raise PeerIncompatible(
            AlertDescription.PROTOCOL_VERSION,
            "the server no longer speaks TLS 1.3: connect without early data",
        )
    from ._handshake12 import handshake12  # with it come all messages, keys and ciphers of the older versions

    return await handshake12(wire, offer, answer, version, name, lookup)


async def _send_early_data(wire: Wire, offer: Offer, data: bytes) -> Sealer | None:
    """Send it if it is offered; what goes on sealing under its key, should the server take it.

    RFC 9846 §F.5 [8446 §E.5]: "TLS implementations MUST NOT enable 0-RTT (either sending or accepting) unless
    specifically requested by the application and MUST NOT automatically resend 0-RTT data if it is rejected by the
    server unless instructed by the application."
    """
    key = offer.key
    if key is None or not offer.early_data:
        return None
    suite = key.session.suite
    secret = key.secrets.client_early_traffic(suite, wire.transcript.preview(suite.hash))
    wire.log_secret("CLIENT_EARLY_TRAFFIC_SECRET", secret.secret)
    # RFC 9846 §E.4 [8446 §D.4]: "If offering early data, the record is placed immediately after the first
    # ClientHello."
    await wire.send_change_cipher_spec()
    sealer = Sealer13(secret)
    wire.write_with(sealer, Epoch.EARLY_DATA)
    await wire.send_early_data(data)
    wire.note("early data", f"sent, {len(data)} bytes")
    # A server that does not take it could not read an alert, nor a second ClientHello, under this key.
    wire.write_with(PlainSealer(Version.TLS12), Epoch.PLAINTEXT)
    return sealer


async def _retry(wire: Wire, offer: Offer, request: HelloRetryRequest) -> tuple[Offer, ServerHello]:
    """RFC 9846 §2.1 [8446 §2.1]; at most once, for the last line takes no second HelloRetryRequest."""
    version = offer.version(request)
    wire.settle(version)
    wire.transcript.use_after_retry(offer.suite(request, version).hash)
    if not offer.early_data:
        await wire.send_change_cipher_spec()
    offer = offer.retried(request, wire.transcript)
    await wire.send(offer.hello)
    answer = await wire.expect(ServerHello)
    # RFC 9846 §4.2.4 [8446 §4.1.4]: the version of the HelloRetryRequest "MUST be retained in the ServerHello, and
    # a client MUST abort the handshake with an 'illegal_parameter' alert if the value changes."
    if ext.SUPPORTED_VERSIONS not in answer.extensions:
        raise PeerMisbehaved(
            AlertDescription.ILLEGAL_PARAMETER, "the server changed its version after the HelloRetryRequest"
        )
    return offer, answer
