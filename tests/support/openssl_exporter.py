"""A connection of OpenSSL with itself, and what it exports (RFC 5705).

Theory of operation: Python's `ssl` exports nothing, so pyOpenSSL plays both sides over memory.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from support.authority import Authority
from trio_secure._suites import SUITES_BY_NAME
from trio_secure._versions import Version

#: The suite of every connection here.
SUITE = SUITES_BY_NAME["TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"]


class Exported(NamedTuple):
    """What a connection knows of itself."""

    master_secret: bytes
    client_random: bytes
    server_random: bytes
    exported: bytes


def exported_by_openssl(version: Version, label: bytes, context: bytes | None, length: int) -> Exported:
    """What a connection of `version` with `SUITE` exports under this label."""
    client = _connected(version)
    known = client.master_key(), client.client_random(), client.server_random()
    master_secret, client_random, server_random = (value or b"" for value in known)
    exported = client.export_keying_material(label, length, context)
    return Exported(master_secret, client_random, server_random, exported)


@cache
def _connected(version: Version) -> SSL.Connection:
    leaf = Authority.make().issue("localhost")
    # pyOpenSSL knows no ML-DSA keys.
    assert isinstance(leaf.key, ec.EllipticCurvePrivateKey)
    contexts = SSL.Context(SSL.TLS_CLIENT_METHOD), SSL.Context(SSL.TLS_SERVER_METHOD)
    for context in contexts:
        context.set_min_proto_version(version)
        context.set_max_proto_version(version)
        context.set_cipher_list(b"ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0")
    client_context, server_context = contexts
    server_context.use_certificate(leaf.certificate)
    server_context.use_privatekey(leaf.key)
    client, server = SSL.Connection(client_context), SSL.Connection(server_context)
    client.set_connect_state()
    server.set_accept_state()
    for end, other in ((client, server), (server, client)) * 2:
        with suppress(SSL.WantReadError):
            end.do_handshake()
        with suppress(SSL.WantReadError):
            other.bio_write(end.bio_read(2**16))
    client.do_handshake()
    return client
