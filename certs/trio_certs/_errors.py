"""What can go wrong when deciding whether to trust a server.

Theory of operation: a certificate is refused for one `Reason`, which says enough to choose a TLS alert; the
message says the rest in words: what is wrong, with which certificate, and what to do. A CA that is in the
store but not in the manifest is not the server's fault and has an error of its own.
"""

from __future__ import annotations

import enum

from trio_certs._certificate import CertificateFacts


class Reason(enum.StrEnum):
    """Why a certificate was refused."""

    MALFORMED = "malformed"
    """It is not a certificate, or not DER."""
    LIMIT = "limit"
    """The chain is longer or its keys are larger than this library is willing to process."""
    EXPIRED = "expired"
    """A certificate on the path has expired."""
    NOT_YET_VALID = "not_yet_valid"
    """A certificate on the path is not valid yet, or this machine's clock is behind."""
    WRONG_NAME = "wrong_name"
    """It is valid for other names, or the server's name is one that no certificate can have."""
    WRONG_PURPOSE = "wrong_purpose"
    """Its key usage, extended key usage or CA flag forbids what it is used for."""
    WEAK_KEY = "weak_key"
    """A key on the path is too small or of a kind that is not accepted."""
    WEAK_SIGNATURE = "weak_signature"
    """A certificate on the path is signed with an algorithm that is not accepted, such as SHA-1."""
    BAD_SIGNATURE = "bad_signature"
    """A signature on the path was not made by the key of the issuer it names."""
    UNKNOWN_ISSUER = "unknown_issuer"
    """No path leads to a trusted certificate."""
    SELF_SIGNED = "self_signed"
    """The server's certificate is its own issuer, and it is not a trusted certificate itself."""
    CONSTRAINT = "constraint"
    """A CA on the path was not entitled to issue it: path length, name constraints, constraints on a root."""
    POLICY = "policy"
    """It breaks another rule of the certificate profile, for example an unknown critical extension."""
    PIN = "pin"
    """The path is good, and none of the certificates on it is one that `Trust.pins` asks for."""
    REVOKED = "revoked"
    """Its issuer has revoked it, as a stapled OCSP response or one of `Trust.crls` says."""
    BAD_CRL = "bad_crl"
    """Its issuer's list among `Trust.crls` is out of date, or not signed by it."""
    BAD_STAPLE = "bad_staple"
    """The OCSP response that the server stapled to it does not show that it is good."""
    NO_STAPLE = "no_staple"
    """The server stapled no OCSP response to it, although it promises one or `Trust.ocsp` requires one."""


class CertificateError(Exception):
    """A server's certificate is refused.

    Attributes:
        reason: why, as one of a few kinds.
        certificate: what the certificate at fault says about itself; `None` if there is no such certificate or
            it cannot be read.
    """

    def __init__(self, reason: Reason, message: str, certificate: CertificateFacts | None = None) -> None:
        super().__init__(reason, message, certificate)
        self.reason = reason
        self.certificate = certificate
        self._message = message

    def __str__(self) -> str:
        if self.certificate is None:
            return self._message
        return f"{self._message} Certificate: {self.certificate}."


class ResourceNotFoundError(LookupError):
    """A resource is not there: a CA that the store has but the manifest does not include, or no CA at all.

    Attributes:
        name: the resource's name, `ca109.der`.
        authority: the CA's name in words; `None` if the store never had a CA of this number.
        manifest_line: the manifest entry that includes it, `"$(CERTS)/ca109"` with its quotation marks; `None`
            if there is nothing to include.
    """

    def __init__(
        self, name: str, detail: str, authority: str | None = None, manifest_line: str | None = None
    ) -> None:
        super().__init__(name, detail, authority, manifest_line)
        self.name = name
        self.authority = authority
        self.manifest_line = manifest_line
        self._detail = detail

    def __str__(self) -> str:
        return f"Resource not found: {self.name}. {self._detail}"


class ManifestError(ValueError):
    """A manifest cannot be used; the message says which file and key, what is wrong, and what to do."""


class SourceError(Exception):
    """A source of trusted certificates failed: a file, a folder, the system's store, a lookup of the user's.

    Nobody is trusted or refused because of it: whoever asked does not know. The message says which source it
    was and what to do; where something else was raised, that is the cause.
    """


class StoreError(SourceError, OSError):
    """A file of the certificate store cannot be read or is not the one the index describes."""
