"""What the servers and the client of the interoperability tests show each other.

Theory of operation: one authority issues a certificate of every kind of key, an OCSP response for each, and
certificates for clients. All of it lies in files, since that is how most servers want it.
"""

from __future__ import annotations

import enum
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from support.authority import CLIENT_AUTH, Authority, KeyKind, Leaf, to_der
from support.servers import HOST, program

_EXTENSIONS = f"""basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectAltName=DNS:{HOST}
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
"""


class Certificate(enum.Enum):
    """The kinds of server certificates: what the docs call them, and the kind of key."""

    RSA = "RSA", "rsa2048"
    RSA_PSS = "RSA-PSS", "rsa2048"
    P256 = "P-256", "p256"
    P384 = "P-384", "p384"
    ED25519 = "Ed25519", "ed25519"
    P521 = "P-521", "p521"
    ED448 = "Ed448", "ed448"
    ML_DSA_44 = "ML-DSA-44", "mldsa44"
    ML_DSA_65 = "ML-DSA-65", "mldsa65"
    ML_DSA_87 = "ML-DSA-87", "mldsa87"

    def __init__(self, label: str, key: KeyKind) -> None:
        self.label = label
        self.key: KeyKind = key


@dataclass(frozen=True)
class Files:
    """A certificate, its key and a staple for it.

    Attributes:
        der: the certificate.
        certificate: the chain, in PEM.
        key: in PEM, PKCS#8.
        staple: an OCSP response, in DER.
    """

    der: bytes
    certificate: Path
    key: Path
    staple: Path


class Material:
    """Everything, made once."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority.make()
        self.folder = folder
        self.root = self.authority.write(folder)
        self.root.with_suffix(".key").write_bytes(
            Leaf(self.authority.certificate, self.authority.key).key_pem
        )
        self._servers: dict[Certificate, Files] = {}

    @cached_property
    def dh(self) -> Path:
        """The parameters of ffdhe2048, in PEM."""
        path = self.folder / "dh.pem"
        make = ["genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-out", str(path)]
        subprocess.run([program("openssl"), *make], check=True, capture_output=True)
        return path

    def server(self, kind: Certificate) -> Files:
        """A server's certificate for `localhost`."""
        if kind not in self._servers:
            self._servers[kind] = self._issue(kind)
        return self._servers[kind]

    def client(self, key: KeyKind) -> Leaf:
        """A client's certificate; its common name is the kind of key."""
        return self.authority.issue(f"{key}.client", key=key, common=key, eku=CLIENT_AUTH)

    def _issue(self, kind: Certificate) -> Files:
        stem = kind.name.lower()
        leaf = self.authority.issue(HOST, key=kind.key)
        certificate_file, key_file = leaf.write(self.folder, stem)
        if kind is Certificate.RSA_PSS:
            self._make_pss(certificate_file, key_file)
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        staple = self.folder / f"{stem}.ocsp"
        staple.write_bytes(_staple(certificate, self.authority))
        return Files(to_der(certificate), certificate_file, key_file, staple)

    def _make_pss(self, certificate: Path, key: Path) -> None:
        """A certificate for a key that is for RSA-PSS alone: `cryptography` makes neither."""
        openssl, public, extensions = program("openssl"), key.with_suffix(".public"), key.with_suffix(".cnf")
        extensions.write_text(_EXTENSIONS)
        generate = ["genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(key)]
        extract = ["pkey", "-in", str(key), "-pubout", "-out", str(public)]
        sign = [
            "x509",
            "-new",
            "-subj",
            f"/CN={HOST}",
            "-force_pubkey",
            str(public),
            "-out",
            str(certificate),
        ]
        sign += [
            "-CA",
            str(self.root),
            "-CAkey",
            str(self.root.with_suffix(".key")),
            "-sha256",
            "-days",
            "30",
        ]
        for arguments in (generate, extract, [*sign, "-extfile", str(extensions)]):
            subprocess.run([openssl, *arguments], check=True, capture_output=True)


def _staple(certificate: x509.Certificate, authority: Authority) -> bytes:
    now = datetime.now(UTC).replace(microsecond=0)
    builder = ocsp.OCSPResponseBuilder().add_response(
        certificate,
        authority.certificate,
        hashes.SHA1(),  # noqa: S303 -- it names the certificate (RFC 6960 §4.1.1); servers look for this one
        ocsp.OCSPCertStatus.GOOD,
        now - timedelta(hours=1),
        now + timedelta(days=3),
        None,
        None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, authority.certificate)
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)
