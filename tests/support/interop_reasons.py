"""Why some servers have nothing to show in some rows of the docs' table.

Theory of operation: each reason names the rows by a pattern that their labels match as a whole, and the servers. A
test asks for a reason wherever the table has none to show, and for a use of every reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from support.interop_peers import PEERS
from trio_secure._versions import Version

_EVERY = tuple(peer.name for peer in PEERS)
_10, _11, _12, _13 = Version


@dataclass(frozen=True)
class Reason:
    """Why servers are not in rows.

    Attributes:
        what: the rows in words, for the docs.
        labels: a pattern for their labels.
        servers: those that have nothing to show.
        why: a sentence.
        versions: those it is about.
    """

    what: str
    labels: str
    servers: tuple[str, ...]
    why: str
    versions: tuple[Version, ...] = tuple(Version)

    def covers(self, version: Version, label: str, server: str) -> bool:
        """Whether it is the reason why a cell is empty."""
        named = re.fullmatch(self.labels, label) is not None
        return named and server in self.servers and version in self.versions


def _but(*servers: str) -> tuple[str, ...]:
    return tuple(name for name in _EVERY if name not in servers)


_PYOPENSSL = "OpenSSL of cryptography"
_LIGHTTPD = ("mbedTLS", "wolfSSL", "NSS")

REASONS = (
    Reason("TLS 1.3", ".*", ("mbedTLS",), "version 2.28 does not have it", (_13,)),
    Reason("TLS 1.0", ".*", ("wolfSSL",), "Debian builds it without", (_10,)),
    Reason("RSA key transport", "RSA, AES.*", ("wolfSSL",), "Debian builds it without"),
    Reason(
        "DHE, ffdhe groups, CBC with SHA-384",
        "DHE, .*|ffdhe.*|ECDHE, AES-CBC-SHA384",
        ("Go",),
        "it has never had them",
    ),
    Reason("ffdhe groups", "ffdhe.*", ("wolfSSL",), "it is built without them for TLS 1.3"),
    Reason("AES-CCM", "AES-CCM", ("NSS", "Go", "Java"), "they do not have it"),
    Reason("RSASSA-PSS", "rsa_pss_.*|RSA-PSS", ("mbedTLS",), "version 2.28 does not sign with it in TLS"),
    Reason(
        "certificates for RSASSA-PSS alone",
        "rsa_pss_pss_.*|RSA-PSS",
        ("wolfSSL", "NSS", "Go"),
        "they do not load such keys",
    ),
    Reason("Ed25519", "ed25519|.*Ed25519", ("mbedTLS", "NSS"), "they do not have it"),
    Reason(
        "Ed448, X448", "ed448|Ed448|x448", (*_LIGHTTPD, "Go"), "they do not have them, or are built without"
    ),
    Reason("ML-DSA", "mldsa.*|ML-DSA.*", _but(_PYOPENSSL), "they are older, or do not have it"),
    Reason("ML-KEM", ".*MLKEM768", _but(_PYOPENSSL, "Go"), "they are older"),
    Reason(
        "resumption by session ID",
        "resumed by session ID",
        (*_LIGHTTPD, "Go"),
        "lighttpd's modules keep no sessions; Go has tickets only",
    ),
    Reason(
        "0-RTT data", "0-RTT data", _but("OpenSSL", "GnuTLS"), "they do not take any, or cannot be told to"
    ),
    Reason(
        "a cookie in the HelloRetryRequest",
        ".*with a cookie",
        ("OpenSSL", _PYOPENSSL, "GnuTLS", "wolfSSL", "Go", "Node"),
        "they send none; `openssl s_server -stateless` does, and then ends the connection at the second "
        "ClientHello, with its own client too",
    ),
    Reason(
        "client certificates",
        "client certificate, .*",
        ("NSS",),
        "lighttpd's module for it fails to load an authority of clients",
    ),
    Reason(
        "client certificates after the handshake",
        "client certificate after the handshake",
        _but("OpenSSL", "GnuTLS", "tlslite-ng"),
        "they cannot ask for one, or cannot be told to",
    ),
    Reason("max_fragment_length", "max_fragment_length", ("NSS", "Go", "tlslite-ng"), "they do not have it"),
    Reason(
        "record_size_limit", "record_size_limit", _but("GnuTLS", "NSS", "tlslite-ng"), "they do not have it"
    ),
    Reason(
        "a KeyUpdate from the server",
        "KeyUpdate from the server",
        _but("OpenSSL", "Java", "tlslite-ng"),
        "they cannot be told to send one: neither `gnutls-serv` nor lighttpd has a command for it, and neither "
        "pyOpenSSL nor Go nor Node a function",
    ),
    Reason(
        "OCSP staples",
        "OCSP staple",
        ("mbedTLS", "wolfSSL", "Java", "tlslite-ng"),
        "mbedTLS and tlslite-ng have none; lighttpd's module for wolfSSL sends none of what it is given; Java "
        "takes none, but fetches its own",
    ),
    Reason(
        "signed certificate timestamps",
        "signed certificate timestamps",
        _but("Go"),
        "they do not have them, or cannot be given any",
    ),
    Reason(
        "exported keying material",
        "exported keying material",
        (*_LIGHTTPD, "Java"),
        "lighttpd does not tell it, and Java 17 has no function for it",
    ),
    Reason(
        "channel bindings",
        "channel bindings",
        ("OpenSSL", *_LIGHTTPD, "Java", "tlslite-ng"),
        "`openssl s_server` and tlslite-ng export without a context only; the others do not tell theirs",
    ),
    Reason(
        "renegotiation",
        "renegotiation, refused",
        _but("OpenSSL", "GnuTLS"),
        "they do not renegotiate, or cannot be told to",
        (_10, _11, _12),
    ),
    Reason("encrypt-then-MAC", "encrypt-then-MAC", ("NSS", "Go", "Java"), "they do not have it"),
    Reason(
        "certificate compression",
        "certificate compression",
        _but("tlslite-ng"),
        "they are older, or built without, or do not have it",
    ),
)
