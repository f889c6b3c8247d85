"""A TLS server on the OpenSSL inside `cryptography`: `python pyopenssl_server.py ENDPOINT...`.

Theory of operation: that OpenSSL is newer than a distribution's. README.md beside this file says what an endpoint
is, and what is said over a connection.
"""

from __future__ import annotations

import hashlib
import json
import socket
import sys
import threading
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

_TLS13_SUITES = (
    b"TLS_AES_256_GCM_SHA384",
    b"TLS_AES_128_GCM_SHA256",
    b"TLS_CHACHA20_POLY1305_SHA256",
    b"TLS_AES_128_CCM_SHA256",
)


def _context(options: dict[str, str]) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.set_tls13_ciphersuites(b":".join(_TLS13_SUITES))
    context.use_certificate_chain_file(options["certificate"])
    context.use_privatekey_file(options["key"])
    context.set_session_id(b"interop")
    context.load_tmp_dh(options["dh"])
    if options.get("tickets") == "0":
        context.set_options(SSL.OP_NO_TICKET)
    names = options["alpn"].encode().split(b",")

    def choose(_connection: SSL.Connection, offered: list[bytes]) -> bytes:
        return next(name for name in offered if name in names)

    context.set_alpn_select_callback(choose)
    if "ocsp" in options:
        staple = Path(options["ocsp"]).read_bytes()
        context.set_ocsp_server_callback(lambda _connection, _data: staple)
    if "client" in options:
        context.load_verify_locations(options["client"])
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    return context


def _report(connection: SSL.Connection) -> dict[str, object]:
    certificate = connection.get_peer_certificate(as_cryptography=True)
    client = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value if certificate else ""
    return {
        "version": connection.get_protocol_version(),
        "suite": connection.get_cipher_name(),
        "alpn": connection.get_alpn_proto_negotiated().decode(),
        "client": client,
        "exported": connection.export_keying_material(b"EXPORTER-interop", 32).hex(),
        "bindings": _bindings(connection),
    }


def _bindings(connection: SSL.Connection) -> dict[str, str]:
    found = {"tls-exporter": connection.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")}
    own = connection.get_certificate(as_cryptography=True)
    if own is not None:
        found["tls-server-end-point"] = hashlib.sha256(own.public_bytes(Encoding.DER)).digest()
    # Of a full handshake, the first Finished is the client's.
    if connection.get_protocol_version() < SSL.TLS1_3_VERSION:
        found["tls-unique"] = connection.get_peer_finished() or b""
    return {name: value.hex() for name, value in found.items()}


def _answer(context: SSL.Context, accepted: socket.socket) -> None:
    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with accepted:
        connection = SSL.Connection(context, accepted)
        connection.set_accept_state()
        received = b""
        try:
            while True:
                line, newline, rest = received.partition(b"\n")
                command, _, length = line.decode("latin-1").partition(" ")
                if newline and command == "report":
                    connection.sendall(json.dumps(_report(connection)).encode() + b"\n")
                    received = rest
                elif newline and len(rest) >= int(length):
                    connection.sendall(rest[: int(length)])
                    received = rest[int(length) :]
                else:
                    received += connection.recv(2**14)
        except SSL.ZeroReturnError:
            # OpenSSL forgets the session of a connection that was not closed.
            connection.shutdown()
        except SSL.Error as error:
            print(repr(error), flush=True)  # noqa: T201 -- the log a failing test shows


def _serve(context: SSL.Context, listener: socket.socket) -> None:
    while True:
        accepted, _address = listener.accept()
        threading.Thread(target=_answer, args=[context, accepted], daemon=True).start()


def main(*endpoints: str) -> None:
    """Serve for ever."""
    listeners: list[socket.socket] = []
    for endpoint in endpoints:
        context = _context(dict(option.split("=", 1) for option in endpoint.split(";")))
        listeners.append(socket.create_server(("127.0.0.1", 0)))
        threading.Thread(target=_serve, args=[context, listeners[-1]]).start()
    print("listening", *[listener.getsockname()[1] for listener in listeners], flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
