"""Which identity to show to a server that asks for one, and what to sign with.

Theory of operation
-------------------
A CertificateRequest says what the server can check and whom it trusts. The identities are tried in the order in
which the user gave them, and each gets the first scheme, in its own order of preference, that the server has
listed too. The first that fits is shown. None may fit, and then nobody is shown: that is for the server to
judge.

One thing is a preference and no condition, that the certificates themselves are signed with what the server
lists:

    RFC 9846 §4.5.1.2 [8446 §4.4.2.2]: "All certificates provided by the sender MUST be signed by a signature
    algorithm advertised by the peer, if it is able to provide such a chain" and "If the sender is the client,
    the client MAY use a fallback chain as above or continue the handshake anonymously."

RFC 5246 §7.4.4 knows no such fallback, but neither has TLS 1.2 a way to list the two kinds of signatures apart;
a server that lists only what it wants for the handshake would have no certificate then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ._client_identity import ClientIdentity, LoadedIdentity
from ._frozen import frozen
from ._oid_filters import OIDFilters
from ._signatures import SignatureScheme
from ._suites import Authentication
from ._versions import Version

# RFC 5246 §7.4.4: rsa_sign(1). RFC 8422 §5.5: ecdsa_sign(64), which by RFC 8422 §3 stands for EdDSA too.
_CERTIFICATE_TYPES = {1: Authentication.RSA, 64: Authentication.ECDSA}

_NO_FILTERS = OIDFilters()


@frozen
class IdentityRequest:
    """What a CertificateRequest asks for.

    Attributes:
        schemes: the codes of the schemes that the server takes; None below TLS 1.2, where nothing names them.
        certificate_schemes: those it takes in certificates; None if they are the same.
        authorities: the names in DER of authorities that it trusts; none if it does not say.
        certificate_types: the kinds of certificates it takes; None in TLS 1.3, which has `schemes` for it.
        oid_filters: what the certificate's extensions must have; only TLS 1.3 asks.
    """

    schemes: tuple[int, ...] | None = None
    certificate_schemes: tuple[int, ...] | None = None
    authorities: tuple[bytes, ...] = ()
    certificate_types: bytes | None = None
    oid_filters: OIDFilters = _NO_FILTERS


class Choice(NamedTuple):
    """An identity to show, and the scheme to sign with."""

    identity: LoadedIdentity
    scheme: SignatureScheme

    async def sign(self, data: bytes) -> bytes:
        """The identity's signature over `data`."""
        return await self.identity.sign(self.scheme, data)


async def choose(
    identities: Iterable[ClientIdentity], request: IdentityRequest, version: Version
) -> Choice | None:
    """The identity to show, or None if none of them fits.

    An identity that has to be read first is read when its turn comes; what that raises is passed on.
    """
    fallback: Choice | None = None
    for identity in identities:
        loaded = await identity.ready()
        scheme = scheme_for(loaded, request, version)
        if scheme is None or obstacle(loaded, request, version) is not None:
            continue
        if _is_signed_as_listed(loaded, request):
            return Choice(loaded, scheme)
        fallback = fallback or Choice(loaded, scheme)
    return fallback


def scheme_for(
    identity: LoadedIdentity, request: IdentityRequest, version: Version
) -> SignatureScheme | None:
    """The scheme with which an identity is to sign, if there is one.

    RFC 9846 §4.5.2 [8446 §4.4.3]: "the signature algorithm used in the signature MUST be one of those present
    in the supported_signature_algorithms field of the 'signature_algorithms' extension in the
    CertificateRequest message." RFC 5246 §7.4.8 says the same of TLS 1.2.
    """
    key = identity.certificates.key
    for row in identity.schemes:
        if row.fits(key, version) and (request.schemes is None or row.code in request.schemes):
            return row
    return None


def obstacle(identity: LoadedIdentity, request: IdentityRequest, version: Version) -> str | None:
    """Why an identity cannot be shown, in words that follow its name; None if it can."""
    scheme = scheme_for(identity, request, version)
    if scheme is None:
        return f"has a key for which the server lists no signature scheme in {version.label}"
    # RFC 5246 §7.4.4: "The end-entity certificate provided by the client MUST contain a key that is compatible
    # with certificate_types."
    types = request.certificate_types
    if types is not None and scheme.authentication not in [_CERTIFICATE_TYPES.get(code) for code in types]:
        return "has a key of a type that the server does not list"
    # RFC 9846 §4.5.1.2 [8446 §4.4.2.2]: "at least one of the certificates in the certificate chain SHOULD be
    # issued by one of the listed CAs"; RFC 5246 §7.4.6 says the same.
    chain = identity.certificates
    if request.authorities and chain.issuers.isdisjoint(request.authorities):
        return "comes from none of the authorities that the server lists"
    # RFC 9846 §4.5.1.2 [8446 §4.4.2.2]: "the end-entity certificate MUST match the extension OIDs that are
    # recognized by the client".
    if not request.oid_filters.match(chain.extensions):
        return "lacks a key usage or a purpose that the server asks for"
    return None


def _is_signed_as_listed(identity: LoadedIdentity, request: IdentityRequest) -> bool:
    listed = request.schemes if request.certificate_schemes is None else request.certificate_schemes
    return listed is None or all(not codes.isdisjoint(listed) for codes in identity.certificates.signatures)
