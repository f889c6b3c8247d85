"""The handshake of TLS 1.3, from the ServerHello on, in the order of RFC 9846 §2, Figure 1 [8446 §2]."""

from __future__ import annotations

from . import _extensions as ext
from ._errors import AlertDescription, PeerMisbehaved
from ._extensions import Where, check_answers, check_requests
from ._identity import CertificateLookup, HandshakeSignature, ProvenKey, prove_key, verify_peer
from ._keys13 import ApplicationSecrets, HandshakeSecrets
from ._messages import CertificateVerify, Finished, ServerHello
from ._messages13 import Certificate, CertificateRequest, EncryptedExtensions
from ._names import ServerName
from ._offer import Offer
from ._protection import Opener13, Sealer13
from ._versions import Version
from ._wire import Established, Wire

# RFC 9846 §4.5.2 [8446 §4.4.3]: what a server's CertificateVerify covers before the transcript.
_SIGNED_BY_SERVER = b" " * 64 + b"TLS 1.3, server CertificateVerify" + b"\x00"


async def handshake13(
    wire: Wire, offer: Offer, hello: ServerHello, name: ServerName | None, lookup: CertificateLookup
) -> Established:
    """Run the handshake that `hello` began."""
    # Key exchange: RFC 9846 §4.2 [8446 §4.1]
    suite, group, shared_secret = offer.agree(hello)
    wire.transcript.use(suite.hash)
    secrets = HandshakeSecrets.derive(suite, shared_secret, wire.transcript.digest())
    wire.read_with(Opener13(secrets.server))
    # RFC 9846 §E.4 [8446 §D.4]: "the client sends a dummy change_cipher_spec record immediately before its second
    # flight", which after a HelloRetryRequest was the second ClientHello.
    if offer.retry is None:
        await wire.send_change_cipher_spec()
    wire.write_with(Sealer13(secrets.client))

    # Server parameters: §4.4 [§4.3]
    parameters = await wire.expect(EncryptedExtensions)
    check_answers(parameters.extensions, Where.ENCRYPTED_EXTENSIONS, offer.offered, "EncryptedExtensions")
    protocol = offer.protocol(parameters.extensions)
    offer.check_server_name(parameters.extensions)
    first = await wire.expect(CertificateRequest, Certificate)
    request = first if isinstance(first, CertificateRequest) else None
    if request is not None:
        _check_request(request)
    certificate = await wire.expect(Certificate) if isinstance(first, CertificateRequest) else first

    # Authentication: §4.5 [§4.4]. First the proof that the peer holds the key, then the slow look at whose it is.
    chain = _chain(certificate, offer)
    proven = await _prove(wire, offer, chain)
    peer = await verify_peer(proven, name, lookup)
    covered = wire.transcript.digest()
    finished = await wire.expect(Finished)
    secrets.server.check_finished(finished.verify_data, covered)
    application = ApplicationSecrets.derive(secrets, wire.transcript.digest())
    wire.read_with(Opener13(application.server))

    # The client's turn, and the keys for what follows: §4.5, §7.1 [§4.4, §7.1]
    if request is not None:
        await wire.send(Certificate(request.context, ()))
    await wire.send(Finished(secrets.client.finished(wire.transcript.digest())))
    await wire.flush()
    wire.write_with(Sealer13(application.client))
    return Established(
        version=Version.TLS13,
        suite=suite,
        group=group,
        peer=peer,
        alpn=protocol,
        # TLS 1.3 binds its secrets to the whole handshake, which is what the extension brought to TLS 1.2.
        extended_master_secret=True,
        secrets=application,
    )


def _check_request(request: CertificateRequest) -> None:
    check_requests(request.extensions, Where.CERTIFICATE_REQUEST, "CertificateRequest")
    # RFC 9846 §4.4.2 [8446 §4.3.2]: the context "SHALL be zero length unless used for the post-handshake
    # authentication exchanges".
    if request.context:
        raise PeerMisbehaved(AlertDescription.ILLEGAL_PARAMETER, "the CertificateRequest has a context")
    # "The 'signature_algorithms' extension MUST be specified".
    if ext.SIGNATURE_ALGORITHMS not in request.extensions:
        raise PeerMisbehaved(
            AlertDescription.MISSING_EXTENSION, "the CertificateRequest has no signature_algorithms"
        )


def _chain(message: Certificate, offer: Offer) -> list[bytes]:
    # RFC 9846 §4.5.1 [8446 §4.4.2]: "In the case of server authentication, this field SHALL be zero length."
    if message.context:
        raise PeerMisbehaved(AlertDescription.ILLEGAL_PARAMETER, "the server's Certificate has a context")
    # RFC 9846 §4.5.1.3 [8446 §4.4.2.4]: "If the server supplies an empty Certificate message, the client MUST
    # abort the handshake with a 'decode_error' alert."
    if not message.certificate_list:
        raise PeerMisbehaved(AlertDescription.DECODE_ERROR, "the server's Certificate is empty")
    for entry in message.certificate_list:
        check_answers(entry.extensions, Where.CERTIFICATE, offer.offered, "Certificate")
    return [entry.cert_data for entry in message.certificate_list]


async def _prove(wire: Wire, offer: Offer, chain: list[bytes]) -> ProvenKey:
    covered = _SIGNED_BY_SERVER + wire.transcript.digest()
    verify = await wire.expect(CertificateVerify)
    proof = HandshakeSignature(verify.algorithm, verify.signature, covered, Version.TLS13)
    return prove_key(chain, proof, offer.config.scheme_rows)
