"""The handshake of TLS 1.2, from the ServerHello on, in the order of RFC 5246 §7.3, Figure 1."""

from __future__ import annotations

from collections.abc import Sequence

from . import _extensions as ext
from ._codec import Reader
from ._errors import AlertDescription, PeerMisbehaved
from ._extensions import Extensions, Where, check_answers
from ._groups import GROUPS_BY_CODE, NamedGroup
from ._identity import CertificateLookup, HandshakeSignature, ProvenKey, prove_key, verify_peer
from ._keys12 import MasterSecret
from ._keys13 import check_verify_data
from ._messages import Finished, ServerHello
from ._messages12 import (
    Certificate,
    CertificateRequest,
    ClientKeyExchange,
    ServerHelloDone,
    ServerKeyExchange,
)
from ._names import ServerName
from ._offer import Offer
from ._protection import Opener12, Sealer12
from ._suites import CipherSuite
from ._versions import Version
from ._wire import Established, Wire


async def handshake12(
    wire: Wire, offer: Offer, hello: ServerHello, name: ServerName | None, lookup: CertificateLookup
) -> Established:
    """Run the handshake that `hello` began."""
    # What the hello settles
    suite = offer.suite(hello, Version.TLS12)
    wire.transcript.use(suite.hash)
    _check_hello(hello, offer)
    protocol = offer.protocol(hello.extensions)

    # The server's flight
    certificate = await wire.expect(Certificate)
    # RFC 5246 §7.4.2: "The server MUST send a Certificate message", with its own certificate first.
    if not certificate.certificate_list:
        raise PeerMisbehaved(AlertDescription.DECODE_ERROR, "the server's Certificate is empty")
    exchange = await wire.expect(ServerKeyExchange)
    group = _group(exchange, offer)
    proven = _prove(exchange, offer, hello, suite, certificate.certificate_list)
    message = await wire.expect(CertificateRequest, ServerHelloDone)
    request = message if isinstance(message, CertificateRequest) else None
    if request is not None:
        await wire.expect(ServerHelloDone)
    peer = await verify_peer(proven, name, lookup)

    # The client's flight
    if request is not None:
        await wire.send(Certificate(()))
    ours = group.fresh()
    premaster = group.agree(ours, exchange.point)
    await wire.send(ClientKeyExchange(ours.public))
    extended = ext.EXTENDED_MASTER_SECRET in hello.extensions
    master = _master_secret(wire, offer, hello, suite, premaster, extended=extended)
    client_key, server_key = master.write_keys(offer.hello.random, hello.random)
    await wire.send_change_cipher_spec()
    wire.write_with(Sealer12(client_key))
    await wire.send(Finished(master.client_finished(wire.transcript.digest())))

    # The server's answer
    await wire.expect_change_cipher_spec()
    wire.read_with(Opener12(server_key))
    covered = wire.transcript.digest()
    finished = await wire.expect(Finished)
    # RFC 5246 §7.4.9: "Recipients of Finished messages MUST verify that the contents are correct."
    check_verify_data(master.server_finished(covered), finished.verify_data)
    return Established(
        version=Version.TLS12,
        suite=suite,
        group=group,
        peer=peer,
        alpn=protocol,
        extended_master_secret=extended,
    )


def _illegal(message: str) -> PeerMisbehaved:
    return PeerMisbehaved(AlertDescription.ILLEGAL_PARAMETER, message)


def _check_hello(hello: ServerHello, offer: Offer) -> None:
    # RFC 5246 §7.4.1.3: the method is chosen from the client's list, which holds null alone.
    if hello.compression_method != 0:
        raise _illegal(f"the server chose compression method {hello.compression_method}")
    # The session id of a TLS 1.3 hello names no session, so a server that answers with it resumes nothing.
    if hello.session_id and hello.session_id == offer.hello.session_id:
        raise _illegal("the server resumes a session that does not exist")
    # RFC 5246 §7.4.1.4: "If a client receives an extension type in ServerHello that it did not request in the
    # associated ClientHello, it MUST abort the handshake with an unsupported_extension fatal alert."
    check_answers(hello.extensions, Where.SERVER_HELLO_12, offer.offered, "ServerHello")
    offer.check_server_name(hello.extensions)
    Reader(hello.extensions.get(ext.EXTENDED_MASTER_SECRET, b""), "extended_master_secret").finish()
    _check_renegotiation_info(hello.extensions)
    _check_point_formats(hello.extensions)


def _check_renegotiation_info(extensions: Extensions) -> None:
    data = extensions.get(ext.RENEGOTIATION_INFO)
    # RFC 5746 §3.4: "The client MUST then verify that the length of the 'renegotiated_connection' field is zero,
    # and if it is not, MUST abort the handshake (by sending a fatal handshake_failure alert)."
    if data is not None and data != b"\x00":
        raise PeerMisbehaved(
            AlertDescription.HANDSHAKE_FAILURE,
            "the server's renegotiation_info speaks of an earlier handshake",
        )


def _check_point_formats(extensions: Extensions) -> None:
    data = extensions.get(ext.EC_POINT_FORMATS)
    if data is None:
        return
    reader = Reader(data, "ec_point_formats")
    formats = reader.vector8(1)
    reader.finish()
    # RFC 8422 §5.2: "If the client [...] receives [...] a ServerHello that doesn't include uncompressed [...] it
    # MUST abort the handshake and return an illegal_parameter alert."
    if 0 not in formats:
        raise _illegal("the server does not take uncompressed points")


def _group(exchange: ServerKeyExchange, offer: Offer) -> NamedGroup:
    group = GROUPS_BY_CODE.get(exchange.named_curve)
    # RFC 8422 §5.4: the curve is one of those in the client's list.
    if group is None or group not in offer.config.group_rows or group.since > Version.TLS12:
        raise _illegal(
            f"the server exchanges keys in group 0x{exchange.named_curve:04x}, which was not offered"
        )
    return group


def _prove(
    exchange: ServerKeyExchange, offer: Offer, hello: ServerHello, suite: CipherSuite, chain: Sequence[bytes]
) -> ProvenKey:
    # RFC 5246 §7.4.3: the signature is over client_random + server_random + params.
    covered = offer.hello.random + hello.random + exchange.params
    proof = HandshakeSignature(
        exchange.algorithm, exchange.signature, covered, Version.TLS12, suite.authentication
    )
    return prove_key(chain, proof, offer.config.scheme_rows)


def _master_secret(
    wire: Wire, offer: Offer, hello: ServerHello, suite: CipherSuite, premaster: bytes, *, extended: bool
) -> MasterSecret:
    if extended:
        # RFC 7627 §3: the session hash covers everything "up to and including the ClientKeyExchange".
        return MasterSecret.extended(suite, premaster, wire.transcript.digest())
    return MasterSecret.from_randoms(suite, premaster, offer.hello.random, hello.random)
