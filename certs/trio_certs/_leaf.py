"""The checks on the server's own certificate that need no path.

Theory of operation: whether a certificate is in date, is valid for the host and may be used by a server can
be read from it alone, so this is decided first: no certificate is looked up for a server that is refused
anyway, and the reason is exact, where the path verifier has only a sentence. Everything here can only
refuse.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from trio_certs._certificate import REMEMBERED, CertificateFacts
from trio_certs._chain import Chain, malformed
from trio_certs._der import BIT_STRING, OBJECT_IDENTIFIER, SEQUENCE, DERError, Reader
from trio_certs._errors import CertificateError, Reason
from trio_certs._server_name import ServerName, SubjectNames

KeyUsage = Literal["digital_signature", "key_encipherment"]
"""What the server does with its key: sign, or (TLS 1.2 and older, RSA key transport) decrypt."""

_KEY_USAGE_BITS: dict[KeyUsage, int] = {"digital_signature": 0x80, "key_encipherment": 0x20}
_KEY_USAGE = b"\x55\x1d\x0f"
_SUBJECT_ALT_NAME = b"\x55\x1d\x11"
_EXTENDED_KEY_USAGE = b"\x55\x1d\x25"
_TLS_FEATURE = bytes.fromhex("2b06010505070118")
_STATUS_REQUEST = 5
_SERVER_AUTH = bytes.fromhex("2b06010505070301")
MIN_RSA_BITS = 2048


def check_leaf(sent: Chain, server: ServerName, usage: KeyUsage, now: datetime) -> SubjectNames:
    """Check dates, name and usages of the server's certificate, and return the names it is valid for.

    Raises:
        CertificateError: one of them is wrong.
    """
    leaf = sent.leaf
    check_dates(leaf, now, others=sent.certificates[1:])
    try:
        names, usages, purposes, _ = _claims(leaf)
    except DERError as error:
        raise malformed(1, str(error)) from error
    if not server.matches(names):
        raise CertificateError(
            Reason.WRONG_NAME,
            f"The server's certificate is not valid for {server.text}: its subjectAltName has {names}. "
            "Connect under one of its names, or give the name it has as the server name.",
            leaf,
        )
    # RFC 9846 §4.5.1.2 [8446 §4.4.2.2]: "The end-entity certificate MUST allow the key to be used for signing
    # [...]. That is, the digitalSignature bit MUST be set if the Key Usage extension is present". RFC 5246
    # §7.4.2 asks for keyEncipherment where RSA key transport is used.
    if usages is not None and not usages & _KEY_USAGE_BITS[usage]:
        raise CertificateError(
            Reason.WRONG_PURPOSE,
            "The server's certificate does not allow its key to be used for this handshake: "
            f"its keyUsage lacks {usage}. The server needs another certificate.",
            leaf,
        )
    # RFC 5280 §4.2.1.12. anyExtendedKeyUsage is not taken for serverAuth, as public CAs may not issue it.
    if purposes is not None and _SERVER_AUTH not in purposes:
        raise CertificateError(
            Reason.WRONG_PURPOSE,
            "The server's certificate was not issued for servers: its extendedKeyUsage lacks serverAuth. "
            "The server needs another certificate.",
            leaf,
        )
    return names


def must_staple(leaf: CertificateFacts) -> bool:
    """Whether the certificate promises that its server staples OCSP responses (RFC 7633).

    Raises:
        DERError: its extensions are malformed, which `check_leaf` has refused before.
    """
    return _STATUS_REQUEST in _claims(leaf).features


def check_dates(
    certificate: CertificateFacts,
    now: datetime,
    what: str = "The server's certificate",
    others: Sequence[CertificateFacts] = (),
) -> None:
    """Check that `now` is within the certificate's validity (RFC 5280 §4.1.2.5, both ends included).

    Args:
        certificate: the one to check.
        now: the moment, UTC.
        what: what a message calls it.
        others: those it came with: if all are out of date in the same way, it is probably the clock.

    Raises:
        CertificateError: it is not.
    """
    reason = _out_of_date(certificate, now)
    if reason is None:
        return
    clock = f"this machine's clock says {now:%Y-%m-%d %H:%M:%S} UTC"
    if others and all(_out_of_date(other, now) is reason for other in others):
        advice = "So is every certificate that the server sent: is this machine's clock set?"
    elif reason is Reason.EXPIRED:
        advice = "It has to be renewed by whoever runs the server, unless the clock is wrong."
    else:
        advice = "Check the clock."
    problem = (
        f"expired on {certificate.not_after:%Y-%m-%d %H:%M:%S} UTC"
        if reason is Reason.EXPIRED
        else f"is valid only from {certificate.not_before:%Y-%m-%d %H:%M:%S} UTC on"
    )
    raise CertificateError(reason, f"{what} {problem}, and {clock}. {advice}", certificate)


def _out_of_date(certificate: CertificateFacts, now: datetime) -> Reason | None:
    if now < certificate.not_before:
        return Reason.NOT_YET_VALID
    return Reason.EXPIRED if now.replace(microsecond=0) > certificate.not_after else None


def key_usages(certificate: CertificateFacts) -> int | None:
    """The first octet of a certificate's keyUsage; `None` where it has none.

    Raises:
        DERError: its extensions are malformed.
    """
    return _key_usages(certificate.extensions().get(_KEY_USAGE))


def check_key(leaf: CertificateFacts, kinds: frozenset[str]) -> None:
    """Check that the server's key is of one of `kinds` and large enough; the path verifier does not.

    Raises:
        CertificateError: it is not.
    """
    key = leaf.key
    if key.kind not in kinds:
        kind = "of an unknown kind" if key.kind == "other" else key.kind
        raise CertificateError(
            Reason.WEAK_KEY,
            f"The server's key is {kind}; accepted are {', '.join(sorted(kinds))}. "
            "The server needs another certificate.",
            leaf,
        )
    if key.kind == "RSA" and key.bits < MIN_RSA_BITS:
        raise CertificateError(
            Reason.WEAK_KEY,
            f"The server's RSA key has {key.bits} bits; at least {MIN_RSA_BITS} are needed. "
            "The server needs another certificate.",
            leaf,
        )


class _Claims(NamedTuple):
    """What a leaf's extensions say it may be used for."""

    names: SubjectNames
    usages: int | None
    purposes: frozenset[bytes] | None
    features: frozenset[int]


@functools.lru_cache(maxsize=REMEMBERED)
def _claims(leaf: CertificateFacts) -> _Claims:
    extensions = leaf.extensions()
    names = SubjectNames()
    if _SUBJECT_ALT_NAME in extensions:
        names = SubjectNames.parse(extensions[_SUBJECT_ALT_NAME])
    usages = _key_usages(extensions.get(_KEY_USAGE))
    purposes = _purposes(extensions.get(_EXTENDED_KEY_USAGE))
    return _Claims(names, usages, purposes, _features(extensions.get(_TLS_FEATURE)))


def _key_usages(extension: bytes | None) -> int | None:
    """The first octet of a KeyUsage (RFC 5280 §4.2.1.3), or `None` where there is none."""
    if extension is None:
        return None
    reader = Reader(extension)
    bits = reader.content(BIT_STRING, "keyUsage")
    reader.finish("keyUsage")
    if not bits:
        raise DERError("keyUsage is not a BIT STRING")
    return bits[1] if len(bits) > 1 else 0


def _purposes(extension: bytes | None) -> frozenset[bytes] | None:
    """The OIDs of an ExtendedKeyUsage, or `None` where there is none."""
    if extension is None:
        return None
    reader = Reader(extension)
    purposes = reader.enter(SEQUENCE, "extendedKeyUsage")
    reader.finish("extendedKeyUsage")
    found: set[bytes] = set()
    while purposes.peek() is not None:
        found.add(purposes.content(OBJECT_IDENTIFIER, "extendedKeyUsage"))
    return frozenset(found)


def _features(extension: bytes | None) -> frozenset[int]:
    """The numbers in a TLS feature extension (RFC 7633), which are those of TLS extensions."""
    if extension is None:
        return frozenset()
    reader = Reader(extension)
    features = reader.enter(SEQUENCE, "the TLS features")
    reader.finish("the TLS features")
    found: set[int] = set()
    while features.peek() is not None:
        found.add(features.integer("the TLS features"))
    return frozenset(found)
