"""Lists of revoked certificates, right and wrong.

Theory of operation: what comes out of `revocation_list` is by default what a CA publishes; every deviation is a
keyword. `raw` makes an extension that no builder makes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from support.authority import Authority, Extensions, Leaf
from support.der import element

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
_SIGNATURE = bytes.fromhex("300a06082a8648ce3d040302")


def revocation_list(
    issuer: Authority,
    *revoked: Leaf | Authority,
    by: Authority | None = None,
    this_update: datetime = NOW - HOUR,
    next_update: datetime = NOW + HOUR,
    extensions: Extensions = (),
    entry_extensions: Extensions = (),
    encoding: Encoding = Encoding.DER,
) -> bytes:
    """The list of `issuer`, signed by `by` if it is not by itself."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(this_update)
        .next_update(next_update)
    )
    for one in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(one.certificate.serial_number)
            .revocation_date(this_update)
        )
        for extension, critical in entry_extensions:
            entry = entry.add_extension(extension, critical)
        builder = builder.add_revoked_certificate(entry.build())
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    key = (by or issuer).key
    hashed = isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return builder.sign(key, hashes.SHA256() if hashed else None).public_bytes(encoding)


def issuing_point(
    names: Iterable[str] = (), *, users: bool = False, cas: bool = False, indirect: bool = False
) -> tuple[x509.ExtensionType, bool]:
    """An IssuingDistributionPoint, critical as it has to be."""
    point = x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(name) for name in names] or None,
        relative_name=None,
        only_contains_user_certs=users,
        only_contains_ca_certs=cas,
        only_some_reasons=None,
        indirect_crl=indirect,
        only_contains_attribute_certs=False,
    )
    return point, True


def raw(oid: str, value: bytes, *, critical: bool = True) -> tuple[x509.ExtensionType, bool]:
    """An extension of any content."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical


def bare_list(
    issuer: Authority,
    *entries: bytes,
    version: bytes = element(0x02, b"\x01"),
    inner: bytes = _SIGNATURE,
    outer: bytes = _SIGNATURE,
    dates: bytes = element(0x17, b"260101000000Z") + element(0x17, b"270101000000Z"),
    more: bytes = b"",
    bits: bytes = b"\0sig",
) -> bytes:
    """A list put together element by element, with a signature that is none."""
    names = issuer.certificate.subject.public_bytes()
    body = element(0x30, *entries) if entries else b""
    return element(0x30, element(0x30, version, inner, names, dates, body, more), outer, element(0x03, bits))
