"""A TLS 1.2 handshake of OpenSSL with itself, in which the server staples an OCSP response.

Theory of operation: pyOpenSSL plays both sides over memory, as far as the server's first flight, which is all in
the clear.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from support.authority import Authority
from support.openssl_tls12 import records_of
from trio_secure._reassembly import Reassembly

RESPONSE = bytes.fromhex("30 03 0a0103")
"""An OCSP response: tryLater. OpenSSL staples only what is one."""
_MOST = 2**16


@dataclass(frozen=True)
class Stapling:
    """What was seen of it.

    Attributes:
        client_hello: the ClientHello in wire form.
        messages: the server's messages in wire form: ServerHello, Certificate, CertificateStatus, and so on.
    """

    client_hello: bytes
    messages: tuple[bytes, ...]

    def body(self, message_type: int) -> bytes:
        """The body of the server's one message of this type."""
        (message,) = [message for message in self.messages if message[0] == message_type]
        return message[4:]


@cache
def stapling() -> Stapling:
    """The one handshake."""
    # OpenSSL staples nothing to what is signed by itself.
    leaf = Authority.make().issue("localhost")
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.use_certificate(leaf.certificate)
    assert isinstance(leaf.key, ec.EllipticCurvePrivateKey)
    context.use_privatekey(leaf.key)
    context.set_ocsp_server_callback(_respond)
    client, server = SSL.Connection(SSL.Context(SSL.TLS_METHOD)), SSL.Connection(context)
    client.set_connect_state()
    client.request_ocsp()
    server.set_accept_state()
    flights: list[tuple[bytes, ...]] = []
    for one, other in ((client, server), (server, client)):
        with suppress(SSL.WantReadError):
            one.do_handshake()
        flight = one.bio_read(_MOST)
        other.bio_write(flight)
        flights.append(_messages(flight))
    (client_hello,), messages = flights
    return Stapling(client_hello, messages)


def _respond(_connection: SSL.Connection, _data: object) -> bytes:
    return RESPONSE


def _messages(flight: bytes) -> tuple[bytes, ...]:
    reassembly = Reassembly()
    for record in records_of(flight):
        reassembly.feed(record[5:])
    messages: list[bytes] = []
    while (header := reassembly.begin()) and (message := reassembly.take(header.length)):
        messages.append(message)
    return tuple(messages)
