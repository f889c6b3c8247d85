"""The handshake of TLS 1.3, from the ServerHello on, in the order of RFC 9846 §2, Figure 1 [8446 §2]."""

from __future__ import annotations

from . import _extensions as ext
from ._answers import Answers, answers13
from ._config import TLSConfig
from ._errors import AlertDescription, PeerMisbehaved
from ._extensions import Extensions, Where, check_answers
from ._identity import (
    CertificateLookup,
    Claim,
    HandshakeSignature,
    ProvenKey,
    VerifiedPeer,
    prove_key,
    signing_key,
    verify_peer,
)
from ._keys13 import ApplicationSecrets, HandshakeSecrets, ResumptionSecret
from ._messages import CertificateVerify, Finished, ServerHello
from ._messages13 import (
    Certificate,
    CertificateRequest,
    CompressedCertificate,
    EncryptedExtensions,
    EndOfEarlyData,
)
from ._names import ServerName
from ._offer import Offer, OfferedKey
from ._protection import Epoch, Sealer
from ._protection13 import Opener13, Sealer13
from ._status import read_ocsp, read_scts
from ._suites import CipherSuite
from ._versions import Version
from ._wire import Established, Wire

# RFC 9846 §4.5.2 [8446 §4.4.3]: what a server's CertificateVerify covers before the transcript.
_SIGNED_BY_SERVER = b" " * 64 + b"TLS 1.3, server CertificateVerify" + b"\x00"


async def handshake13(
    wire: Wire,
    offer: Offer,
    hello: ServerHello,
    name: ServerName | None,
    lookup: CertificateLookup,
    early_sealer: Sealer | None = None,
) -> Established:
    """Run the handshake that `hello` began; `early_sealer` has sealed the early data sent with the ClientHello."""
    # Key exchange: RFC 9846 §4.2 [8446 §4.1]
    config = offer.config
    suite, group, shared_secret = offer.agree(hello)
    key = offer.accepted_key(hello, suite)
    if offer.session is not None:
        wire.note("session", "refused" if key is None else "resumed")
    early = key.secrets if key is not None else None
    wire.transcript.use(suite.hash)
    secrets = HandshakeSecrets.derive(suite, shared_secret, wire.transcript.digest(), early)
    # Who takes early data reads on with its key until EndOfEarlyData; who does not take the session takes none.
    early_sealer = early_sealer if key is not None else None
    await _change_keys(wire, offer, secrets, early_sealer)

    # Server parameters: §4.4 [§4.3]
    answers = await _server_parameters(wire, offer, secrets, early_sealer)
    if answers.early_data:
        _check_early_data(key, suite, answers)

    # Authentication: §4.5 [§4.4]. First the proof that the peer holds the key, then the slow look at whose it is.
    # A pre-shared key is a proof already, and whose it is was looked at when it was made.
    request = await wire.accept(CertificateRequest) if key is None else None
    if request is not None:
        _check_request(request)
    peer = await _authenticate(wire, offer, name, lookup) if key is None else key.session.known.peer
    covered = wire.transcript.digest()
    finished = await wire.expect(Finished)
    secrets.server.check_finished(finished.verify_data, covered)
    application = ApplicationSecrets.derive(secrets, wire.transcript.digest())
    for label, secret in application.key_log:
        wire.log_secret(label, secret)
    wire.read_with(Opener13(application.server), Epoch.APPLICATION)

    # The client's turn, and the keys for what follows: §4.5, §7.1 [§4.4, §7.1]
    if answers.early_data:
        await wire.send(EndOfEarlyData())
        wire.write_with(Sealer13(secrets.client), Epoch.HANDSHAKE)
    client_chain: tuple[bytes, ...] = ()
    if request is not None:
        from ._client_authentication import answer13  # few servers ask

        client_chain = (await answer13(wire, config.identities, request)).chain
    await wire.send(Finished(secrets.client.finished(wire.transcript.digest())))
    await wire.flush()
    wire.write_with(Sealer13(application.client), Epoch.APPLICATION)
    return Established(
        version=Version.TLS13,
        suite=suite,
        group=group.name,
        peer=peer,
        alpn=answers.alpn,
        limits=answers.limits,
        resumed=key.session if key is not None else None,
        secrets=application,
        exporter=application,
        resumption=_resumption(wire, config, secrets),
        transcript=wire.transcript.copy() if config.post_handshake_auth else None,
        early_data=answers.early_data if offer.sent_early_data else None,
        client_chain=client_chain,
    )


def _resumption(wire: Wire, config: TLSConfig, secrets: HandshakeSecrets) -> ResumptionSecret | None:
    """What tickets are made with, where they are kept."""
    if config.session_cache is None:
        return None
    return ResumptionSecret.derive(secrets, wire.transcript.digest())


async def _change_keys(
    wire: Wire, offer: Offer, secrets: HandshakeSecrets, early_sealer: Sealer | None
) -> None:
    """From plaintext to the handshake's keys, or for sending first to those of early data."""
    for label, secret in secrets.key_log:
        wire.log_secret(label, secret)
    wire.read_with(Opener13(secrets.server), Epoch.HANDSHAKE)
    # RFC 9846 §E.4 [8446 §D.4]: "the client sends a dummy change_cipher_spec record immediately before its second
    # flight", which after a HelloRetryRequest was the second ClientHello, and with early data is what follows it.
    if offer.retry is None and not offer.early_data:
        await wire.send_change_cipher_spec()
    if early_sealer is not None:
        wire.write_with(early_sealer, Epoch.EARLY_DATA)
    else:
        wire.write_with(Sealer13(secrets.client), Epoch.HANDSHAKE)


async def _server_parameters(
    wire: Wire, offer: Offer, secrets: HandshakeSecrets, early_sealer: Sealer | None
) -> Answers:
    message = await wire.expect(EncryptedExtensions)
    # RFC 9846 §A.1 [8446 §A.1]: clients that send alerts "SHOULD first rekey to the handshake keys if possible":
    # before anything can be found wrong, but not if the server reads early data.
    if early_sealer is not None and ext.EARLY_DATA not in message.extensions:
        wire.write_with(Sealer13(secrets.client), Epoch.HANDSHAKE)
    answers = answers13(message, offer)
    wire.limit(answers.limits)
    if offer.sent_early_data:
        wire.note("early data", "accepted" if answers.early_data else "rejected")
    return answers


def _check_early_data(key: OfferedKey | None, suite: CipherSuite, answers: Answers) -> None:
    """The server has taken data sent under what an earlier connection settled: it has to be settled again.

    RFC 9846 §4.3.10 [8446 §4.2.10]: the "associated values are those which were negotiated in the connection which
    established the PSK": version, suite and ALPN protocol.
    """
    if key is None or suite is not key.session.suite or answers.alpn != key.session.alpn:
        raise PeerMisbehaved(
            AlertDescription.ILLEGAL_PARAMETER,
            "the server accepted early data, but not the session it was sent under",
        )


def _check_request(request: CertificateRequest) -> None:
    # RFC 9846 §4.4.2 [8446 §4.3.2]: the context "SHALL be zero length unless used for the post-handshake
    # authentication exchanges".
    if request.context:
        raise PeerMisbehaved(AlertDescription.ILLEGAL_PARAMETER, "the CertificateRequest has a context")
    from ._client_authentication import wanted13

    # It is answered much later, but what is wrong with it is told at once.
    wanted13(request)


async def _authenticate(
    wire: Wire, offer: Offer, name: ServerName | None, lookup: CertificateLookup
) -> VerifiedPeer:
    algorithms = offer.config.compression_rows
    message = await (
        wire.expect(Certificate, CompressedCertificate) if algorithms else wire.expect(Certificate)
    )
    if isinstance(message, CompressedCertificate):
        message = message.decompress(algorithms)
    chain, claim = _chain(message, offer), _claim(message, name)
    # What is wrong with the certificate alone is told before anything more is waited for.
    signing_key(chain)
    proven = await _prove(wire, offer, chain)
    return await verify_peer(proven, claim, lookup)


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


def _claim(message: Certificate, name: ServerName | None) -> Claim:
    """What is stapled to the server's own certificate; what is stapled to others only has to parse."""
    claims = [_stapled(entry.extensions, name) for entry in message.certificate_list]
    return claims[0]


def _stapled(extensions: Extensions, name: ServerName | None) -> Claim:
    staple = extensions.get(ext.STATUS_REQUEST)
    scts = extensions.get(ext.SIGNED_CERTIFICATE_TIMESTAMP)
    return Claim(name, None if staple is None else read_ocsp(staple), () if scts is None else read_scts(scts))


async def _prove(wire: Wire, offer: Offer, chain: list[bytes]) -> ProvenKey:
    covered = _SIGNED_BY_SERVER + wire.transcript.digest()
    verify = await wire.expect(CertificateVerify)
    proof = HandshakeSignature(verify.algorithm, verify.signature, covered, Version.TLS13)
    return prove_key(chain, proof, offer.config.scheme_rows)
