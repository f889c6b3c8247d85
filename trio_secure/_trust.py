"""The joint between the handshake and `trio_certs`: a configuration's lookup, and verdicts turned into alerts.

Theory of operation
-------------------
The handshake asks for a `CertificateLookup`; this module makes one from what a configuration says about trust. It
is the only module that imports `trio_certs`.
"""

from __future__ import annotations

import functools
import os
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from trio_certs import CertificateError, Reason, ResourceNotFoundError, SourceError, Trust

from ._config import TLSConfig, once
from ._errors import AlertDescription, CertificateRefused
from ._frozen import frozen
from ._identity import CertificateLookup, Claim, ProvenKey, Verdict
from ._session_cache import trust_digest
from ._settings import KeyUsage, OCSPPolicy

if TYPE_CHECKING:
    from trio_certs import Manifest, Resource

    from ._client_identity import ClientIdentity

# RFC 9846 §6.2 [8446 §6.2] describes what each alert says; what fits none of the specific ones is bad_certificate
# when the certificate breaks a rule, certificate_unknown when the trouble is elsewhere.
_ALERTS: Mapping[Reason, AlertDescription] = {
    Reason.MALFORMED: AlertDescription.BAD_CERTIFICATE,
    Reason.LIMIT: AlertDescription.BAD_CERTIFICATE,
    Reason.EXPIRED: AlertDescription.CERTIFICATE_EXPIRED,
    Reason.NOT_YET_VALID: AlertDescription.CERTIFICATE_EXPIRED,
    Reason.WRONG_NAME: AlertDescription.BAD_CERTIFICATE,
    Reason.WRONG_PURPOSE: AlertDescription.UNSUPPORTED_CERTIFICATE,
    Reason.WEAK_KEY: AlertDescription.UNSUPPORTED_CERTIFICATE,
    Reason.WEAK_SIGNATURE: AlertDescription.BAD_CERTIFICATE,
    Reason.BAD_SIGNATURE: AlertDescription.BAD_CERTIFICATE,
    Reason.UNKNOWN_ISSUER: AlertDescription.UNKNOWN_CA,
    Reason.SELF_SIGNED: AlertDescription.UNKNOWN_CA,
    Reason.CONSTRAINT: AlertDescription.BAD_CERTIFICATE,
    Reason.POLICY: AlertDescription.BAD_CERTIFICATE,
    Reason.PIN: AlertDescription.CERTIFICATE_UNKNOWN,
    Reason.BAD_CRL: AlertDescription.CERTIFICATE_UNKNOWN,
    Reason.REVOKED: AlertDescription.CERTIFICATE_REVOKED,
    # RFC 6066 §8: "Clients [...] MUST check the OCSP response and abort the handshake if the response is not
    # satisfactory with bad_certificate_status_response(113) alert."
    Reason.BAD_STAPLE: AlertDescription.BAD_CERTIFICATE_STATUS_RESPONSE,
    Reason.NO_STAPLE: AlertDescription.BAD_CERTIFICATE_STATUS_RESPONSE,
}


_Anchor: TypeAlias = "bytes | str | Resource"


@frozen
class _Unverified:
    """The verdict of a lookup that was switched off."""

    chain: tuple[bytes, ...] = ()
    resource: str | None = None


async def _accept_anything(proven: ProvenKey, claim: Claim, /) -> Verdict:
    return _Unverified()


@once
def lookup_for(config: TLSConfig) -> CertificateLookup:
    """The lookup that a configuration asks for.

    Raises:
        ValueError: a certificate to trust is not one.
        TypeError: a certificate or the manifest is of a type that `trio_certs` does not take.
    """
    if not config.verify:
        return _accept_anything
    trust = _trust(config) if config.trust is None else config.trust
    # A class derived from it may have changed `verify`.
    verify = trust.judge if type(trust) is Trust else trust.verify

    async def look_up(proven: ProvenKey, claim: Claim, /) -> Verdict:
        if claim.name is None:
            raise ValueError("a server name is needed to verify a certificate")
        # RFC 5246 §7.4.2: with RSA key transport "The certificate MUST allow the key to be used for encryption
        # (the keyEncipherment bit MUST be set if the key usage extension is present)"; else for signing.
        usage: KeyUsage = "key_encipherment" if proven.scheme is None else "digital_signature"
        # The zone of a link-local address (RFC 4007 §11) is this machine's business, not the certificate's.
        name = claim.name.text.partition("%")[0]
        try:
            return await verify(proven.chain, name, key_usage=usage, ocsp_response=claim.ocsp_response)
        except ResourceNotFoundError as error:
            raise CertificateRefused(AlertDescription.UNKNOWN_CA, str(error)) from error
        except CertificateError as error:
            at_fault = None if error.certificate is None else error.certificate.der
            raise CertificateRefused(_ALERTS[error.reason], str(error), at_fault) from error
        except SourceError as error:
            raise CertificateRefused(
                AlertDescription.INTERNAL_ERROR,
                f"nobody can be trusted: a source of certificates failed: {error}",
            ) from error

    return look_up


@once
def _trust(config: TLSConfig) -> Trust:
    if config.manifest is None and not config.certificates:
        return _trust_in((), None, config.ocsp)
    from trio_certs import Manifest, Resource

    manifest = config.manifest
    if manifest is not None and not isinstance(manifest, Manifest):
        raise TypeError(f"manifest must be a Manifest, not {type(manifest).__name__}")
    anchors: list[_Anchor] = []
    for certificate in config.certificates:
        if not isinstance(certificate, (bytes, str, Resource)):
            raise TypeError(
                f"certificate must be bytes, a path or a Resource, not {type(certificate).__name__}"
            )
        anchors.append(certificate)
    return _trust_in(tuple(anchors), manifest, config.ocsp)


# Equal configurations may be made again and again, and their certificates need to be read only once.
@functools.lru_cache(maxsize=16)
def _trust_in(anchors: tuple[_Anchor, ...], manifest: Manifest | None, ocsp: OCSPPolicy) -> Trust:
    if manifest is None:
        return Trust(anchors, ocsp=ocsp)
    return Trust(anchors, manifest, store=manifest.store, ocsp=ocsp)


@once
def trust_key(config: TLSConfig) -> str:
    """What stands for `trust_parts` in the key of a session."""
    return trust_digest(trust_parts(config))


def trust_parts(config: TLSConfig) -> list[bytes | str]:
    """Everything in a configuration that decides whom it trusts, and as whom it shows itself.

    A session is offered only under the configuration it was made under, so far as these say.
    """
    parts: list[bytes | str] = [f"{config.verify} {config.ocsp} {config.signed_certificate_timestamps}"]
    # What a session was proven and agreed with is not done again when it is resumed. And RFC 6066 §4 has
    # max_fragment_length last as long as the session does.
    parts.append(f"{config.signature_algorithms} {config.groups} {config.max_fragment_length}")
    parts += [_described(config.manifest), "" if config.trust is None else _token(config.trust)]
    parts.append(f"{len(config.certificates)} certificates")
    # What a file holds is what the very object has read of it that decides.
    parts += [
        one if isinstance(one, bytes) else _token(_trust(config)) if isinstance(one, str) else _described(one)
        for one in config.certificates
    ]
    parts.append(f"{len(config.identities)} identities")
    parts += [_identity(identity) for identity in config.identities]
    return parts


def _described(thing: object) -> str:
    """What tells a manifest or a resource from others: what it holds."""
    if thing is None:
        return ""
    from trio_certs import Manifest, Resource

    if not isinstance(thing, Manifest | Resource):
        return _token(thing)
    # A store of the application's own is what this very object has read of its folder.
    return repr(thing) if thing.store.is_bundled else f"{thing!r} {_token(thing.store)}"


def _identity(identity: ClientIdentity) -> str:
    from ._client_identity import LoadedIdentity

    if isinstance(identity, LoadedIdentity):
        return "".join(certificate.hex() for certificate in identity.chain)
    return _token(identity)


_tokens: weakref.WeakKeyDictionary[object, str] = weakref.WeakKeyDictionary()


def _token(thing: object) -> str:
    """For what does not say what it holds: that it is this very object."""
    try:
        return _tokens.setdefault(thing, os.urandom(16).hex())
    except TypeError:
        # It takes no weak reference or has no hash: nothing made with it is ever found again.
        return os.urandom(16).hex()
