"""What is worth saying about a connection that works.

Theory of operation: what is wrong is refused by the handshake and needs no warning. These are about what is
accepted and had better be different: something old, weak, soon over, or switched off. A `warning` asks somebody to
do something; a `note` may interest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from trio_secure import ConnectionInfo, TraceEvent

from ._certificates import CertificateView

EXPIRING = timedelta(days=14)
"""Before this the end of a certificate is nobody's concern, unless it lives for less than three times as long."""
_TLS12, _TLS13 = 0x0303, 0x0304
_FEWEST_RSA_BITS = 2048
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ConnectionWarning:
    """Something worth saying.

    Attributes:
        kind: what it is about, for programs; these names do not change.
        level: "warning" for what somebody should do something about, "note" for what may interest.
        text: what it is, and what to do.
    """

    kind: str
    level: Literal["warning", "note"]
    text: str


def warnings_about(
    info: ConnectionInfo, now: datetime, events: Iterable[TraceEvent] = ()
) -> tuple[ConnectionWarning, ...]:
    """What is worth saying about an established connection.

    Args:
        info: the connection.
        now: the time, with its zone.
        events: its trace, if there is one: it has what `info` does not tell.
    """
    chain = info.verified_chain or info.peer_certificates
    certificates = [CertificateView.of(der) for der in chain]
    return (
        *_about_connection(info),
        *_about_request(info, events),
        *_about_staple(info),
        *chain_warnings(certificates, now),
    )


def _about_connection(info: ConnectionInfo) -> Iterator[ConnectionWarning]:
    if not info.verified_chain:
        yield ConnectionWarning(
            "unverified",
            "warning",
            "Verification is off: anyone on the way can pose as the server, read everything and change it.",
        )
    if info.version < _TLS12:
        yield ConnectionWarning(
            "old_version",
            "warning",
            f"TLS 1.{info.version - 0x0301} is out of use since 2021 (RFC 8996): the server should speak 1.3.",
        )
    if "_CBC_" in info.cipher_suite:
        yield ConnectionWarning(
            "cbc",
            "warning",
            "The suite encrypts in CBC mode, which has been broken in many ways. The server should take an AEAD.",
        )
    if info.cipher_suite.startswith("TLS_RSA_"):
        yield ConnectionWarning(
            "no_forward_secrecy",
            "warning",
            "No forward secrecy: who gets the server's key later can read what was recorded today.",
        )
    if (bits := _dhe_bits(info.group)) and bits < _FEWEST_RSA_BITS:
        yield ConnectionWarning("weak_group", "warning", f"The group has {bits} bits; 2048 are the least.")
    if info.version < _TLS13 and not info.extended_master_secret:
        yield ConnectionWarning(
            "no_extended_master_secret",
            "warning",
            "The keys do not depend on the whole handshake (RFC 7627); the server is old.",
        )
    if info.group is None or "MLKEM" not in info.group.upper():
        yield ConnectionWarning(
            "not_post_quantum",
            "note",
            "The key exchange does not withstand a quantum computer: what is recorded today may be read then.",
        )


def _about_request(info: ConnectionInfo, events: Iterable[TraceEvent]) -> Iterator[ConnectionWarning]:
    if not info.client_certificates and any(event.name == "CertificateRequest" for event in events):
        yield ConnectionWarning(
            "client_certificate_wanted",
            "note",
            "The server asked for a client certificate and was shown none: it may refuse whatever is said next.",
        )


def _dhe_bits(group: str | None) -> int:
    found = re.fullmatch(r"(?:dhe|ffdhe|modp)([0-9]+)", group or "")
    return int(found[1]) if found else 0


def _about_staple(info: ConnectionInfo) -> Iterator[ConnectionWarning]:
    if info.ocsp_response is not None or info.resumed or not info.peer_certificates:
        return
    leaf = CertificateView.of(info.peer_certificates[0])
    if leaf.must_staple:
        yield ConnectionWarning(
            "missing_staple", "warning", "The certificate promises an OCSP staple, and none came."
        )
    elif leaf.ocsp_url:
        yield ConnectionWarning(
            "missing_staple",
            "note",
            "No OCSP staple came, though there is somebody to ask for one: a revocation would not be noticed.",
        )


def chain_warnings(chain: Sequence[CertificateView], now: datetime) -> Iterator[ConnectionWarning]:
    """What is worth saying about certificates, the server's own first."""
    for number, certificate in enumerate(chain, 1):
        which = "The server's certificate" if number == 1 else f"Certificate {number} of the chain"
        if (end := _ending(certificate, now)) is not None:
            yield ConnectionWarning("expiring", "warning", f"{which} {end}.")
        if certificate.is_rsa and certificate.key_bits < _FEWEST_RSA_BITS:
            yield ConnectionWarning(
                "weak_key",
                "warning",
                f"{which} has an RSA key of {certificate.key_bits} bits; 2048 are the least.",
            )
        # What signs an anchor is of no consequence: it is trusted for being there.
        if certificate.signature in {"SHA1", "MD5"} and not certificate.self_signed:
            yield ConnectionWarning(
                "weak_signature",
                "warning",
                f"{which} is signed with {certificate.signature}, which is broken.",
            )


def _ending(certificate: CertificateView, now: datetime) -> str | None:
    start, end = certificate.not_before, certificate.not_after
    if start is None or end is None:
        return None
    if end < now:
        return f"has expired, on {end:%Y-%m-%d}"
    if now < start:
        return f"is not valid before {start:%Y-%m-%d %H:%M} UTC"
    left = end - now
    if left >= min(EXPIRING, (end - start) / 3):
        return None
    return f"expires in {time_left(left)}, on {end:%Y-%m-%d}"


def time_left(left: timedelta) -> str:
    """How long something still lasts, as people say it."""
    if left.days >= 2:
        return f"{left.days} days"
    hours = left // _HOUR
    return f"{hours} hours" if hours >= 2 else "less than two hours"
