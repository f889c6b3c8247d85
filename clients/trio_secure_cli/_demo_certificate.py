"""The certificates of the demonstration: an authority made on the spot, and a server certificate below it.

Theory of operation: trustme makes the authority. Its server certificates mark every extension as critical,
which public CAs may not do and the policy for the store's CAs refuses; since the demonstration shows that
policy too, the server's certificate is put together here as a public CA would.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path
from typing import cast

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = dt.timedelta(days=1)


def make_authority() -> trustme.CA:
    """A certificate authority nobody else knows."""
    return trustme.CA(organization_name="trio-secure demonstration")


def issue(authority: trustme.CA, host: str, address: str, folder: Path) -> tuple[Path, Path]:
    """Write a certificate for `host` and `address`, good for a day, and its key into `folder`.

    Returns:
        The paths of the certificate and of its key, both PEM.
    """
    issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    # An EC key is what trustme makes unless asked for another.
    issuer_key = cast(
        "ec.EllipticCurvePrivateKey",
        serialization.load_pem_private_key(authority.private_key_pem.bytes(), None),
    )
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName(
        [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address(address))],
    )
    certificate = (
        x509.CertificateBuilder(
            issuer_name=issuer.subject,
            subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - _DAY,
            not_valid_after=now + _DAY,
        )
        .add_extension(names, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    certificate_path, key_path = folder / "certificate.pem", folder / "key.pem"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.touch(0o600)
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate_path, key_path
