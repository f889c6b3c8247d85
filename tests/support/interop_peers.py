"""The servers of the interoperability tests, and what each can do: one row for each.

Theory of operation: a row says which versions, kinds of certificates, suites, groups and features a server has, as
it comes with Debian 12 or from its registry and is started here; the cases are made from the rows, and so is the
table in the docs. What a row leaves out is not tried. Features are rows of a table themselves, `FEATURES`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from support import interop_daemons as daemons
from support import interop_programs as programs
from support.interop_family import Family
from support.interop_material import Certificate
from trio_secure._signatures import SignatureScheme
from trio_secure._suites import CipherSuite
from trio_secure._versions import Version

_10, _11, _12, _13 = Version
_OLD = (_10, _11, _12)
_ALL = (*_OLD, _13)


@dataclass(frozen=True)
class Feature:
    """Something besides versions, suites and certificates.

    Attributes:
        key: its short name.
        label: its name in the docs.
        versions: those that have it.
        certificate: the server's.
    """

    key: str
    label: str
    versions: tuple[Version, ...] = _ALL
    certificate: Certificate = Certificate.RSA


_FEATURES = (
    Feature("alpn", "ALPN"),
    Feature("session_id", "resumed by session ID", _OLD),
    Feature("ticket", "resumed by ticket", _OLD),
    Feature("psk", "resumed by PSK, with (EC)DHE", (_13,)),
    Feature("early_data", "0-RTT data", (_13,)),
    Feature("retry", "HelloRetryRequest", (_13,)),
    Feature("retry_psk", "HelloRetryRequest, resumed", (_13,)),
    Feature("cookie", "HelloRetryRequest, with a cookie", (_13,)),
    Feature("client_rsa", "client certificate, RSA"),
    # Below TLS 1.3 some servers ask only for keys of the kind they have.
    Feature("client_p256", "client certificate, P-256", certificate=Certificate.P256),
    Feature("client_ed25519", "client certificate, Ed25519", (_12, _13), Certificate.P256),
    Feature("post_handshake", "client certificate after the handshake", (_13,)),
    Feature("fragments", "max_fragment_length"),
    Feature("record_size", "record_size_limit"),
    Feature("our_update", "KeyUpdate from the client", (_13,)),
    Feature("their_update", "KeyUpdate from the server", (_13,)),
    Feature("staple", "OCSP staple"),
    Feature("timestamps", "signed certificate timestamps"),
    Feature("exporter", "exported keying material"),
    Feature("bindings", "channel bindings"),
    Feature("extended", "extended master secret required", _OLD),
    Feature("encrypt_then_mac", "encrypt-then-MAC", _OLD),
    Feature("renegotiation", "renegotiation, refused", _OLD),
    Feature("compression", "certificate compression", (_13,)),
)
FEATURES: Mapping[str, Feature] = {feature.key: feature for feature in _FEATURES}


@dataclass(frozen=True, eq=False)
class Peer:
    """A server.

    Attributes:
        name: in the docs.
        groups: those it has. The elliptic ones are tried in the old versions too.
        absent: the group of which it cannot take a share; it sends a HelloRetryRequest then.
        features: by key; each is tried in all versions that both have.
        without: a pattern for the names of the suites and signature schemes it does not have.
        bytes_each_way: how much data a connection carries.
    """

    name: str
    family: Family
    versions: tuple[Version, ...]
    certificates: tuple[Certificate, ...]
    groups: tuple[str, ...]
    absent: str
    features: tuple[str, ...]
    without: str = "^$"
    bytes_each_way: int = 100_000

    def has_suite(self, suite: CipherSuite) -> bool:
        return not re.search(self.without, suite.name)

    def has_scheme(self, scheme: SignatureScheme) -> bool:
        return not re.search(self.without, scheme.name)


_RSA, _PSS, _P256, _P384, _ED25519, _P521, _ED448, *_ML_DSA = Certificate
_CLASSIC = (_RSA, _PSS, _P256, _P384, _P521, _ED25519, _ED448)
_NIST = ("secp256r1", "secp384r1", "secp521r1")
_FFDHE = ("ffdhe2048", "ffdhe3072")
_MLKEM = ("X25519MLKEM768", "SecP256r1MLKEM768")
# What all of them can do, as far as their versions have it.
_COMMON = ("alpn", "ticket", "psk", "retry", "retry_psk", "our_update", "extended")
_CLIENTS = ("client_rsa", "client_p256", "client_ed25519")
_OPENSSL = ("fragments", "staple", "exporter", "encrypt_then_mac")

PEERS: tuple[Peer, ...] = (
    Peer(
        "OpenSSL",
        daemons.OPENSSL,
        _ALL,
        _CLASSIC,
        ("x25519", "x448", *_NIST, *_FFDHE),
        "X25519MLKEM768",
        (
            *(*_COMMON, *_CLIENTS, *_OPENSSL, "session_id", "early_data", "post_handshake", "their_update"),
            "renegotiation",
        ),
    ),
    Peer(
        "OpenSSL of cryptography",
        programs.PYOPENSSL,
        _ALL,
        (*_CLASSIC, *_ML_DSA),
        (*_MLKEM, "x25519", "x448", *_NIST, *_FFDHE),
        # It has all that the client has; but a share of this one it does not take when there is a better group.
        "ffdhe3072",
        (*_COMMON, *_CLIENTS, *_OPENSSL, "session_id", "bindings"),
    ),
    Peer(
        "GnuTLS",
        daemons.GNUTLS,
        _ALL,
        _CLASSIC,
        ("x25519", "x448", *_NIST, *_FFDHE),
        "X25519MLKEM768",
        (
            *(*_COMMON, *_CLIENTS, "session_id", "early_data", "post_handshake", "fragments", "record_size"),
            *("staple", "exporter", "bindings", "encrypt_then_mac", "renegotiation"),
        ),
    ),
    Peer(
        "mbedTLS",
        daemons.MBEDTLS,
        _OLD,
        (_RSA, _P256, _P384, _P521),
        ("x25519", *_NIST),
        "X25519MLKEM768",
        (*_COMMON, "client_rsa", "client_p256", "fragments", "encrypt_then_mac"),
        without="rsa_pss",
    ),
    Peer(
        "wolfSSL",
        daemons.WOLFSSL,
        (_11, _12, _13),
        (_RSA, _P256, _P384, _P521, _ED25519),
        ("x25519", *_NIST),
        "X25519MLKEM768",
        (*_COMMON, *_CLIENTS, "fragments", "encrypt_then_mac"),
        without="^TLS_RSA_",
    ),
    Peer(
        "NSS",
        daemons.NSS,
        _ALL,
        (_RSA, _P256, _P384, _P521),
        ("x25519", *_NIST, *_FFDHE),
        "X25519MLKEM768",
        (*_COMMON, "cookie", "record_size", "staple"),
        without="_CCM_",
    ),
    Peer(
        "Go",
        programs.GO,
        _ALL,
        (_RSA, _P256, _P384, _P521, _ED25519),
        (*_MLKEM, "x25519", *_NIST),
        "x448",
        (*_COMMON, *_CLIENTS, "staple", "timestamps", "exporter", "bindings"),
        without="_DHE_|_CCM_|AES_256_CBC_SHA256|CBC_SHA384",
    ),
    Peer(
        "Node",
        programs.NODE,
        _ALL,
        _CLASSIC,
        ("x25519", "x448", *_NIST, *_FFDHE),
        "X25519MLKEM768",
        (*_COMMON, *_CLIENTS, *_OPENSSL, "session_id", "bindings"),
    ),
    Peer(
        "Java",
        programs.JAVA,
        _ALL,
        _CLASSIC,
        ("x25519", "x448", *_NIST, *_FFDHE),
        "X25519MLKEM768",
        (*_COMMON, *_CLIENTS, "session_id", "cookie", "fragments", "their_update"),
        without="_CCM_",
    ),
    Peer(
        "tlslite-ng",
        programs.TLSLITE,
        _ALL,
        _CLASSIC,
        ("x25519", "x448", *_NIST, *_FFDHE),
        "X25519MLKEM768",
        (
            *(*_COMMON, *_CLIENTS, "session_id", "cookie", "post_handshake", "record_size", "their_update"),
            *("exporter", "encrypt_then_mac", "compression"),
        ),
        # Its ciphers are written in Python.
        bytes_each_way=20_000,
    ),
)
