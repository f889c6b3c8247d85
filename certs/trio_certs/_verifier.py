"""The path verifier: `cryptography.x509.verification` under three policies.

Theory of operation: which path leads from a leaf to an anchor, whether each signature on it verifies and
whether each CA was entitled to sign is decided by `cryptography`. What differs between anchors is how
strict to be:

- *web*, for the public CAs of the store: the default policy, untouched.
- *private*, for CAs that the user trusts: what `openssl req -x509` and company CAs leave out or mark
  otherwise (keyUsage on a CA, the authority key identifier, criticality) may be missing. What it must say
  if it says anything is checked as before, and a CA certificate is still no server certificate.
- *pinned*, for a leaf that is itself trusted: it may also be a CA certificate, since self-signed ones
  mostly are.

Importing this module imports `cryptography.x509`, which takes about 70 ms: so it is imported with the first
verification, never with the package.
"""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from trio_certs._certificate import REMEMBERED, CertificateFacts
from trio_certs._der import DERError
from trio_certs._server_name import ServerName
from trio_certs._source import TierName

# What `cryptography` raises for a certificate it cannot use, beside VerificationError: none of these is a
# bug here.
UNUSABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
K = TypeVar("K")


class PathError(Exception):
    """No path verified, in the verifier's words; and the certificate at fault, as far as can be told."""

    certificate: CertificateFacts | None = None


class Unreadable(Exception):
    """A certificate that `cryptography` refuses to load."""

    def __init__(self, certificate: CertificateFacts, detail: str) -> None:
        super().__init__(detail)
        self.certificate = certificate


@dataclass(frozen=True, eq=False)
class Tier:
    """How strict to be with a kind of anchor."""

    name: str
    leaf_keys: frozenset[str]
    """The kinds of key accepted in a leaf, which the verifier does not check."""
    extension_policies: tuple[ExtensionPolicy, ExtensionPolicy] | None
    """The policies for CAs and for leaves; `None` stands for the default ones."""


def _quiet() -> warnings.catch_warnings[None]:
    """Without warnings, which are about what a peer or a CA wrote, and exceptions where warnings are errors.

    Some public roots have the serial number 0, for example, and an empty name is warned of when it is quoted.
    """
    return warnings.catch_warnings(action="ignore")


@functools.lru_cache(maxsize=REMEMBERED)
def load(certificate: CertificateFacts) -> x509.Certificate:
    """The certificate as an object.

    Raises:
        Unreadable: `cryptography` refuses it.
    """
    try:
        with _quiet():
            return x509.load_der_x509_certificate(certificate.der)
    except UNUSABLE as error:
        raise Unreadable(certificate, str(error)) from error


class _Verified(NamedTuple):
    """A path, and from when to when all certificates on it are valid."""

    path: tuple[CertificateFacts, ...]
    first: datetime
    last: datetime


_Question = tuple[Tier, tuple[CertificateFacts, ...], tuple[CertificateFacts, ...], ServerName]
_AnyLeaf = tuple[Tier, tuple[CertificateFacts, ...], tuple[CertificateFacts, ...]]

# Nothing enters into a verification but what is in the question, and time; and time only by the validity of
# each certificate. So a path that was verified is verified for as long as all on it are valid.
_verified: dict[_Question, _Verified] = {}
# The same question without the leaf and its name, and the path from the leaf's issuer upwards. That is the same
# for every other leaf, of which only the step to its issuer is left to verify: the verifier holds a CA to the same
# rules whether it is an anchor or below one. What is above an issuer has a say about a leaf only by constraining
# its names: where that may be, nothing is kept.
_issuers: dict[_AnyLeaf, _Verified] = {}
_NAME_CONSTRAINTS = b"\x55\x1d\x1e"
# Looking for the oldest while another thread adds one would fail.
_remembering = threading.Lock()


def _recall(known: _Verified | None, now: datetime) -> tuple[CertificateFacts, ...] | None:
    return known.path if known is not None and known.first <= now <= known.last else None


def _remember(memory: dict[K, _Verified], question: K, path: tuple[CertificateFacts, ...]) -> None:
    first = max(certificate.not_before for certificate in path)
    last = min(certificate.not_after for certificate in path)
    with _remembering:
        memory[question] = _Verified(path, first, last)
        while len(memory) > REMEMBERED:
            del memory[next(iter(memory))]


def verify(
    tier: Tier,
    anchors: Sequence[CertificateFacts],
    sent: Sequence[CertificateFacts],
    server: ServerName,
    now: datetime,
) -> tuple[CertificateFacts, ...]:
    """The verified path, from the leaf (the first of `sent`) to one of `anchors`.

    Raises:
        PathError: there is none.
        Unreadable: a certificate cannot be loaded.
    """
    question = (tier, tuple(anchors), tuple(sent), server)
    path = _recall(_verified.get(question), now)
    if path is not None:
        return path
    path = _below_known_issuer(*question, now)
    if path is None:
        path = _verify_anew(question, now)
    _remember(_verified, question, path)
    return path


def _below_known_issuer(
    tier: Tier,
    anchors: tuple[CertificateFacts, ...],
    sent: tuple[CertificateFacts, ...],
    server: ServerName,
    now: datetime,
) -> tuple[CertificateFacts, ...] | None:
    """The path, if only its first step has not been verified yet; None if that cannot be told."""
    leaf, *others = sent
    above = _recall(_issuers.get((tier, anchors, tuple(others))), now)
    if above is None or above[0].subject != leaf.issuer:
        return None
    try:
        _verify(tier, above[:1], (leaf,), server, now)
    except PathError:
        # Another issuer may have signed it; and if none has, the whole question has the better error.
        return None
    return (leaf, *above)


def _verify_anew(question: _Question, now: datetime) -> tuple[CertificateFacts, ...]:
    tier, anchors, sent, _ = question
    try:
        verified = _verify(*question, now)
    except PathError as error:
        error.certificate = _at_fault(error, *question, now)
        raise
    loaded = {load(certificate): certificate for certificate in (*sent, *anchors)}
    path = tuple(loaded[certificate] for certificate in verified)
    if len(path) > 2 and not any(map(_may_constrain_names, path[2:])):
        _remember(_issuers, (tier, anchors, sent[1:]), path[1:])
    return path


def _may_constrain_names(certificate: CertificateFacts) -> bool:
    try:
        return _NAME_CONSTRAINTS in certificate.extensions()
    except DERError:  # it is read more strictly here than by the verifier
        return True


def _verify(
    tier: Tier,
    anchors: tuple[CertificateFacts, ...],
    sent: tuple[CertificateFacts, ...],
    server: ServerName,
    now: datetime,
) -> list[x509.Certificate]:
    leaf, *others = [load(certificate) for certificate in sent]
    address = server.address
    try:
        policy = _policy(tier, anchors)
        subject = x509.DNSName(server.text) if address is None else x509.IPAddress(address)
        with _quiet():
            return policy.time(now).build_server_verifier(subject).verify(leaf, others)
    except (VerificationError, *UNUSABLE) as error:
        raise PathError(str(error)) from error


def _at_fault(
    error: PathError,
    tier: Tier,
    anchors: tuple[CertificateFacts, ...],
    sent: tuple[CertificateFacts, ...],
    server: ServerName,
    now: datetime,
) -> CertificateFacts:
    """The certificate that `error` is about, which says so itself only of the leaf.

    It is looked for from the leaf upwards: the first step that fails alone is the one at fault.
    """
    leaf, *others = sent
    below = [leaf]
    while "(encountered processing" not in str(error):
        issuers = [one for one in (*others, *anchors) if one.subject == below[-1].issuer and one not in below]
        for issuer in issuers:
            try:
                _verify(tier, (issuer,), tuple(below), server, now)
            except PathError as failed:
                error = failed
            else:
                below.append(issuer)
                break
        else:
            # A wrong signature is the fault of what is signed, anything else of the one that is to be relied on.
            return below[-1] if not issuers or "signature" in str(error) else issuers[0]
    return leaf


@functools.lru_cache(maxsize=REMEMBERED)
def _policy(tier: Tier, anchors: tuple[CertificateFacts, ...]) -> PolicyBuilder:
    builder = PolicyBuilder().store(Store([load(anchor) for anchor in anchors]))
    if tier.extension_policies is None:
        return builder
    ca_policy, ee_policy = tier.extension_policies
    return builder.extension_policies(ca_policy=ca_policy, ee_policy=ee_policy)


def _check_ca_key_usage(_policy: Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    # RFC 5280 §4.2.1.3: "If the keyUsage extension is present, then the subject public key MUST NOT be used
    # to verify signatures on certificates or CRLs unless the corresponding keyCertSign or cRLSign bit is
    # set."
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("keyUsage.keyCertSign must be asserted in a CA certificate")


def _check_server_auth(
    _policy: Policy, _certificate: x509.Certificate, purposes: x509.ExtendedKeyUsage | None
) -> None:
    if purposes is not None and ExtendedKeyUsageOID.SERVER_AUTH not in purposes:
        raise ValueError("required EKU not found")


_PRIVATE_CA = (
    ExtensionPolicy.webpki_defaults_ca()
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _check_ca_key_usage)
    # That cA is asserted is checked in any case.
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    .may_be_present(x509.AuthorityKeyIdentifier, Criticality.AGNOSTIC, None)
    # Whatever the policies are, none in particular is asked for here (RFC 5280 §6.1.1, any-policy).
    .may_be_present(x509.CertificatePolicies, Criticality.AGNOSTIC, None)
)
_PRIVATE_LEAF = (
    ExtensionPolicy.webpki_defaults_ee()
    .may_be_present(x509.AuthorityKeyIdentifier, Criticality.AGNOSTIC, None)
    .require_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, None)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _check_server_auth)
    .may_be_present(x509.CertificatePolicies, Criticality.AGNOSTIC, None)
    # What it promises is asked for when the staple is checked.
    .may_be_present(x509.TLSFeature, Criticality.AGNOSTIC, None)
)
_PINNED_LEAF = _PRIVATE_LEAF.may_be_present(x509.BasicConstraints, Criticality.AGNOSTIC, None).may_be_present(
    x509.KeyUsage, Criticality.AGNOSTIC, None
)

_WEB_KEYS = frozenset(("RSA", "P-256", "P-384", "P-521"))
_PRIVATE_KEYS = _WEB_KEYS | {"Ed25519", "Ed448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"}

WEB = Tier("web", _WEB_KEYS, None)
PRIVATE = Tier("private", _PRIVATE_KEYS, (_PRIVATE_CA, _PRIVATE_LEAF))
PINNED = Tier("pinned", _PRIVATE_KEYS, (_PRIVATE_CA, _PINNED_LEAF))
TIERS: Mapping[TierName, Tier] = {"web": WEB, "private": PRIVATE, "pinned": PINNED}
