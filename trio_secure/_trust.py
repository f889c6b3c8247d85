"""The joint between the handshake and `trio_certs`: a configuration's lookup, and verdicts turned into alerts.

Theory of operation
-------------------
The handshake asks for a `CertificateLookup`; this module makes one from what a configuration says about trust. It
is the only module that imports `trio_certs`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trio_certs import CertificateError, Manifest, Reason, Resource, ResourceNotFoundError, StoreError, Trust

from ._config import TLSConfig
from ._errors import AlertDescription, CertificateRefused
from ._identity import CertificateLookup, Verdict
from ._names import ServerName

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
}


@dataclass(frozen=True, slots=True)
class _Unverified:
    """The verdict of a lookup that was switched off."""

    chain: tuple[bytes, ...] = ()
    resource: str | None = None


async def _accept_anything(chain: Sequence[bytes], name: ServerName | None, /) -> Verdict:
    return _Unverified()


def lookup_for(config: TLSConfig) -> CertificateLookup:
    """The lookup that a configuration asks for.

    Raises:
        ValueError: a certificate to trust is not one.
        TypeError: a certificate or the manifest is of a type that `trio_certs` does not take.
    """
    if not config.verify:
        return _accept_anything
    trust = config.trust or _trust(config)

    async def look_up(chain: Sequence[bytes], name: ServerName | None, /) -> Verdict:
        if name is None:
            raise ValueError("a server name is needed to verify a certificate")
        try:
            # The zone of a link-local address (RFC 4007 §11) is this machine's business, not the certificate's.
            return await trust.verify(chain, name.text.partition("%")[0])
        except ResourceNotFoundError as error:
            raise CertificateRefused(AlertDescription.UNKNOWN_CA, str(error)) from error
        except CertificateError as error:
            raise CertificateRefused(_ALERTS[error.reason], str(error)) from error
        except StoreError as error:
            raise CertificateRefused(
                AlertDescription.INTERNAL_ERROR, f"the certificate store cannot be read: {error}"
            ) from error

    return look_up


def _trust(config: TLSConfig) -> Trust:
    manifest = config.manifest
    if manifest is not None and not isinstance(manifest, Manifest):
        raise TypeError(f"manifest must be a Manifest, not {type(manifest).__name__}")
    anchors: list[bytes | Resource] = []
    for certificate in config.certificates:
        if not isinstance(certificate, (bytes, Resource)):
            raise TypeError(f"certificate must be bytes or a Resource, not {type(certificate).__name__}")
        anchors.append(certificate)
    return _trust_in(tuple(anchors), manifest)


# A configuration is used for many connections, and its certificates need to be read only once.
@functools.lru_cache(maxsize=16)
def _trust_in(anchors: tuple[bytes | Resource, ...], manifest: Manifest | None) -> Trust:
    if manifest is None:
        return Trust(anchors)
    for setting, on in manifest.config.get("tls", {}).items():
        if not on:
            raise ValueError(
                f"manifest: config.tls.{setting} cannot be switched off in this version of trio-secure"
            )
    return Trust(anchors, manifest, store=manifest.store)
