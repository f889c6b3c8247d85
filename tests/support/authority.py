"""A throw-away certificate authority for the tests.

Theory of operation: an `Authority` is a name, a key and a certificate; `issue` signs leaves, `intermediate`
signs further authorities. What comes out is by default what a public CA would issue, so that it passes the
strict policy too; every deviation is a keyword (`eku=None`, `ca=True`, `omit=…`, `extensions=…`).
RSA keys are made once per process and kind, because making them is slow.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KeyKind = Literal[
    "ec",
    "rsa",
    "p256",
    "p384",
    "p521",
    "secp256k1",
    "rsa1024",
    "rsa2048",
    "rsa4096",
    "ed25519",
    "ed448",
    "dsa",
    "mldsa44",
    "mldsa65",
    "mldsa87",
]
PrivateKey = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | dsa.DSAPrivateKey
    | mldsa.MLDSA44PrivateKey
    | mldsa.MLDSA65PrivateKey
    | mldsa.MLDSA87PrivateKey
)
_WITHOUT_A_HASH = (
    ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | mldsa.MLDSA44PrivateKey
    | mldsa.MLDSA65PrivateKey
    | mldsa.MLDSA87PrivateKey
)
Extensions = Iterable[tuple[x509.ExtensionType, bool]]
"""Pairs of an extension and whether it is critical; each replaces the default one of its type."""

DAY = timedelta(days=1)
SERVER_AUTH = (ExtendedKeyUsageOID.SERVER_AUTH,)
CLIENT_AUTH = (ExtendedKeyUsageOID.CLIENT_AUTH,)

_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "ec": ec.SECP256R1,
    "p256": ec.SECP256R1,
    "p384": ec.SECP384R1,
    "p521": ec.SECP521R1,
    "secp256k1": ec.SECP256K1,
}
_RSA_BITS = {"rsa": 2048, "rsa1024": 1024, "rsa2048": 2048, "rsa4096": 4096}
_KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@cache
def _rsa_key(bits: int, role: str) -> rsa.RSAPrivateKey:
    """One key per size and role ("ca" or "leaf"): generating 2048 bits takes about 0.1 s."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def _dsa_key() -> dsa.DSAPrivateKey:
    return dsa.generate_private_key(key_size=1024)  # noqa: S505 - not to be accepted anyway


def make_key(kind: KeyKind, role: str = "leaf") -> PrivateKey:
    """A private key of `kind`; RSA and DSA keys are shared by all callers with the same role."""
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind]())
    if kind in _RSA_BITS:
        return _rsa_key(_RSA_BITS[kind], role)
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "ed448":
        return ed448.Ed448PrivateKey.generate()
    if kind == "mldsa44":
        return mldsa.MLDSA44PrivateKey.generate()
    if kind == "mldsa65":
        return mldsa.MLDSA65PrivateKey.generate()
    if kind == "mldsa87":
        return mldsa.MLDSA87PrivateKey.generate()
    return _dsa_key()


def key_usage(*names: str) -> x509.KeyUsage:
    """A KeyUsage extension with exactly the usages named, for example `key_usage("key_cert_sign")`."""
    return x509.KeyUsage(**{usage: usage in names for usage in _KEY_USAGES})


def to_pem(*certificates: x509.Certificate) -> bytes:
    """The certificates as PEM blocks, in order."""
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def to_der(certificate: x509.Certificate) -> bytes:
    """The certificate as DER."""
    return certificate.public_bytes(serialization.Encoding.DER)


def common_name(text: str) -> x509.Name:
    """A Name of one CommonName, encoded as UTF8String; empty for an empty text."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])


def general_name(name: str) -> x509.GeneralName:
    """`name` as the subjectAltName entry it stands for: an IP address literal or a DNS name."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _hash_for(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    if isinstance(key, _WITHOUT_A_HASH):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size > 256:
        return hashes.SHA384() if key.key_size == 384 else hashes.SHA512()
    return hashes.SHA256()


@dataclass(frozen=True)
class Leaf:
    """An end-entity certificate with its key and the intermediates a server sends along."""

    certificate: x509.Certificate
    key: PrivateKey
    issuers: tuple[x509.Certificate, ...] = ()

    @property
    def certificate_der(self) -> bytes:
        """The leaf certificate alone."""
        return to_der(self.certificate)

    @property
    def certificate_pem(self) -> bytes:
        """The leaf certificate alone."""
        return to_pem(self.certificate)

    @property
    def chain_ders(self) -> list[bytes]:
        """What a server sends: the leaf, then the intermediates; the root is not sent."""
        return [to_der(certificate) for certificate in (self.certificate, *self.issuers)]

    @property
    def chain_pem(self) -> bytes:
        """The same certificates as `chain_ders`."""
        return to_pem(self.certificate, *self.issuers)

    @property
    def key_pem(self) -> bytes:
        """The private key as unencrypted PKCS#8."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def write(self, folder: Path | str, stem: str = "server") -> tuple[Path, Path]:
        """Write `server.pem` (the whole chain) and `server.key` into `folder`."""
        certificate_path = Path(folder) / f"{stem}.pem"
        key_path = Path(folder) / f"{stem}.key"
        certificate_path.write_bytes(self.chain_pem)
        key_path.write_bytes(self.key_pem)
        return certificate_path, key_path


@dataclass(frozen=True)
class Authority:
    """A root or intermediate CA: `Authority.make()` for a root, `.intermediate()` for one below."""

    certificate: x509.Certificate
    key: PrivateKey
    issuers: tuple[x509.Certificate, ...] = ()
    """The certificates between this authority and its root, this one's included; empty for a root."""

    @classmethod
    def make(
        cls,
        key: KeyKind | PrivateKey = "ec",
        *,
        name: str | x509.Name = "Throw-away Root CA",
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        extensions: Extensions = (),
        omit: Collection[type[x509.ExtensionType]] = (),
    ) -> Authority:
        """A self-signed root."""
        private = make_key(key, "ca") if isinstance(key, str) else key
        certificate = _certificate(
            subject=_name(name),
            public_key=private,
            issuer=None,
            signer=private,
            dates=(not_before, not_after or _now() + 3650 * DAY),
            extensions=[*_ca_extensions(private), *extensions],
            omit=omit,
        )
        return cls(certificate, private)

    def intermediate(
        self,
        key: KeyKind | PrivateKey = "ec",
        *,
        name: str | x509.Name = "Throw-away Intermediate CA",
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        extensions: Extensions = (),
        omit: Collection[type[x509.ExtensionType]] = (),
    ) -> Authority:
        """A CA below this one. With another authority's key and name this is a cross-signed copy of it."""
        private = make_key(key, "intermediate") if isinstance(key, str) else key
        certificate = _certificate(
            subject=_name(name),
            public_key=private,
            issuer=self.certificate,
            signer=self.key,
            dates=(not_before, not_after or _now() + 1825 * DAY),
            extensions=[*_ca_extensions(private), *extensions],
            omit=omit,
        )
        return Authority(certificate, private, (certificate, *self.issuers))

    def issue(
        self,
        *names: str,
        key: KeyKind | PrivateKey = "ec",
        common: str = "",
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        eku: Iterable[x509.ObjectIdentifier] | None = SERVER_AUTH,
        ku: Iterable[str] | Literal["auto"] | None = "auto",
        ca: bool = False,
        intermediate: bool = False,
        extensions: Extensions = (),
        omit: Collection[type[x509.ExtensionType]] = (),
    ) -> Leaf:
        """A leaf for the DNS names and IP literals `names`.

        Args:
            *names: subjectAltName entries; without any, the certificate has no subjectAltName.
            key: a key kind, or a key to use.
            common: the subject's CommonName; the first name by default.
            not_before: start of validity; a day ago by default.
            not_after: end of validity; in 90 days by default.
            eku: extended key usages; `None` leaves the extension out.
            ku: key usages by `KeyUsage` attribute name; `None` leaves the extension out.
            ca: whether basicConstraints says CA:TRUE.
            intermediate: put a fresh intermediate CA between this authority and the leaf.
            extensions: further extensions, each replacing the default one of its type.
            omit: extension types to leave out.
        """
        authority = self.intermediate() if intermediate else self
        private = make_key(key) if isinstance(key, str) else key
        certificate = _certificate(
            subject=common_name(common or (names[0] if names else "")),
            public_key=private,
            issuer=authority.certificate,
            signer=authority.key,
            dates=(not_before, not_after),
            extensions=[*_leaf_extensions(private, names, eku, ku, ca=ca), *extensions],
            omit=omit,
        )
        return Leaf(certificate, private, authority.issuers)

    @property
    def certificate_der(self) -> bytes:
        """This authority's certificate."""
        return to_der(self.certificate)

    @property
    def certificate_pem(self) -> bytes:
        """This authority's certificate."""
        return to_pem(self.certificate)

    def write(self, folder: Path | str, stem: str = "ca") -> Path:
        """Write `ca.pem` into `folder`, for programs that want a CA file."""
        path = Path(folder) / f"{stem}.pem"
        path.write_bytes(self.certificate_pem)
        return path


def self_signed(
    *names: str,
    key: KeyKind | PrivateKey = "ec",
    common: str = "",
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    eku: Iterable[x509.ObjectIdentifier] | None = SERVER_AUTH,
    ku: Iterable[str] | Literal["auto"] | None = "auto",
    ca: bool = False,
    extensions: Extensions = (),
    omit: Collection[type[x509.ExtensionType]] = (),
) -> Leaf:
    """A self-signed leaf, as a device or `openssl req -x509` (then with `ca=True`) makes it."""
    private = make_key(key) if isinstance(key, str) else key
    certificate = _certificate(
        subject=common_name(common or (names[0] if names else "")),
        public_key=private,
        issuer=None,
        signer=private,
        dates=(not_before, not_after),
        extensions=[*_leaf_extensions(private, names, eku, ku, ca=ca), *extensions],
        omit=omit,
    )
    return Leaf(certificate, private)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _name(name: str | x509.Name) -> x509.Name:
    return common_name(name) if isinstance(name, str) else name


def _ca_extensions(private: PrivateKey) -> list[tuple[x509.ExtensionType, bool]]:
    return [
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (key_usage("digital_signature", "key_cert_sign", "crl_sign"), True),
        (x509.SubjectKeyIdentifier.from_public_key(private.public_key()), False),
    ]


def _leaf_extensions(
    private: PrivateKey,
    names: Iterable[str],
    eku: Iterable[x509.ObjectIdentifier] | None,
    ku: Iterable[str] | None,
    *,
    ca: bool,
) -> list[tuple[x509.ExtensionType, bool]]:
    found: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=ca, path_length=None), True),
        (x509.SubjectKeyIdentifier.from_public_key(private.public_key()), False),
    ]
    if ku == "auto":
        is_rsa = isinstance(private, rsa.RSAPrivateKey)
        ku = ("digital_signature", "key_encipherment") if is_rsa else ("digital_signature",)
    if ku is not None:
        found.append((key_usage(*ku), True))
    if eku is not None:
        found.append((x509.ExtendedKeyUsage(eku), False))
    entries = [general_name(name) for name in names]
    if entries:
        found.append((x509.SubjectAlternativeName(entries), False))
    return found


def _certificate(
    *,
    subject: x509.Name,
    public_key: PrivateKey,
    issuer: x509.Certificate | None,
    signer: PrivateKey,
    dates: tuple[datetime | None, datetime | None],
    extensions: Extensions,
    omit: Collection[type[x509.ExtensionType]],
) -> x509.Certificate:
    not_before, not_after = dates
    not_after = not_after or _now() + 90 * DAY
    # A start before the end, also for a certificate that is long expired.
    not_before = not_before or min(_now(), not_after) - DAY
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(public_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    chosen = {
        extension.oid: (extension, critical) for extension, critical in [(authority_key, False), *extensions]
    }
    left_out = {extension_type.oid for extension_type in omit}
    for oid, (extension, critical) in chosen.items():
        if oid not in left_out:
            builder = builder.add_extension(extension, critical)
    return builder.sign(signer, _hash_for(signer))
