"""The handshake of TLS 1.2 and below, from the ServerHello on, in the order of RFC 5246 §7.3, Figures 1 and 2."""

from __future__ import annotations

from dataclasses import replace

from ._answers import Answers, answers12
from ._client_authentication import Proof, prepare12, verify12
from ._errors import AlertDescription, PeerIncompatible, PeerMisbehaved
from ._exchange12 import Agreement, Hellos, agree, exchange_kind, prove
from ._identity import CertificateLookup, Claim, VerifiedPeer, verify_peer
from ._keys12 import MasterSecret, WriteKey
from ._keys13 import check_verify_data
from ._messages import Finished, ServerHello
from ._messages12 import (
    Certificate,
    CertificateRequest,
    CertificateRequest11,
    CertificateStatus,
    ClientKeyExchange,
    NewSessionTicket,
    ServerHelloDone,
)
from ._names import ServerName
from ._offer import Offer
from ._protection12 import opener, sealer
from ._resumption import check_resumed
from ._sessions import Session12
from ._versions import Version
from ._wire import Established, NewSession12, RecordLimits, Wire


async def handshake12(
    wire: Wire,
    offer: Offer,
    hello: ServerHello,
    version: Version,
    name: ServerName | None,
    lookup: CertificateLookup,
) -> Established:
    """Run the handshake that `hello` began."""
    suite = offer.suite(hello, version)
    # RFC 5246 §7.4.1.3: the method is chosen from the client's list, which holds null alone.
    if hello.compression_method != 0:
        raise _illegal(f"the server chose compression method {hello.compression_method}")
    hellos = Hellos(offer, hello, version, suite)
    answers = answers12(hello, offer, version, suite)
    _check_extended_master_secret(answers, offer)
    wire.limit(answers.limits)
    # A CertificateVerify covers the messages themselves, with a hash that is not known yet.
    wire.transcript.use(suite.transcript_hash(version), keep=bool(offer.config.identities))
    session = _resumed(hellos)
    if offer.session is not None:
        wire.note("session", "refused" if session is None else "resumed")
    if session is not None:
        # RFC 6066 §4: "The negotiated length applies for the duration of the session including session
        # resumptions."
        limits = RecordLimits(session.max_fragment_length, answers.limits.receive, answers.limits.send)
        wire.limit(limits)
        return await _abbreviated(wire, hellos, replace(answers, limits=limits), session)
    return await _full(wire, hellos, answers, name, lookup)


async def _full(
    wire: Wire, hellos: Hellos, answers: Answers, name: ServerName | None, lookup: CertificateLookup
) -> Established:
    """RFC 5246 §7.3, Figure 1."""
    # The server's flight
    version, config = hellos.version, hellos.offer.config
    chain = (await wire.expect(Certificate)).certificate_list
    # RFC 5246 §7.4.2: "The server MUST send a Certificate message", with its own certificate first.
    if not chain:
        raise PeerMisbehaved(AlertDescription.DECODE_ERROR, "the server's Certificate is empty")
    # RFC 6066 §8: it may be left out even where the hello announces it.
    status = await wire.accept(CertificateStatus) if answers.status_request else None
    kind = exchange_kind(hellos)
    exchange = await wire.expect(kind) if kind is not None else None
    proven = prove(exchange, chain, hellos)
    request = await wire.accept(CertificateRequest if version >= Version.TLS12 else CertificateRequest11)
    await wire.expect(ServerHelloDone)
    claim = Claim(name, status.response if status else None, answers.scts)
    peer = await verify_peer(proven, claim, lookup)

    # The client's flight
    agreement = agree(exchange, chain, hellos)
    proof = await prepare12(config.identities, request, version) if request is not None else Proof()
    if request is not None:
        await wire.send(Certificate(proof.chain))
    await wire.send(ClientKeyExchange(agreement.exchange_keys))
    master = _master_secret(wire, hellos, answers, agreement)
    await verify12(wire, proof, version)
    client_key, server_key = master.write_keys(*hellos.randoms)
    ours = await _send_finished(wire, master, client_key, answers)

    # The server's answer
    ticket = await wire.expect(NewSessionTicket) if answers.session_ticket else None
    await _expect_finished(wire, master, server_key, answers)
    return _established(
        hellos, answers, master, peer, ticket, group=agreement.group, first_finished=ours, client=proof.chain
    )


async def _abbreviated(wire: Wire, hellos: Hellos, answers: Answers, session: Session12) -> Established:
    """RFC 5246 §7.3, Figure 2; RFC 5077 §3.1."""
    master = MasterSecret(hellos.suite, hellos.version, session.master_secret)
    wire.log_secret("CLIENT_RANDOM", master.secret)
    client_key, server_key = master.write_keys(*hellos.randoms)
    ticket = await wire.expect(NewSessionTicket) if answers.session_ticket else None
    theirs = await _expect_finished(wire, master, server_key, answers)
    await _send_finished(wire, master, client_key, answers)
    await wire.flush()
    return _established(
        hellos, answers, master, session.known.peer, ticket, resumed=session, first_finished=theirs
    )


def _illegal(message: str) -> PeerMisbehaved:
    return PeerMisbehaved(AlertDescription.ILLEGAL_PARAMETER, message)


def _check_extended_master_secret(answers: Answers, offer: Offer) -> None:
    # RFC 7627 §5.2: a client that wants nothing else: "If a client receives a ServerHello without the
    # extension, it SHOULD abort the handshake if it does not wish to interoperate with legacy servers."
    if offer.config.require_extended_master_secret and not answers.extended_master_secret:
        raise PeerIncompatible(
            AlertDescription.HANDSHAKE_FAILURE,
            "the server does not bind its secrets to the whole handshake (extended_master_secret)",
        )


def _resumed(hellos: Hellos) -> Session12 | None:
    """The session that the server resumes, if it does."""
    offer, answer = hellos.offer, hellos.answer
    # RFC 5246 §7.4.1.3: the server resumes by answering with the session id of the ClientHello.
    if not answer.session_id or answer.session_id != offer.hello.session_id:
        return None
    # The session id of a TLS 1.3 hello names no session, so a server that answers with it resumes nothing.
    if not isinstance(offer.session, Session12):
        raise _illegal("the server resumes a session that does not exist")
    check_resumed(offer.session, answer, hellos.version)
    return offer.session


def _master_secret(wire: Wire, hellos: Hellos, answers: Answers, agreement: Agreement) -> MasterSecret:
    suite, version = hellos.suite, hellos.version
    if answers.extended_master_secret:
        # RFC 7627 §3: the session hash covers everything "up to and including the ClientKeyExchange".
        master = MasterSecret.extended(suite, version, agreement.premaster, wire.transcript.digest())
    else:
        master = MasterSecret.from_randoms(suite, version, agreement.premaster, *hellos.randoms)
    wire.log_secret("CLIENT_RANDOM", master.secret)
    return master


async def _send_finished(wire: Wire, master: MasterSecret, key: WriteKey, answers: Answers) -> bytes:
    await wire.send_change_cipher_spec()
    wire.write_with(sealer(key, encrypt_then_mac=answers.encrypt_then_mac))
    verify_data = master.client_finished(wire.transcript.digest())
    await wire.send(Finished(verify_data))
    return verify_data


async def _expect_finished(wire: Wire, master: MasterSecret, key: WriteKey, answers: Answers) -> bytes:
    await wire.expect_change_cipher_spec()
    wire.read_with(opener(key, encrypt_then_mac=answers.encrypt_then_mac))
    covered = wire.transcript.digest()
    finished = await wire.expect(Finished)
    # RFC 5246 §7.4.9: "Recipients of Finished messages MUST verify that the contents are correct."
    check_verify_data(master.server_finished(covered), finished.verify_data)
    return finished.verify_data


def _established(
    hellos: Hellos,
    answers: Answers,
    master: MasterSecret,
    peer: VerifiedPeer,
    ticket: NewSessionTicket | None,
    *,
    resumed: Session12 | None = None,
    group: str | None = None,
    first_finished: bytes,
    client: tuple[bytes, ...] = (),
) -> Established:
    bound = answers.extended_master_secret
    return Established(
        version=hellos.version,
        suite=hellos.suite,
        group=group,
        peer=peer,
        alpn=answers.alpn,
        extended_master_secret=bound,
        encrypt_then_mac=answers.encrypt_then_mac,
        limits=answers.limits,
        resumed=resumed,
        # RFC 7627 §5.4: without the extension "the client or server MUST NOT export any key material based
        # on the new master secret for any subsequent application-level authentication", and of a resumed
        # one "the client MUST disable [...] any use of the 'tls-unique' channel binding".
        exporter=master.exporter(*hellos.randoms) if bound else None,
        tls_unique=first_finished if bound else None,
        session=NewSession12(
            master=master,
            extended_master_secret=bound,
            session_id=hellos.answer.session_id,
            ticket=ticket,
            max_fragment_length=answers.limits.fragment,
        ),
        client_chain=client,
    )
