"""Pins: which certificates or keys must be on a server's path, whoever vouches for it.

Theory of operation: a pin is a SHA-256 hash, of a certificate or of a public key (the SubjectPublicKeyInfo, as in
RFC 7469 §2.4). It narrows trust and never widens it: the path has to be verified as any other, and one of the
certificates on it, from the leaf to the anchor, has to fit one of the pins.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trio_certs._certificate import CertificateFacts
from trio_certs._errors import CertificateError, Reason
from trio_certs._text import printable

_HEX = re.compile(r"[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Pin:
    """A certificate or a public key, by its SHA-256 hash; made with `certificate` or `key`."""

    kind: Literal["certificate", "key"]
    sha256: bytes

    def __post_init__(self) -> None:
        if self.kind not in ("certificate", "key"):
            raise ValueError(f"a pin is of a certificate or of a key, not of a {self.kind!r}")
        if len(self.sha256) != 32:
            raise ValueError("a pin is a SHA-256 hash, which has 32 bytes")

    @classmethod
    def certificate(cls, sha256: bytes | str) -> Pin:
        """A certificate: the hash as bytes, in hexadecimal with or without colons, or in Base64.

        Raises:
            ValueError: it is none of these.
        """
        return cls("certificate", _digest(sha256))

    @classmethod
    def key(cls, sha256: bytes | str) -> Pin:
        """A public key: the hash as for a certificate; `sha256/…` and curl's `sha256//…` are understood too.

        Raises:
            ValueError: it is none of these.
        """
        return cls("key", _digest(sha256))

    def fits(self, certificate: CertificateFacts) -> bool:
        """Whether it is this certificate, or its key."""
        what = certificate.der if self.kind == "certificate" else certificate.spki
        return hashlib.sha256(what).digest() == self.sha256

    def __str__(self) -> str:
        return f"{self.kind} sha256/{base64.b64encode(self.sha256).decode()}"


def check_pins(pins: Sequence[Pin], path: Sequence[CertificateFacts]) -> None:
    """Check that one of `pins`, if there are any, is on a verified path.

    Raises:
        CertificateError: none is.
    """
    if pins and not any(pin.fits(certificate) for certificate in path for pin in pins):
        there = ", ".join(str(Pin("key", hashlib.sha256(one.spki).digest())) for one in path)
        raise CertificateError(
            Reason.PIN,
            f"The server's certificate is refused: none of the {len(pins)} pinned certificates and keys is on its "
            f"path, which has: {there}. If the server is right, and has got new keys, pin one of them.",
            path[0],
        )


def _digest(value: bytes | str) -> bytes:
    if isinstance(value, bytes):
        return value
    if _HEX.fullmatch(value):
        return bytes.fromhex(value.replace(":", ""))
    try:
        return base64.b64decode(value.removeprefix("sha256/").removeprefix("/"), validate=True)
    except binascii.Error:
        raise ValueError(f'"{printable(value)}" is not a SHA-256 hash in hexadecimal or Base64') from None
