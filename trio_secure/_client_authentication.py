"""The client's answer to a CertificateRequest (RFC 9846 §4.5 [8446 §4.4]; RFC 5246 §7.4.6, §7.4.8).

Theory of operation
-------------------
A request becomes a `Proof`: the identity that fits it and the scheme to sign with, or neither, for a client
that has nothing that fits sends an empty Certificate and leaves it to the server what to make of that. The
proof is chosen before anything is sent, and signs when the transcript has come as far as the signature
covers; an identity's signer may take its time, so both are asynchronous. The same lines serve a handshake
and a request that comes after it, because they speak to whatever takes messages and keeps their transcript.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from . import _extensions as ext
from . import _messages12 as m12
from . import _messages13 as m13
from ._client_choice import Choice, IdentityRequest, choose
from ._client_identity import ClientIdentity
from ._codec import Reader, uint16s
from ._errors import AlertDescription, PeerMisbehaved
from ._extensions import Where, check_requests
from ._frozen import frozen
from ._messages import CertificateVerify
from ._oid_filters import OIDFilters
from ._transcript import Transcript
from ._versions import Version
from ._wire import OutgoingMessage

# RFC 9846 §4.5.2 [8446 §4.4.3]: what a client's CertificateVerify covers before the transcript.
_SIGNED_BY_CLIENT = b" " * 64 + b"TLS 1.3, client CertificateVerify" + b"\x00"


class Conversation(Protocol):
    """What takes messages and keeps their transcript: a handshake's wire, or what stands in for one later."""

    @property
    def transcript(self) -> Transcript:
        """Every message so far."""
        ...

    async def send(self, message: OutgoingMessage, /) -> None:
        """Send a message."""
        ...


@frozen
class Proof:
    """What this client shows: an identity and the scheme it signs with, or nothing."""

    choice: Choice | None = None

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The certificates to send."""
        return self.choice.identity.chain if self.choice else ()


async def answer13(
    conversation: Conversation, identities: Sequence[ClientIdentity], request: m13.CertificateRequest
) -> Proof:
    """Send Certificate and, unless it is empty, CertificateVerify (RFC 9846 §4.5 [8446 §4.4])."""
    proof = Proof(await choose(identities, wanted13(request), Version.TLS13))
    entries = tuple(m13.CertificateEntry(der, {}) for der in proof.chain)
    # RFC 9846 §4.5.1 [8446 §4.4.2]: the context is "the value of certificate_request_context in the
    # CertificateRequest".
    await conversation.send(m13.Certificate(request.context, entries))
    if proof.choice is not None:
        signature = await proof.choice.sign(_SIGNED_BY_CLIENT + conversation.transcript.digest())
        await conversation.send(CertificateVerify(proof.choice.scheme.code, signature))
    return proof


async def prepare12(
    identities: Sequence[ClientIdentity], request: m12.CertificateRequest, version: Version
) -> Proof:
    """What to show in TLS 1.2 or below."""
    wanted = IdentityRequest(
        schemes=request.algorithms,
        authorities=request.authorities,
        certificate_types=request.certificate_types,
    )
    return Proof(await choose(identities, wanted, version))


async def verify12(conversation: Conversation, proof: Proof, version: Version) -> None:
    """Send a CertificateVerify behind the ClientKeyExchange, if there is something to verify."""
    # RFC 5246 §7.4.8: it "is only sent following a client certificate that has signing capability" and
    # covers "all handshake messages sent or received, starting at client hello and up to, but not
    # including, this message".
    if proof.choice is None:
        return
    signature = await proof.choice.sign(conversation.transcript.messages)
    if version >= Version.TLS12:
        await conversation.send(CertificateVerify(proof.choice.scheme.code, signature))
    else:
        await conversation.send(m12.CertificateVerify11(signature))


def wanted13(request: m13.CertificateRequest) -> IdentityRequest:
    """What a request asks for; its extensions are checked on the way (RFC 9846 §4.4.2 [8446 §4.3.2])."""
    check_requests(request.extensions, Where.CERTIFICATE_REQUEST, "CertificateRequest")
    # "The 'signature_algorithms' extension MUST be specified".
    algorithms = request.extensions.get(ext.SIGNATURE_ALGORITHMS)
    if algorithms is None:
        raise PeerMisbehaved(
            AlertDescription.MISSING_EXTENSION, "the CertificateRequest has no signature_algorithms"
        )
    of_certificates = request.extensions.get(ext.SIGNATURE_ALGORITHMS_CERT)
    filters = request.extensions.get(ext.OID_FILTERS)
    return IdentityRequest(
        schemes=_schemes(algorithms, ext.SIGNATURE_ALGORITHMS),
        certificate_schemes=None
        if of_certificates is None
        else _schemes(of_certificates, ext.SIGNATURE_ALGORITHMS_CERT),
        authorities=_authorities(request.extensions.get(ext.CERTIFICATE_AUTHORITIES)),
        oid_filters=OIDFilters() if filters is None else OIDFilters.parse(filters),
    )


def _schemes(data: bytes, code: int) -> tuple[int, ...]:
    what = f"{ext.extension_name(code)} of CertificateRequest"
    reader = Reader(data, what)
    # RFC 9846 §4.3.3 [8446 §4.2.3]: "SignatureScheme supported_signature_algorithms<2..2^16-2>"
    codes = uint16s(reader.vector16(2), what)
    reader.finish()
    return codes


def _authorities(data: bytes | None) -> tuple[bytes, ...]:
    if data is None:
        return ()
    # RFC 9846 §4.3.4 [8446 §4.2.4]: "DistinguishedName authorities<3..2^16-1>"
    reader = Reader(data, "certificate_authorities")
    names = reader.inner(reader.vector16(3), "authorities")
    reader.finish()
    found: list[bytes] = []
    while len(names):
        found.append(names.vector16(1))
    return tuple(found)
