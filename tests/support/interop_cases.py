"""The cases: what is tried with which server.

Theory of operation: a case belongs to rows of the docs' table and to the column of its server; the rows and
columns together are the matrix that is declared, whether or not anybody runs it. Suites are tried with each kind
of certificate they can be used with, in each version that has both; schemes, groups and features once in each.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from support.interop_material import Certificate
from support.interop_peers import FEATURES, PEERS, Peer
from trio_secure._groups import NAMED_GROUPS
from trio_secure._signatures import SIGNATURE_SCHEMES
from trio_secure._suites import CIPHER_SUITES, Authentication, CipherSuite, KeyExchange
from trio_secure._versions import Version

_FIXED = {Certificate.RSA: Authentication.RSA, Certificate.RSA_PSS: Authentication.RSA}
COMMON = UP_TO_THIS, GREASE = ("the highest of those offered, from TLS 1.0 on", "GREASE and padding")
# What the suites are tried with; the others are tried with each scheme they sign with.
_USUAL = (Certificate.RSA, Certificate.RSA_PSS, Certificate.P256, Certificate.P384, Certificate.ED25519)
_CURVES = {"secp256r1": Certificate.P256, "secp384r1": Certificate.P384, "secp521r1": Certificate.P521}


@dataclass(frozen=True)
class Row:
    """A row of the docs' table.

    Attributes:
        section: what kind of thing it is about.
    """

    version: Version
    section: str
    label: str


SUITES, CERTIFICATES, SIGNATURES, GROUPS, OTHER = SECTIONS = (
    "Suites",
    "Certificates",
    "Signatures",
    "Groups",
    "Features",
)


@dataclass(frozen=True)
class Case:
    """One connection, or the few that a feature takes.

    Attributes:
        rows: those it counts in.
        what: a suite's, group's or feature's name.
    """

    peer: Peer
    version: Version
    certificate: Certificate
    rows: tuple[Row, ...]
    what: str

    def __str__(self) -> str:
        parts = (self.peer.name, self.version.label, self.what, self.certificate.label)
        return "-".join(parts).replace(" ", "_")


def fits(suite: CipherSuite, version: Version, certificate: Certificate) -> bool:
    """Whether a server with such a certificate can use the suite."""
    if not suite.fits(version):
        return False
    # RFC 8446 §4.2.3 and RFC 8422 §5.4 give TLS 1.2 what came after it; before, a signature is what the key says.
    if certificate in {Certificate.RSA_PSS, Certificate.ED25519} and version < Version.TLS12:
        return False
    if certificate is Certificate.RSA_PSS and suite.key_exchange is KeyExchange.RSA:
        return False
    return suite.authentication in {None, _FIXED.get(certificate, Authentication.ECDSA)}


def _kind(suite: CipherSuite) -> str:
    """What a suite is an example of: "ECDHE, AES-GCM"."""
    cipher = suite.cipher.name.replace("AES-128", "AES").replace("AES-256", "AES")
    return f"{suite.key_exchange.value}, {cipher}" if suite.key_exchange else cipher


def suite_cases() -> Iterator[Case]:
    """Every suite with every kind of certificate."""
    for peer in PEERS:
        for version in peer.versions:
            for suite in CIPHER_SUITES:
                for certificate in _USUAL:
                    has_both = peer.has_suite(suite) and certificate in peer.certificates
                    if has_both and fits(suite, version, certificate):
                        rows = (
                            Row(version, SUITES, _kind(suite)),
                            Row(version, CERTIFICATES, certificate.label),
                        )
                        yield Case(peer, version, certificate, rows, suite.name)


def group_cases() -> Iterator[Case]:
    """Every group; those of finite fields only in TLS 1.3, since before it servers have groups of their own."""
    for peer in PEERS:
        for version in peer.versions:
            for group in NAMED_GROUPS:
                known = group.name in peer.groups and group.since <= version
                if known and (version == Version.TLS13 or not group.name.startswith("ffdhe")):
                    row = Row(version, GROUPS, group.name)
                    yield Case(peer, version, Certificate.RSA, (row,), group.name)


def signature_cases() -> Iterator[Case]:
    """Every signature scheme that a client can ask for."""
    for peer in PEERS:
        for version in peer.versions:
            for scheme in SIGNATURE_SCHEMES:
                certificate = _CURVES[scheme.curve] if scheme.curve else Certificate[scheme.kind.name]
                has_both = peer.has_scheme(scheme) and certificate in peer.certificates
                if has_both and scheme.since <= version <= scheme.until:
                    rows = (
                        Row(version, CERTIFICATES, certificate.label),
                        Row(version, SIGNATURES, scheme.name),
                    )
                    yield Case(peer, version, certificate, rows, scheme.name)


def feature_cases(*keys: str) -> list[Case]:
    """The cases of some features."""
    return [
        Case(peer, version, FEATURES[key].certificate, (Row(version, OTHER, FEATURES[key].label),), key)
        for key in keys
        for peer in PEERS
        for version in peer.versions
        if key in peer.features and version in FEATURES[key].versions
    ]


def common_cases(*labels: str) -> list[Case]:
    """What is tried with every server, in each of its versions."""
    return [
        Case(peer, version, Certificate.RSA, (Row(version, OTHER, label),), label)
        for label in labels
        for peer in PEERS
        for version in peer.versions
    ]


def all_cases() -> Iterator[Case]:
    """All of it."""
    return itertools.chain(
        suite_cases(), signature_cases(), group_cases(), common_cases(*COMMON), feature_cases(*FEATURES)
    )
